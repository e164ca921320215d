"""What figures of a run are drawn from: its trials, axes of its measures, and the part of the plane worth showing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.trial import TrialState

from e3dnas.errors import E3DNASError
from e3dnas.measure.registry import COUNTS
from e3dnas.report.charts.chart import Axis, Line, Role, Series
from e3dnas.report.numbers import format_count
from e3dnas.search.elite import feasible

if TYPE_CHECKING:
    from e3dnas.search.reading import Run

__all__ = [
    "NothingToDraw",
    "Seen",
    "budget_lines",
    "focus",
    "measure_axis",
    "points_of",
    "seen_trials",
    "sentences",
    "short_name",
]

UNITS = {
    "flops": "operations for one clip, as thop counts",
    "conv_macs": "multiply-accumulates of the convolutions",
    "params": "weights of the backbone",
    "layers": "convolutions",
    "activations": "numbers for one clip",
}
BESIDE = ("flops", "params", "layers")
"""Measures that are told of every trial, besides those on the axes."""
LOW = 10
"""The lowest so many percent of the trials, as a rule the first ones, may lie outside of what is shown at first."""


class NothingToDraw(E3DNASError):
    """A figure that a run has no numbers for; the message says why."""


@dataclass(frozen=True)
class Seen:
    """A finished trial: its number, what it was told to be worth, whether it keeps the budgets, and its measures."""

    number: int
    values: tuple[float, ...]
    within: bool
    measures: Mapping[str, Any]


def seen_trials(run: Run) -> list[Seen]:
    """Return the trials of a run that have a network, in order.

    Raises:
        NothingToDraw: there is none yet.
    """
    done = run.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not done:
        raise NothingToDraw("no trial has finished yet")
    return [Seen(trial.number, tuple(trial.values or ()), feasible(trial), trial.user_attrs) for trial in done]


def short_name(measure: str) -> str:
    """Return a measure's name as it is shown: of package.module:function, the function."""
    return measure.rpartition(":")[2]


def measure_axis(measure: str, view: tuple[float, float] | None = None) -> Axis:
    """Return the axis of a measure."""
    large = measure in COUNTS - {"layers"}
    return Axis(short_name(measure), UNITS.get(measure, ""), "count" if large else "number", view)


def points_of(
    trials: Sequence[Seen], x: Sequence[float], y: Sequence[float], on_axes: Sequence[str], *, over: str
) -> list[Series]:
    """Return the trials as points, those beyond a budget by themselves and called ``over``."""
    beside = [name for name in BESIDE if name not in on_axes]
    series = []
    kinds: tuple[tuple[bool, str, Role], ...] = (
        (False, over, "muted"), (True, "trials within the budgets", "main"),
    )  # fmt: skip
    for within, name, role in kinds:
        rows = [i for i, trial in enumerate(trials) if trial.within is within]
        details: dict[str, list[Any]] = {} if "trial" in on_axes else {"trial": [trials[i].number for i in rows]}
        details |= {key: [trials[i].measures.get(key) for i in rows] for key in beside}
        if rows:
            series.append(Series(name, "points", [x[i] for i in rows], [y[i] for i in rows], role, details))
    return series


def budget_lines(run: Run, measure: str, axis: str) -> list[Line]:
    """Return the limits of a measure as lines across its axis."""
    budget = run.space.declaration.budgets.get(measure)
    limits = [] if budget is None else [(budget.max, "<="), (budget.min, ">=")]
    return [
        Line(f"budget: {short_name(measure)} {sign} {format_count(value)}", "x" if axis == "x" else "y", value)
        for value, sign in limits
        if value is not None
    ]


def sentences(*parts: str) -> str:
    """Return the parts that are not empty as one text."""
    return " ".join(part for part in parts if part)


def focus(
    counted: Sequence[float], aims: Sequence[float] = (), others: Sequence[float] = (), *, low_percent: float = LOW
) -> tuple[float, float] | None:
    """Return the part of an axis worth showing at first.

    Args:
        counted: the values it is about.
        aims: values to be shown whatever they are.
        others: values that may widen the view, but not to more than twice its width.
        low_percent: so many percent of ``counted``, the lowest, may be left out.
    """
    finite = np.array([value for value in counted if np.isfinite(value)], float)
    if not len(finite):
        return None
    low = np.percentile(finite, low_percent, method="lower")
    ends = [float(low), float(finite.max()), *aims]
    low, high = min(ends), max(ends)
    wide = (high - low) or abs(high) or 1.0
    near = [value for value in others if low - wide / 2 <= value <= high + wide / 2]
    low, high = min([low, *near]), max([high, *near])
    pad = 0.05 * ((high - low) or abs(high) or 1.0)
    return float(low - pad), float(high + pad)
