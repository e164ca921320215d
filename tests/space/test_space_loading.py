"""Space files: shipped ones, what a file may say, inheritance, and every mistake told with file, line and key path."""

import shutil
from pathlib import Path

import pytest

import e3dnas
from e3dnas.arch import load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.space import load_space, shipped_spaces

STARTER = Path(e3dnas.__file__).parent / "space" / "starter.yaml"
STAGE = {"depth": [1, 2], "out": [24, 32], "bottleneck": [8, 16]}


def written(tmp_path, text, name="mine.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def values(space, name):
    return space.field(name).values


@pytest.mark.parametrize(
    ("name", "clip", "flops", "layers", "depths", "stages"),
    [
        ("e3d", (13, 160), 2.0e9, 83, 6, 5),
        ("e3d_m", (16, 224), 5.0e9, 83, 6, 5),
        ("e3d_l", (16, 312), 1.95e10, 167, 13, 5),
        ("tiny", (8, 64), 3.0e7, 26, 3, 3),
    ],
)
def test_shipped(name, clip, flops, layers, depths, stages):
    space = load_space(name)
    found = space.declaration
    assert (space.name, found.clip.frames, found.clip.size, len(found.stages)) == (name, *clip, stages)
    assert (found.budgets["flops"].max, found.budgets["layers"].max) == (flops, layers)
    assert values(space, "stage1.depth") == ((1, 2, 3))
    assert values(space, "stage2.depth")[-1] == (depths if stages == 5 else 3)
    assert (found.score.name, found.search.sampler, found.rules.widths_never_shrink) == ("stentr", "evolution", True)
    assert name in shipped_spaces()


def test_the_papers_choices():
    space = load_space("e3d")
    assert values(space, "stem.out") == (8, 16, 24, 32)
    assert values(space, "stage3.out") == tuple(range(8, 641, 8))
    assert values(space, "stage3.kernel") == ((1, 3), (1, 5), (3, 3))
    assert values(space, "stage3.bottleneck_ratio") == (1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
    assert [values(space, f"stage{i}.stride") for i in range(1, 6)] == [((1, s),) for s in (2, 2, 2, 1, 2)]


@pytest.mark.parametrize(("name", "network"), [("e3d", "e3d_s"), ("e3d_m", "e3d_m"), ("e3d_l", "e3d_l")])
def test_holds_the_published_network(name, network):
    space, published = load_space(name), load_architecture(network)
    genotype = space.encode(published)
    assert space.architecture(genotype) == published.model_copy(update={"name": name})
    assert (space.genotype(space.params(genotype)) == genotype).all()


def test_the_starter_is_a_space():
    space = load_space(STARTER)
    assert space.name == "starter"
    assert space.cardinality > 1e12


def test_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e3d").mkdir()  # a run's folder is no space
    assert load_space("e3d").name == "e3d"
    (tmp_path / "e3d").rmdir()
    written(tmp_path, "extends: tiny\nname: mine\n", "e3d")
    assert load_space("e3d").name == "mine"  # a file comes first
    written(tmp_path, "extends: tiny\nname: ''\n", "my space (2).yaml")
    assert load_space("my space (2).yaml").name == "my-space-2"


@pytest.mark.parametrize("source", ["e3dd", "x" * 5000, "a\0b"])
def test_unknown_spaces(source):
    shipped = "e3d, e3d_family, e3d_front, e3d_l, e3d_latency, e3d_m, tiny"
    with pytest.raises(E3DNASError, match=rf"neither a file nor a shipped space \({shipped}\)"):
        load_space(source)
    with pytest.raises(E3DNASError, match="did you mean 'e3d'"):
        load_space("e3dd")


def test_everything_comes_back_from_its_data():
    for name in sorted(shipped_spaces().keys() - {"e3d_family"}):
        space = load_space(name)
        again = load_space(space.to_dict())
        assert again.fields == space.fields
        assert again.declaration == space.declaration
        assert load_space(space).declaration == space.declaration


def test_overrides():
    space = load_space("e3d", {"search": {"trials": 7}, "budgets": {"params": 1e6}})
    assert space.declaration.search == load_space("e3d").declaration.search.model_copy(update={"trials": 7})
    assert set(space.declaration.budgets) == {"flops", "layers", "params"}
    assert load_space(space, {"search": {"seed": 3}}).declaration.search.trials == 7
    assert load_space("e3d").declaration.search.trials != 7
    with pytest.raises(E3DNASError, match=r"^search\.trials: must be greater than or equal to 1, not 0$"):
        load_space("e3d", {"search": {"trials": 0}})  # said by no line of the file


# what a field may be


@pytest.mark.parametrize(
    ("field", "declared", "expected"),
    [
        ("out", 24, (24,)),
        ("out", [32, 24, 32], (24, 32)),
        ("out", {"min": 24, "max": 50, "step": 8}, (24, 32, 40, 48)),
        ("out", {"min": 24, "max": 26}, (24, 25, 26)),
        ("out", {"min": 24, "max": 24}, (24,)),
        ("se", {"min": 0, "max": 0.3, "step": 0.1}, (0.0, 0.1, 0.2, 0.3)),
        ("se", 1, (1.0,)),
        ("kernel", "3x3x3", ((3, 3),)),
        ("kernel", ["3x3x3", "1x5x5", [3, 3]], ((3, 3), (1, 5))),
        ("kernel", [3, 5], ((3, 5),)),
        ("stride", ["1x2x2", "2x2x2"], ((1, 2), (2, 2))),
        ("block", "dense", ("dense",)),
        ("block", ["dense", "factorised", "dense"], ("dense", "factorised")),
        ("inner_activation", ["silu"], ("silu",)),
    ],
)
def test_choices(field, declared, expected):
    space = load_space({"stages": [STAGE | {field: declared}]})
    assert values(space, f"stage1.{field}") == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"out": []}, r"out: the list of choices is empty; write at least one number"),
        ({"out": "24"}, r"out: must be a whole number, a list of them, or \{min: \.\.\., max: .*\}, not '24'"),
        ({"out": [24, 2.5]}, r"out\[1\]: must be a whole number, .* not 2\.5"),
        ({"out": True}, r"out: must be a whole number, .* not True"),
        ({"out": None}, r"out: must be a whole number, .* not None"),
        ({"out": [0, 24]}, r"out\[0\]: must be from 1 to 65536, not 0"),
        ({"out": 10**5000}, r"out: must be from 1 to 65536, not a number too long to write"),
        ({"out": {"min": 32, "max": 24}}, r"out: the range is empty: min 32 is above max 24; swap them"),
        ({"out": {"min": 24}}, r"out: a range needs 'max'; write \{min: \.\.\., max: \.\.\., step: \.\.\.\}"),
        ({"out": {}}, r"out: a range needs 'min'"),
        ({"out": {"min": 24, "max": 32, "stpe": 8}}, r"out\.stpe: unknown key 'stpe'; did you mean 'step'\? A range"),
        ({"out": {"min": 24, "max": 32, 5: 8}}, r"out\[5\]: unknown key 5\. A range has: min, max, step"),
        ({"out": {"min": 24, "max": 32, "step": 0}}, r"out\.step: must be above 0, not 0"),
        ({"out": {"min": 24, "max": 32, "step": -8}}, r"out\.step: must be from 0 to 65536, not -8"),
        ({"out": {"min": 24, "max": 32, "step": 1.5}}, r"out\.step: must be a whole number"),
        ({"out": {"min": 1, "max": 65536}}, r"out: the range has 65536 values, at most 10000 .*; use a larger step"),
        ({"se": {"min": 0, "max": 1, "step": 1e-320}}, r"se: the range has inf values, at most 10000"),
        ({"se": [0, float("nan")]}, r"se\[1\]: must be from 0 to 1, not nan"),
        ({"se": float("inf")}, r"se: must be from 0 to 1, not inf"),
        ({"kernel": []}, r"kernel: the list of choices is empty; write at least one"),
        ({"kernel": ["1x3x3", "2x2x2"]}, r"kernel\[1\]: kernel sizes must be odd, from 1 to 31, not '2x2x2'"),
        ({"kernel": ["1x3x3", 3]}, r"kernel\[1\]: a kernel is time x height x width, written like 1x3x3, not 3"),
        ({"stride": {"min": 1}}, r"stride: a stride is time x height x width"),
        ({"block": []}, r"block: the list of choices is empty; write at least one of depthwise, dense, factorised"),
        ({"block": ["dense", "dens"]}, r"block\[1\]: must be one of depthwise, dense, factorised, not 'dens'; did"),
        ({"block": [["dense"]]}, r"block\[0\]: must be one of .*, not \['dense'\]"),
        ({"activation": "gelu"}, r"activation: must be one of relu, silu, not 'gelu'"),
        ({"bottleneck_ratio": 2}, r"write either 'bottleneck' \(channels\) or 'bottleneck_ratio' .* and one only"),
        ({"bottleneck": None}, r"write either 'bottleneck' \(channels\) or 'bottleneck_ratio'"),
        ({"bottleneck_multiple": 0}, r"bottleneck_multiple: must be greater than or equal to 1, not 0"),
        ({"depht": 2}, r"depht: unknown key 'depht'; did you mean 'depth'\? Known: activation, block, bottleneck"),
    ],
)  # fmt: skip
def test_wrong_choices(change, message):
    with pytest.raises(E3DNASError, match=r"^stages\[0\](\.|: )" + message) as caught:
        load_space({"stages": [STAGE | change]})
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stages": []}, "stages: must have at least 1 of them, not 0"),
        ({"stages": {"a": STAGE}}, "stages: must be a list"),
        ({"stages": ["x"]}, r"stages\[0\]: must be a mapping of keys to values, not 'x'"),
        ({"stage_defaults": 5}, "stage_defaults: must be a mapping of keys to values, not 5"),
        ({"stem": {"temporal_kernel": [0, 2]}}, r"stem\.temporal_kernel: must be odd, or 0 for none, not 2"),
        ({"stem": {"out": {"min": 8}}}, r"stem\.out: a range needs 'max'"),
        ({"clip": {"frames": "13"}}, r"clip\.frames: must be a valid integer, not '13'"),
        ({"budgets": {"flops": {}}}, r"budgets\.flops: a budget needs 'min', 'max' or both; write for example"),
        ({"budgets": {"flops": {"min": 2, "max": 1}}}, r"budgets\.flops: min 2 is above max 1; swap them"),
        ({"budgets": {"flops": {"max": "2e9"}}}, r"budgets\.flops\.max: must be a valid number, not '2e9'"),
        ({"budgets": {"flops": {"mx": 1}}}, r"budgets\.flops\.mx: unknown key 'mx'; did you mean 'max'\? Known: batch"),
        ({"budgets": {"flops": float("nan")}}, r"budgets\.flops\.max: must be a finite number, not nan"),
        ({"budgets": {"flops": 10**400}}, r"budgets\.flops\.max: must be a valid number, not 1000"),
        ({"budgets": {"flops": True}}, r"budgets\.flops: must be a mapping"),
        ({"budgets": [1]}, r"budgets: must be a mapping"),
        ({"score": 5}, r"score: must be a mapping of keys to values, not 5"),
        ({"score": {"nme": "x"}}, r"score\.nme: unknown key 'nme'; did you mean 'name'\? Known: name, options"),
        ({"rules": {"kernel_fit": -1}}, r"rules\.kernel_fit: must be greater than or equal to 0, not -1"),
        ({"rules": {"widths_never_shrink": "yes"}}, r"rules\.widths_never_shrink: must be a valid boolean, not 'yes'"),
        ({"search": {"sampler": "nsga"}}, r"search\.sampler: must be one of evolution, exact, nsgaii, .*, not 'nsga'"
         r"; did you mean 'nsgaii'\?"),
        ({"search": {"population": 1}}, r"search\.population: must be greater than or equal to 2, not 1"),
        ({"search": {"seed": 2**32}}, r"search\.seed: must be less than or equal to 4294967295"),
        ({"name": "../x"}, r"name: must be letters, digits, '\.', '_' and '-', not '\.\./x'"),
        ({"sarch": {}}, r"sarch: unknown key 'sarch'; did you mean 'search'\? Known: budgets, clip, family, head"),
    ],
)  # fmt: skip
def test_wrong_spaces(change, message):
    with pytest.raises(E3DNASError, match="^" + message) as caught:
        load_space({"stages": [STAGE]} | change)
    assert caught.value.exit_code == 2


# files


def test_mistakes_are_told_where_they_stand(tmp_path):
    path = written(
        tmp_path, "extends: tiny\nstages:\n  - {}\n  - depth: 0\n  -\n    kernel:\n    - 1x3x3\n    - 2x2x2\n"
    )
    with pytest.raises(E3DNASError) as caught:
        load_space(path)
    assert str(caught.value).splitlines() == [
        f"{path}:4: stages[1].depth: must be from 1 to 1024, not 0",
        f"{path}:8: stages[2].kernel[1]: kernel sizes must be odd, from 1 to 31, not '2x2x2'; write for example 1x3x3",
    ]


def test_a_mistake_in_the_defaults_is_told_once_and_where_it_stands(tmp_path):
    path = written(tmp_path, "extends: e3d\nstage_defaults:\n  kernel: [1x3x3, 3x3x5]\n  dept: 3\n")
    with pytest.raises(E3DNASError) as caught:
        load_space(path)
    kernel, unknown = str(caught.value).splitlines()
    assert kernel.startswith(f"{path}:3: stage_defaults.kernel[1]: a kernel must be as high as wide, not '3x3x5'")
    assert unknown.startswith(f"{path}:4: stage_defaults.dept: unknown key 'dept'; did you mean 'depth'? Known:")


def test_a_mistake_in_the_base_is_told_in_the_base(tmp_path):
    base = written(tmp_path, "extends: tiny\nsearch:\n  trials: 10\n  seed: -1\n", "base.yaml")
    path = written(tmp_path, "extends: base.yaml\nsearch: {trials: 0}\n")
    with pytest.raises(E3DNASError) as caught:
        load_space(path)
    assert str(caught.value).splitlines() == [
        f"{path}:2: search.trials: must be greater than or equal to 1, not 0",
        f"{base}:4: search.seed: must be greater than or equal to 0, not -1",
    ]


def test_extends_chains(tmp_path):
    (tmp_path / "deep").mkdir()
    written(tmp_path, "extends: e3d.yaml\nsearch: {seed: 1, trials: 11}\nstem: {out: [8]}\n", "deep/a.yaml")
    written(tmp_path, "extends: a.yaml\nsearch: {seed: 2}\n", "deep/b.yaml")
    space = load_space(written(tmp_path, "extends: deep/b.yaml\nname: c\nbudgets: {params: 2.0e6}\n"))
    found = space.declaration
    assert (space.name, found.search.seed, found.search.trials, found.stem.out) == ("c", 2, 11, (8,))
    assert set(found.budgets) == {"flops", "layers", "params"}
    assert load_space({"extends": str(tmp_path / "deep/b.yaml"), "search": {"seed": 5}}).declaration.search.seed == 5
    assert load_space({"extends": "tiny"}).fields == load_space("tiny").fields


def test_a_file_beside_comes_before_a_shipped_one(tmp_path):
    shutil.copy(shipped_spaces()["tiny"], tmp_path / "other.yaml")
    written(tmp_path, "extends: other.yaml\nclip: {frames: 3, size: 32}\n", "e3d.yaml")
    with pytest.raises(E3DNASError, match=r"other\.yaml:\d+: extends: e3d\.yaml leads back to this file"):
        load_space(tmp_path / "e3d.yaml")  # for the copy, too, extends the file beside it
    (tmp_path / "other.yaml").write_text("extends: tiny\n")
    assert load_space(tmp_path / "e3d.yaml").declaration.clip.frames == 3
    (tmp_path / "e3d_m").mkdir()
    assert load_space(written(tmp_path, "extends: e3d_m\n")).declaration.clip.frames == 16


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"mine.yaml": "name: x\nextends: mine.yaml\n"}, r"mine\.yaml:2: extends: mine\.yaml leads back to this file"),
        ({"mine.yaml": "extends: b.yaml", "b.yaml": "extends: mine.yaml"}, r"b\.yaml:1: extends: mine\.yaml leads"),
        ({"mine.yaml": "extends: e3e\n"}, r"mine\.yaml:1: extends: 'e3e' is neither a file beside this one nor a "
         r"shipped space \(e3d, .*\); did you mean 'e3d'\?"),
        ({"mine.yaml": "extends: [e3d]\n"}, r"mine\.yaml:1: extends: must be a file or the name of a shipped space"),
        ({"mine.yaml": "extends: 5\n"}, r"extends: must be a file or the name of a shipped space, not 5"),
        ({"mine.yaml": "extends: .\n"}, r"is a directory"),
        ({"mine.yaml": "extends: b.yaml", "b.yaml": "a: 1\na: 2\n"}, r'b\.yaml:2: found duplicate key "a"'),
        ({"mine.yaml": "extends: b.yaml", "b.yaml": ""}, r"b\.yaml: the file is empty"),
        ({"mine.yaml": "[1]"}, r"mine\.yaml:1: the top level must be a mapping"),
    ],
    ids=["itself", "circle", "missing", "list", "number", "directory", "broken-base", "empty-base", "list-file"],
)  # fmt: skip
def test_extends_what_cannot_be(tmp_path, files, message):
    for name, text in files.items():
        written(tmp_path, text, name)
    with pytest.raises(E3DNASError, match=message):
        load_space(tmp_path / "mine.yaml")


# stage_defaults


@pytest.mark.parametrize(
    ("defaults", "stage", "expected"),
    [
        ({"bottleneck_ratio": [2, 3]}, {}, {"bottleneck_ratio": (2.0, 3.0)}),
        ({"bottleneck_ratio": [2, 3]}, {"bottleneck": [8, 16]}, {"bottleneck": (8, 16)}),
        ({"bottleneck": [8, 16]}, {"bottleneck_ratio": [2, 3]}, {"bottleneck_ratio": (2.0, 3.0)}),
        ({"bottleneck": [8, 16], "depth": 3}, {"depth": 1}, {"bottleneck": (8, 16), "depth": (1,)}),
        ({"bottleneck": 8, "out": {"min": 24, "max": 32}}, {"out": {"min": 30, "max": 31}}, {"out": (30, 31)}),
    ],
)
def test_defaults_yield_to_the_stage(defaults, stage, expected):
    space = load_space({"stage_defaults": {"depth": 2, "out": 24} | defaults, "stages": [stage]})
    fields = {field.key: field.values for field in space.fields if field.part == "stage1"}
    assert expected.items() <= fields.items()
    assert len({"bottleneck", "bottleneck_ratio"} & set(fields)) == 1


def test_defaults_yield_to_those_of_a_space_that_extends(tmp_path):
    space = load_space(written(tmp_path, "extends: tiny\nstage_defaults: {bottleneck: [8, 16]}\n"))
    assert values(space, "stage2.bottleneck") == (8, 16)
    again = written(tmp_path, "extends: mine.yaml\nstage_defaults: {bottleneck_ratio: 2}\n", "more.yaml")
    assert values(load_space(again), "stage2.bottleneck_ratio") == (2.0,)
    both = written(tmp_path, "extends: tiny\nstage_defaults: {bottleneck: 8, bottleneck_ratio: 2}\n", "both.yaml")
    with pytest.raises(E3DNASError, match="write either 'bottleneck'"):
        load_space(both)


def test_scores_and_budgets_have_short_forms():
    space = load_space({"stages": [STAGE], "score": "homoentr", "budgets": {"flops": 5, "params": {"min": 1}}})
    assert (space.declaration.score.name, space.declaration.score.options) == ("homoentr", {})
    budgets = space.declaration.budgets
    assert [(b.min, b.max) for b in budgets.values()] == [(None, 5.0), (1.0, None)]
    weighted = {"name": "stentr", "options": {"stage_weights": [0, 1]}}
    assert load_space({"stages": [STAGE], "score": weighted}).declaration.score.options == {"stage_weights": [0, 1]}
