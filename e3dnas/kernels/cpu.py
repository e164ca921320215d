"""The three passes on the CPU, each by those of PyTorch's convolutions that are fast there.

oneDNN serves a depthwise 3D convolution well forward, in channels_last_3d, and badly backward: 30 to 50 times slower.
The input gradient is a forward pass, too: of dy, with the weight turned round. A 3D convolution is a sum over its taps
in time of 2D convolutions of frames (so has pytorchvideo's accelerator it, arXiv 2111.09887), and those oneDNN serves
well backward; so is the weight gradient computed. Which way is taken follows from the sizes alone, so a training
repeats to the bit. Measured in benchmarks/cpu_kernels_*.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from e3dnas.kernels.aten import aten_forward
from e3dnas.kernels.geometry import Geometry
from e3dnas.kernels.layout import as_channels_last

__all__ = ["cpu_forward", "cpu_input_grad", "cpu_weight_grad"]


def cpu_forward(x_BCTHW: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Return the convolution in channels_last_3d."""
    x_BCTHW = as_channels_last(x_BCTHW)
    if geometry.kernel > 1 or geometry.stride > 1:
        return as_channels_last(aten_forward(x_BCTHW, weight, geometry.stride))
    # Each tap is one number a channel: no need of a convolution.
    y_BCTHW = torch.zeros_like(x_BCTHW)
    for a, at, source in _pairs(geometry):
        y_BCTHW[:, :, at].addcmul_(x_BCTHW[:, :, source], weight[:, 0, a, :, :, None])
    return y_BCTHW


def cpu_input_grad(dy_BCTHW: Tensor, x_BCTHW: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Return the gradient of the input in channels_last_3d."""
    if geometry.stride == 1:
        return cpu_forward(dy_BCTHW, weight.flip(2, 3, 4), geometry)
    if geometry.kernel_t == 1:
        images = _framewise(dy_BCTHW, x_BCTHW, weight[:, :, 0], geometry, (True, False, False))[0]
        return images.view(geometry.clips, geometry.frames, *images.shape[1:]).transpose(1, 2)
    # Spread over the pixels that dy was computed around it is four times as large, and still the faster way.
    spread_BCTHW = torch.zeros_like(as_channels_last(x_BCTHW))
    spread_BCTHW[..., ::2, ::2] = dy_BCTHW
    return cpu_forward(spread_BCTHW, weight.flip(2, 3, 4), replace(geometry, stride=1))


def cpu_weight_grad(dy_BCTHW: Tensor, x_BCTHW: Tensor, geometry: Geometry) -> Tensor:
    """Return the gradient of the weight (C, 1, k_t, k, k), each tap in time by itself."""
    taps = dy_BCTHW.new_zeros((geometry.channels, 1, geometry.kernel_t, geometry.kernel, geometry.kernel))
    dy_BCTHW, x_BCTHW = as_channels_last(dy_BCTHW), as_channels_last(x_BCTHW)
    for a, at, source in _pairs(geometry):
        dy, x = dy_BCTHW[:, :, at], x_BCTHW[:, :, source]
        if geometry.kernel == geometry.stride == 1:
            taps[:, 0, a, 0, 0] = (dy * x).sum((0, 2, 3, 4))
        else:
            taps[:, :, a] = _framewise(dy, x, taps[:, :, a].contiguous(), geometry, (False, True, False))[1]
    return taps


def _framewise(
    dy_BCTHW: Tensor, x_BCTHW: Tensor, weight: Tensor, geometry: Geometry, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor, ...]:
    """Return the gradients of a 2D convolution of all frames as images: of x, of the weight (C, 1, k, k), of none."""
    grads: tuple[Tensor, ...] = torch.ops.aten.convolution_backward(
        _images(dy_BCTHW), _images(x_BCTHW), weight, None, geometry.strides[1:], geometry.padding[1:], (1, 1), False,
        (0, 0), geometry.channels, wanted,
    )  # fmt: skip
    return grads


def _images(x_BCTHW: Tensor) -> Tensor:
    """Return the frames of all clips as images (B * T, C, H, W) in channels_last, a view of channels_last_3d."""
    return as_channels_last(x_BCTHW).transpose(1, 2).flatten(0, 1)


def _pairs(geometry: Geometry) -> Iterator[tuple[int, slice, slice]]:
    """Yield each tap in time with the frames of the output that it serves, and those of the input that it reads."""
    for a in range(geometry.kernel_t):
        shift, length = a - geometry.kernel_t // 2, geometry.frames
        if abs(shift) < length:  # any other meets nothing but padding
            yield a, slice(max(0, -shift), length - max(0, shift)), slice(max(0, shift), length + min(0, shift))
