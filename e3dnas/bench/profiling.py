"""What one step spends its time on: kernels of a GPU, operators of a CPU, by their own time. Needs torch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Kernel", "top_kernels"]

MOST = 20


@dataclass(frozen=True)
class Kernel:
    """A kernel or operator in one step.

    Attributes:
        name: as the profiler has it.
        ms: its own time, all calls together.
        calls: how often it ran.
        share: of the own time of all.
    """

    name: str
    ms: float
    calls: int
    share: float


def top_kernels(step: Callable[[], object], device: str) -> list[Kernel]:
    """Return what one step spent most time on, longest first; nothing where PyTorch's profiler sees nothing.

    Times under a profiler are longer than without; the shares are what is meant.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else it says on stderr when it starts, and that there is no GPU
    profiler: Any = torch.profiler
    activities = [profiler.ProfilerActivity.CPU]
    if device == "cuda":
        activities.append(profiler.ProfilerActivity.CUDA)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch 2.11 warns of what concerns several steps
        with profiler.profile(activities=activities) as seen:
            step()
            if device == "cuda":
                torch.cuda.synchronize()
        events = seen.key_averages()
    if device == "cuda":
        autograd: Any = torch.autograd
        on_gpu = [one for one in events if one.device_type == autograd.DeviceType.CUDA]
        rows = [(one.key, one.self_device_time_total, one.count) for one in on_gpu]
    else:
        rows = [(one.key, one.self_cpu_time_total, one.count) for one in events]
    total = sum(row[1] for row in rows)
    longest = sorted(rows, key=lambda row: -row[1])[:MOST]
    return [Kernel(name, us / 1e3, int(calls), us / total) for name, us, calls in longest if us > 0]
