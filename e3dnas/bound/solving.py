"""The best path through a chain within several budgets, with a proven bound: a knapsack along a path, solved exactly.

First the lowest Lagrangian bound; then all paths whose priced value reaches a threshold a little below it. If one of
them keeps the limits, the best of them is the optimum. If none does, the threshold is a bound, and the next lies lower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from e3dnas.bound.chain import Chain
from e3dnas.bound.dual import lowest_bound
from e3dnas.bound.paths import TooMany, best_above

__all__ = ["Solution", "solve", "tolerance_of"]

PRECISION = 1e-11
"""Relative precision of sums of values, whatever the order of adding: bounds are kept above by it."""
FIRST_STEP, GROWTH = 1e-6, 4.0
"""The first threshold lies this far below the bound, relatively; each next one this many times farther."""


@dataclass(frozen=True)
class Solution:
    """What is proven: no path within the limits has a value above ``upper``; the best one found has ``value``.

    ``path`` holds the number of its link in every layer; value and path are None where no path was found. ``exact``
    when nothing can be better than ``value``, or, without a path, when there is none.
    """

    upper: float
    value: float | None
    path: tuple[int, ...] | None
    exact: bool


NOTHING = Solution(-np.inf, None, None, exact=True)


def solve(chain: Chain) -> Solution:
    """Return the best path within the limits and the bound on all of them."""
    if not np.isfinite(chain.extreme(lambda one: one.value)) or _impossible(chain):
        return NOTHING
    lowest = -chain.extreme(lambda one: -one.value)
    tolerance = tolerance_of(chain)
    dual = lowest_bound(chain, tolerance)
    upper, value, path = dual.upper, dual.value, dual.path
    step = max(FIRST_STEP * abs(upper), tolerance)
    while True:
        threshold = upper - step if value is None else max(upper - step, value)
        try:
            found = best_above(dual.chain, threshold - tolerance, dual.prices)
        except TooMany:
            return Solution(upper + tolerance, value, path, exact=False)
        if found is not None:
            return Solution(found.value + tolerance, found.value, found.links, exact=True)
        if value is not None and threshold <= value:  # cannot be: the path of this value is above the threshold
            raise AssertionError("a known path was lost")
        if threshold < lowest:
            return NOTHING
        upper, step = threshold, step * GROWTH


def tolerance_of(chain: Chain) -> float:
    """Return how much sums of values along a path may differ for the order of adding."""
    extremes = [abs(chain.extreme(lambda one, sign=sign: sign * one.value)) for sign in (1.0, -1.0)]  # type: ignore[misc]
    return PRECISION * max(100.0, *extremes)


def _impossible(chain: Chain) -> bool:
    """Whether a single budget is below what the cheapest path costs."""
    cheapest = [-chain.extreme(lambda one, m=m: -one.cost[:, m]) for m in range(len(chain.limits))]  # type: ignore[misc]
    return bool((np.array(cheapest) > chain.limits).any())
