"""The folder of a run and its study: resumed, refused, set aside, in any storage."""

import copy
import json
import os
import re

import optuna
import pytest

import e3dnas
from e3dnas.config.writing import replace_text
from e3dnas.errors import E3DNASError
from e3dnas.search.api import search
from e3dnas.search.journal import open_journal
from e3dnas.search.reading import read_run
from e3dnas.search.run_folder import RunFolder


def change(space, **changes):
    changed = copy.deepcopy(space)
    for path, value in changes.items():
        *parents, key = path.split("__")
        at = changed
        for parent in parents:
            at = at[int(parent)] if isinstance(at, list) else at[parent]
        at[key] = value
    return changed


def test_what_a_run_leaves(small, tmp_path):
    out = tmp_path / "läufe [/b]" / "a run"
    result = search(small, out=out, trials=5, seed=3)
    assert sorted(p.name for p in out.iterdir()) == [
        ".lock", "best.yaml", "result.json", "space.yaml", "study.journal", "study.journal.lock",
    ]  # fmt: skip
    written = json.loads((out / "result.json").read_text())
    assert (written["trials"], written["seed"], written["study"], written["complete"]) == (5, 3, "small", True)
    assert written["best"]["architecture"] == result.best.architecture.to_dict()
    assert written["best"]["score"] == result.best.score
    assert written["versions"].keys() == {"python", "e3dnas", "optuna", "numpy", "torch", "timm", "thop"}
    assert e3dnas.load_architecture(out) == result.best.architecture
    assert e3dnas.load_space(out / "space.yaml").declaration.search.seed == 3
    assert read_run(out).summary(top=10).top == result.top


def test_resuming_says_so_once(small, tmp_path):
    search(small, out=tmp_path, trials=5)
    seen = []
    result = search(small, out=tmp_path, trials=7,
                    on_trial=lambda p: seen.append((p.done, p.new_trials, p.resumed)))  # fmt: skip
    assert seen == [(5, 0, 5), (6, 1, 5), (7, 2, 5)]
    assert result.trials == 7
    seen.clear()
    again = search(small, out=tmp_path, trials=7, on_trial=lambda p: seen.append((p.done, p.new_trials)))
    assert seen == [(7, 0)]
    assert (again.top, again.complete) == (result.top, True)
    assert search(small, out=tmp_path, trials=3).complete  # it has more than that


def test_time_adds_up(small, tmp_path):
    first = search(small, out=tmp_path, trials=5).seconds
    assert search(small, out=tmp_path, trials=5).seconds > first > 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"clip__frames": 8}, "clip.frames: 4 -> 8"),
        ({"stages__0__out": [8, 16]}, r"stages\[0\].out: \[8, 16, 24\] -> \[8, 16\]"),
        ({"budgets": {"flops": {"max": 2e6}}}, r"budgets.flops.max: \(nothing\) -> 2000000.0"),
        ({"score": "homoentr"}, "score.name: stentr -> homoentr"),
        ({"search__sampler": "tpe"}, "search.sampler: evolution -> tpe"),
        ({"search__seed": 1}, "search.seed: 0 -> 1"),
        ({"search__population": 9}, "search.population: 8 -> 9"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_changed_space_is_refused_with_what_changed(small, tmp_path, changes, told):
    search(small, out=tmp_path, trials=2)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.suffix in (".yaml", ".json")}
    with pytest.raises(E3DNASError, match=rf"study 'small' was made with another space \(.*{told}.*--fresh"):
        search(change(small, **changes), out=tmp_path, trials=2)
    assert before == {name: (tmp_path / name).read_bytes() for name in ("space.yaml", "best.yaml", "result.json")}
    assert search(small, out=tmp_path, trials=3).trials == 3


def test_fresh_keeps_the_old(small, tmp_path):
    for seed in range(3):
        search(small, out=tmp_path, trials=2, seed=seed, fresh=True)
    seeds = {p.parent.name: json.loads(p.read_text())["seed"] for p in tmp_path.glob("**/result.json")}
    assert seeds == {"old-1": 0, "old-2": 1, tmp_path.name: 2}
    assert len(read_run(tmp_path / "old-1").study.get_trials()) == 2
    with pytest.raises(E3DNASError, match="made with another space"):
        search(small, out=tmp_path, trials=2)


def test_folders_that_are_refused(small, tmp_path):
    (tmp_path / "file").write_text("thesis")
    with pytest.raises(E3DNASError, match="file: is a file; name a folder"):
        search(small, out=tmp_path / "file")
    with pytest.raises(E3DNASError, match="holds other files and is no run of e3dnas"):
        search(small, out=tmp_path)
    with pytest.raises(E3DNASError, match="file/run: cannot be written: Not a directory"):
        search(small, out=tmp_path / "file" / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder(small, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(E3DNASError, match="cannot be written: Permission denied"):
        search(small, out=tmp_path / "run")


def test_folders_that_cannot_be_made(small, tmp_path):
    with pytest.raises(E3DNASError, match="cannot be written: "):
        search(small, out="/proc/e3dnas")
    with pytest.raises(E3DNASError, match="cannot be read: File name too long"):
        search(small, out=tmp_path / ("x" * 300))


def test_one_run_at_a_time(small, tmp_path):
    with RunFolder(tmp_path).locked(), pytest.raises(E3DNASError, match="another run is at work here"):
        search(small, out=tmp_path, trials=2)
    assert search(small, out=tmp_path, trials=2).trials == 2


def test_a_kill_before_the_study_is_no_hindrance(small, tmp_path):
    with RunFolder(tmp_path).locked():
        open_journal(tmp_path / "study.journal")
        (tmp_path / ".space.yaml.new").write_text("half")
    assert search(small, out=tmp_path, trials=2).trials == 2


def test_writing_is_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    replace_text(path, "old")
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        replace_text(path, "new")
    assert path.read_text() == "old"


def test_sqlite(small, tmp_path, proposed):
    url = f"sqlite:///{tmp_path}/study é.db"
    search(small, out=tmp_path / "a", trials=3, storage=url)
    result = search(small, out=tmp_path / "a", trials=6, storage=url)
    search(small, out=tmp_path / "b", trials=6)
    assert proposed(tmp_path / "a", url) == proposed(tmp_path / "b")
    assert not (tmp_path / "a" / "study.journal").exists()
    assert read_run(tmp_path / "a", url).summary(10).top == result.top
    with pytest.raises(E3DNASError, match="the study is not in this folder; name the run's --storage"):
        read_run(tmp_path / "a")
    with pytest.raises(E3DNASError, match="made with another space"):
        search(small, out=tmp_path / "c", trials=2, seed=1, storage=url)
    assert search(small, out=tmp_path / "c", trials=2, seed=1, storage=url, study="two").study == "two"
    assert read_run(tmp_path / "c", url).study.study_name == "two"
    assert search(small, out=tmp_path / "c", trials=2, seed=1, storage=url, fresh=True).trials == 2
    assert read_run(tmp_path / "c", url).study.study_name == "small"


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////no/such/folder/x.db", "oracle+what://x", ""])
def test_a_storage_that_is_none(small, tmp_path, url):
    with pytest.raises(E3DNASError, match=f"^--storage {re.escape(url)}: cannot be opened: [^\n]+$"):
        search(small, out=tmp_path / "run", storage=url)
    assert not (tmp_path / "run").exists()


def test_a_study_of_others_is_refused(small, tmp_path):
    url = f"sqlite:///{tmp_path}/x.db"
    study = optuna.create_study(study_name="theirs", storage=url)
    study.add_trial(optuna.create_trial(value=1.0))
    with pytest.raises(E3DNASError, match="study 'theirs' was not made by e3dnas; choose another name with --study"):
        search(small, storage=url, study="theirs")


def test_reading_what_is_no_run(small, tmp_path):
    with pytest.raises(E3DNASError, match=r"no run in this folder \(no space.yaml\); `e3dnas run SPACE --out"):
        read_run(tmp_path)
    search(small, out=tmp_path, trials=3)
    run = read_run(tmp_path)
    assert run.trial(2).trial == 2
    with pytest.raises(E3DNASError, match="--trial 3: the run has trials 0 to 2"):
        run.trial(3)
    (tmp_path / "result.json").write_text("{half")
    assert read_run(tmp_path).study.study_name == "small"
    journal = tmp_path / "study.journal"
    journal.write_bytes(b"not json\n" + journal.read_bytes())
    with pytest.raises(E3DNASError, match=r"study\.journal: cannot be opened: [^\n]+$"):
        read_run(tmp_path)
