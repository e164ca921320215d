"""The operator ``e3dnas::depthwise_conv3d`` and its backward, as PyTorch's library of operators knows them.

A fake kernel with the true strides (torch.compile, torch.export), autograd, and autocast, so that the operator goes
wherever a built-in one does. Its results are always in channels_last_3d. ``cpu`` computes it on the CPU, on a GPU the
fastest of ATen and the Triton kernels (``choosing``). There is no second derivative: PyTorch says so when asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from e3dnas.kernels.aten import aten_backward, aten_forward
from e3dnas.kernels.choosing import OURS, fastest
from e3dnas.kernels.cpu import cpu_forward, cpu_input_grad, cpu_weight_grad
from e3dnas.kernels.geometry import Geometry
from e3dnas.kernels.layout import as_channels_last, empty_channels_last
from e3dnas.kernels.mode import triton_serves

__all__ = ["backward_op", "forward_op"]


@torch.library.custom_op("e3dnas::depthwise_conv3d", mutates_args=(), device_types="cpu")
def forward_op(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Return the convolution of ``x`` (B, C, T, H, W) with ``weight`` (C, 1, k_t, k, k), in channels_last_3d."""
    return cpu_forward(x, weight, Geometry.of(x.shape, weight.shape, stride))


@torch.library.custom_op("e3dnas::depthwise_conv3d_backward", mutates_args=(), device_types="cpu")
def backward_op(
    dy: Tensor, x: Tensor, weight: Tensor, stride: int, need_dx: bool, need_dw: bool
) -> tuple[Tensor, Tensor]:
    """Return the gradients of ``x``, in channels_last_3d, and of ``weight``; empty ones where they are not needed."""
    geometry = Geometry.of(x.shape, weight.shape, stride)
    dx = cpu_input_grad(dy, x, weight, geometry) if need_dx else x.new_empty(0)
    return dx, cpu_weight_grad(dy, x, geometry) if need_dw else weight.new_empty(0)


@forward_op.register_kernel("cuda")
def _(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    if not triton_serves(x.device.type, x.dtype):
        return as_channels_last(aten_forward(x, weight, stride))
    from e3dnas.kernels.running import triton_forward

    ways = {
        OURS: lambda: triton_forward(x, weight, stride),
        "contiguous": lambda: as_channels_last(aten_forward(x.contiguous(), weight, stride)),
        "channels_last": lambda: as_channels_last(aten_forward(as_channels_last(x), weight, stride)),
    }
    return fastest(_key("forward", x, weight, stride), ways)


@backward_op.register_kernel("cuda")
def _(dy: Tensor, x: Tensor, weight: Tensor, stride: int, need_dx: bool, need_dw: bool) -> tuple[Tensor, Tensor]:
    if not triton_serves(x.device.type, x.dtype):
        dx, dw = aten_backward(dy, x, weight, stride, need_dx, need_dw)
        return (x.new_empty(0) if dx is None else as_channels_last(dx)), (weight.new_empty(0) if dw is None else dw)
    from e3dnas.kernels.running import triton_input_grad, triton_weight_grad

    def aten(layout: Callable[[Tensor], Tensor], which: int) -> Tensor:
        grad = aten_backward(layout(dy), layout(x), weight, stride, which == 0, which == 1)[which]
        assert grad is not None
        return as_channels_last(grad) if which == 0 else grad.contiguous()

    def chosen(which: int, ours: Callable[[Tensor, Tensor, Tensor, int], Tensor]) -> Tensor:
        ways = {
            OURS: lambda: ours(dy, x, weight, stride),
            "contiguous": lambda: aten(Tensor.contiguous, which),
            "channels_last": lambda: aten(as_channels_last, which),
        }
        return fastest(_key(("input_grad", "weight_grad")[which], x, weight, stride), ways)

    dx = chosen(0, triton_input_grad) if need_dx else x.new_empty(0)
    return dx, chosen(1, triton_weight_grad) if need_dw else weight.new_empty(0)


@forward_op.register_fake
def _(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    return empty_channels_last(Geometry.of(x.shape, weight.shape, stride).y_shape, x)


@backward_op.register_fake
def _(dy: Tensor, x: Tensor, weight: Tensor, stride: int, need_dx: bool, need_dw: bool) -> tuple[Tensor, Tensor]:
    dx = empty_channels_last(x.shape, x) if need_dx else x.new_empty(0)
    return dx, weight.new_empty(weight.shape if need_dw else 0)


def _setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: Tensor) -> None:
    x, weight, ctx.stride = inputs
    ctx.save_for_backward(x, weight)


def _differentiate(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
    x, weight = ctx.saved_tensors
    need_dx, need_dw, _ = ctx.needs_input_grad
    dx, dw = backward_op(dy, x, weight, ctx.stride, need_dx, need_dw)
    return (dx if need_dx else None), (dw if need_dw else None), None


forward_op.register_autograd(_differentiate, setup_context=_setup_context)


def _register_autocast(device_type: str, key: str) -> None:
    """Cast the operator's tensors to the type that autocast has there, as it does for PyTorch's convolutions.

    ``torch.library.register_autocast`` casts to one type for good, but a user may choose between two.
    """

    def cast(tensor: Tensor) -> Tensor:
        lower = tensor.is_floating_point() and tensor.dtype != torch.float64
        return tensor.to(torch.get_autocast_dtype(device_type)) if lower else tensor

    def kernel(x: Tensor, weight: Tensor, stride: int) -> Tensor:
        with torch.autocast(device_type, enabled=False):
            y: Tensor = forward_op(cast(x), cast(weight), stride)
            return y

    LIBRARY.impl("depthwise_conv3d", kernel, key)


library: Any = torch.library
LIBRARY = library.Library("e3dnas", "FRAGMENT")
_register_autocast("cpu", "AutocastCPU")
_register_autocast("cuda", "AutocastCUDA")


@register_flop_formula(torch.ops.e3dnas.depthwise_conv3d)
def _forward_flops(x_shape: Sequence[int], weight_shape: Sequence[int], stride: int, **rest: object) -> int:
    """Return what PyTorch's FlopCounterMode counts: two operations a product."""
    geometry = Geometry.of(x_shape, weight_shape, stride)
    return 2 * geometry.taps * math.prod(geometry.y_shape)


@register_flop_formula(torch.ops.e3dnas.depthwise_conv3d_backward)
def _backward_flops(
    dy_shape: Sequence[int], x_shape: Sequence[int], weight_shape: Sequence[int], stride: int, need_dx: bool,
    need_dw: bool, **rest: object,
) -> int:  # fmt: skip
    return (need_dx + need_dw) * _forward_flops(x_shape, weight_shape, stride)


def _key(direction: str, x: Tensor, weight: Tensor, stride: int) -> tuple[object, ...]:
    """Return what a measured choice holds for; the memory format counts, for a conversion may decide."""
    last = x.is_contiguous(memory_format=torch.channels_last_3d)
    return direction, Geometry.of(x.shape, weight.shape, stride), x.dtype, last, x.device.index
