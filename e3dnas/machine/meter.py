"""Measuring on the device itself: units and whole networks, in evaluation mode, without gradients. Needs torch.

Times are milliseconds. On a CPU with one thread the clock is that thread's own: what the wall clock shows on a quiet
machine, less what other processes took of the core; everywhere else it is the wall clock. The least of several passes
is what counts, for noise only adds.
"""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Protocol

from e3dnas.arch import Architecture
from e3dnas.machine.setting import Setting
from e3dnas.machine.units import Unit

if TYPE_CHECKING:
    import torch

__all__ = ["Meter", "Passes", "TorchMeter", "make_meter"]

WARM_UP = 2
PASSES, MOST_PASSES = 5, 30
ENOUGH_MS = 400.0
"""A network is run at least ``PASSES`` times, and so long as all of them took less than this."""
SHORT_MS = 0.5
"""Units shorter than this are run several times in a row."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGE = 2**31 - 1


@dataclass(frozen=True)
class Passes:
    """Passes of one network: the least and the median time, and the least by the wall clock, in milliseconds."""

    least: float
    median: float
    wall: float


class Meter(Protocol):
    """What measures; tests have one that computes its times."""

    def ready(self) -> AbstractContextManager[None]:
        """Set the device up while it measures."""

    def unit(self, unit: Unit) -> Callable[[], float]:
        """Return a function that runs a unit and returns its time."""

    def network(self, architecture: Architecture) -> Passes:
        """Return the times of a whole network, clips to logits."""


def make_meter(setting: Setting) -> TorchMeter:
    """Return what measures a setting on this machine."""
    return TorchMeter(setting)


class TorchMeter:
    """Runs PyTorch modules in one setting."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._pool: torch.Tensor | None = None
        self._clock = time.thread_time if setting.device == "cpu" and setting.threads == 1 else time.perf_counter

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Set threads and allocator, without gradients; threads and gradients are set back afterwards."""
        import torch

        keep_memory()
        before = torch.get_num_threads()
        if self.setting.device == "cpu":
            torch.set_num_threads(self.setting.threads)
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                yield
        finally:
            torch.set_num_threads(before)
            self._pool = None

    def unit(self, unit: Unit) -> Callable[[], float]:
        """Return a function that runs a unit and returns its time."""
        from e3dnas.machine.building import input_shape, module_of

        module = module_of(unit).to(self.setting.device, self._dtype())
        clip = self._input(input_shape(unit, self.setting.batch))
        self._time(lambda: module(clip), 1)  # libraries choose and prepare their kernels now
        rough = self._time(lambda: module(clip), 1)
        count = max(1, min(20, round(SHORT_MS / max(rough, 1e-3))))
        return lambda: self._time(lambda: module(clip), count)

    def network(self, architecture: Architecture) -> Passes:
        """Return the times of a whole network with its classifier, on clips of noise."""
        import torch

        from e3dnas.models.network import E3D

        clip = architecture.clip
        model = E3D(architecture).eval().to(self.setting.device, self._dtype())
        x_BCTHW = torch.randn(self.setting.batch, clip.channels, clip.frames, clip.size, clip.size)
        x_BCTHW = x_BCTHW.to(self.setting.device, self._dtype())
        for _ in range(WARM_UP):
            model(x_BCTHW)
        times: list[float] = []
        walls: list[float] = []
        while len(times) < PASSES or (sum(times) < ENOUGH_MS and len(times) < MOST_PASSES):
            started = time.perf_counter()
            times.append(self._time(lambda: model(x_BCTHW), 1))
            walls.append((time.perf_counter() - started) * 1e3)
        return Passes(min(times), statistics.median(times), min(walls))

    def _time(self, run: Callable[[], object], count: int) -> float:
        """Return the milliseconds of one run, of so many in a row; on a GPU these queue up as in a network."""
        self._synchronise()
        started = self._clock()
        for _ in range(count):
            run()
        self._synchronise()
        return max((self._clock() - started) * 1e3 / count, 1e-6)

    def _synchronise(self) -> None:
        if self.setting.device != "cpu":
            import torch

            torch.cuda.synchronize()

    def _dtype(self) -> torch.dtype:
        import torch

        dtype: torch.dtype = getattr(torch, self.setting.dtype)
        return dtype

    def _input(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Return noise of a shape; all units share one piece of memory, as large as the largest of them needs."""
        import torch

        count = prod(shape)
        if self._pool is None or len(self._pool) < count:
            self._pool = torch.rand(count).to(self.setting.device, self._dtype())
        return self._pool[:count].view(shape)


def keep_memory() -> None:
    """Let this process keep the memory it frees, as far as its C library can.

    By default glibc hands large blocks back at once, and asks for them again in the next layer: that costs between
    nothing and half of a network's time, by accident of where its tensors come to lie. A process that serves a network
    should do the same, by this call or by ``MALLOC_TRIM_THRESHOLD_`` and ``MALLOC_MMAP_THRESHOLD_`` in its environment.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return
    for option in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
        mallopt(ctypes.c_int(option), ctypes.c_int(LARGE))
