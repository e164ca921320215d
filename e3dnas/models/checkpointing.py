"""Gradient checkpointing that leaves the statistics of BN as they would be without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

__all__ = ["checkpointed"]


def checkpointed(module: nn.Module, x: Tensor) -> Tensor:
    """Return ``module(x)``, computed again in the backward pass instead of kept in memory.

    The second pass would count every batch twice in the running statistics of BN; here it leaves them alone.
    """
    context: dict[str, Any] = {"context_fn": partial(_contexts, module)}
    if torch.compiler.is_compiling():
        context = {}  # the compiler takes no context of ours
    y: Tensor = checkpoint(module, x, use_reentrant=False, **context)
    return y


def _contexts(module: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _statistics_kept(module)


@contextmanager
def _statistics_kept(module: nn.Module) -> Iterator[None]:
    """Let every BN of ``module`` normalise as in training, but not move its running statistics."""
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.training and m.track_running_stats]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
