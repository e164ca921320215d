"""A chain of choices: layers of nodes, and links between neighbouring layers with a value and a cost for every budget.

Shapes: a layer has K links and M budgets; prices and limits are (M,).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Chain", "Floats", "Ints", "Links", "Priced"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Links:
    """All links between two layers: ``source`` and ``target`` nodes (K,), ``value`` (K,), ``cost`` (K, M).

    ``origin`` (K,) is the number of each link among those that the layer had at first.
    """

    source: Ints
    target: Ints
    value: Floats
    cost: Floats
    origin: Ints

    @classmethod
    def of(cls, source: Ints, target: Ints, value: Floats, cost: Floats) -> Links:
        """Return links numbered as they come."""
        return cls(source, target, value, cost, np.arange(len(value)))

    def take(self, kept: Ints) -> Links:
        """Return some of the links."""
        return Links(self.source[kept], self.target[kept], self.value[kept], self.cost[kept], self.origin[kept])


@dataclass(frozen=True)
class Priced:
    """What a chain is worth when every unit of a budget has a price.

    ``behind[l][n]`` is the best priced value from node n before layer l to the end, -inf where no path leads there;
    ``upper`` the best priced value of all, budgets unspent paid out: no path within the limits has a higher value.
    """

    prices: Floats
    behind: tuple[Floats, ...]
    upper: float


@dataclass(frozen=True)
class Chain:
    """L layers of links; ``nodes`` counts those before each layer and after the last, ``limits`` (M,) the budgets.

    A path starts at any node of the first layer and ends at any of the last.
    """

    links: tuple[Links, ...]
    nodes: tuple[int, ...]
    limits: Floats

    def gains(self, prices: Floats) -> list[Floats]:
        """Return the priced value of every link, layer by layer."""
        return [one.value - one.cost @ prices for one in self.links]

    def behind(self, gains: Sequence[Floats]) -> tuple[Floats, ...]:
        """Return the best sum of gains from every node to the end (see ``Priced``)."""
        best = [np.zeros(self.nodes[-1])]
        for one, gain, count in zip(reversed(self.links), reversed(gains), reversed(self.nodes[:-1]), strict=True):
            here = np.full(count, -np.inf)
            np.maximum.at(here, one.source, gain + best[0][one.target])
            best.insert(0, here)
        return tuple(best)

    def extreme(self, measure: Callable[[Links], Floats]) -> float:
        """Return the highest sum of a measure of links that any path has; -inf where there is no path."""
        return float(self.behind([measure(one) for one in self.links])[0].max(initial=-np.inf))

    def priced(self, prices: Floats) -> Priced:
        """Price the budgets."""
        behind = self.behind(self.gains(prices))
        return Priced(prices, behind, float(behind[0].max(initial=-np.inf) + prices @ self.limits))

    def best_path(self, priced: Priced) -> list[int]:
        """Return the index of its link in every layer of a path with the best priced value."""
        node, path = int(np.argmax(priced.behind[0])), []
        for layer, (one, gain) in enumerate(zip(self.links, self.gains(priced.prices), strict=True)):
            here = np.flatnonzero(one.source == node)
            best = int(here[np.argmax(gain[here] + priced.behind[layer + 1][one.target[here]])])
            path.append(best)
            node = int(one.target[best])
        return path

    def sums(self, path: Sequence[int]) -> tuple[float, Floats]:
        """Return value and costs (M,) of a path."""
        value = sum(float(one.value[i]) for one, i in zip(self.links, path, strict=True))
        costs: Floats = np.sum([one.cost[i] for one, i in zip(self.links, path, strict=True)], axis=0)
        return value, costs

    def origins(self, path: Sequence[int]) -> tuple[int, ...]:
        """Return the original numbers of a path's links."""
        return tuple(int(one.origin[i]) for one, i in zip(self.links, path, strict=True))

    def above(self, threshold: float, priced: Priced) -> Chain:
        """Return the chain without links that lie on no path with a priced value at or above the threshold."""
        before = np.zeros(self.nodes[0])
        unspent = float(priced.prices @ self.limits)
        links = []
        for layer, (one, gain) in enumerate(zip(self.links, self.gains(priced.prices), strict=True)):
            reach = before[one.source] + gain
            kept = np.flatnonzero(reach + priced.behind[layer + 1][one.target] + unspent >= threshold)
            before = np.full(self.nodes[layer + 1], -np.inf)
            np.maximum.at(before, one.target, reach)
            links.append(one.take(kept))
        return Chain(tuple(links), self.nodes, self.limits)
