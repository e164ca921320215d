"""The lowest bound that prices on the budgets can prove: Kelley's cutting planes (J. SIAM 8, 1960) on the Lagrangian.

For any prices at or above zero the best priced path is found link by link, and its priced value is a bound. As a
function of the prices that bound is convex and piecewise linear; every path found gives one of its planes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from e3dnas.bound.chain import Chain, Floats, Priced

__all__ = ["Dual", "lowest_bound"]

MAX_CUTS = 300
CLOSED = 1e-8
"""The dual is solved when its value is known to this relative precision."""
THIN_EVERY = 4
PRICE_RANGE = 1e4
"""Prices are sought up to this many times what would cost the chain's whole range of values for a budget's worth."""


class Dual(NamedTuple):
    """The chain without links that cannot be on a best path, prices from the best on, and the best path met by chance.

    ``value`` and ``path`` (original link numbers) are None where none of the paths kept the limits.
    """

    chain: Chain
    prices: list[Floats]
    upper: float
    value: float | None
    path: tuple[int, ...] | None


def lowest_bound(chain: Chain, tolerance: float) -> Dual:
    """Return the lowest bound, and what was learnt on the way.

    Args:
        chain: the chain; it must have a path.
        tolerance: sums of values may differ by so much for the order of adding.
    """
    reach = _reach(chain)
    prices = np.zeros(len(chain.limits))
    planes: list[tuple[float, Floats]] = []
    met: list[tuple[float, Floats]] = []
    value, kept = None, None
    for cut in range(MAX_CUTS):
        priced = chain.priced(prices)
        path = chain.best_path(priced)
        worth, costs = chain.sums(path)
        met.append((priced.upper, prices))
        planes.append((worth, chain.limits - costs))
        if (costs <= chain.limits).all() and (value is None or worth > value):
            value, kept = worth, chain.origins(path)
        prices, lowest = _master(planes, reach)
        upper = min(bound for bound, _ in met)
        if upper - lowest <= CLOSED * max(1.0, abs(upper)):
            break
        if value is not None and cut % THIN_EVERY == 0:
            chain = _thinned(chain, met, value - tolerance)
    met.sort(key=lambda one: one[0])
    return Dual(chain, [one for _, one in met], met[0][0], value, kept)


def _reach(chain: Chain) -> Floats:
    values = chain.extreme(lambda one: one.value) + chain.extreme(lambda one: -one.value)
    reach: Floats = PRICE_RANGE * (values + 1.0) / np.maximum(np.abs(chain.limits), 1.0)
    return reach


def _master(planes: list[tuple[float, Floats]], reach: Floats) -> tuple[Floats, float]:
    """Return the prices at which all planes met so far lie lowest, and how low that is.

    The solver sees prices in units of reach and values in units of the largest one: it is made for numbers near 1.
    """
    from scipy.optimize import linprog

    worths = np.array([worth for worth, _ in planes])
    unit = max(1.0, float(np.abs(worths).max()))
    slacks = np.array([slack for _, slack in planes]) * (reach / unit)
    below = np.column_stack([slacks, -np.ones(len(planes))])
    cost = np.append(np.zeros(len(reach)), 1.0)
    box = [(0.0, 1.0)] * len(reach) + [(None, None)]
    found = linprog(cost, A_ub=below, b_ub=-worths / unit, bounds=box, method="highs")
    prices: Floats = found.x[:-1] * reach
    return prices, float(found.x[-1]) * unit


def _thinned(chain: Chain, met: list[tuple[float, Floats]], threshold: float) -> Chain:
    best: Priced = chain.priced(min(met, key=lambda one: one[0])[1])
    return chain.above(threshold, best)
