"""All paths above a threshold that may still keep the limits, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from e3dnas.bound.chain import Chain, Floats, Ints, Links, Priced
from e3dnas.bound.dominance import unbeaten

__all__ = ["Path", "TooMany", "best_above", "front_above"]

MAX_LABELS = 4_000_000
PRICES_TRIED = 12


class TooMany(Exception):
    """More paths reach the threshold than can be looked at."""


class _Labels(NamedTuple):
    """N beginnings of paths: the node each has reached, its value and its costs (N, M)."""

    node: Ints
    value: Floats
    cost: Floats

    def take(self, kept: Ints) -> _Labels:
        """Return some of the labels."""
        return _Labels(self.node[kept], self.value[kept], self.cost[kept])


class Path(NamedTuple):
    """A path: its value, costs (M,) and the original number of its link in every layer."""

    value: float
    cost: Floats
    links: tuple[int, ...]


def best_above(chain: Chain, threshold: float, prices: list[Floats]) -> Path | None:
    """Return the best path at or above the threshold within the limits, if any.

    Args:
        chain: the chain.
        threshold: the least value.
        prices: some prices, good ones first; any are right, good ones make it fast.

    Raises:
        TooMany: see there.
    """
    found = _Ends(chain, threshold, prices)
    return found.path(int(np.argmax(found.value))) if len(found.value) else None


def front_above(chain: Chain, threshold: float, prices: list[Floats], most: int) -> list[Path]:
    """Return the paths at or above the threshold that no other path beats in value and every cost, within the limits.

    Args:
        chain: as for ``best_above``.
        threshold: as for ``best_above``.
        prices: as for ``best_above``.
        most: how many beginnings of paths may be looked at.

    Raises:
        TooMany: see there.
    """
    found = _Ends(chain, threshold, prices, most, only=_unbeaten)
    return [found.path(i) for i in range(len(found.value))]


class _Ends:
    """All paths at or above a threshold within the limits: ``value`` (N,), ``cost`` (N, M), and the way back.

    ``only`` may thin out the labels of every layer: it returns the indices of those that are kept.
    """

    def __init__(
        self, chain: Chain, threshold: float, prices: list[Floats], most: int | None = None,
        only: Callable[[_Labels], Ints] | None = None,
    ) -> None:  # fmt: skip
        most = MAX_LABELS if most is None else most
        for one in prices[:PRICES_TRIED]:
            chain = chain.above(threshold, chain.priced(one))
        tables = [chain.priced(one) for one in prices[:PRICES_TRIED]]
        starts = chain.nodes[0]
        labels = _Labels(np.arange(starts), np.zeros(starts), np.zeros((starts, len(chain.limits))))
        self._chain = chain
        self._trail: list[tuple[Ints, Ints]] = []
        for layer, links in enumerate(chain.links):
            parent, link = _extend(labels.node, links, most)
            longer = _Labels(
                links.target[link], labels.value[parent] + links.value[link], labels.cost[parent] + links.cost[link]
            )
            kept = _promising(longer, layer + 1, chain, tables, threshold)
            if only is not None:
                kept = kept[only(longer.take(kept))]
            labels = longer.take(kept)
            self._trail.append((parent[kept], link[kept]))
        self._within = np.flatnonzero((labels.cost <= chain.limits).all(axis=1))
        self.value, self.cost = labels.value[self._within], labels.cost[self._within]

    def path(self, end: int) -> Path:
        """Return one of the paths."""
        links, label = [], int(self._within[end])
        for layer, (parent, link) in zip(reversed(self._chain.links), reversed(self._trail), strict=True):
            links.append(int(layer.origin[link[label]]))
            label = int(parent[label])
        return Path(float(self.value[end]), self.cost[end], tuple(reversed(links)))


def _extend(node: Ints, links: Links, most: int) -> tuple[Ints, Ints]:
    """Return every pair of a label and a link that goes on from it."""
    order = np.argsort(links.source, kind="stable")
    source = links.source[order]
    first, last = np.searchsorted(source, node), np.searchsorted(source, node, side="right")
    counts = last - first
    total = int(counts.sum())
    if total > most:
        raise TooMany
    parent = np.repeat(np.arange(len(node)), counts)
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    return parent, order[np.repeat(first, counts) + within]


def _promising(labels: _Labels, layer: int, chain: Chain, tables: list[Priced], threshold: float) -> Ints:
    """Return the labels that no price vector proves unable to reach the threshold."""
    hopeful = np.ones(len(labels.node), bool)
    left = chain.limits - labels.cost
    for table in tables:
        hopeful &= labels.value + left @ table.prices + table.behind[layer][labels.node] >= threshold
    return np.flatnonzero(hopeful)


def _unbeaten(labels: _Labels) -> Ints:
    return unbeaten(labels.value, labels.cost, labels.node)
