"""The three passes by PyTorch's own 3D convolution, in the memory format of what it is given."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from e3dnas.kernels.geometry import Geometry

__all__ = ["aten_backward", "aten_forward"]


def aten_forward(x_BCTHW: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Return the convolution, in the memory format that PyTorch gives it."""
    geometry = Geometry.of(x_BCTHW.shape, weight.shape, stride)
    return F.conv3d(x_BCTHW, weight, None, geometry.strides, geometry.padding, groups=geometry.channels)


def aten_backward(
    dy_BCTHW: Tensor, x_BCTHW: Tensor, weight: Tensor, stride: int, need_dx: bool, need_dw: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of input and weight, None for those not needed, in PyTorch's memory formats."""
    geometry = Geometry.of(x_BCTHW.shape, weight.shape, stride)
    dx_BCTHW, dw, _ = torch.ops.aten.convolution_backward(
        dy_BCTHW, x_BCTHW, weight, None, geometry.strides, geometry.padding, (1, 1, 1), False, (0, 0, 0),
        geometry.channels, (need_dx, need_dw, False),
    )  # fmt: skip
    return dx_BCTHW, dw
