"""Families: what a member has of the family and what of its own, names, and every mistake with file, line and key."""

import re

import jsonschema
import pytest

from e3dnas.errors import E3DNASError
from e3dnas.space import Family, load_family, load_space
from e3dnas.space.schema import json_schema

BASE = """name: base
clip: {frames: 4, size: 32}
stem: {out: [8, 16]}
stage_defaults: {out: {min: 8, max: 64, step: 8}, bottleneck_ratio: [2, 3], depth: {min: 1, max: 4}}
stages:
  - {}
  - {stride: 1x2x2}
head: {out: 32, hidden: 0}
budgets: {flops: 2.0e+7, layers: {max: 20}}
search: {trials: 9, seed: 5}
"""


@pytest.fixture
def load(tmp_path):
    """Load a family that extends the base, from a file."""
    (tmp_path / "base.yaml").write_text(BASE)

    def read(text, overrides=None, name="fam.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return load_family(path, overrides)

    return read


def values(space, name):
    return space.field(name).values


def test_the_shipped_family_is_the_three_shipped_spaces():
    family = load_family("e3d_family")
    assert (family.name, list(family.members), family.is_single) == ("e3d_family", ["s", "m", "l"], False)
    for member, single in (("s", "e3d"), ("m", "e3d_m"), ("l", "e3d_l")):
        own, alone = family.members[member], load_space(single)
        assert own.name == f"e3d_family_{member}"
        assert own.fields == alone.fields
        for part in ("clip", "stem", "stages", "head", "rules", "budgets", "score", "search"):
            assert getattr(own.declaration, part) == getattr(alone.declaration, part), part


def test_an_ordinary_space_is_a_family_of_one():
    for source in ("tiny", load_space("tiny"), load_space("tiny").to_dict(), load_family("tiny")):
        family = load_family(source, {"search": {"trials": 3}})
        assert (family.name, list(family.members), family.is_single) == ("tiny", [""], True)
        space = family.members[""]
        assert space.fields == load_space("tiny").fields
        assert (space.name, space.declaration.search.trials) == ("tiny", 3)
        assert load_space(family.to_dict()).declaration == space.declaration


def test_mappings_are_merged_and_all_else_is_replaced(load):
    members = load("""extends: base.yaml
name: fam
family:
  same: {}
  other:
    clip: {frames: 8}
    stage_defaults: {out: {max: 32}, depth: 2}
    budgets: {layers: {min: 3}, params: 1.0e+5}
    search: {trials: 4}
  staged: {stages: [{out: 16}], stem: {out: 8}}
""").members
    same, other, staged = (members[name] for name in ("same", "other", "staged"))
    assert same.declaration.model_copy(update={"name": "base"}) == load_space(load("extends: base.yaml\n").members[""])\
        .declaration  # fmt: skip
    assert (other.declaration.clip.frames, other.declaration.clip.size) == (8, 32)
    assert values(other, "stage2.out") == (8, 16, 24, 32)
    assert values(other, "stage2.depth") == (2,)
    assert values(other, "stage2.bottleneck_ratio") == (2.0, 3.0)
    budgets = {name: (one.min, one.max) for name, one in other.declaration.budgets.items()}
    assert budgets == {"flops": (None, 2e7), "layers": (3, 20), "params": (None, 1e5)}
    assert (other.declaration.search.trials, other.declaration.search.seed) == (4, 5)
    assert len(staged.declaration.stages) == 1
    assert (values(staged, "stem.out"), values(staged, "stage1.out")) == ((8,), (16,))
    assert values(staged, "stage1.depth") == (1, 2, 3, 4)
    assert [one.name for one in members.values()] == ["fam_same", "fam_other", "fam_staged"]
    assert all(one.declaration.family == {} for one in members.values())


def test_a_bottleneck_of_the_other_form_takes_the_place_of_the_familys(load):
    family = load("extends: base.yaml\nfamily: {wide: {stage_defaults: {bottleneck: [16, 24]}}, same: {}}\n")
    wide, same = family.members.values()
    assert values(wide, "stage1.bottleneck") == (16, 24)
    assert "stage1.bottleneck_ratio" not in {field.name for field in wide.fields}
    assert values(same, "stage1.bottleneck_ratio") == (2.0, 3.0)


def test_members_may_bring_the_stages_that_the_family_lacks(load):
    family = load("""name: fam
clip: {frames: 4, size: 32}
stem: {out: 8}
family:
  one: {stages: [{depth: 1, out: 16, bottleneck: 8}]}
  two: {stages: [{depth: [1, 2], out: 8, bottleneck: 8}, {depth: 1, out: 24, bottleneck: 8}]}
""")
    assert [len(space.declaration.stages) for space in family.members.values()] == [1, 2]
    assert all(space.declaration.clip.frames == 4 for space in family.members.values())


def test_objectives_of_the_family_and_of_a_member(load):
    family = load("""extends: base.yaml
objectives: {stentr: maximize, flops: minimize}
family: {a: {}, b: {objectives: {params: minimize}}, c: {objectives: {flops: maximize}}}
""")
    goals = [list(space.declaration.goals.items()) for space in family.members.values()]
    two = [("stentr", "maximize"), ("flops", "minimize")]
    assert goals == [two, [*two, ("params", "minimize")], [two[0], ("flops", "maximize")]]


def test_a_family_may_be_extended(load, tmp_path):
    load("extends: base.yaml\nname: low\nfamily:\n  a: {clip: {frames: 2}}\n  b: {}\n", name="low.yaml")
    high = load("""extends: low.yaml
name: high
search: {trials: 7}
family: {b: {search: {trials: 2}}, c: {}}
""")
    assert list(high.members) == ["a", "b", "c"]
    assert [one.name for one in high.members.values()] == ["high_a", "high_b", "high_c"]
    assert [one.declaration.clip.frames for one in high.members.values()] == [2, 4, 4]
    assert [one.declaration.search.trials for one in high.members.values()] == [7, 2, 7]
    (tmp_path / "low.yaml").write_text("extends: base.yaml\nfamily:\n  a: {}\n  b:\n    clip: {framez: 2}\n")
    with pytest.raises(E3DNASError, match=r"low\.yaml:5: family\.b\.clip\.framez: unknown key"):
        load("extends: low.yaml\n")  # told where it stands


def test_names(load):
    family = load("extends: base.yaml\nname: fam\nfamily: {a: {name: alpha}, b: {name: ''}, '1': {}}\n")
    assert [one.name for one in family.members.values()] == ["alpha", "fam_b", "fam_1"]
    unnamed = BASE.replace("name: base\n", "") + "family: {a: {}}\n"
    assert load(unnamed, name="my family (2).yaml").members["a"].name == "my-family-2_a"
    plain = {"stages": [{"depth": 1, "out": 32, "bottleneck": 8}], "family": {"a": {}}}
    assert (load_family(plain).name, load_family(plain).members["a"].name) == ("family", "family_a")


def test_overrides_reach_every_member_and_come_back(load):
    text = "extends: base.yaml\nname: fam\nfamily: {a: {}, b: {search: {trials: 4, seed: 8}}}\n"
    family = load(text, {"search": {"trials": 2}})
    again = load_family(family.to_dict())
    for one in (family, again, load_family(family), load_family(family, {"search": {"trials": 2}})):
        told = [(s.declaration.search.trials, s.declaration.search.seed) for s in one.members.values()]
        assert told == [(2, 5), (2, 8)]
    for member, space in family.members.items():
        assert again.members[member].declaration == space.declaration
        assert load_space(space.to_dict()).declaration == space.declaration
    assert load_family(load(text), {"search": {"trials": 3}}).members["b"].declaration.search.trials == 3
    assert [s.declaration.search.trials for s in load(text).members.values()] == [9, 4]


def test_a_family_given_as_such_keeps_its_places(load):
    family = load("extends: base.yaml\nfamily:\n  a: {}\n")
    with pytest.raises(E3DNASError, match=r"^search\.trials: must be greater than or equal to 1, not 0$"):
        load_family(family, {"search": {"trials": 0}})
    assert load_family(family, {"search": {"trials": 2}}).members["a"].document.file.endswith("fam.yaml")
    assert isinstance(family, Family)


MISTAKES = [
    ("family:\n", r"fam\.yaml:2: family: must be a mapping of names to what differs, such as s: .*, not None"),
    ("family: {}\n", r"fam\.yaml:2: family: must be a mapping of names .*, not \{\}"),
    ("family: [a, b]\n", r"fam\.yaml:2: family: must be a mapping of names .*, not \['a', 'b'\]"),
    ("family: small\n", r"family: must be a mapping of names .*, not 'small'"),
    ("family:\n  a:\n", r"fam\.yaml:3: family\.a: must be a mapping of keys to values, not None"),
    ("family:\n  a: {}\n  b: 2.0e+9\n", r"fam\.yaml:4: family\.b: must be a mapping of keys .*, not 2000000000\.0"),
    ("family: {ä: {}}\n", r"family\.ä: must be up to 50 letters, digits and '_', not 'ä'"),
    ("family: {a-b: {}}\n", r"must be up to 50 letters"),
    ("family: {../b: {}}\n", r"must be up to 50 letters"),
    ("family: {'': {}}\n", r"must be up to 50 letters"),
    ("family: {_a: {}}\n", r"must be up to 50 letters"),
    (f"family: {{{'x' * 51}: {{}}}}\n", r"must be up to 50 letters"),
    ("family: {1: {}}\n", r"family: key 1 is no text; write it in quotes"),
    ("family: {a: {}, a: {}}\n", r"fam\.yaml:2: found duplicate key \"a\""),
    ("family:\n  a: {}\n  uploads: {}\n", r"fam\.yaml:4: family\.uploads: a run has a folder called 'uploads'"),
    ("family:\n  a:\n    family: {b: {}}\n", r"fam\.yaml:4: family\.a\.family: a member of a family has no family"),
    ("family:\n  a: {extends: e3d}\n", r"fam\.yaml:3: family\.a\.extends: a member of a family extends nothing"),
    ("family:\n  a: {}\n  b:\n    clip: {frames: 0}\n", r"fam\.yaml:5: family\.b\.clip\.frames: must be greater"),
    ("family:\n  a: {}\n  b:\n    stages: many\n", r"fam\.yaml:5: family\.b\.stages: must be a list, not 'many'"),
    ("family:\n  a: {}\n  b:\n    stages:\n    - {out: 8, deph: 2}\n",
     r"fam\.yaml:6: family\.b\.stages\[0\]\.deph: unknown key 'deph'; did you mean 'depth'"),
    ("family:\n  a: {}\n  b: {budgets: {flops: {min: 9, max: 3}}}\n",
     r"fam\.yaml:4: family\.b\.budgets\.flops: min 9 is above max 3; swap them"),
    ("family:\n  a: {search: {sampler: tpee}}\n", r"fam\.yaml:3: family\.a\.search\.sampler: .*did you mean 'tpe'"),
    ("family:\n  a: {}\n  b:\n    objectives: {stentr: maximize}\n",
     r"fam\.yaml:5: family\.b\.objectives: two or three"),
    ("clip: {framez: 3}\nfamily: {a: {}}\n", r"fam\.yaml:2: clip\.framez: unknown key"),
    ("search: 7\nfamily: {a: {}}\n", r"fam\.yaml:2: search: must be a mapping of keys to values, not 7"),
    ("name: ../x\nfamily: {a: {name: ok}}\n", r"fam\.yaml:2: name: must be letters, digits, .*, not '\.\./x'"),
    ("name: 5\nfamily: {a: {name: ok}}\n", r"fam\.yaml:2: name: must be a text, not 5"),
    ("family:\n  a: {name: 7}\n", r"fam\.yaml:3: family\.a\.name: must be a valid string, not 7"),
    ("family:\n  a: {name: é}\n", r"fam\.yaml:3: family\.a\.name: must be letters"),
    (f"name: {'x' * 98}\nfamily:\n  abc: {{}}\n", r"fam\.yaml:2: name: must have at most 100 characters, not 102"),
    ("name: f\nfamily:\n  a: {name: x}\n  b: {name: x}\n",
     r"fam\.yaml:5: family\.b\.name: 'x' is the name of member a"),
    ("name: f\nfamily:\n  a: {name: f_b}\n  b: {}\n", r"fam\.yaml:4: family\.a\.name: 'f_b' is the name of member b"),
    (f"family: {{{', '.join(f'a{i}: {{}}' for i in range(101))}}}\n",
     r"family: must have at most 100 members, not 101"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "told"), MISTAKES, ids=lambda value: value[:40] if "family" in value[:9] else "")
@pytest.mark.parametrize("overrides", [None, {"search": {"trials": 3}}], ids=["", "overridden"])
def test_mistakes_are_told_where_they_stand(load, text, told, overrides):
    with pytest.raises(E3DNASError) as error:
        load(f"extends: base.yaml\n{text}", overrides)
    assert len(str(error.value).splitlines()) == 1
    assert re.search(told, str(error.value))


@pytest.mark.parametrize(
    ("family", "told"),
    [({1: {}}, r"^family\[1\]: must be up to 50 letters"), ({"a": {"clip": 3}}, r"^family\.a\.clip: must be a mapping"),
     ({"a": {"clip": {"size": "x"}}}, r"^family\.a\.clip\.size: must be a valid int"),
     ({"a": {"stages": [{"out": "x"}]}}, r"^family\.a\.stages\[0\]\.out: must be a whole number"),
     ({None: {}}, r"^family\.None: must be up to 50"), ({("a", "b"): {}}, "must be up to 50")],
    ids=["a number", "no mapping", "deep", "in a list", "nothing", "a tuple"],
)  # fmt: skip
def test_mistakes_in_plain_data(family, told):
    with pytest.raises(E3DNASError, match=told):
        load_family(load_space("tiny").to_dict() | {"family": family})


@pytest.mark.parametrize("family", [{}, {"a": {}}, None])
def test_where_one_space_is_wanted_a_family_is_refused(family, tmp_path):
    with pytest.raises(E3DNASError, match=r"^family: this is a family of spaces, and one space is wanted here"):
        load_space(load_space("tiny").to_dict() | {"family": family})
    with pytest.raises(E3DNASError, match=r"e3d_family\.yaml:\d+: family: this is a family"):
        load_space("e3d_family")


def test_editors_know_the_keys_of_a_member():
    validator = jsonschema.Draft202012Validator(json_schema())
    for member, problem in (
        ({"clip": {"frames": 4}, "budgets": {"flops": 2e9}, "stage_defaults": {"depth": 3}}, ""),
        ({"clip": {"framez": 4}}, "framez"),
        ({"stages": [{"deph": 4}]}, "deph"),
        (3, "3 is not of type"),
    ):
        told = " ".join(error.message for error in validator.iter_errors({"extends": "e3d", "family": {"s": member}}))
        assert problem in told
        assert bool(told) is bool(problem)
