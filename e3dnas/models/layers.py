"""The smallest parts of the network: convolution, activation, squeeze-excitation, shortcuts. Needs torch alone.

Shapes: B clips, C channels, T frames, H and W pixels; ``x_BCTHW`` has all five axes.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from e3dnas.arch import Stage
from e3dnas.kernels import depthwise_conv3d, framewise_conv3d

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
        groups: groups of channels; ``c_in`` for a depthwise convolution, which ``e3dnas.kernels`` then computes.
    """
    k_t, k = kernel
    stride_t, stride_s = stride
    conv = nn.Conv3d(
        c_in,
        c_out,
        kernel_size=(k_t, k, k),
        stride=(stride_t, stride_s, stride_s),
        padding=((k_t - 1) // 2, (k - 1) // 2, (k - 1) // 2),
        groups=groups,
        bias=False,
    )
    # On the module, not a subclass: thop, torch.fx and PyTorch's folding of BN know a convolution by its very type.
    if groups == c_in == c_out and kernel != (1, 1) and stride in ((1, 1), (1, 2)):
        conv.__dict__["_conv_forward"] = partial(depthwise_conv3d, stride=stride_s)
    elif k_t == stride_t == 1:
        conv.__dict__["_conv_forward"] = partial(framewise_conv3d, stride=stride_s, groups=groups)
    return conv


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
        self.pool.__dict__["forward"] = partial(_average, window=self.window)  # see conv3d

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Return the averages, of shape (B, C, ceil(T / stride_t), ceil(H / stride_s), ceil(W / stride_s))."""
        pooled_BCTHW: Tensor = self.pool(poolable(x_BCTHW, self.window))
        return pooled_BCTHW.to(x_BCTHW.dtype)


def _average(x_BCTHW: Tensor, window: tuple[int, int, int]) -> Tensor:
    """Return what AvgPool3d returns, pooled in 2D where time is not.

    That keeps channels_last_3d, which PyTorch's own loses, and has a deterministic gradient on a GPU, as that has not.
    """
    if window[0] > 1:
        return F.avg_pool3d(x_BCTHW, window, window, ceil_mode=True, count_include_pad=False)
    if not x_BCTHW.is_contiguous(memory_format=torch.channels_last_3d):
        maps = F.avg_pool2d(x_BCTHW.flatten(1, 2), window[1:], window[1:], ceil_mode=True, count_include_pad=False)
        return maps.view(*x_BCTHW.shape[:3], *maps.shape[2:])
    frames = x_BCTHW.transpose(1, 2)
    pooled = F.avg_pool2d(frames.flatten(0, 1), window[1:], window[1:], ceil_mode=True, count_include_pad=False)
    return pooled.view(*frames.shape[:2], *pooled.shape[1:]).transpose(1, 2)


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
