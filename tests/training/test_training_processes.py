"""Two processes under torchrun (gloo, on the CPU) against one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from made_training import Heard, run
from safetensors.torch import load_file
from two_processes import FROZEN, run_tested

from e3dnas.training.assembling import make_accelerator


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder in which two processes have worked, and what they found."""
    out = tmp_path_factory.mktemp("two")
    script = Path(__file__).with_name("two_processes.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", script, out]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(script.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return out, json.loads((out / "found.json").read_text())


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    out, heard = tmp_path_factory.mktemp("one") / "frozen", Heard()
    torch.set_num_threads(1)
    result = run(out, recipe=FROZEN, listener=heard)
    return out, [report.loss for report in heard.steps], result


def test_losses_and_weights_are_those_of_one_process(one, two):
    folder, losses, result = one
    assert len(losses) == 10
    assert losses[-1] < losses[0] - 0.01  # it has learnt something, so that equal is not equally untrained
    assert two[1]["losses"] == pytest.approx(losses, rel=1e-5)
    assert two[1]["best"] == pytest.approx(result.best, rel=1e-4)
    for name in ("model", "ema"):
        a, b = (load_file(f / "checkpoints/last" / f"{name}.safetensors") for f in (folder, two[0] / "frozen"))
        for key, value in a.items():
            torch.testing.assert_close(b[key], value, rtol=1e-4, atol=1e-6)


def test_a_test_counts_every_clip_once(two):
    alone = run_tested(make_accelerator("cpu"))
    assert alone["count"] == 43
    assert two[1]["tested"]["confusion"] == alone["confusion"]
    for key in ("count", "loss", "top5"):
        assert two[1]["tested"][key] == pytest.approx(alone[key], rel=1e-6)


def test_one_process_prints_for_all(two):
    assert any("8 clips an update = 2 processes x 2 parts x 2 clips" in note for note in two[1]["notes"])
    assert len(set(two[1]["notes"])) == len(two[1]["notes"])


def test_a_loss_that_is_not_finite_stops_all_and_says_where(two):
    failure = two[1]["failure"]
    assert "the loss is nan at update" in failure
    assert " 5" in failure.split("of the clips")[1].split(";")[0]
    assert "checkpoints/last" in failure


def test_a_batch_that_cannot_be_divided_is_refused(two):
    assert two[1]["odd"] == ("batch: 6 clips cannot be divided among 2 processes in 2 parts; write a multiple of 4")
