"""The three passes of a depthwise 3D convolution on tensors, by the Triton kernels. Needs triton.

Every function takes its arguments as PyTorch has them, (B, C, T, H, W) and (C, 1, k_t, k, k) in any memory format, and
returns tensors in channels_last_3d. On the CPU they run where Triton's interpreter is on (TRITON_INTERPRET=1).
"""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from e3dnas.kernels.geometry import Geometry
from e3dnas.kernels.launches import WARPS, Launch, forward_launch, input_grad_launch, weight_grad_launch
from e3dnas.kernels.layout import as_channels_last, empty_channels_last

__all__ = ["triton_forward", "triton_input_grad", "triton_weight_grad"]


def triton_forward(x_BCTHW: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Return the convolution of ``x_BCTHW``, in its element type."""
    geometry = Geometry.of(x_BCTHW.shape, weight.shape, stride)
    y_BCTHW = empty_channels_last(geometry.y_shape, x_BCTHW)
    if y_BCTHW.numel():
        launch = forward_launch(geometry, x_BCTHW.element_size())
        _run(launch, as_channels_last(x_BCTHW), _packed(weight), y_BCTHW)
    return y_BCTHW


def triton_input_grad(dy_BCTHW: Tensor, x_BCTHW: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Return the gradient of the input, whose shape and element type ``x_BCTHW`` gives; its numbers are not read."""
    geometry = Geometry.of(x_BCTHW.shape, weight.shape, stride)
    dx_BCTHW = empty_channels_last(geometry.x_shape, x_BCTHW)
    if dx_BCTHW.numel():
        launch = input_grad_launch(geometry, x_BCTHW.element_size())
        _run(launch, as_channels_last(dy_BCTHW), _packed(weight), dx_BCTHW)
    return dx_BCTHW


def triton_weight_grad(dy_BCTHW: Tensor, x_BCTHW: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Return the gradient of the weight, whose shape and element type ``weight`` gives; the same bits every time."""
    geometry = Geometry.of(x_BCTHW.shape, weight.shape, stride)
    if not x_BCTHW.numel():
        return torch.zeros_like(weight, memory_format=torch.contiguous_format)
    launch = weight_grad_launch(geometry, x_BCTHW.element_size())
    shape = (launch.chunks, geometry.taps, geometry.channels)
    partial = torch.empty(shape, dtype=torch.float32, device=x_BCTHW.device)
    _run(launch, as_channels_last(x_BCTHW), as_channels_last(dy_BCTHW), partial)
    return partial.sum(0).t().to(weight.dtype).contiguous().view(weight.shape)


def _packed(weight: Tensor) -> Tensor:
    """Return the weight as (taps, C) in float32: neighbouring channels beside each other, as the kernels read them."""
    channels = weight.shape[0]
    packed = torch.empty((weight[0].numel(), channels), dtype=torch.float32, device=weight.device)
    return packed.copy_(weight.reshape(channels, -1).t())


def _run(launch: Launch, *tensors: Tensor) -> None:
    device = tensors[0].device
    with torch.cuda.device(device) if device.type == "cuda" else contextlib.nullcontext():
        launch.kernel[launch.grid](*tensors, *launch.numbers, **launch.constants, num_warps=WARPS, **FUSION)


# The kernels say themselves where a product and a sum are one operation, whatever a version's default is.
FUSION = {"enable_fp_fusion": False}
