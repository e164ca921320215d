"""Runs the Triton kernels in Triton's interpreter against PyTorch's convolution in float64; prints the errors as JSON.

A process of its own: the interpreter must be asked for before the kernels are imported, and is then on for good.
"""

import json
import os
import sys

os.environ["TRITON_INTERPRET"] = "1"

import torch
import torch.nn.functional as F

from e3dnas.kernels.geometry import Geometry
from e3dnas.kernels.running import triton_forward, triton_input_grad, triton_weight_grad

# B, C, T, H, W, k_t, k, stride: small and awkward; channel counts from odd to a whole block, maps down to one pixel.
CASES = [
    (2, 8, 3, 5, 6, 3, 3, 1), (1, 33, 2, 5, 6, 3, 3, 2), (1, 40, 3, 4, 5, 3, 3, 2), (1, 16, 2, 9, 7, 1, 5, 2),
    (1, 12, 1, 1, 1, 3, 3, 1), (1, 8, 4, 3, 3, 5, 1, 1), (1, 24, 2, 6, 6, 1, 3, 1), (2, 8, 2, 7, 8, 3, 5, 1),
]  # fmt: skip


def relative(found, expected):
    return float((found.double() - expected).norm() / expected.norm())


def errors(case, dtype):
    """Return the relative errors of output, input gradient and weight gradient, and whether the last is repeatable."""
    *shape, kernel_t, kernel, stride = case
    channels = shape[1]
    generator = torch.Generator().manual_seed(sum(case))
    x = torch.randn(shape, generator=generator).to(dtype)
    weight = torch.randn((channels, 1, kernel_t, kernel, kernel), generator=generator).to(dtype)
    x64, weight64 = x.double().requires_grad_(), weight.double().requires_grad_()
    padding = (kernel_t // 2, kernel // 2, kernel // 2)
    y64 = F.conv3d(x64, weight64, None, (1, stride, stride), padding, groups=channels)
    dy = torch.randn(y64.shape, generator=generator).to(dtype)
    dx64, dweight64 = torch.autograd.grad(y64, (x64, weight64), dy.double())
    y, dx = triton_forward(x, weight, stride), triton_input_grad(dy, x, weight, stride)
    dweight, again = (triton_weight_grad(dy, x, weight, stride) for _ in range(2))
    assert (y.dtype, dx.dtype, dweight.dtype) == (dtype,) * 3
    assert y.permute(0, 2, 3, 4, 1).is_contiguous()
    assert dx.permute(0, 2, 3, 4, 1).is_contiguous()
    found = [relative(y, y64.detach()), relative(dx, dx64), relative(dweight, dweight64)]
    return {"case": case, "dtype": str(dtype), "errors": found, "repeatable": torch.equal(dweight, again)}


def main():
    torch.set_num_threads(1)
    # New tensors are filled with NaN, so that what a kernel leaves out shows.
    torch.utils.deterministic.fill_uninitialized_memory = True
    torch.use_deterministic_algorithms(True)
    assert torch.empty(3).isnan().all()
    for number, case in enumerate(CASES):
        print(json.dumps(errors(case, torch.float32)))
        if number % 2 == 0:
            print(json.dumps(errors(case, torch.bfloat16)))
    print(json.dumps(errors(CASES[1], torch.float16)))
    Geometry.is_long = True  # offsets of 64 bits, without a tensor that needs them
    for case in CASES[1], CASES[4]:
        print(json.dumps(errors(case, torch.float32)))


if __name__ == "__main__":
    sys.exit(main())
