"""The sm_90 code of a kernel, compiled ahead of time: no spills, wide loads, few instructions."""

import pytest

pytest.importorskip("triton", "3.3", reason="triton 3.3 or newer comes with PyTorch's wheels for CUDA only")

from e3dnas.kernels.geometry import Geometry
from e3dnas.kernels.launches import forward_launch, input_grad_launch, weight_grad_launch
from e3dnas.kernels.machine_code import compile_launch, missing_tools, per_output

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason="triton was installed without ptxas and its companions")


@pytest.mark.parametrize("make", [forward_launch, input_grad_launch, weight_grad_launch])
def test_few_instructions_wide_loads_no_spills(make, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))  # compiled here, not found
    stride = 2 if make is input_grad_launch else 1
    launch = make(Geometry(64, 384, 13, 5, 5, 1, 3, stride), 2)  # a kernel of few taps, for it is compiled sooner
    code = compile_launch(launch, "bf16")
    products = launch.outputs * 9 / stride**2
    assert (code.stack, code.spills) == (0, 0)
    assert code.wide_loads > 0
    assert code.kinds["FFMA"] == products  # a product and its sum are one operation
    assert products / launch.outputs < per_output(launch, code) <= 493 / 3
    assert (code.loop > 0) == (launch.rounds > 0)
