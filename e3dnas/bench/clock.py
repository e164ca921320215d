"""Timing one step, and the process set up for it. Needs torch.

Times are milliseconds. On a GPU they are those between two events around the step, which nothing overlaps: the GPU is
idle before it. On a CPU with one thread they are CPU time of the process, what the wall clock shows on a quiet machine;
with more threads the wall clock's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from e3dnas.bench.plan import Plan
from e3dnas.machine.meter import keep_memory

__all__ = ["Clock", "kernels_set", "ready"]

SWITCH = "E3DNAS_KERNELS"
cuda: Any = torch.cuda


class Clock:
    """Times steps on the device of a plan.

    Args:
        plan: the plan.

    Attributes:
        text: what it shows, in words.
    """

    def __init__(self, plan: Plan) -> None:
        self.on_gpu = plan.device == "cuda"
        self._now = time.process_time if plan.threads == 1 else time.perf_counter
        self.text = "wall clock"
        if self.on_gpu:
            self.text = "CUDA events"
        elif plan.threads == 1:
            self.text = "CPU time of the process"

    def __call__(self, run: Callable[[], object]) -> float:
        """Return the milliseconds of one run."""
        if not self.on_gpu:
            start = self._now()
            run()
            return max(1e3 * (self._now() - start), 1e-6)
        begin, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        cuda.synchronize()
        begin.record()
        run()
        end.record()
        end.synchronize()
        return max(float(begin.elapsed_time(end)), 1e-6)


@contextmanager
def ready(plan: Plan) -> Iterator[None]:
    """Set threads, allocator and cuDNN up while steps are measured; threads, cuDNN and the switch are set back."""
    threads, search = torch.get_num_threads(), torch.backends.cudnn.benchmark
    if plan.device == "cpu":
        keep_memory()
        torch.set_num_threads(plan.threads)
    torch.backends.cudnn.benchmark = True
    try:
        with kernels_set(os.environ.get(SWITCH)):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cudnn.benchmark = search


@contextmanager
def kernels_set(value: str | None) -> Iterator[None]:
    """Set ``E3DNAS_KERNELS`` to ``value`` for a while; None: not set."""
    before = os.environ.get(SWITCH)
    _put(value)
    try:
        yield
    finally:
        _put(before)


def _put(value: str | None) -> None:
    if value is None:
        os.environ.pop(SWITCH, None)
    else:
        os.environ[SWITCH] = value
