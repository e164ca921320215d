"""All paths above a threshold that may still keep the limits, layer by layer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from e3dnas.bound.chain import Chain, Floats, Ints, Links, Priced

__all__ = ["TooMany", "best_above"]

MAX_LABELS = 4_000_000
PRICES_TRIED = 12


class TooMany(Exception):
    """More paths reach the threshold than can be looked at."""


class _Labels(NamedTuple):
    """N beginnings of paths: the node each has reached, its value and its costs (N, M)."""

    node: Ints
    value: Floats
    cost: Floats


def best_above(chain: Chain, threshold: float, prices: list[Floats]) -> tuple[float, tuple[int, ...]] | None:
    """Return value and original link numbers of the best path at or above the threshold within the limits, if any.

    Args:
        chain: the chain.
        threshold: the least value.
        prices: some prices, good ones first; any are right, good ones make it fast.

    Raises:
        TooMany: see there.
    """
    for one in prices[:PRICES_TRIED]:
        chain = chain.above(threshold, chain.priced(one))
    tables = [chain.priced(one) for one in prices[:PRICES_TRIED]]
    starts = chain.nodes[0]
    labels = _Labels(np.arange(starts), np.zeros(starts), np.zeros((starts, len(chain.limits))))
    trail: list[tuple[Ints, Ints]] = []
    for layer, links in enumerate(chain.links):
        parent, link = _extend(labels.node, links)
        longer = _Labels(
            links.target[link], labels.value[parent] + links.value[link], labels.cost[parent] + links.cost[link]
        )
        kept = _promising(longer, layer + 1, chain, tables, threshold)
        labels = _Labels(longer.node[kept], longer.value[kept], longer.cost[kept])
        trail.append((parent[kept], link[kept]))
    within = np.flatnonzero((labels.cost <= chain.limits).all(axis=1))
    if not len(within):
        return None
    best = int(within[np.argmax(labels.value[within])])
    return float(labels.value[best]), _origins(chain, trail, best)


def _extend(node: Ints, links: Links) -> tuple[Ints, Ints]:
    """Return every pair of a label and a link that goes on from it."""
    order = np.argsort(links.source, kind="stable")
    source = links.source[order]
    first, last = np.searchsorted(source, node), np.searchsorted(source, node, side="right")
    counts = last - first
    total = int(counts.sum())
    if total > MAX_LABELS:
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


def _origins(chain: Chain, trail: list[tuple[Ints, Ints]], last: int) -> tuple[int, ...]:
    path, label = [], last
    for links, (parent, link) in zip(reversed(chain.links), reversed(trail), strict=True):
        path.append(int(links.origin[link[label]]))
        label = int(parent[label])
    return tuple(reversed(path))
