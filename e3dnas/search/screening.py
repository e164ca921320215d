"""Looking at many candidates at once: score and budgets from the layer table, without building anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from e3dnas.arch.table import Array
from e3dnas.measure.registry import Measure
from e3dnas.search.budgets import Limit, violation
from e3dnas.search.taking import of_table
from e3dnas.space.space import Genotypes, SearchSpace

__all__ = ["Screen", "Screened"]

CHUNK = 512
"""Candidates a pass: the layer tables of so many stay in the processor's cache."""


class Screened(NamedTuple):
    """What was seen of N candidates: values (N, O) of O objectives (0 where the model is needed), violation (N,)."""

    values: Array
    violation: Array


class Screen:
    """Scores and costs candidates of one space; ``objectives`` are what is sought, ``limits`` the budgets."""

    def __init__(self, space: SearchSpace, objectives: Sequence[Measure], limits: tuple[Limit, ...]) -> None:
        self.space, self.objectives, self.limits = space, tuple(objectives), limits

    def __call__(self, genotypes: Genotypes) -> Screened:
        """Look at N genotypes (N, G)."""
        parts = [self._look(genotypes[i : i + CHUNK]) for i in range(0, len(genotypes), CHUNK)]
        return Screened(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _look(self, genotypes: Genotypes) -> Screened:
        # The table of a space without genes describes one network, however many genotypes stand for it.
        count = len(genotypes)
        table = self.space.table(genotypes)
        beyond = np.broadcast_to(violation(self.limits, table), (count,))
        columns = [np.zeros(1) if one.looks_at == "model" else of_table(one, table) for one in self.objectives]
        return Screened(np.column_stack([np.broadcast_to(column, (count,)) for column in columns]), beyond)
