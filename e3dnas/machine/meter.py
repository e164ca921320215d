"""Measuring on the device itself: units and whole networks, in evaluation mode, without gradients. Needs torch.

Times are milliseconds. On a CPU with one thread the clock is that thread's own: what the wall clock shows on a quiet
machine, less what other processes took of the core; everywhere else it is the wall clock. Of a unit the least of
several takes counts, for noise only adds. A whole network takes turns with a reference network: a machine that shares
caches and memory with others is by a third slower for seconds or minutes, and so are both; their ratio is not.
"""

from __future__ import annotations

import ctypes
import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Protocol

from e3dnas.arch import Architecture, load_architecture
from e3dnas.machine.setting import Setting
from e3dnas.machine.units import Unit

if TYPE_CHECKING:
    import torch

__all__ = ["Meter", "Passes", "TorchMeter", "make_meter"]

WARM_UP = 2
PASSES, MOST_PASSES = 5, 40
ENOUGH_MS = 800.0
"""A network is run at least ``PASSES`` times, and so long as all of them took less than this."""
THOROUGH = 3
"""So many times as many passes for another look."""
REFERENCE = {"frames": 8, "size": 64}
"""The clip of the reference network, E3D-S."""
SHORT_MS = 0.5
"""Units shorter than this are run several times in a row."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGE = 2**31 - 1


@dataclass(frozen=True)
class Passes:
    """Passes of one network and, before each of them, of the reference network: milliseconds.

    Attributes:
        own: of the network.
        reference: of the reference network, as many.
        wall: the median of the network's by the wall clock.
    """

    own: tuple[float, ...]
    reference: tuple[float, ...]
    wall: float

    @property
    def ratio(self) -> float:
        """How many times as long as the reference network it takes."""
        return math.fsum(self.own) / math.fsum(self.reference)

    @property
    def error(self) -> float:
        """The standard error of the ratio, as a share of it."""
        if len(self.own) < 2:
            return 0.0
        ratios = [own / reference for own, reference in zip(self.own, self.reference, strict=True)]
        return statistics.stdev(ratios) / statistics.mean(ratios) / math.sqrt(len(ratios))


class Meter(Protocol):
    """What measures; tests have one that computes its times."""

    def ready(self) -> AbstractContextManager[None]:
        """Set the device up while it measures."""

    def unit(self, unit: Unit) -> Callable[[], float]:
        """Return a function that runs a unit and returns its time."""

    def network(self, architecture: Architecture, *, thorough: bool = False) -> Passes:
        """Return the times of a whole network, clips to logits; ``thorough``: of more passes."""


def make_meter(setting: Setting) -> TorchMeter:
    """Return what measures a setting on this machine."""
    return TorchMeter(setting)


class TorchMeter:
    """Runs PyTorch modules in one setting."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self._pool: torch.Tensor | None = None
        self._reference: Callable[[], object] | None = None
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

    def network(self, architecture: Architecture, *, thorough: bool = False) -> Passes:
        """Return the times of a whole network with its classifier, on clips of noise; ``thorough``: of more passes."""
        if self._reference is None:
            self._reference = self._running(load_architecture("e3d_s", **REFERENCE))
        run, factor = self._running(architecture), THOROUGH if thorough else 1
        own: list[float] = []
        beside: list[float] = []
        walls: list[float] = []
        while len(own) < PASSES * factor or (sum(own) < ENOUGH_MS * factor and len(own) < MOST_PASSES * factor):
            beside.append(self._time(self._reference, 1))
            started = time.perf_counter()
            own.append(self._time(run, 1))
            walls.append((time.perf_counter() - started) * 1e3)
        return Passes(tuple(own), tuple(beside), statistics.median(walls))

    def _running(self, architecture: Architecture) -> Callable[[], object]:
        """Return a function that runs a network on clips of noise, warmed up."""
        import torch

        from e3dnas.models.network import E3D

        clip = architecture.clip
        model = E3D(architecture).eval().to(self.setting.device, self._dtype())
        x_BCTHW = torch.randn(self.setting.batch, clip.channels, clip.frames, clip.size, clip.size)
        x_BCTHW = x_BCTHW.to(self.setting.device, self._dtype())
        for _ in range(WARM_UP):
            model(x_BCTHW)
        return lambda: model(x_BCTHW)

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
        """Return noise of a shape; all units share one piece of memory, as large as the largest of them needs.

        Clips are in the memory format in which our kernels leave them to the next unit.
        """
        import torch

        from e3dnas.kernels.mode import kernels_serve

        count = prod(shape)
        if self._pool is None or len(self._pool) < count:
            self._pool = torch.rand(count).to(self.setting.device, self._dtype())
        if len(shape) == 5 and kernels_serve(self.setting.device, self._dtype()):
            return self._pool[:count].view(shape[0], *shape[2:], shape[1]).movedim(-1, 1)
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
