"""How good a network of a space can be: the proven bound on its score, and the network that reaches it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from e3dnas.arch import Architecture
from e3dnas.bound.links import SpaceChain
from e3dnas.bound.solving import Solution, solve
from e3dnas.bound.sums import Sum, sum_of
from e3dnas.errors import E3DNASError, nearest
from e3dnas.measure.cost import LAYER_COSTS
from e3dnas.measure.registry import measure_table
from e3dnas.space import SearchSpace, load_space

__all__ = ["Bound", "bound", "budgets_of", "least"]


@dataclass(frozen=True)
class Bound:
    """What is proven of a space.

    No network within its budgets scores above ``upper``. ``score`` is that of the best one found, ``architecture`` and
    ``measures`` are its own; all None where no network was found. ``gap`` is what ``score`` may lack of the optimum, as
    a share of it, and exactly 0 when ``exact``: then the network is proven the best (or, without one, that there is
    none). ``seconds`` is the wall time.
    """

    space: str
    measure: str
    upper: float
    score: float | None
    exact: bool
    architecture: Architecture | None
    measures: Mapping[str, float]
    params: Mapping[str, Any]
    seconds: float

    @property
    def gap(self) -> float | None:
        """(upper - score) / score, 0.0 where exact, None without a network."""
        if self.score is None:
            return None
        return 0.0 if self.exact else (self.upper - self.score) / abs(self.score)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        found = None
        if self.architecture is not None:
            found = {**self.measures, "architecture": self.architecture.to_dict()}
        return {
            "space": self.space, "measure": self.measure, "bound": self.upper, "score": self.score, "gap": self.gap,
            "exact": self.exact, "best": found, "seconds": round(self.seconds, 3),
        }  # fmt: skip


def bound(space: SearchSpace | str | Path | Mapping[str, Any]) -> Bound:
    """Solve a space: the best network within its budgets, with proof.

    Args:
        space: a space, a YAML file, the name of a shipped one, or plain data.

    Raises:
        E3DNASError: the space cannot be read, or its score or one of its budgets is no sum over layers.
    """
    loaded = load_space(space)
    score = loaded.declaration.score
    return _solved(loaded, score.name, sum_of(score.name, score.options, loaded), budgets_of(loaded), 1.0)


def least(space: SearchSpace | str | Path | Mapping[str, Any], measure: str, within: float) -> Bound:
    """Return, of all networks within a share of the best score, the one with the least of another measure.

    Args:
        space: as for ``bound``.
        measure: ``params``, ``flops``, ``conv_macs``, ``activations`` or ``layers``.
        within: how much of the best score may be given up, as a share: 0.001 is 0.1 %.

    Returns:
        The network and the proof: ``upper`` is the least that is possible of the measure, ``score`` what was found.

    Raises:
        E3DNASError: as for ``bound``; no such measure; no network keeps the budgets.
    """
    if measure not in LAYER_COSTS:
        near = nearest(measure, LAYER_COSTS)
        raise E3DNASError(f"--minimise {measure}: must be one of {', '.join(LAYER_COSTS)}{near}")
    loaded = load_space(space)
    best = bound(loaded)
    if best.score is None:
        raise E3DNASError(f"{loaded.name}: no network of the space keeps its budgets")
    score = loaded.declaration.score
    floor = best.score - within * abs(best.score)
    limits = [*budgets_of(loaded), (sum_of(score.name, score.options, loaded), -1.0, -floor)]
    found = _solved(loaded, measure, sum_of(measure, {}, loaded), limits, -1.0)
    return replace(found, seconds=best.seconds + found.seconds)


def budgets_of(space: SearchSpace) -> list[tuple[Sum, float, float]]:
    """Return every limit as (measure, sign, limit): sign x measure is at most limit."""
    limits = []
    for name, budget in space.declaration.budgets.items():
        one = sum_of(name, {}, space)
        limits += [(one, sign, sign * limit) for limit, sign in ((budget.max, 1.0), (budget.min, -1.0))
                   if limit is not None]  # fmt: skip
    return limits


def _solved(space: SearchSpace, name: str, value: Sum, limits: list[tuple[Sum, float, float]], sign: float) -> Bound:
    started = time.perf_counter()
    chain = SpaceChain(space, value, limits, sign)
    found: Solution = solve(chain.chain)
    architecture, measures, params = None, {}, {}
    if found.path is not None:
        genotype = chain.genotype(found.path)
        architecture = space.architecture(genotype)
        params = space.params(genotype)
        measures = {key: float(values[0]) for key, values in measure_table(architecture.table()).items()}
    upper = math.floor(found.upper) if name in LAYER_COSTS and np.isfinite(found.upper) else found.upper
    return Bound(
        space=space.name,
        measure=name,
        upper=sign * upper,
        score=None if found.value is None else sign * found.value,
        exact=found.exact,
        architecture=architecture,
        measures=measures,
        params=params,
        seconds=time.perf_counter() - started,
    )
