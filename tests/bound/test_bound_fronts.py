"""The exact front of whole spaces, against complete enumeration of small ones."""

import itertools

import numpy as np
import pytest

from e3dnas.bound import Front, bound, front
from e3dnas.errors import E3DNASError
from e3dnas.measure.registry import measure_table
from e3dnas.space import load_space

SPACE = {
    "name": "small",
    "clip": {"frames": 4, "size": 40},
    "stem": {"out": [8, 16]},
    "stages": [
        {"out": [8, 16, 24], "depth": [1, 2], "bottleneck_ratio": [1.5, 2], "kernel": ["1x3x3", "1x5x5", "3x3x3"],
         "stride": ["1x1x1", "1x2x2"]},
        {"out": [16, 24], "depth": [1, 3], "bottleneck": [16, 40], "kernel": ["1x3x3", "3x3x3"], "stride": "1x2x2",
         "block": ["depthwise", "factorised"], "shortcut": ["identity", "projection"]},
    ],
    "head": {"out": [32, 64]},
}  # fmt: skip


def measured(space):
    grid = np.array(list(itertools.product(*(range(len(gene.values)) for gene in space.genes))), np.int64)
    return measure_table(space.table(np.unique(space.repair(grid), axis=0)))


def plain_front(values, signs, within):
    """Points (N, 2) that none beats; both signs +1 where less is better."""
    points = sorted({(round(float(a), 9), round(float(b), 9)) for a, b in values[within]})
    losses = np.array(points).reshape(-1, 2) * signs
    kept = [
        i for i, one in enumerate(losses)
        if not ((losses <= one).all(axis=1) & (losses < one).any(axis=1)).any()
    ]  # fmt: skip
    return sorted(points[i] for i in kept)


@pytest.mark.parametrize(
    ("objectives", "budgets"),
    [
        ({"stentr": "maximize", "flops": "minimize"}, {}),
        ({"stentr": "maximize", "flops": "minimize"}, {"flops": 4e6}),
        ({"stentr": "maximize", "flops": "minimize"}, {"flops": {"min": 2e6, "max": 5e6}, "layers": {"max": 14}}),
        ({"stentr": "maximize", "flops": "minimize"}, {"stentr": {"min": 20, "max": 26}, "params": {"max": 2e4}}),
        ({"homoentr": "maximize", "params": "minimize"}, {"flops": {"max": 4e6}}),
        ({"layers": "minimize", "activations": "maximize"}, {"params": {"min": 5e3, "max": 2e4}}),
        ({"flops": "minimize", "stentr": "maximize"}, {"flops": 4e6, "stentr": {"min": 15}}),
        ({"params": "minimize", "layers": "minimize"}, {"flops": {"min": 4e6}}),
    ],
    ids=str,
)
def test_equals_enumeration(objectives, budgets):
    space = load_space(SPACE | {"objectives": objectives, "budgets": budgets})
    every = measured(space)
    within = np.ones(len(every["flops"]), bool)
    for name, budget in space.declaration.budgets.items():
        within &= every[name] <= (np.inf if budget.max is None else budget.max)
        within &= every[name] >= (-np.inf if budget.min is None else budget.min)
    signs = np.array([1.0 if one == "minimize" else -1.0 for one in objectives.values()])
    expected = plain_front(np.column_stack([every[name] for name in objectives]), signs, within)
    found = front(space)
    assert found.exact
    assert sorted(found.values.tolist()) == [pytest.approx(one, abs=1e-8) for one in expected]
    assert len(expected) > (0 if "layers" in objectives else 5) or not within.any()
    for i, (a, b) in enumerate(found.values):  # the networks are those of the points
        table = found.architecture(i).table()
        own = {key: float(value[0]) for key, value in measure_table(table).items()}
        assert [own[name] for name in objectives] == pytest.approx([a, b], rel=1e-12)


def test_ends_with_the_optimum():
    space = load_space("tiny")
    found, best = front(space, {"stentr": "maximize", "flops": "minimize"}), bound(space)
    assert found.values[-1, 0] == pytest.approx(best.score, rel=1e-12)
    assert (np.diff(found.values, axis=0) > 0).all()  # more of the one costs more of the other


def test_no_network_within_the_budgets():
    found = front(
        SPACE | {"objectives": {"stentr": "maximize", "flops": "minimize"}, "budgets": {"layers": {"max": 2}}}
    )
    assert found.values.shape == (0, 2)
    assert found.exact
    assert found.share(np.zeros((0, 2))) == 0.0


def made(values, objectives=None):
    objectives = objectives or {"stentr": "maximize", "flops": "minimize"}
    return Front(load_space("tiny"), objectives, np.array(values, float), np.zeros((len(values), 0)), True, 0.0)


@pytest.mark.parametrize(
    ("values", "share"),
    [
        ([(1, 1), (2, 2), (4, 3)], 1.0),
        ([(2, 2)], 1.0),
        ([(1.5, 2.5)], 0.25),
        ([(1, 1), (4, 3)], 0.0),  # the ends alone dominate nothing beyond the worst values
        ([(4, 2)], 3.0),  # cannot be, and would show
        ([(0, 9)], 0.0),
        ([(1, 1), (2, 2), (4, 3), (0, 9), (1, 3)], 1.0),
        ([], 0.0),
    ],
    ids=str,
)
def test_share_of_the_hypervolume(values, share):
    # beyond the worst values (1, 3) the front dominates (2 - 1) x (3 - 2) = 1; its ends add nothing
    told = made([(1, 1), (2, 2), (4, 3)]).share(np.array(values, float).reshape(-1, 2))
    assert told == pytest.approx(share)


def test_share_of_a_single_compromise():
    assert made([(3, 7)]).share([(3, 7), (1, 9)]) == 1.0
    assert made([(3, 7)]).share([(3, 8)]) == 0.0
    assert made([(203.1334, 2e9)]).share([(203.1334 - 1e-13, 2e9)]) == 1.0  # sums differ in their last bits


@pytest.mark.parametrize(
    ("values", "share"),
    [([(1, 1), (4, 3)], 1.0), ([(1, 1)], 0.5), ([(4, 3), (2, 2)], 0.5), ([(4, 1)], 1.0), ([(3, 3)], 0.0), ([], 0.0)],
    ids=str,
)
def test_share_of_two_ends_that_have_no_volume(values, share):
    assert made([(1, 1), (4, 3)]).share(np.array(values, float).reshape(-1, 2)) == share


def test_comes_back_from_its_data():
    found = front("tiny", {"params": "minimize", "stentr": "maximize"})
    again = Front.from_dict(found.space, found.to_dict())
    assert (again.values == found.values).all()
    assert again.architecture(3) == found.architecture(3)
    assert (again.objectives, again.exact) == (found.objectives, True)


@pytest.mark.parametrize(
    ("objectives", "told"),
    [
        ({"stentr": "maximize", "module:mine": "minimize"}, "module:mine cannot be bounded"),
        ({"stentr": "maximize", "flops": "minimize", "params": "minimize"}, "has two objectives, not 3"),
        ({"stentr": "maximize"}, "has two objectives, not 1"),
    ],
    ids=["no sum", "three", "one"],
)
def test_what_has_no_exact_front(objectives, told):
    with pytest.raises(E3DNASError, match=told):
        front("tiny", objectives)
