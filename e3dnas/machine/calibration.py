"""What must be measured to predict a space, and measuring it: only what the kept table does not have yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from statistics import median
from typing import Any

import numpy as np

from e3dnas.arch import Architecture
from e3dnas.machine.meter import Meter
from e3dnas.machine.predictor import Predictor, corners
from e3dnas.machine.store import Store, measuring
from e3dnas.machine.units import Kind, Style, Unit, parts_of
from e3dnas.space.space import Genotypes, SearchSpace

__all__ = ["REFERENCE_KEY", "calibrated", "network_key", "spread_sample"]

SAMPLE = 2048
CHUNK = 64
"""Units that are measured by turns, so that a moment of noise hits one turn of each."""
TURNS = 4
REFERENCE_KEY = "reference network"
"""The name in the kept table of what the reference network usually takes: the unit of all later measurements."""
NETWORKS = 16
"""Whole networks that the predictor's three factors are fitted to."""
Step = Callable[[int, int], None]
"""Told how many of how many measurements are done."""


def calibrated(
    space: SearchSpace, store: Store, meter: Meter, slowest_ms: float, step: Step | None = None
) -> Predictor:
    """Return the predictor of a space, measuring what is not kept yet.

    Args:
        space: the space.
        store: what is known; what is measured is kept there.
        meter: what measures.
        slowest_ms: units that take longer are not measured: no network of interest has one. Whole networks are
            chosen up to twice this.
        step: told of the progress.
    """
    style = Style.of(space)
    genotypes = spread_sample(space)
    wanted = wanted_units(space, genotypes, style)
    missing, times = _known(wanted, store, slowest_ms)
    if missing:
        with measuring(), meter.ready():
            missing, _ = _known(wanted, store, slowest_ms)  # another process may have measured them meanwhile
            _measure(missing, store, meter, slowest_ms, step or _silent)
            _, times = _known(wanted, store, slowest_ms)
    predictor = Predictor(times, style)
    _fit(predictor, space, genotypes, store, meter, 2 * slowest_ms)
    return predictor


def spread_sample(space: SearchSpace, count: int = SAMPLE, seed: int = 0) -> Genotypes:
    """Return genotypes (count, G) of a space from its smallest networks to its largest."""
    rng = np.random.default_rng(seed)
    drawn = space.sample(rng, count)
    shrunk = drawn * np.sqrt(rng.random((count, 1)))
    return space.repair((shrunk + rng.random(drawn.shape)).astype(np.int64))  # rounded up as often as it is near


def wanted_units(space: SearchSpace, genotypes: Genotypes, style: Style) -> list[Unit]:
    """Return the units at the corners of the grid that the networks of genotypes (N, G) need, the least work first."""
    found: dict[Unit, None] = {}
    parts = parts_of(space.table(genotypes), style)
    used = parts.repeat > 0
    columns = np.stack([parts.code[used], parts.c_in[used].astype(np.int64), parts.c_out[used].astype(np.int64)])
    kinds: dict[int, Kind] = {}
    for code, c_in, c_out in np.unique(columns, axis=1).T.tolist():
        kind = kinds.setdefault(code, parts.kind(code))
        for wide in corners(c_out):
            for deep in corners(c_in) if kind.has_two_widths else (wide,):
                found[Unit(kind, deep, wide)] = None
    return sorted(found, key=lambda unit: unit.work)


def network_key(architecture: Architecture) -> str:
    """Return the name of a whole network in the kept table: that of its spec, whatever it is called."""
    data = {key: value for key, value in architecture.to_dict().items() if key != "name"}
    return f"network {sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:24]}"


def _known(units: Sequence[Unit], store: Store, slowest_ms: float) -> tuple[list[Unit], dict[Unit, float]]:
    """Return the units that are to be measured, and the times of the others but for those that are known too slow."""
    times = {unit: store.times[unit.key] for unit in units if unit.key in store.times}
    slow: dict[Kind, int] = {}
    for unit, ms in times.items():
        if ms > slowest_ms:
            slow[unit.kind] = min(unit.work, slow.get(unit.kind, unit.work))
    return [u for u in units if u not in times and (u.kind not in slow or u.work < slow[u.kind])], times


def _measure(units: Sequence[Unit], store: Store, meter: Meter, slowest_ms: float, step: Step) -> None:
    """Measure units, the least work first; of a kind that has reached ``slowest_ms`` no more."""
    done: set[Kind] = set()
    for start in range(0, len(units), CHUNK):
        step(start, len(units))
        takes = {unit: meter.unit(unit) for unit in units[start : start + CHUNK] if unit.kind not in done}
        best = {unit: take() for unit, take in takes.items()}
        for _ in range(TURNS - 1):
            for unit, take in takes.items():
                if best[unit] <= slowest_ms:
                    best[unit] = min(best[unit], take())
        done |= {unit.kind for unit, ms in best.items() if ms > slowest_ms}
        store.add({unit.key: ms for unit, ms in best.items()})
    step(len(units), len(units))


def _fit(
    predictor: Predictor, space: SearchSpace, genotypes: Genotypes, store: Store, meter: Meter, most_ms: float
) -> None:
    """Fit a predictor to whole networks, spread evenly from the fastest of the sample to the slowest of interest.

    The first ones measured in a setting also say how long the reference network usually takes there.
    """
    chosen = [space.architecture(one) for one in genotypes[_spread(predictor(space.table(genotypes)), most_ms)]]
    missing = [one for one in chosen if network_key(one) not in store.times]
    if missing or REFERENCE_KEY not in store.times:
        with measuring(), meter.ready():
            found = {network_key(one): meter.network(one) for one in missing or chosen[:1]}
        beside = [ms for passes in found.values() for ms in passes.reference]
        usual = store.times.get(REFERENCE_KEY, median(beside))
        store.add({REFERENCE_KEY: usual} | {key: usual * passes.ratio for key, passes in found.items()})
    predictor.fit([one.table() for one in chosen], [store.times[network_key(one)] for one in chosen])


def _spread(ms: Any, most_ms: float) -> list[int]:
    order = [int(i) for i in np.argsort(ms, kind="stable") if ms[i] <= most_ms] or [int(np.argmin(ms))]
    logs = np.log(ms[order])
    targets = np.linspace(logs[0], logs[-1], NETWORKS)
    return list(dict.fromkeys(order[int(np.abs(logs - target).argmin())] for target in targets))


def _silent(done: int, total: int) -> None:
    """Tell nobody."""
