"""Looking at many candidates at once: score and budgets from the layer table, without building anything."""

from __future__ import annotations

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
    """What was seen of N candidates: score (all 0 where it needs the model) and violation of the budgets; (N,)."""

    score: Array
    violation: Array

    def order(self, *, lowest: bool = False) -> Genotypes:
        """Return the candidates' indices, best first: within the budgets by score, then by violation; NaN last."""
        return np.lexsort((self.score if lowest else -self.score, self.violation))


class Screen:
    """Scores and costs candidates of one space."""

    def __init__(self, space: SearchSpace, score: Measure, limits: tuple[Limit, ...]) -> None:
        self.space, self.score, self.limits = space, score, limits

    def __call__(self, genotypes: Genotypes) -> Screened:
        """Look at N genotypes (N, G)."""
        parts = [self._look(genotypes[i : i + CHUNK]) for i in range(0, len(genotypes), CHUNK)]
        return Screened(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _look(self, genotypes: Genotypes) -> Screened:
        # The table of a space without genes describes one network, however many genotypes stand for it.
        count = len(genotypes)
        table = self.space.table(genotypes)
        beyond = np.broadcast_to(violation(self.limits, table), (count,))
        if self.score.looks_at == "model":
            return Screened(np.zeros(count), beyond)
        return Screened(np.broadcast_to(of_table(self.score, table), (count,)), beyond)
