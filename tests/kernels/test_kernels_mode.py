"""``E3DNAS_KERNELS``: what may stand there, and what it asks for."""

import subprocess
import sys

import pytest
import torch

from e3dnas.errors import E3DNASError
from e3dnas.kernels import mode
from e3dnas.kernels.mode import triton_serves


@pytest.mark.parametrize(
    ("device", "dtype", "installed", "serves"),
    [
        ("cuda", torch.bfloat16, True, True), ("cuda", torch.float64, True, False), ("cpu", torch.float32, True, False),
        ("cuda", torch.float32, False, False),
    ],
)  # fmt: skip
def test_where_the_kernels_serve(monkeypatch, device, dtype, installed, serves):
    monkeypatch.delenv("E3DNAS_KERNELS", raising=False)
    monkeypatch.setattr(mode, "find_spec", lambda name: object() if installed else None)
    assert triton_serves(device, dtype) is serves


def test_asked_for_and_not_installed(monkeypatch):
    monkeypatch.setenv("E3DNAS_KERNELS", "1")
    monkeypatch.setattr(mode, "find_spec", lambda name: None)
    with pytest.raises(E3DNASError, match="triton is not installed"):
        triton_serves("cuda", torch.float32)
    assert not triton_serves("cpu", torch.float32)


def test_the_layers_do_not_load_the_compiler():
    code = "import sys, e3dnas.models.layers; print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
