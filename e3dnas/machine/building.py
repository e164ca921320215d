"""Units as PyTorch modules, of the same layers as the networks. Needs torch alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from e3dnas.arch import Head
from e3dnas.arch.architecture import squeeze_width
from e3dnas.machine.setting import CLASSES
from e3dnas.machine.units import Unit
from e3dnas.models.head import ClassifierHead
from e3dnas.models.layers import PooledShortcut, SqueezeExcitation, Sum, activation, conv3d

__all__ = ["input_shape", "module_of"]

SQUEEZED = 0.0625
"""Squeezed width over channels of a gate, X3D's; what else it may be weighs nothing beside the map."""


class _Doubled(nn.Module):
    """A sum of a tensor with a second one like it."""

    def __init__(self) -> None:
        super().__init__()
        self.sum = Sum()
        self.second: Tensor | None = None

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Return the sum of the input and a tensor of its own."""
        if self.second is None:
            self.second = torch.ones_like(x_BCTHW)
        y_BCTHW: Tensor = self.sum(x_BCTHW, self.second)
        return y_BCTHW


def module_of(unit: Unit) -> nn.Module:
    """Return a unit as a module in evaluation mode; its input has the shape that ``input_shape`` says."""
    kind = unit.kind
    if kind.operation == "sum":
        module: nn.Module = _Doubled()
    elif kind.operation == "pool":
        module = PooledShortcut((kind.stride_t, kind.stride_s))
    elif kind.operation == "gate":
        module = SqueezeExcitation(unit.c_in, squeeze_width(unit.c_in, SQUEEZED))
    elif kind.operation == "classifier":
        module = ClassifierHead(Head(out=unit.c_in, hidden=kind.hidden), unit.c_in, CLASSES, "avg", 0.0)
    else:
        module = _convolution(unit)
    return module.eval()


def _convolution(unit: Unit) -> nn.Module:
    kind = unit.kind
    groups = unit.c_in if kind.operation == "depthwise" else 1
    kernel, stride = (kind.kernel_t, kind.kernel_s), (kind.stride_t, kind.stride_s)
    conv = conv3d(unit.c_in, unit.c_out, kernel, stride, groups)
    if kind.activation == "bare":
        return conv
    ends = [] if kind.activation == "none" else [activation(kind.activation)]
    return nn.Sequential(conv, nn.BatchNorm3d(unit.c_out), *ends)


def input_shape(unit: Unit, batch: int) -> tuple[int, int, int, int, int]:
    """Return the shape (B, C, T, H, W) of a unit's input: its output's map times its strides."""
    kind = unit.kind
    size = kind.size * kind.stride_s
    return batch, unit.c_in, kind.frames * kind.stride_t, size, size
