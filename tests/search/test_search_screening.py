"""Screening: the same numbers as the plain measures, every kind of budget, a user's own measures."""

import numpy as np
import pytest

import e3dnas
from e3dnas.errors import E3DNASError
from e3dnas.measure.registry import resolve
from e3dnas.search.budgets import limits_of
from e3dnas.search.screening import CHUNK
from e3dnas.search.survival import FewBest
from e3dnas.space import load_space
from e3dnas.space.declaration import Budget

OWN = """
import numpy as np
def width(table):
    return table.c_out[:, -1]
def nothing(table):
    return np.where(np.arange(table.shape[0]) % 2, np.nan, 1.0)
def two(table):
    return np.ones((table.shape[0], 2))
def boom(table):
    raise KeyError("depth")
def model(model):
    return 1.0
"""


def excess(value, budget):
    """How far beyond the limits, as shares of them."""
    over = max(0.0, (value - budget["max"]) / abs(budget["max"])) if "max" in budget else 0.0
    return over + (max(0.0, (budget["min"] - value) / abs(budget["min"])) if "min" in budget else 0.0)


@pytest.mark.parametrize(
    "budgets",
    [
        {},
        {"flops": {"max": 3e7}},
        {"params": {"min": 2e5}},
        {"flops": {"min": 1e7, "max": 2e7}, "layers": {"max": 20}},
        {"homoentr": {"min": 40.0}, "stentr": {"max": 60.0}},
        {"activations": {"max": 1e5}, "conv_macs": {"min": 1e7}},
    ],
    ids=lambda budgets: "+".join(budgets) or "none",
)
@pytest.mark.parametrize("score", ["stentr", "homoentr"])
def test_screening_equals_measuring(screen_of, budgets, score):
    data = load_space("tiny").to_dict() | {"budgets": budgets, "score": score}
    screen = screen_of(data)
    genotypes = screen.space.sample(np.random.default_rng(0), 40)
    seen = screen(genotypes)
    measured = [e3dnas.measure(screen.space.architecture(one)) for one in genotypes]
    assert seen.values[:, 0] == pytest.approx([m[score] for m in measured], abs=1e-9)
    beyond = [sum(excess(m[name], budget) for name, budget in budgets.items()) for m in measured]
    assert seen.violation == pytest.approx(beyond, abs=1e-12)
    assert not budgets or 0 < np.count_nonzero(seen.violation) <= 40


def test_chunks_do_not_show(screen_of):
    screen = screen_of(load_space("tiny").to_dict())
    genotypes = screen.space.sample(np.random.default_rng(0), 2 * CHUNK + 3)
    whole, single = screen(genotypes), [screen(one[None]) for one in genotypes[:: CHUNK - 1]]
    assert whole.values[:, 0][:: CHUNK - 1] == pytest.approx([one.values[0, 0] for one in single], abs=1e-9)
    assert whole.violation.shape == whole.values[:, 0].shape == (2 * CHUNK + 3,)


def test_order_within_first_then_by_violation():
    values = np.array([[1.0], [9.0], [3.0], [np.nan], [2.0], [np.inf]])
    violation = np.array([0.0, 0.5, 0.0, 0.0, 0.1, np.nan])
    assert list(FewBest(1).order(-values, violation)) == [2, 0, 3, 4, 1, 5]
    assert list(FewBest(1).order(values, violation)) == [0, 2, 3, 4, 1, 5]


def test_a_users_own_measures(small, screen_of, own_module):
    module = own_module(OWN)
    screen = screen_of(small | {"score": f"{module}:width", "budgets": {f"{module}:width": {"max": 16}}})
    genotypes = screen.space.sample(np.random.default_rng(0), 30)
    seen = screen(genotypes)
    assert set(seen.values[:, 0]) == {32.0}
    assert set(seen.violation) == {1.0}
    blind = screen_of(small | {"score": f"{module}:model", "budgets": {f"{module}:model": {"max": 0}}})(genotypes)
    assert not blind.values.any()
    assert not blind.violation.any()  # models are not built for candidates
    nothing = screen_of(small | {"score": f"{module}:nothing", "budgets": {}})(genotypes)
    assert np.isnan(nothing.values[FewBest(1).order(-nothing.values, nothing.violation)[-15:], 0]).all()


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ("two", r"score own_\d+:two: must return one number for each of the 3 networks, not an array"),
        ("boom", r"score own_\d+:boom: raised KeyError: 'depth'"),
    ],
)
@pytest.mark.parametrize("role", ["score", "budget"])
def test_a_broken_measure_is_named(small, screen_of, own_module, role, score, message):
    name = f"{own_module(OWN)}:{score}"
    change = {"score": name, "budgets": {}} if role == "score" else {"budgets": {name: {"max": 1}}}
    screen = screen_of(small | change)
    with pytest.raises(E3DNASError, match=message):
        screen(screen.space.sample(np.random.default_rng(0), 3))


@pytest.mark.parametrize(
    ("budget", "value", "within", "keys"),
    [
        ({"max": 2e9}, 2e9, True, ["flops <= 2000000000"]),
        ({"max": 2e9}, 2e9 + 1, False, ["flops <= 2000000000"]),
        ({"min": 5}, 5, True, ["flops >= 5"]),
        ({"min": 5}, 4, False, ["flops >= 5"]),
        ({"min": 0, "max": 0}, 0, True, ["flops <= 0", "flops >= 0"]),
        ({"min": 0, "max": 0}, 1, False, ["flops <= 0", "flops >= 0"]),
        ({"min": -2.5, "max": -1}, -2, True, ["flops <= -1", "flops >= -2.5"]),
        ({"min": -2.5, "max": -1}, -3, False, ["flops <= -1", "flops >= -2.5"]),
    ],
)
def test_limits_are_inclusive(budget, value, within, keys):
    limits = limits_of({"flops": Budget(**{k: float(v) for k, v in budget.items()})})
    assert [limit.key for limit in limits] == keys
    assert all(limit.measure.function is resolve("flops").function for limit in limits)
    assert all(limit.excess(float(value)) <= 0 for limit in limits) is within
