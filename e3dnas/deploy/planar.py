"""A network computed with 2-D convolutions, for runtimes whose 3-D ones are slow (ONNX Runtime).

All frames of all clips stand in one batch, frame after frame: (B * T, C, H, W). A k_t x k x k convolution is then k_t
2-D ones, one a temporal tap, whose outputs are shifted in time and added; the arithmetic is the same but for the order
of sums. Measured with ONNX Runtime on E3D-S, one thread: 2.4 times as fast as the 3-D graph (benchmarks/deployment.py).

Shapes: B clips, C channels, T frames that enter, H and W pixels.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from e3dnas.models.layers import PooledShortcut, SqueezeExcitation

__all__ = ["Planar"]


class Planar(nn.Module):
    """A folded network with its convolutions, pools and squeeze-excitations made planar.

    Args:
        model: an ``E3D`` without batch norm, in evaluation mode; it is left as it is.
        example_BCTHW: a clip or more; the result takes clips of this size, in any number.
    """

    def __init__(self, model: nn.Module, example_BCTHW: Tensor) -> None:
        super().__init__()
        self.model = copy.deepcopy(model)
        frames = _frames_in(self.model, example_BCTHW)
        for parent in list(self.model.modules()):
            for name, child in list(parent.named_children()):
                if child in frames:
                    setattr(parent, name, _part(child)(child, frames[child]))

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Map clips (B, C, T, H, W) to logits (B, N)."""
        logits: Tensor = self.model(x_BCTHW.transpose(1, 2).flatten(0, 1))
        return logits


class _PlanarConv(nn.Module):
    def __init__(self, conv: nn.Conv3d, frames: int) -> None:
        super().__init__()
        kernel_t, stride_t = conv.kernel_size[0], conv.stride[0]
        middle = kernel_t // 2
        self.frames, self.stride_t = frames, stride_t
        self.out_frames = -(-frames // stride_t)
        # A tap that meets no frame at all (a kernel longer than twice the clip) adds nothing.
        self.offsets = [tap - middle for tap in range(kernel_t) if abs(tap - middle) < frames]
        self.taps = nn.ModuleList(_tap(conv, middle + offset) for offset in self.offsets)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        if len(self.taps) == 1 and self.stride_t == 1:
            return self.taps[0](x_NCHW)  # type: ignore[no-any-return]
        total: Tensor | None = None
        for offset, tap in zip(self.offsets, self.taps, strict=True):
            shifted_BTCHW = self._shifted(tap(x_NCHW), offset)
            total = shifted_BTCHW if total is None else total + shifted_BTCHW
        assert total is not None
        return total.flatten(0, 1)

    def _shifted(self, y_NCHW: Tensor, offset: int) -> Tensor:
        """Return frame t * stride + offset of what a tap gives as frame t, zero where the clip has no such frame."""
        y_BTCHW = _in_clips(y_NCHW, self.frames)
        first = max(-(offset // self.stride_t), 0)  # the first t with t * stride + offset >= 0
        count = min(self.out_frames, (self.frames - 1 - offset) // self.stride_t + 1) - first
        start = first * self.stride_t + offset
        if (first, start, count) != (0, 0, self.frames):
            y_BTCHW = y_BTCHW[:, start : start + (count - 1) * self.stride_t + 1 : self.stride_t]
        after = self.out_frames - first - count
        return functional.pad(y_BTCHW, (0, 0, 0, 0, 0, 0, first, after)) if first or after else y_BTCHW


def _tap(conv: nn.Conv3d, tap: int) -> nn.Conv2d:
    """Return one temporal tap; the middle one, which is never shifted out of the clip, has the bias."""
    flat = nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size[1:], conv.stride[1:], tuple(conv.padding)[1:],  # type: ignore[arg-type]
        groups=conv.groups, bias=conv.bias is not None and tap == conv.kernel_size[0] // 2,
    )  # fmt: skip
    with torch.no_grad():
        flat.weight.copy_(conv.weight[:, :, tap])
        if flat.bias is not None and conv.bias is not None:
            flat.bias.copy_(conv.bias)
    return flat


class _PlanarShortcut(nn.Module):
    """``PooledShortcut``: first over pixels, then over frames; at the border, over those that exist."""

    def __init__(self, shortcut: PooledShortcut, frames: int) -> None:
        super().__init__()
        self.frames, (self.stride_t, self.stride, _) = frames, shortcut.window

    def forward(self, x_NCHW: Tensor) -> Tensor:
        window = [min(self.stride, side) for side in x_NCHW.shape[2:]]
        y_NCHW = functional.avg_pool2d(x_NCHW, window, self.stride, ceil_mode=True, count_include_pad=False)
        if self.stride_t == 1:
            return y_NCHW
        parts = torch.split(_in_clips(y_NCHW, self.frames), self.stride_t, dim=1)
        return torch.cat([part.mean(1, keepdim=True) for part in parts], 1).flatten(0, 1)


class _PlanarSqueeze(nn.Module):
    def __init__(self, squeeze: SqueezeExcitation, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.reduce, self.expand = _tap(squeeze.reduce, 0), _tap(squeeze.expand, 0)
        self.act, self.gate = squeeze.act, squeeze.gate

    def forward(self, x_NCHW: Tensor) -> Tensor:
        x_BTCHW = _in_clips(x_NCHW, self.frames)
        mean_BC11 = x_BTCHW.mean((3, 4), keepdim=True).mean(1)
        gate_BC11 = self.gate(self.expand(self.act(self.reduce(mean_BC11))))
        scaled_BTCHW: Tensor = x_BTCHW * gate_BC11.unsqueeze(1)
        return scaled_BTCHW.flatten(0, 1)


class _PlanarPool(nn.Module):
    """The global pool, whose output is (B, C, 1, 1) again."""

    def __init__(self, pool: nn.Module, frames: int) -> None:
        super().__init__()
        self.frames, self.greatest = frames, isinstance(pool, nn.AdaptiveMaxPool3d)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        x_BTCHW = _in_clips(x_NCHW, self.frames)
        if self.greatest:
            return x_BTCHW.amax((1, 3, 4)).unsqueeze(2).unsqueeze(3)
        return x_BTCHW.mean((3, 4)).mean(1).unsqueeze(2).unsqueeze(3)


_PARTS: dict[type[nn.Module], Any] = {
    nn.Conv3d: _PlanarConv,
    PooledShortcut: _PlanarShortcut,
    SqueezeExcitation: _PlanarSqueeze,
    nn.AdaptiveAvgPool3d: _PlanarPool,
    nn.AdaptiveMaxPool3d: _PlanarPool,
}


def _part(module: nn.Module) -> Any:
    """Return what makes the planar form of a module; None: it has none."""
    return next((part for kind, part in _PARTS.items() if isinstance(module, kind)), None)


def _in_clips(x_NCHW: Tensor, frames: int) -> Tensor:
    """Return (B, T, C, H, W) of (B * T, C, H, W)."""
    return x_NCHW.reshape(-1, frames, *x_NCHW.shape[1:])


def _frames_in(model: nn.Module, example_BCTHW: Tensor) -> dict[nn.Module, int]:
    """Return how many frames enter each module that has a planar form; parts of a part are left to it."""
    frames: dict[nn.Module, int] = {}

    def note(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        frames[module] = given[0].shape[2]

    inner = {part for whole in model.modules() if isinstance(whole, SqueezeExcitation) for part in whole.children()}
    hooks = [m.register_forward_pre_hook(note) for m in model.modules() if _part(m) and m not in inner]
    with torch.inference_mode():
        model(example_BCTHW[:1])
    for hook in hooks:
        hook.remove()
    return frames
