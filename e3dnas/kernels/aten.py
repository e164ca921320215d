"""The three passes by PyTorch's own convolutions: on the GPU as they are, on the CPU with the backward pass in 2D.

oneDNN serves a depthwise 3D convolution well forward, in channels_last_3d, and badly backward: 30 to 50 times slower.
A 3D convolution is a sum over its taps in time of 2D convolutions of frames, and those it serves well both ways
(the decomposition is that of pytorchvideo's accelerator, arXiv 2111.09887, there for the forward pass). Measured in
benchmarks/cpu_training_*.md.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from e3dnas.kernels.geometry import Geometry
from e3dnas.kernels.layout import as_channels_last

__all__ = ["aten_backward", "aten_forward", "decomposed_backward"]


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


def decomposed_backward(
    dy_BCTHW: Tensor, x_BCTHW: Tensor, weight: Tensor, stride: int, need_dx: bool, need_dw: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of input and weight, None for those not needed, from 2D convolutions of frames.

    For each tap in time, dy is moved so that its frames stand over those of x that they were computed from; the 2D
    gradients of the pairs then add up where they belong.
    """
    geometry = Geometry.of(x_BCTHW.shape, weight.shape, stride)
    frames_x, frames_dy = _frames(x_BCTHW), _frames(dy_BCTHW)
    dx = torch.zeros_like(frames_x) if need_dx else None
    dw = torch.zeros_like(weight, memory_format=torch.contiguous_format) if need_dw else None
    for a in range(geometry.kernel_t):
        shift = a - geometry.kernel_t // 2
        if abs(shift) >= geometry.frames:
            continue  # such a tap meets nothing but padding
        moved = _moved(frames_dy, shift, geometry.frames)
        if geometry.kernel == geometry.stride == 1:  # a tap is one number a channel: no need of a convolution
            if dx is not None:
                dx.addcmul_(moved, weight[:, :, a, 0])
            if dw is not None:
                dw[:, 0, a, 0, 0] = (moved * frames_x).sum((0, 2, 3))
            continue
        dx_a, dw_a, _ = torch.ops.aten.convolution_backward(
            moved, frames_x, weight[:, :, a].contiguous(), None,
            geometry.strides[1:], geometry.padding[1:], (1, 1), False, (0, 0),
            geometry.channels, (need_dx, need_dw, False),
        )  # fmt: skip
        if dx is not None:
            dx += dx_a
        if dw is not None:
            dw[:, :, a] = dw_a
    return (dx if dx is None else _clips(dx, geometry)), dw


def _frames(x_BCTHW: Tensor) -> Tensor:
    """Return the frames of all clips as images (B * T, C, H, W) in channels_last, a view of channels_last_3d."""
    return as_channels_last(x_BCTHW).transpose(1, 2).flatten(0, 1)


def _clips(frames: Tensor, geometry: Geometry) -> Tensor:
    """Return images as clips (B, C, T, H, W), a view."""
    return frames.view(geometry.clips, geometry.frames, *frames.shape[1:]).transpose(1, 2)


def _moved(frames: Tensor, shift: int, length: int) -> Tensor:
    """Return the images, those of each clip of ``length`` moved ``shift`` frames later; zeros take their place."""
    if shift == 0:
        return frames
    moved = torch.zeros_like(frames)
    by_clip, moved_by_clip = (one.view(-1, length, *one.shape[1:]) for one in (frames, moved))
    if shift > 0:
        moved_by_clip[:, shift:] = by_clip[:, :-shift]
    else:
        moved_by_clip[:, :shift] = by_clip[:, -shift:]
    return moved
