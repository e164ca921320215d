"""Which trials breed, and which candidates come first: by the one objective, or by dominance where there are several.

Losses are objectives with their signs turned so that lower is better, shape (N, O).
"""

from __future__ import annotations

from bisect import insort
from typing import NamedTuple, Protocol

import numpy as np

from e3dnas.arch.table import Array
from e3dnas.space.space import Genotypes

__all__ = ["FewBest", "Front", "Member", "Survival", "crowding"]

MARGIN = 0.1
"""The reference point lies beyond the worst losses by this share of their range, so that the ends count, too."""

BEATEN = -1.0
"""Stands for the gain of a candidate that the front or another candidate equals or beats."""


class Member(NamedTuple):
    """A finished trial: how far it is beyond its budgets, its losses (O,), number and genotype (G,)."""

    beyond: float
    losses: tuple[float, ...]
    number: int
    genotype: Genotypes


class Survival(Protocol):
    """Who survives of the finished trials."""

    def add(self, member: Member) -> None:
        """Take up a finished trial."""

    def parents(self) -> list[Genotypes]:
        """Return the genotypes (G,) that breed, best first."""

    def order(self, losses: Array, violation: Array) -> Genotypes:
        """Return the indices of N candidates, the best one first: losses (N, O), violation of the budgets (N,)."""


class FewBest:
    """One objective: the ``size`` best trials survive, those within the budgets first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._members: list[Member] = []

    def add(self, member: Member) -> None:
        """Take up a finished trial."""
        insort(self._members, member, key=lambda one: one[:3])
        del self._members[self._size :]

    def parents(self) -> list[Genotypes]:
        """Return the survivors, best first."""
        return [member.genotype for member in self._members]

    def order(self, losses: Array, violation: Array) -> Genotypes:
        """Return candidates within the budgets by their loss, then by violation; NaN last."""
        return np.lexsort((losses[:, 0], violation))


class Front:
    """Several objectives: ranks of dominance, within a rank the least crowded (NSGA-II, Deb et al., 2002).

    Of the candidates that comes first which adds most to the hypervolume of the front (as SMS-EMOA selects: Beume et
    al., 2007).
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._members: list[Member] = []

    def add(self, member: Member) -> None:
        """Take up a finished trial."""
        self._members.append(member)

    def parents(self) -> list[Genotypes]:
        """Return the survivors, by rank and then the least crowded first; those beyond the budgets last.

        Of equals the earlier trial comes first, so that it does not matter in which order trials were taken up.
        """
        import moocore

        within = sorted((one for one in self._members if one.beyond <= 0), key=lambda one: one.number)
        beyond = sorted((one for one in self._members if one.beyond > 0), key=lambda one: (one.beyond, one.number))
        survivors: list[Member] = []
        if within:
            losses = np.array([one.losses for one in within])
            ranks = moocore.pareto_rank(losses)
            for rank in np.unique(ranks):
                if len(survivors) >= self._size:
                    break
                same = np.flatnonzero(ranks == rank)
                same = same[np.argsort(-crowding(losses[same]), kind="stable")]
                survivors += [within[i] for i in same]
        return [one.genotype for one in (survivors + beyond)[: self._size]]

    def order(self, losses: Array, violation: Array) -> Genotypes:
        """Return candidates within the budgets by what they add to the front, then by violation; NaN last of both."""
        gain = np.full(len(losses), -np.inf)
        finite = np.isfinite(losses).all(axis=1)
        gain[finite] = BEATEN
        within = np.flatnonzero(finite & (violation <= 0))
        if len(within):
            gain[within] = self._gains(losses[within])
        return np.lexsort((-gain, violation))

    def _gains(self, losses: Array) -> Array:
        """Return what each candidate alone would add to the hypervolume of the front, ``BEATEN`` if it is beaten."""
        import moocore

        front = np.array([one.losses for one in self._members if one.beyond <= 0]).reshape(-1, losses.shape[1])
        front = front[moocore.is_nondominated(front)]
        both = np.concatenate([front, losses])
        shown = both[unbeaten := moocore.is_nondominated(both)]
        reference = shown.max(axis=0) + MARGIN * np.ptp(shown, axis=0) + 1e-12 * np.abs(shown).max(axis=0)
        gains = np.full(len(losses), BEATEN)
        for i in np.flatnonzero(unbeaten[len(front) :]):
            own = float(np.prod(reference - losses[i]))
            taken = np.maximum(front, losses[i])  # the part of its box that the front has already
            gains[i] = max(0.0, own - float(moocore.hypervolume(taken, ref=reference)))
        return gains


def crowding(losses: Array) -> Array:
    """Return the crowding distance of each of N points (N, O) of one rank; infinite at the ends of each objective."""
    distance = np.zeros(len(losses))
    for column in losses.T:
        order = np.argsort(column, kind="stable")
        spread = float(column[order[-1]] - column[order[0]]) or 1.0
        distance[order[[0, -1]]] = np.inf
        distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / spread
    return distance
