"""The Triton kernels, run by Triton's interpreter without a GPU: right to rounding, and the same bits every time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton", reason="triton comes with PyTorch's wheels for CUDA only")

BELOW = {"torch.float32": 1e-5, "torch.bfloat16": 1e-2, "torch.float16": 1e-3}


@pytest.fixture(scope="module")
def results():
    script = Path(__file__).with_name("interpreted.py")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_outputs_and_gradients_are_those_of_float64(results):
    assert len(results) == 15
    for result in results:
        assert max(result["errors"]) < BELOW[result["dtype"]], result
        assert min(result["errors"]) > 0, result  # neither is the reference itself


def test_weight_gradients_are_the_same_bits_every_time(results):
    assert all(result["repeatable"] for result in results)
