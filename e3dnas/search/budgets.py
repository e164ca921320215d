"""Budgets as numbers: how far beyond its limits a network is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from e3dnas.arch.table import Array, LayerTable
from e3dnas.config import Document
from e3dnas.measure.registry import Measure, resolve
from e3dnas.search.taking import of_table
from e3dnas.space.declaration import Budget

__all__ = ["Limit", "limits_of", "violation"]


@dataclass(frozen=True)
class Limit:
    """One side of a budget; ``key`` names it as Optuna's constraint (``flops <= 2e+09``)."""

    measure: Measure
    value: float
    upper: bool

    @property
    def key(self) -> str:
        """The name of the constraint."""
        return f"{self.measure.name} {'<=' if self.upper else '>='} {self.value:.10g}"

    def excess(self, measured: Array | float) -> Array:
        """Return how far beyond the limit, as a share of it: at or below 0 is within."""
        beyond = np.asarray(measured) - self.value
        return np.asarray((beyond if self.upper else -beyond) / (abs(self.value) or 1.0))


def limits_of(
    budgets: Mapping[str, Budget],
    folder: Path | None = None,
    document: Document | None = None,
    on_machine: Mapping[str, Measure] | None = None,
) -> tuple[Limit, ...]:
    """Return every limit of the budgets by measure name.

    Args:
        budgets: the budgets.
        folder: where measures of one's own may lie, beside the import path.
        document: where the budgets were read from, for errors to tell.
        on_machine: the measures that need a machine, by name.

    Raises:
        E3DNASError: there is no such measure.
    """
    document = document or Document("", {})
    limits = []
    for name, budget in budgets.items():
        with document.telling("budgets", name):
            measure = (on_machine or {}).get(name) or resolve(name, folder=folder)
        for value, upper in ((budget.max, True), (budget.min, False)):
            if value is not None:
                limits.append(Limit(measure, value, upper))
    return tuple(limits)


def violation(limits: tuple[Limit, ...], table: LayerTable) -> Array:
    """Return the sum of all excesses above 0 of N networks, shape (N,); budgets on models cannot be screened."""
    total: Array = np.zeros(table.shape[0])
    for limit in limits:
        if limit.measure.looks_at == "table":
            total = total + np.maximum(limit.excess(of_table(limit.measure, table)), 0.0)
    return total
