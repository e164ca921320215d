"""All best compromises between the value and the first cost of the paths through a chain.

Between two known compromises lies a rectangle in which all others must be. Where few paths can reach into it, they are
listed. Where they are too many, the best path at the slope of its diagonal splits it (the supported solutions of the
two-phase method: Ulungu and Teghem, Found. Comput. Decis. Sci. 20, 1995), or the best one at half its cost, or the next
one below its upper end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from e3dnas.bound.chain import Chain, Floats, Links
from e3dnas.bound.dominance import unbeaten
from e3dnas.bound.dual import lowest_bound
from e3dnas.bound.paths import Path, TooMany, front_above
from e3dnas.bound.solving import solve, tolerance_of

__all__ = ["pareto"]

FEW = 200_000
"""Beginnings of paths that are looked at in one layer; a rectangle with more is split."""
MAX_SPLITS = 500
PRECISION = 1e-12
"""Costs closer to each other than this, relatively, count as equal."""


def pareto(chain: Chain) -> tuple[list[Path], bool]:
    """Return the best compromises by rising cost, and whether they are all of them.

    No path within the limits beats one of them in value and first cost. Values closer to each other than the precision
    of their sums count as equal.

    Args:
        chain: a chain with at least one cost; the first one is what is weighed against the value.
    """
    if chain.extreme(lambda one: one.value) == -np.inf:
        return [], True
    chain = _essential(chain)
    found: list[Path] = []
    try:
        for one in (_valued(chain, lambda one: -one.cost[:, 0]), chain):
            found += _best(chain, one)
        _fill(chain, found)
    except Unproven:
        return _distinct(found, tolerance_of(chain)), False
    return _distinct(found, tolerance_of(chain)), True


class Unproven(Exception):
    """What has been found may not be all."""


def _fill(chain: Chain, found: list[Path]) -> None:
    """Append all compromises between the two of ``found``.

    Raises:
        Unproven: it would take too long.
    """
    waiting, splits = [(found[0], found[1])] if found else [], 0
    while waiting:
        low, high = waiting.pop()
        try:
            found += _between(chain, low, high)
            continue
        except TooMany:
            splits += 1
        if splits > MAX_SPLITS:
            raise Unproven
        if middle := next(_middles(chain, low, high), None):
            found.append(middle)
            waiting += [(low, middle), (middle, high)]
        elif below := _within(chain, chain, _below(high), low, high):
            found.append(below)
            waiting.append((low, below))


def _best(chain: Chain, valued: Chain) -> list[Path]:
    """Return the best path of ``valued``, the chain with other values; none if none keeps the limits.

    Raises:
        Unproven: the solver cannot tell.
    """
    solution = solve(valued)
    if not solution.exact:
        raise Unproven
    if solution.path is None:
        return []
    at = [int(np.searchsorted(one.origin, number)) for one, number in zip(chain.links, solution.path, strict=True)]
    return [Path(*chain.sums(at), solution.path)]


def _essential(chain: Chain) -> Chain:
    """Return the chain without limits that every path keeps, and without links that another one beats."""
    highest = np.array([chain.extreme(lambda one, m=m: one.cost[:, m]) for m in range(len(chain.limits))])  # type: ignore[misc]
    binding = highest > chain.limits
    binding[0] = True
    limits = np.minimum(chain.limits, highest)[binding]
    links = []
    for one, behind in zip(chain.links, chain.nodes[1:], strict=True):
        cost = one.cost[:, binding]
        links.append(replace(one, cost=cost).take(unbeaten(one.value, cost, one.source * behind + one.target)))
    return Chain(tuple(links), chain.nodes, limits)


def _between(chain: Chain, low: Path, high: Path) -> list[Path]:
    """Return all compromises from one to another, both included.

    Raises:
        TooMany: too many beginnings of paths may reach them.
    """
    box = replace(chain, limits=np.append(high.cost[0], chain.limits[1:]))
    tolerance = tolerance_of(chain)
    prices = [np.append(_slope(low, high), np.zeros(len(chain.limits) - 1))]
    if len(chain.limits) > 1:
        prices = lowest_bound(box, tolerance).prices + prices
    return front_above(box, low.value - tolerance, prices, FEW)


def _middles(chain: Chain, low: Path, high: Path) -> Iterator[Path]:
    """Yield compromises between two others, as far as they are found without going step by step."""
    slope = _slope(low, high)
    weighed = _valued(chain, lambda one: one.value - slope * one.cost[:, 0])
    for valued, limit in ((weighed, high.cost[0]), (chain, (low.cost[0] + high.cost[0]) / 2)):
        if found := _within(chain, valued, limit, low, high):
            yield found


def _within(chain: Chain, valued: Chain, limit: float, low: Path, high: Path) -> Path | None:
    """Return the best path of ``valued`` with a first cost up to ``limit`` if it lies between two others."""
    found = _best(chain, replace(valued, limits=np.append(limit, chain.limits[1:])))
    better = [one for one in found if one.value > low.value + tolerance_of(chain) and one.cost[0] < _below(high)]
    return better[0] if better else None


def _below(high: Path) -> float:
    """Return the highest first cost that counts as less than that of a path."""
    return float(high.cost[0] - PRECISION * max(1.0, abs(high.cost[0])))


def _slope(low: Path, high: Path) -> float:
    run = float(high.cost[0] - low.cost[0])
    return (high.value - low.value) / run if run > 0 else 0.0


def _valued(chain: Chain, value: Callable[[Links], Floats]) -> Chain:
    return replace(chain, links=tuple(replace(one, value=value(one)) for one in chain.links))


def _distinct(paths: list[Path], tolerance: float) -> list[Path]:
    """Return those that none equals or beats within the precision of sums, by rising cost."""
    kept: list[Path] = []
    for path in sorted(paths, key=lambda one: (float(one.cost[0]), -one.value)):
        if kept and path.value <= kept[-1].value + tolerance:
            continue
        if kept and kept[-1].cost[0] > _below(path):  # the same cost, but for the order of adding
            kept.pop()
        kept.append(path)
    return kept
