"""The smallest parts of the network: convolution, activation, squeeze-excitation, shortcuts. Needs torch alone.

Shapes: B clips, C channels, T frames, H and W pixels; ``x_BCTHW`` has all five axes.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from e3dnas.arch import Stage

__all__ = ["PooledShortcut", "SqueezeExcitation", "Sum", "activation", "conv3d", "shortcut"]

Pair = tuple[int, int]
"""(frames, pixels in height and width), as in the specs."""


def conv3d(c_in: int, c_out: int, kernel: Pair = (1, 1), stride: Pair = (1, 1), groups: int = 1) -> nn.Conv3d:
    """Return a convolution without bias whose output has the size of its input, divided by the stride and rounded up.

    Args:
        c_in: channels in.
        c_out: channels out.
        kernel: (k_t, k), both odd; the kernel is k_t x k x k.
        stride: (temporal, spatial).
        groups: groups of channels; ``c_in`` for a depthwise convolution.
    """
    k_t, k = kernel
    stride_t, stride_s = stride
    return nn.Conv3d(
        c_in,
        c_out,
        kernel_size=(k_t, k, k),
        stride=(stride_t, stride_s, stride_s),
        padding=((k_t - 1) // 2, (k - 1) // 2, (k - 1) // 2),
        groups=groups,
        bias=False,
    )


def activation(name: str) -> nn.Module:
    """Return a new module of the activation ``relu`` or ``silu``."""
    # SiLU needs its input for the gradient, so working in place would save nothing.
    return nn.ReLU(inplace=True) if name == "relu" else nn.SiLU()


class Sum(nn.Module):
    """Adds a branch and its shortcut; a module, so that measuring and hooks can see the sum."""

    def forward(self, x_BCTHW: Tensor, y_BCTHW: Tensor) -> Tensor:
        """Return the sum, in the memory format of the first."""
        return x_BCTHW + y_BCTHW


class SqueezeExcitation(nn.Module):
    """Scales every channel by a gate computed from the means of all channels (arXiv 1709.01507, as used in X3D).

    Args:
        channels: channels in and out.
        squeezed: channels between the two 1x1x1 convolutions, which have a bias.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.reduce = nn.Conv3d(channels, squeezed, kernel_size=1)
        self.act = nn.ReLU(inplace=True)
        self.expand = nn.Conv3d(squeezed, channels, kernel_size=1)
        self.gate = nn.Sigmoid()

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Return ``x_BCTHW`` with every channel of every clip multiplied by its gate; the shape stays."""
        gate_BC111: Tensor = self.reduce(x_BCTHW.mean((2, 3, 4), keepdim=True))
        gate_BC111 = self.gate(self.expand(self.act(gate_BC111)))
        return x_BCTHW * gate_BC111


class PooledShortcut(nn.Module):
    """The identity averaged over windows of the stride, sized like the output of a strided convolution (rounded up).

    Deviation from the authors' code, which rounds down and so fails on odd sizes: a window at the border averages the
    elements that exist. Where the map is smaller than the window, all of it is averaged.

    Args:
        stride: (temporal, spatial); the window is as large.
    """

    def __init__(self, stride: Pair) -> None:
        super().__init__()
        self.window = (stride[0], stride[1], stride[1])
        self.pool = nn.AvgPool3d(self.window, self.window, ceil_mode=True, count_include_pad=False)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Return the averages, of shape (B, C, ceil(T / stride_t), ceil(H / stride_s), ceil(W / stride_s))."""
        pooled_BCTHW: Tensor = self.pool(poolable(x_BCTHW, self.window))
        return pooled_BCTHW.to(x_BCTHW.dtype)


@torch.fx.wrap
def poolable(x_BCTHW: Tensor, window: tuple[int, int, int]) -> Tensor:
    """Return what AvgPool3d takes: it has no half precision on the CPU and refuses an axis shorter than its window.

    Such an axis is replaced by its mean, repeated to the window.
    """
    if x_BCTHW.device.type == "cpu" and x_BCTHW.dtype in (torch.bfloat16, torch.float16):
        x_BCTHW = x_BCTHW.float()
    for axis, length in enumerate(window, start=2):
        if x_BCTHW.shape[axis] < length:
            sizes = [length if a == axis else -1 for a in range(5)]
            x_BCTHW = x_BCTHW.mean(axis, keepdim=True).expand(sizes)
    return x_BCTHW


def shortcut(stage: Stage, c_in: int, stride: Pair) -> nn.Module | None:
    """Return what is added to the output of a block of ``stage``, or None where there is nothing to add.

    Args:
        stage: the stage the block belongs to.
        c_in: channels that enter the block.
        stride: (temporal, spatial) stride of the block.
    """
    strides, widens = stride != (1, 1), c_in != stage.out
    if stage.shortcut == "projection" and (strides or widens):
        conv = conv3d(c_in, stage.out, stride=stride)
        return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm3d(stage.out)))
    if widens:
        return None
    return PooledShortcut(stride) if strides else nn.Identity()
