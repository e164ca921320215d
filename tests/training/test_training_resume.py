"""A training that is killed and resumed ends with the same bits as one that is not."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from made_training import RECIPE, Heard, clips, run
from safetensors.torch import load_file

from e3dnas.errors import E3DNASError
from e3dnas.training import load_recipe

UPDATES = 15  # 3 epochs of 44 clips by 8
KILLED = {
    "between updates, twice": "step-7,step-13",
    "while a checkpoint is written, and moved": "writing-6,linking-12",
    "before the first checkpoint": "writing-0",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a training that nothing has stopped."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("whole") / "run"
    assert run(out).complete
    return out


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Trainings that were killed, and some of them resumed and killed again."""
    folder = tmp_path_factory.mktemp("killed")
    asked = [text for name, moments in KILLED.items() for text in (str(folder / name), moments)]
    script = Path(__file__).with_name("killed_training.py")
    done = subprocess.run(
        [sys.executable, script, *asked], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def same(one, other):
    """Whether two trainings have ended with the same weights, BN statistics, averages and optimiser."""
    for name in ("model", "ema"):
        a, b = (load_file(run / "checkpoints" / "last" / f"{name}.safetensors") for run in (one, other))
        assert a.keys() == b.keys()
        assert any("running_var" in key for key in a)
        for key in a:
            assert torch.equal(a[key], b[key]), key
    a, b = (torch.load(run / "checkpoints/last/optimizer.pt", weights_only=True)["optimizer"] for run in (one, other))
    assert a["param_groups"] == b["param_groups"]
    for key, state in a["state"].items():
        assert all(torch.equal(value, b["state"][key][name]) for name, value in state.items())


def rows(file, *drop):
    with file.open(newline="") as text:
        return [{key: value for key, value in row.items() if key not in drop} for row in csv.DictReader(text)]


TIMES = ("clips_per_sec", "wait_share", "seconds", "seconds_left")


@pytest.mark.parametrize("name", KILLED)
def test_killed_and_resumed_is_the_same_to_the_bit(whole, killed, name):
    out, heard = killed / name, Heard()
    assert not (out / "metrics.csv").exists() or len(rows(out / "metrics.csv")) < 3
    assert run(out, resume=True, listener=heard).complete
    resumed = [note for note in heard.notes if note.startswith("resumed: after update")]
    assert len(resumed) == (name != "before the first checkpoint")
    same(whole, out)
    assert rows(whole / "metrics.csv", "seconds") == rows(out / "metrics.csv", "seconds")
    assert rows(whole / "steps.csv", *TIMES) == rows(out / "steps.csv", *TIMES)
    assert [int(row["update"]) for row in rows(out / "steps.csv")] == list(range(1, UPDATES + 1))


def test_what_is_compared_depends_on_the_seed(whole, tmp_path):
    run(tmp_path / "run", recipe={**RECIPE, "seed": 1})
    with pytest.raises(AssertionError):
        same(whole, tmp_path / "run")


def test_resuming_what_is_complete_changes_nothing(whole):
    before = (whole / "checkpoints" / "last" / "model.safetensors").read_bytes()
    result = run(whole, resume=True)
    assert (result.complete, result.epochs) == (True, 3)
    assert (whole / "checkpoints" / "last" / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"recipe": {**RECIPE, "epochs": 4}}, r"was begun with epochs = 3, and this is 4"),
        ({"recipe": {**RECIPE, "optimizer": {"lr": 0.1}}}, r"optimizer\.lr = 0\.05, and this is 0\.1"),
        ({"recipe": {**RECIPE, "ema": None}}, r"ema\.decay = 0\.9"),
        ({"data": clips(classes=4)}, "was begun with other classes"),
        ({"data": clips(count=50)}, "was begun with other files"),
        ({"network": "e3d_s"}, "was begun with another network"),
    ],
    ids=["epochs", "lr", "ema", "classes", "files", "network"],
)
def test_something_else_is_not_resumed(whole, change, told):
    with pytest.raises(E3DNASError, match=told):
        run(whole, resume=True, **change)


def test_what_changes_no_result_may_change(whole):
    recipe = load_recipe(RECIPE, {"loader": {"workers": 0, "max_broken": 0.5}})
    assert run(whole, resume=True, recipe=recipe).complete


def test_nothing_is_overwritten_or_resumed_unasked(whole, tmp_path):
    with pytest.raises(E3DNASError, match="holds a training; go on with it by --resume, or name another folder"):
        run(whole)
    with pytest.raises(E3DNASError, match="no training to resume here"):
        run(tmp_path / "nothing", resume=True)
    assert not (tmp_path / "nothing").exists()


def test_the_folder_says_what_was_done(whole):
    facts = json.loads((whole / "run.json").read_text())
    assert {"command", "versions", "recipe", "architecture", "data_told", "classes", "device"} <= facts.keys()
    assert facts["versions"]["torch"] == torch.__version__.split("+")[0]
    assert load_recipe(whole / "recipe.yaml", {"name": "recipe"}) == load_recipe(RECIPE)
    assert (whole / "curves.png").stat().st_size > 5000
    assert list((whole / "tensorboard").iterdir())
    kept = sorted(path.name for path in (whole / "checkpoints").iterdir())
    assert kept[:2] == ["best", "last"]
    assert len(kept) <= 4
