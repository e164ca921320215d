"""The convolutions as functions: the faster way where it is known and free to take, PyTorch's everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from e3dnas.kernels.cpu import cpu_forward
from e3dnas.kernels.geometry import Geometry
from e3dnas.kernels.layout import as_channels_last
from e3dnas.kernels.mode import Mode, kernels_mode, triton_serves
from e3dnas.kernels.operator import forward_op

__all__ = ["depthwise_conv3d", "framewise_conv3d"]

compiler: Any = torch.compiler
jit: Any = torch.jit


def depthwise_conv3d(x_BCTHW: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1) -> Tensor:
    """Return the depthwise convolution with "same" padding, (k - 1) // 2, and a temporal stride of 1.

    On a GPU the fastest of PyTorch's convolutions and the Triton kernels, which is measured at the first use of a shape
    (``e3dnas.kernels.choosing``); on the CPU those of PyTorch's that are fast there (``e3dnas.kernels.cpu``). Plain
    PyTorch where ``E3DNAS_KERNELS=0`` says so, for other element types, and while the network is traced or exported, so
    that what is exported needs nothing of this package.

    Args:
        x_BCTHW: clips (B, C, T, H, W).
        weight: (C, 1, k_t, k, k), both sides odd.
        bias: (C,), or none.
        stride: spatial stride, 1 or 2.

    Returns:
        (B, C, T, ceil(H / stride), ceil(W / stride)); in channels_last_3d where our operator serves.

    Raises:
        E3DNASError: ``E3DNAS_KERNELS`` is neither 0 nor 1, or our operator is given sizes that it does not take.
    """
    if not _serves(x_BCTHW, weight):
        padding = (weight.shape[2] // 2, weight.shape[3] // 2, weight.shape[4] // 2)
        return F.conv3d(x_BCTHW, weight, bias, (1, stride, stride), padding, groups=weight.shape[0])
    if x_BCTHW.device.type == "cpu" and not _is_trained(x_BCTHW, weight):  # the operator's detour is for gradients
        y_BCTHW = cpu_forward(x_BCTHW, weight, Geometry.of(x_BCTHW.shape, weight.shape, stride))
    else:
        y_BCTHW = forward_op(as_channels_last(x_BCTHW), weight, stride)
    return y_BCTHW if bias is None else y_BCTHW + bias.to(y_BCTHW.dtype).view(-1, 1, 1, 1)


def framewise_conv3d(
    x_BCTHW: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, groups: int = 1
) -> Tensor:
    """Return the convolution with a 1 x k x k kernel, "same" padding and a temporal stride of 1.

    On the CPU it is a 2D convolution of all frames as images, which oneDNN serves better; everywhere else plain
    PyTorch. ``E3DNAS_KERNELS=0`` and tracing as in ``depthwise_conv3d``.

    Args:
        x_BCTHW: clips (B, C_in, T, H, W).
        weight: (C_out, C_in / groups, 1, k, k), k odd.
        bias: (C_out,), or none.
        stride: spatial stride.
        groups: groups of channels.

    Returns:
        (B, C_out, T, ceil(H / stride), ceil(W / stride)); in channels_last_3d where it is not plain PyTorch's.

    Raises:
        E3DNASError: ``E3DNAS_KERNELS`` is neither 0 nor 1.
    """
    pad = weight.shape[3] // 2
    if not (_is_free() and _is_faster_on_cpu(x_BCTHW, weight)):
        return F.conv3d(x_BCTHW, weight, bias, (1, stride, stride), (0, pad, pad), groups=groups)
    frames = as_channels_last(x_BCTHW).transpose(1, 2)
    y = F.conv2d(frames.flatten(0, 1), weight.squeeze(2), bias, stride, pad, groups=groups)
    return y.view(*frames.shape[:2], *y.shape[1:]).transpose(1, 2)


def _serves(x: Tensor, weight: Tensor) -> bool:
    """Return whether our operator takes these tensors here and now."""
    if not _is_free():
        return False
    return _is_faster_on_cpu(x, weight) or _triton_serves(x.device.type, _dtype(x))


def _is_free() -> bool:
    """Return whether the choice is ours: not turned off, and nothing is traced that is used without this package."""
    return not (jit.is_tracing() or _is_exporting() or _mode() == "off")


def _is_faster_on_cpu(x: Tensor, weight: Tensor) -> bool:
    """Return whether our ways are the faster ones on the CPU: in float32, but for what is compiled for inference.

    A static rule, so that the same network gives the same bits each time (benchmarks/cpu_kernels_*.md). In lower
    precision it depends on the processor; and Inductor chooses better where it sees PyTorch's own convolutions.
    """
    if x.device.type != "cpu" or _dtype(x) != torch.float32:
        return False
    return _is_trained(x, weight) or not compiler.is_compiling()


def _is_trained(x: Tensor, weight: Tensor) -> bool:
    """Return whether gradients are wanted."""
    return torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)


def _dtype(x: Tensor) -> torch.dtype:
    """Return the element type that a convolution of ``x`` is computed in, autocast considered."""
    if x.device.type in ("cpu", "cuda") and torch.is_autocast_enabled(x.device.type):
        return torch.get_autocast_dtype(x.device.type)
    return x.dtype


def _constant(function: Callable[..., Any]) -> Callable[..., Any]:
    """Have torch.compile take a function's answers as they are, instead of following it into the operating system.

    torch.compiler.assume_constant_result does the same, but loads the compiler for it: two seconds of every start.
    """
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


def _exporting() -> bool:
    # PyTorch 2.6 has no way to tell; there the operator is exported.
    return hasattr(compiler, "is_exporting") and bool(compiler.is_exporting())


_mode: Callable[[], Mode] = _constant(kernels_mode)
_triton_serves: Callable[[str, torch.dtype], bool] = _constant(triton_serves)
# Asked from inside torch.compile, PyTorch 2.11 would take it for an export.
_is_exporting: Callable[[], bool] = _constant(_exporting)
