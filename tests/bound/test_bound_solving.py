"""The solver against complete enumeration of small chains."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e3dnas.bound.chain import Chain, Links
from e3dnas.bound.solving import solve


def enumerate_best(chain):
    """Return the best value within the limits by trying every sequence of links; None where none keeps them."""
    best = None
    for path in itertools.product(*(range(len(one.value)) for one in chain.links)):
        steps = list(zip(chain.links, path, strict=True))
        joined = all(a.target[i] == b.source[j] for (a, i), (b, j) in itertools.pairwise(steps))
        if not joined:
            continue
        costs = sum(one.cost[i] for one, i in steps)
        if (costs <= chain.limits).all():
            value = sum(one.value[i] for one, i in steps)
            best = value if best is None else max(best, value)
    return best


@st.composite
def chains(draw):
    layers, budgets = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    nodes = draw(st.lists(st.integers(1, 3), min_size=layers + 1, max_size=layers + 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    signed = draw(st.booleans())  # lower limits are negative costs
    links = []
    for before, after in itertools.pairwise(nodes):
        count = draw(st.integers(1, 6))
        cost = rng.integers(-9 if signed else 0, 10, (count, budgets)).astype(float)
        value = rng.normal(size=count) if draw(st.booleans()) else rng.integers(-5, 6, count).astype(float)
        links.append(Links.of(rng.integers(0, before, count), rng.integers(0, after, count), value, cost))
    limits = rng.integers(-10, 9 * layers + 1, budgets).astype(float)
    return Chain(tuple(links), tuple(nodes), limits)


@settings(max_examples=300, deadline=None)
@given(chains())
def test_equals_enumeration(chain):
    expected, found = enumerate_best(chain), solve(chain)
    assert found.exact
    if expected is None:
        assert found.value is None
        assert found.path is None
        assert found.upper == -np.inf
        return
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert expected <= found.upper <= expected + 1e-6
    value, costs = chain.sums(found.path)
    assert value == pytest.approx(expected, abs=1e-9)
    assert (costs <= chain.limits).all()


def test_two_budgets_that_pull_apart():
    # Each link is good for one budget only; the best of either alone breaks the other.
    links = Links.of(
        np.zeros(3, np.int64), np.zeros(3, np.int64), np.array([3.0, 3.0, 2.0]),
        np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]]),
    )  # fmt: skip
    found = solve(Chain((links, links, links), (1, 1, 1, 1), np.array([3.0, 3.0])))
    # 3 + 3 + 2 needs (3, 3); 3 + 3 + 3 would need (4, 2) or more
    assert found.value == 8.0
    assert found.exact


def test_too_many_paths_leaves_a_valid_bound(monkeypatch):
    monkeypatch.setattr("e3dnas.bound.paths.MAX_LABELS", 0)
    rng = np.random.default_rng(0)
    links = [
        Links.of(
            np.zeros(6, np.int64), np.zeros(6, np.int64), rng.normal(size=6), rng.integers(1, 9, (6, 1)).astype(float)
        )
        for _ in range(4)
    ]
    chain = Chain(tuple(links), (1,) * 5, np.array([14.0]))
    found = solve(chain)
    assert not found.exact
    assert found.upper >= enumerate_best(chain)
