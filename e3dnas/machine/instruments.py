"""The measures that only a machine knows, as a space names them: each predicts for screening, and measures a trial."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Protocol

from e3dnas.arch import Architecture
from e3dnas.arch.table import Array, LayerTable
from e3dnas.errors import E3DNASError
from e3dnas.machine.calibration import REFERENCE_KEY, calibrated
from e3dnas.machine.memory import peak_memory
from e3dnas.machine.meter import Meter, make_meter
from e3dnas.machine.predictor import Predictor
from e3dnas.machine.setting import Setting, check_here
from e3dnas.machine.store import Store, measuring
from e3dnas.measure.registry import Measure
from e3dnas.space.declaration import ON_A_MACHINE
from e3dnas.space.space import SearchSpace

__all__ = ["Instrument", "Latency", "OnMachine", "PeakMemory", "Watch", "instruments_of"]

RECENT = 16
"""So many of the last networks say how far measured and predicted are apart."""
UNLIMITED_MS = 100.0
"""How slow a network of interest is where no budget says it."""


class Watch(Protocol):
    """Told what is being prepared: text, and how many of how many measurements are done."""

    def __call__(self, text: str, done: int, total: int) -> None:
        """Show a step."""


class Instrument:
    """Predicts and measures one number of networks in one setting; see ``Latency`` and ``PeakMemory``.

    Args:
        name: the measure's name.
        space: the space whose networks it is for.

    Attributes:
        ratio: measured over predicted, the median of the last networks that it was told of; predictions are
            multiplied by it.
    """

    def __init__(self, name: str, space: SearchSpace) -> None:
        self.name, self.space = name, space
        self.budget = space.declaration.budgets.get(name)
        self.setting = Setting.of(self.budget)
        self.ratio = 1.0
        self._recent: deque[float] = deque(maxlen=RECENT)

    def check(self) -> None:
        """Refuse a setting that this machine does not have, before anything runs.

        Raises:
            E3DNASError: there is no such device here, or it has fewer threads.
        """
        try:
            check_here(self.setting)
        except E3DNASError as error:
            key, _, rest = str(error).partition(": ")
            where = self.space.document.where(("budgets", self.name, key))
            raise E3DNASError(f"{where}: {rest}" if where else str(error)) from None

    def prepare(self, watch: Watch | None = None) -> None:
        """Get ready to predict; may take a while the first time."""

    def predicted(self, table: LayerTable) -> Array:
        """Return the expected number of N networks, shape (N,)."""
        return self.ratio * self.plain(table)

    def plain(self, table: LayerTable) -> Array:
        """Return the prediction without what trials have taught, shape (N,)."""
        raise NotImplementedError

    def taken(self, architecture: Architecture, *, thorough: bool = False) -> dict[str, float]:
        """Return what is measured of a network by name, the prediction included; ``thorough``: more exactly."""
        raise NotImplementedError

    def learn(self, measures: Mapping[str, Any]) -> None:
        """Take up the measures of one more trial."""
        found, expected = measures.get(self.name), measures.get(f"{self.name}_predicted")
        if found and expected:
            self._recent.append(found / expected)
            self.ratio = median(self._recent)


class Latency(Instrument):
    """``latency_ms``: milliseconds of one pass from clips to logits; see ``TorchMeter`` for how it is measured."""

    def __init__(self, space: SearchSpace) -> None:
        super().__init__("latency_ms", space)
        self._predictor: Predictor | None = None
        self._usual = 0.0
        self._meter: Meter | None = None

    def prepare(self, watch: Watch | None = None) -> None:
        """Measure the units of the space that are not in the kept table yet."""
        store = Store(self.setting)
        if store.problem and watch is not None:
            watch(store.problem, 0, 0)
        limit = self.budget.max if self.budget is not None else None

        def step(done: int, total: int) -> None:
            if watch is not None:
                watch(f"latency: {total} parts of networks are measured on this machine, once", done, total)

        self._predictor = calibrated(self.space, store, self.meter, (limit or UNLIMITED_MS) / 2, step)
        self._usual = store.times[REFERENCE_KEY]

    @property
    def meter(self) -> Meter:
        """What measures."""
        if self._meter is None:
            self._meter = make_meter(self.setting)
        return self._meter

    def plain(self, table: LayerTable) -> Array:
        """Return the predicted milliseconds of N networks, shape (N,)."""
        assert self._predictor is not None, "prepare first"
        return self._predictor(table)

    def taken(self, architecture: Architecture, *, thorough: bool = False) -> dict[str, float]:
        """Return milliseconds at the usual speed of the machine, their standard error, by the wall now, predicted."""
        with measuring(), self.meter.ready():
            passes = self.meter.network(architecture, thorough=thorough)
        ms = self._usual * passes.ratio
        found = {"": ms, "_error": ms * passes.error, "_wall": passes.wall}
        found["_predicted"] = float(self.plain(architecture.table())[0])
        return {self.name + key: round(value, 4) for key, value in found.items()}


class PeakMemory(Instrument):
    """``peak_memory_mib``: the most memory that weights, clips and maps of one pass take together, in MiB."""

    def __init__(self, space: SearchSpace) -> None:
        super().__init__("peak_memory_mib", space)

    def plain(self, table: LayerTable) -> Array:
        """Return the memory of N networks by the sizes of their maps, shape (N,)."""
        return peak_memory(table, self.space, self.setting)

    def taken(self, architecture: Architecture, *, thorough: bool = False) -> dict[str, float]:
        """Return measured and predicted MiB."""
        from e3dnas.machine.tracking import measured_peak

        with measuring():
            found = measured_peak(architecture, self.setting)
        expected = float(self.plain(architecture.table())[0])
        return {self.name: round(found, 4), f"{self.name}_predicted": round(expected, 4)}


@dataclass(frozen=True)
class OnMachine(Measure):
    """A measure of an instrument: screened by its prediction, measured of every trial."""

    instrument: Instrument | None = field(default=None, kw_only=True)

    def taken(self, architecture: Architecture, *, thorough: bool = False) -> dict[str, float]:
        """Return what the instrument measures of a network; ``thorough``: more exactly."""
        assert self.instrument is not None
        return self.instrument.taken(architecture, thorough=thorough)


MAKERS: dict[str, Callable[[SearchSpace], Instrument]] = {"latency_ms": Latency, "peak_memory_mib": PeakMemory}


def instruments_of(space: SearchSpace) -> dict[str, OnMachine]:
    """Return the measures of a space that need a machine, by name, checked but not prepared.

    Raises:
        E3DNASError: a setting that this machine does not have.
    """
    declaration = space.declaration
    names = [name for name in ON_A_MACHINE if name in {*declaration.budgets, *declaration.goals}]
    found = {}
    for name in names:
        instrument = MAKERS[name](space)
        instrument.check()
        found[name] = OnMachine(name, instrument.predicted, "table", instrument=instrument)
    return found
