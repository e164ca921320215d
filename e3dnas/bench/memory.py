"""The most memory that a step takes: weights, running statistics, clips, and what is computed. Needs torch."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import torch

from e3dnas.bench.ways import CONTIGUOUS, LAST

if TYPE_CHECKING:
    from e3dnas.arch import Architecture
    from e3dnas.bench.ways import Runner

__all__ = ["peak_mib"]

MIB = 2**20


def peak_mib(runner: Runner, architecture: Architecture) -> float | None:
    """Return the most MiB of one step, of this way alone; None: not known.

    On a GPU it is what PyTorch's allocator gave out in a step, other ways' weights not counted. On a CPU it is the sum
    of all tensors that live at once, which is known of a forward pass by PyTorch's own modules.
    """
    if runner.plan.device == "cuda":
        gc.collect()
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        runner()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before + runner.own_bytes) / MIB
    if runner.plan.train or runner.name not in (CONTIGUOUS, LAST):
        return None
    from e3dnas.machine.tracking import measured_peak

    return measured_peak(architecture, runner.plan.setting)
