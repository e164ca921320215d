"""All best compromises of small chains, against complete enumeration."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e3dnas.bound import pareto as module
from e3dnas.bound.chain import Chain, Links
from e3dnas.bound.dominance import unbeaten
from e3dnas.bound.pareto import pareto


def plain_front(chain):
    """Value and first cost of every path that keeps the limits and that none beats, by trying all of them."""
    found = set()
    for path in itertools.product(*(range(len(one.value)) for one in chain.links)):
        steps = list(zip(chain.links, path, strict=True))
        if all(a.target[i] == b.source[j] for (a, i), (b, j) in itertools.pairwise(steps)):
            costs = sum(one.cost[i] for one, i in steps)
            if (costs <= chain.limits).all():
                found.add((round(float(sum(one.value[i] for one, i in steps)), 9), float(costs[0])))
    return sorted(
        (cost, value) for value, cost in found
        if not any(v >= value and c <= cost and (v, c) != (value, cost) for v, c in found)
    )  # fmt: skip


@st.composite
def chains(draw):
    layers, costs = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    nodes = draw(st.lists(st.integers(1, 3), min_size=layers + 1, max_size=layers + 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    signed, whole = draw(st.booleans()), draw(st.booleans())
    links = []
    for before, after in itertools.pairwise(nodes):
        count = draw(st.integers(1, 6))
        cost = rng.integers(-9 if signed else 0, 10, (count, costs)).astype(float)
        value = rng.integers(-5, 6, count).astype(float) if whole else rng.normal(size=count)
        links.append(Links.of(rng.integers(0, before, count), rng.integers(0, after, count), value, cost))
    limits = rng.integers(-10, 9 * layers + 1, costs).astype(float)
    if draw(st.booleans()):
        limits[0] = np.inf
    return Chain(tuple(links), tuple(nodes), limits)


@pytest.mark.parametrize("few", [200_000, 3, 0], ids=["listed", "split", "step by step"])
@settings(max_examples=150, deadline=None)
@given(chain=chains())
def test_equals_enumeration(few, chain):
    before, module.FEW = module.FEW, few
    try:
        found, complete = pareto(chain)
    finally:
        module.FEW = before
    assert [(float(path.cost[0]), round(path.value, 9)) for path in found] == pytest.approx(
        [pytest.approx(one) for one in plain_front(chain)]
    )
    assert complete
    for path in found:  # the way back leads to what was counted
        steps = list(zip(chain.links, path.links, strict=True))
        assert sum(one.value[i] for one, i in steps) == pytest.approx(path.value)
        assert (sum(one.cost[i] for one, i in steps) <= chain.limits).all()


def test_what_takes_too_long_is_not_called_complete(monkeypatch):
    monkeypatch.setattr(module, "FEW", 0)
    monkeypatch.setattr(module, "MAX_SPLITS", 1)
    rng = np.random.default_rng(0)
    zeros = np.zeros(6, np.int64)
    links = [Links.of(zeros, zeros, rng.normal(size=6), rng.integers(1, 9, (6, 1)).astype(float)) for _ in range(4)]
    chain = Chain(tuple(links), (1,) * 5, np.array([30.0]))
    found, complete = pareto(chain)
    assert not complete
    assert 2 <= len(found) < len(plain_front(chain))


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 3), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_unbeaten_equals_comparing_all(costs, count, seed):
    rng = np.random.default_rng(seed)
    value, cost = rng.integers(0, 4, count).astype(float), rng.integers(0, 4, (count, costs)).astype(float)
    group = rng.integers(0, 3, count)
    rows = [(int(g), float(v), *c) for g, v, c in zip(group, value, cost.tolist(), strict=True)]
    expected = {
        row for row in rows
        if not any(
            other[0] == row[0] and other != row and other[1] >= row[1]
            and all(a <= b for a, b in zip(other[2:], row[2:], strict=True))
            for other in rows
        )
    }  # fmt: skip
    kept = unbeaten(value, cost, group)
    assert sorted(rows[i] for i in kept) == sorted(expected)  # each once
    assert list(kept) == sorted(kept)
