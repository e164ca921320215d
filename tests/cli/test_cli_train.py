"""``e3dnas train``."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from made_trainings import make
from safetensors.torch import load_file

ASKED = ("train", "small.yaml", "--data", "data", "--recipe", "quick.yaml", "--device", "cpu")


@pytest.fixture
def ready(folder):
    """An empty folder with a network, a recipe and videos in it."""
    torch.set_num_threads(1)
    (folder / "small.yaml").unlink()
    return make(folder)


def test_training_says_what_it_does_and_what_is_next(cli, ready):
    code, out, err = cli(*ASKED, "--set", "optimizer.lr_batch=8", "--set", "optimizer.lr=0.02")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(
        "data: data: folders (train/, val/ with a folder for each class): 3 classes, train 12, val 6"
    )
    assert "network: small, clips of 4 x 16 x 16, random weights" in lines
    assert "batch: 4 clips an update, on cpu in fp32" in lines
    assert "learning rate: 0.01 (sgd) = 0.02 x 4 / 8, scaled linearly with the batch" in lines
    assert "recipe: quick, 2 epochs of 3 updates" in lines
    assert sum(line.startswith("epoch ") and " done  loss " in line for line in lines) == 2
    assert "next: e3dnas eval runs/small_trained --data data" in lines
    folder = ready / "runs" / "small_trained"
    assert {path.name for path in folder.iterdir()} >= {
        "architecture.yaml", "checkpoints", "curves.png", "metrics.csv", "model", "recipe.yaml", "run.json",
        "steps.csv", "tensorboard",
    }  # fmt: skip
    facts = json.loads((folder / "run.json").read_text())
    assert facts["command"][1:4] == ["train", "small.yaml", "--data"]
    # Done: neither begun anew nor made again.
    assert cli(*ASKED)[0] == 2
    (folder / "model" / "notes.txt").write_text("mine")
    code, out, err = cli(*ASKED, "--set", "optimizer.lr_batch=8", "--set", "optimizer.lr=0.02", "--resume", "--json")
    assert code == 0
    assert json.loads(out)["complete"] is True
    assert (folder / "model" / "notes.txt").read_text() == "mine"


def test_a_training_that_has_not_ended_gives_no_weights(cli, ready):
    (ready / "half" / "checkpoints").mkdir(parents=True)
    code, out, err = cli("train", "half", *ASKED[2:])
    assert (code, out) == (2, "")
    assert "half: the training has not ended; go on with it by e3dnas train ... --resume" in err


def test_json_is_all_that_is_printed(cli, ready):
    code, out, err = cli(*ASKED, "--out", "here", "--set", "epochs=1", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["epochs"], found["folder"], found["model"]) == (1, "here", "here/model")
    assert found["best"].keys() == {"top1", "top5", "loss", "epoch"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["train", "e3d_q", "--data", "data"], "e3d_q: neither a file or folder nor one of the zoo's names"),
        (["train", "small.yaml", "--data", "dta"], "dta: is not there; give the folder of a data set"),
        (["train", "small.yaml", "--data", "data", "--recipe", "demmo"], "did you mean 'demo'?"),
        ([*ASKED, "--set", "epochz=3"], "--set epochz: unknown key 'epochz'; did you mean 'epochs'?"),
        ([*ASKED, "--set", "batch=64"], "batch: an update takes 64 clips, and there are 12 to train on"),
        ([*ASKED, "--resume"], "--out runs/small_trained: no training to resume here"),
        ([*ASKED, "--out", "data"], "--out data: holds other files and is no training; name a new or empty folder"),
        ([*ASKED, "--out", "small.yaml"], "--out small.yaml: is a file; name a folder"),
        ([*ASKED, "--device", "gpu"], "--device: must be one of auto, cpu, cuda, not 'gpu'"),
        ([*ASKED, "--layout", "kinetiks"], "--layout 'kinetiks': must be one of"),
        ([*ASKED, "--trial", "1"], "small.yaml"),
    ],
    ids=lambda value: " ".join(value[1:]) if isinstance(value, list) else "",
)
def test_mistakes_end_with_one_line(cli, ready, given, told):
    code, _, err = cli(*given)
    assert code == 2
    assert told in err
    assert len(err.splitlines()) == 1
    assert not (ready / "runs").exists()


def test_killed_and_resumed(start, cli, ready):
    """The whole program, with a process that reads, killed as it comes; once more the same to the bit."""
    asked = (
        *ASKED,
        "--set",
        "precision.deterministic=true",
        "--set",
        "epochs=6",
        "--save-every",
        "1",
        "--log-every",
        "1",
    )
    process = start(*asked, "--set", "loader.workers=1", "--out", "killed")
    steps = ready / "killed" / "steps.csv"
    until = time.monotonic() + 120
    while not steps.is_file() or len(steps.read_text().splitlines()) < 5:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (ready / "killed" / "model").exists()
    code, out, err = cli(*asked, "--out", "killed", "--resume")
    assert (err, code) == ("", 0)
    assert "resumed: after update" in out
    assert cli(*asked, "--out", "whole", "-q") == (0, "", "")
    for name in ("checkpoints/last/model.safetensors", "model/model.safetensors"):
        killed, whole = load_file(ready / "killed" / name), load_file(ready / "whole" / name)
        assert all(torch.equal(value, whole[key]) for key, value in killed.items())


def test_the_process_that_meets_broken_files_says_so(ready):
    for number in range(4):
        (ready / f"data/train/grow/{number:05d}.mp4").write_bytes(b"")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    program = Path(sys.executable).with_name("e3dnas")
    done = subprocess.run(
        [*launcher, program, *ASKED, "--out", "here"], capture_output=True, text=True, check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert told
    assert all(re.match(r"error: \d of 12 videos cannot be read, more than 5 %", line) for line in told)
    assert "RuntimeError" not in done.stderr
