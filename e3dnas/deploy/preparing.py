"""From a network as it is trained to the graph that is written: folded, plain convolutions, any number of clips."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.export import ExportedProgram

    from e3dnas.arch import Clip

__all__ = ["capture", "plain", "quiet", "random_clips"]

EXAMPLE = 2
"""Clips of the example that a graph is recorded with; with one, PyTorch would take the number for fixed."""


def random_clips(clip: Clip, count: int, seed: int = 0) -> Tensor:
    """Return clips (count, C, T, H, W) of random values, of the size and spread of normalised pixels."""
    import torch

    shape = (count, clip.channels, clip.frames, clip.size, clip.size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def plain(model: nn.Module) -> nn.Module:
    """Return a copy of a network with its batch norms folded and every module PyTorch's own, on the CPU in fp32.

    Whatever computes its convolutions and pools faster here, a subclass or a method laid over that of the class, is not
    known to other runtimes.
    """
    from torch import nn

    from e3dnas.models.folding import fold_batchnorm

    folded = fold_batchnorm(model).cpu().float().requires_grad_(False)
    for parent in list(folded.modules()):
        for method in [name for name in vars(parent) if callable(getattr(type(parent), name, None))]:
            delattr(parent, method)
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv3d) and type(child) is not nn.Conv3d:
                setattr(parent, name, _plain_convolution(child))
    return folded


def _plain_convolution(conv: nn.Conv3d) -> nn.Conv3d:
    from torch import nn

    fresh = nn.Conv3d(
        conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, groups=conv.groups,  # type: ignore[arg-type]
        bias=conv.bias is not None, device="meta",
    )  # fmt: skip
    fresh.weight, fresh.bias = conv.weight, conv.bias
    return fresh.eval()


def capture(model: nn.Module, example_BCTHW: Tensor) -> ExportedProgram:
    """Return the graph of a network for clips of the example's size, in any number from one up."""
    import torch

    any_number = torch.export.Dim("batch", min=1)
    with quiet():
        return torch.export.export(model, (example_BCTHW,), dynamic_shapes=({0: any_number},), strict=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what exporters say of themselves (deprecations of their own parts, progress) from the user."""
    import logging

    loggers = [logging.getLogger(name) for name in ("torch", "torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    before = [one.level for one in loggers]
    try:
        for one in loggers:
            one.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)
