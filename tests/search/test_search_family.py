"""The run of a family: member by member, stopped and resumed, told of mistakes first, read back whole or in part."""

import json
import re
import shutil

import optuna
import pytest

import e3dnas
from e3dnas.errors import E3DNASError
from e3dnas.search.api import search, search_family
from e3dnas.search.journal import open_journal
from e3dnas.search.reading import read_run, read_runs
from e3dnas.search.run_folder import RunFolder
from e3dnas.space import load_family

MEMBERS = {"a": {}, "b": {"clip": {"frames": 6}}, "c": {"budgets": {"layers": {"max": 7}}, "name": "lean"}}
NAMES = {"a": "fam_a", "b": "fam_b", "c": "lean"}


@pytest.fixture
def fam(small):
    return small | {"name": "fam", "search": small["search"] | {"trials": 8, "candidates": 6}, "family": MEMBERS}


def trials_of(out, storage=None):
    """What every member's whole trials proposed and gave."""
    return {member: [(t.params, t.values) for t in run.study.get_trials() if t.values]
            for member, run in read_runs(out, storage).items()}  # fmt: skip


def stopping(member, done):
    """Press Ctrl-C after some trials of a member."""

    def on_trial(now, progress):
        if now == member and progress.done == done:
            raise KeyboardInterrupt

    return on_trial


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The family's run without a stop, made once."""
    known = {}

    def run(data):
        if not known:
            known["out"] = tmp_path_factory.mktemp("whole")
            known["results"] = search_family(data, out=known["out"])
        return known["out"], known["results"]

    return run


def test_members_are_searched_one_by_one_as_each_would_be_alone(fam, tmp_path, whole):
    order = []
    results = search_family(fam, out=tmp_path, on_trial=lambda member, progress: order.append((member, progress.done)))
    assert order == [(member, n) for member in "abc" for n in range(1, 9)]
    assert list(results) == ["a", "b", "c"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".lock", "a", "b", "c", "result.json", "space.yaml", "study.journal", "study.journal.lock",
    ]  # fmt: skip
    told = json.loads((tmp_path / "result.json").read_text())["family"]
    for member, space in load_family(fam).members.items():
        assert sorted(p.name for p in (tmp_path / member).iterdir()) == ["best.yaml", "result.json", "space.yaml"]
        alone = search(space, out=tmp_path / f"alone-{member}")
        found = results[member]
        assert (found.space, found.study, found.complete) == (NAMES[member], NAMES[member], True)
        assert (found.best, found.top, found.candidates) == (alone.best, alone.top, alone.candidates)
        assert json.loads((tmp_path / member / "result.json").read_text()) == told[member]
        assert told[member]["best"]["architecture"] == found.best.architecture.to_dict()
        assert e3dnas.load_architecture(tmp_path / member) == found.best.architecture
        assert e3dnas.load_space(tmp_path / member / "space.yaml").declaration == space.declaration
    again = load_family(tmp_path / "space.yaml")
    assert {m: s.declaration for m, s in again.members.items()} == {
        m: s.declaration for m, s in load_family(fam).members.items()
    }


def test_an_ordinary_space_is_a_family_of_one(small, tmp_path):
    results = search_family(small, out=tmp_path, trials=3)
    assert list(results) == [""]
    assert (results[""].study, results[""].trials) == ("small", 3)
    assert search(small, out=tmp_path, trials=4).trials == 4
    assert read_runs(tmp_path)[""].summary(10).trials == 4


def test_in_memory_and_settings_for_all(fam):
    results = search_family(load_family(fam), trials=6, seed=4, sampler="random", top=1)
    assert [(r.trials, r.seed, r.sampler, len(r.top)) for r in results.values()] == [(6, 4, "random", 1)] * 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"c": {"budgets": {"flpos": 3}}}, r"family\.c\.budgets\.flpos: unknown measure 'flpos'; did you mean 'flops'"),
        ({"c": {"budgets": {"flops": 3}}}, r"family\.c\.budgets\.flops.*: 3 is out of reach"),
        ({"c": {"score": "no_module:score"}}, r"family\.c\.score: score no_module:score: cannot import"),
        ({"c": {"objectives": {"stentr": "maximize", "f": "minimize"}}}, r"family\.c\.objectives\.f: unknown measure"),
        ({"c": {"clip": {"framez": 3}}}, r"family\.c\.clip\.framez: unknown key"),
        ({"c": {"search": {"sampler": "exact"}, "budgets": {"layers": {"min": 8}, "params": {"max": 1505}}}},
         r"no network of the space keeps all its budgets together"),
    ],
    ids=["budget", "reach", "score", "objective", "key", "solver"],
)  # fmt: skip
def test_mistakes_in_any_member_are_told_before_the_first_begins(fam, tmp_path, change, told):
    with pytest.raises(E3DNASError, match=told):
        search_family(fam | {"family": MEMBERS | change}, out=tmp_path / "run", fresh=True)
    assert not (tmp_path / "run").exists()


def test_mistakes_in_a_file_come_with_its_line(small, tmp_path):
    path = tmp_path / "fam.yaml"
    path.write_text("extends: base.yaml\nfamily:\n  a: {}\n  b:\n    budgets:\n      flops: 3\n")
    (tmp_path / "base.yaml").write_text(json.dumps(small))
    with pytest.raises(E3DNASError, match=r"fam\.yaml:6: family\.b\.budgets\.flops.*out of reach"):
        search_family(path)


def test_a_study_that_cannot_go_on_is_told_before_the_first_begins(fam, tmp_path):
    search_family(fam, out=tmp_path, trials=2)
    changed = fam | {"family": MEMBERS | {"b": {"clip": {"frames": 5}}}}
    seen = []
    with pytest.raises(E3DNASError, match=r"study 'fam_b' was made with another space \(clip\.frames: 6 -> 5\)"):
        search_family(changed, out=tmp_path, trials=4, on_trial=lambda *step: seen.append(step))
    assert seen == []
    assert [len(trials) for trials in trials_of(tmp_path).values()] == [2, 2, 2]
    assert [r.trials for r in search_family(changed, out=tmp_path, trials=2, fresh=True).values()] == [2, 2, 2]


@pytest.mark.parametrize(("member", "done"), [("a", 3), ("b", 8), ("c", 1)])
def test_a_stop_anywhere_and_the_same_call_again(fam, tmp_path, whole, member, done):
    results = search_family(fam, out=tmp_path, on_trial=stopping(member, done))
    begun = list(MEMBERS)[: "abc".index(member) + 1]
    assert list(results) == begun
    assert results[member].trials == done
    assert list(read_runs(tmp_path)) == begun
    assert list(json.loads((tmp_path / "result.json").read_text())["family"]) == begun
    again = search_family(fam, out=tmp_path)
    out, uninterrupted = whole(fam)
    assert trials_of(tmp_path) == trials_of(out)
    for name, result in uninterrupted.items():
        assert (again[name].best, again[name].top, again[name].complete) == (result.best, result.top, True)


def test_ctrl_c_while_the_bound_is_waited_for_ends_the_whole_run(fam, tmp_path, monkeypatch):
    def interrupted(proof, study, *, wait=False):
        if wait:
            raise KeyboardInterrupt

    monkeypatch.setattr("e3dnas.search.proof.Proof.look", interrupted)
    results = search_family(fam, out=tmp_path, trials=2, prove=True)
    assert [(member, result.complete) for member, result in results.items()] == [("a", True)]


def test_a_kill_in_the_middle_of_the_second_member(fam, tmp_path, whole):
    search_family(fam, out=tmp_path, on_trial=stopping("b", 4))
    for name in ("result.json", "best.yaml"):
        (tmp_path / "b" / name).unlink(missing_ok=True)
    study = optuna.load_study(study_name="fam_b", storage=open_journal(tmp_path / "study.journal"))
    study.ask()  # as kill -9 leaves it
    with (tmp_path / "study.journal").open("ab") as journal:
        journal.write(b'{"op_code": 4, "wor')
    assert len(read_run(tmp_path / "b").study.get_trials()) == 5
    search_family(fam, out=tmp_path)
    assert trials_of(tmp_path) == trials_of(whole(fam)[0])


def test_more_members_and_fewer_later(fam, tmp_path, whole):
    two = {name: MEMBERS[name] for name in "ab"}
    search_family(fam | {"family": two}, out=tmp_path)
    with pytest.raises(E3DNASError, match="no run in this folder"):
        read_run(tmp_path / "c")
    search_family(fam, out=tmp_path)
    assert trials_of(tmp_path) == trials_of(whole(fam)[0])
    search_family(fam | {"family": {"c": MEMBERS["c"]}}, out=tmp_path)
    assert list(read_runs(tmp_path)) == ["c"]
    assert len(read_run(tmp_path / "a").study.get_trials()) == 8  # what is no member any more can still be read
    search_family(fam, out=tmp_path, trials=2, fresh=True)
    assert sorted(p.name for p in (tmp_path / "old-1").iterdir()) == [
        "a", "b", "c", "result.json", "space.yaml", "study.journal",
    ]  # fmt: skip
    assert len(read_run(tmp_path / "old-1" / "a").study.get_trials()) == 8
    assert len(read_run(tmp_path / "a").study.get_trials()) == 2


def test_fresh_keeps_the_old_with_its_members(fam, tmp_path):
    for seed in range(3):
        search_family(fam, out=tmp_path, trials=2, seed=seed, fresh=True)
        (tmp_path / "notes.txt").write_text("mine")
    for folder, seed in (("old-1", 0), ("old-2", 1), ("", 2)):
        assert {run.space.declaration.search.seed for run in read_runs(tmp_path / folder).values()} == {seed}
        assert read_run(tmp_path / folder / "b").summary(5).seed == seed
    assert {p.name for p in tmp_path.iterdir()} >= {"a", "b", "c", "old-1", "old-2", "notes.txt", "study.journal"}
    with pytest.raises(E3DNASError, match=r"made with another space \(search\.seed: 2 -> 0\)"):
        search_family(fam, out=tmp_path, trials=2)


@pytest.mark.parametrize("fresh", [False, True])
def test_runs_of_the_other_kind_are_refused(fam, small, tmp_path, fresh):
    search_family(fam, out=tmp_path / "fam", trials=1)
    search(small, out=tmp_path / "one", trials=1)
    with pytest.raises(E3DNASError, match=r"fam: holds the run of a family of spaces, and this is a single one"):
        search(small, out=tmp_path / "fam", fresh=fresh)
    with pytest.raises(E3DNASError, match=r"one: holds the run of a single space, and this is a family; name another"):
        search_family(fam, out=tmp_path / "one", fresh=fresh)
    with pytest.raises(E3DNASError, match=r"fam/a: holds other files and is no run|fam/a: holds"):
        search_family(fam, out=tmp_path / "fam" / "a", fresh=fresh)
    assert not list(tmp_path.rglob("old-*"))


def test_two_at_once(fam, tmp_path):
    with RunFolder(tmp_path).locked(), pytest.raises(E3DNASError, match="another run is at work here"):
        search_family(fam, out=tmp_path, trials=1)
    assert not (tmp_path / "space.yaml").exists()


def test_another_storage_and_names_of_studies(fam, tmp_path, whole):
    url = f"sqlite:///{tmp_path}/x.db"
    two = fam | {"family": {name: MEMBERS[name] for name in "ab"}}
    for count in (1, 2):
        search_family(two, out=tmp_path / "run", storage=url, study="mine", trials=count)
    assert sorted(optuna.get_all_study_names(url)) == ["mine_a", "mine_b"]
    assert not list(tmp_path.rglob("study.journal"))
    out, _ = whole(fam)
    assert trials_of(tmp_path / "run", url) == {name: trials_of(out)[name][:2] for name in "ab"}
    assert read_run(tmp_path / "run" / "b", url).study.study_name == "mine_b"
    for read, path in ((read_run, "run/b"), (read_runs, "run")):
        with pytest.raises(E3DNASError, match="the study is not in this folder; name the run's --storage"):
            read(tmp_path / path)
    search_family(two, out=tmp_path / "run", storage=url, study="mine", trials=1, seed=3, fresh=True)
    assert [len(trials) for trials in trials_of(tmp_path / "run", url).values()] == [1, 1]
    assert sorted(p.name for p in (tmp_path / "run" / "old-1").iterdir()) == ["a", "b", "result.json", "space.yaml"]


def test_a_study_of_another_name_is_found_without_a_result(fam, small, tmp_path):
    search_family(fam, out=tmp_path / "fam", study="mine", trials=2)
    search(small, out=tmp_path / "one", study="theirs", trials=2)
    for result in tmp_path.rglob("result.json"):
        result.unlink()
    assert [run.study.study_name for run in read_runs(tmp_path / "fam").values()] == ["mine_a", "mine_b", "mine_c"]
    assert read_run(tmp_path / "fam" / "c").study.study_name == "mine_c"
    assert read_run(tmp_path / "one").study.study_name == "theirs"


def test_reading(fam, tmp_path, whole, monkeypatch):
    out, results = whole(fam)
    runs = read_runs(out)
    for member, result in results.items():
        assert runs[member].summary(10).top == result.top
        assert runs[member].folder.path == out / member
        assert read_run(out / member).trial(3) == runs[member].trial(3)
    named = ", ".join(re.escape(str(out / member)) for member in MEMBERS)
    with pytest.raises(E3DNASError, match=rf": the run of a family; name one of its members: {named}$"):
        read_run(out)
    monkeypatch.chdir(out / "b")
    assert read_run(".").space.name == "fam_b"
    assert list(read_runs(".")) == [""]
    assert list(read_runs("..")) == ["a", "b", "c"]
    copied = tmp_path / "copied"
    shutil.copytree(out / "b", copied)
    with pytest.raises(E3DNASError, match="the study is not in this folder"):
        read_run(copied)


def test_reading_what_has_hardly_begun(fam, tmp_path):
    with pytest.raises(E3DNASError, match="no run in this folder"):
        read_runs(tmp_path)
    RunFolder(tmp_path).write_space(load_family(fam).to_dict())
    with pytest.raises(E3DNASError, match="no member of this family has begun; the same `e3dnas run` goes on"):
        read_runs(tmp_path)
    with pytest.raises(E3DNASError, match="the run of a family; name one of its members"):
        read_run(tmp_path)
    with pytest.raises(E3DNASError, match="no run in this folder"):
        read_run(tmp_path / "a")
    assert [r.trials for r in search_family(fam, out=tmp_path, trials=1).values()] == [1, 1, 1]


def test_many_members_are_named_in_part(fam, tmp_path):
    RunFolder(tmp_path).write_space(fam | {"family": {f"m{i}": {} for i in range(40)}})
    with pytest.raises(E3DNASError, match=r"members: [^ ]*/m0, .*/m5, \.\.\.$"):
        read_run(tmp_path)


def test_a_family_of_fronts(fam, tmp_path):
    space, seen = fam | {"objectives": {"stentr": "maximize", "flops": "minimize"}}, {}
    results = search_family(space, out=tmp_path, trials=9, on_trial=lambda *step: seen.update([step]))
    assert list(seen) == ["a", "b", "c"]
    for member, result in results.items():
        assert {found.values for found in result.front} == set(seen[member].front)
        assert read_run(tmp_path / member).summary(3).top == result.top
    told = json.loads((tmp_path / "result.json").read_text())["family"]
    assert [len(told[member]["top"]) for member in "abc"] == [len(result.front) for result in results.values()]


def test_a_score_beside_the_family(small, tmp_path):
    (tmp_path / "own_family_score.py").write_text("def score(table):\n    return table.c_out[:, -2] * 1.0\n")
    (tmp_path / "base.yaml").write_text(json.dumps(small))
    path = tmp_path / "fam.yaml"
    path.write_text("extends: base.yaml\nscore: own_family_score:score\nfamily: {a: {}, b: {clip: {frames: 2}}}\n")
    for family in (path, load_family(path)):
        results = search_family(family, trials=20)
        assert [result.best.score for result in results.values()] == [24.0, 24.0]
