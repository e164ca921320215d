"""The solver on whole spaces, against complete enumeration of small ones."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from e3dnas.bound import bound, least
from e3dnas.errors import E3DNASError
from e3dnas.measure.registry import measure_table, resolve
from e3dnas.space import load_space

KERNELS = ["1x3x3", "1x5x5", "3x3x3"]


def enumerate_space(space):
    """Every network of a space: its measures and its score, and whether it keeps the budgets."""
    grid = np.array(list(itertools.product(*(range(len(gene.values)) for gene in space.genes))), np.int64)
    genotypes = np.unique(space.repair(grid.reshape(len(grid), len(space.genes))), axis=0)
    table = space.table(genotypes)
    count = len(genotypes)
    measures = {key: np.broadcast_to(values, (count,)) for key, values in measure_table(table).items()}
    score = space.declaration.score
    scores = np.broadcast_to(resolve(score.name, score.options).of_table(table), (count,))
    within = np.ones(count, bool)
    for name, budget in space.declaration.budgets.items():
        within &= measures[name] <= (np.inf if budget.max is None else budget.max)
        within &= measures[name] >= (-np.inf if budget.min is None else budget.min)
    return scores, measures, within


def choices(values, most=2):
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True)


@st.composite
def spaces(draw):
    stage = st.fixed_dictionaries(
        {
            "out": choices([8, 16, 24]),
            "depth": choices([1, 2, 3]),
            "bottleneck_ratio": choices([0.5, 1.5, 2]),
            "kernel": choices(KERNELS),
            "stride": choices(["1x1x1", "1x2x2", "2x2x2"], most=draw(st.integers(1, 2))),
        },
        optional={
            "block": choices(["depthwise", "dense", "factorised"]),
            "se": choices([0, 0.25]),
            "shortcut": choices(["identity", "projection"]),
        },
    )
    data = {
        "clip": {"frames": draw(st.integers(1, 9)), "size": draw(st.integers(9, 40))},
        "stem": {"out": draw(choices([8, 16]))},
        "stages": draw(st.lists(stage, min_size=1, max_size=2)),
        "head": {"out": draw(choices([32, 64]))},
        "rules": {"widths_never_shrink": draw(st.booleans())},
        "score": draw(st.sampled_from(["stentr", "homoentr", "params", "activations"])),
    }
    return data, draw(st.lists(st.sampled_from(["flops", "params", "layers", "conv_macs"]), max_size=2, unique=True)), \
        draw(st.lists(st.floats(0, 1), min_size=4, max_size=4))  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spaces())
def test_equals_enumeration(made):
    data, limited, shares = made
    try:
        _, measures, _ = enumerate_space(load_space(data))
    except E3DNASError:  # no widths that never shrink
        reject()
    data["budgets"] = {}
    for i, name in enumerate(limited):  # limits somewhere in the range of the measure
        low, high = (float(np.quantile(measures[name], share)) for share in sorted(shares[2 * i : 2 * i + 2]))
        data["budgets"][name] = {"max": high} if i == 0 else {"min": low, "max": high}
    space = load_space(data)
    scores, measures, within = enumerate_space(space)
    found = bound(space)
    assert found.exact
    if not within.any():
        assert found.score is None
        assert found.architecture is None
        return
    best = scores[within].max()
    assert best <= found.upper
    assert found.score == pytest.approx(best, rel=1e-12)
    assert found.gap == 0.0
    assert space.encode(found.architecture).tolist() == space.genotype(found.params).tolist()
    for name, budget in space.declaration.budgets.items():
        assert found.measures[name] <= budget.max
        assert budget.min is None or found.measures[name] >= budget.min


SMALL = {
    "clip": {"frames": 4, "size": 64},
    "stem": {"out": [8, 16]},
    "stages": [
        {"out": [8, 16, 24], "depth": [1, 2], "bottleneck_ratio": [1.5, 2], "kernel": KERNELS, "stride": "1x2x2"},
        {"out": [16, 24], "depth": [1, 3], "bottleneck": [16, 40], "kernel": KERNELS, "stride": "1x2x2"},
    ],
    "head": {"out": 64},
    "budgets": {"flops": {"max": 4.0e6}},
}


@pytest.mark.parametrize("weights", [[0, 0, 1], [0, 1, 6], [1, 0, 0.5]], ids=str)
def test_stage_weights(weights):
    space = load_space(SMALL | {"score": {"name": "stentr", "options": {"stage_weights": weights}}})
    scores, _, within = enumerate_space(space)
    assert bound(space).score == pytest.approx(scores[within].max(), rel=1e-12)


@pytest.mark.parametrize("measure", ["params", "activations", "conv_macs", "layers"])
@pytest.mark.parametrize("share", [0.0, 0.002, 0.05])
def test_least_of_another_measure_near_the_optimum(measure, share):
    space = load_space(SMALL)
    scores, measures, within = enumerate_space(space)
    best = scores[within].max()
    near = within & (scores >= best - share * best - 1e-12)
    found = least(space, measure, share)
    assert found.score == measures[measure][near].min()
    assert found.upper == found.score
    assert found.exact
    assert found.measures["stentr"] >= best * (1 - share) - 1e-9


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"score": "package.module:score"}, "package.module:score cannot be bounded"),
        ({"budgets": {"flops": 1e9, "module:mine": 3}}, "module:mine cannot be bounded"),
        ({"score": "stentrr"}, "unknown measure 'stentrr'; did you mean 'stentr'"),
        ({"score": {"name": "stentr", "options": {"stage_weights": [1, 2]}}}, "2 weights for a network of 3 stages"),
    ],
    ids=["score", "budget", "unknown", "weights"],
)
def test_what_is_no_sum_is_said_clearly(change, told):
    with pytest.raises(E3DNASError, match=told):
        bound(SMALL | change)


def test_strides_as_a_choice_with_stage_weights():
    stages = [dict(SMALL["stages"][0], stride=["1x1x1", "1x2x2"]), SMALL["stages"][1]]
    score = {"name": "stentr", "options": {"stage_weights": [0, 1]}}
    with pytest.raises(E3DNASError, match="where strides are a choice"):
        bound(SMALL | {"stages": stages, "score": score})


def test_shipped_tiny_space_is_solved():
    found = bound("tiny")
    assert found.exact
    assert found.score == pytest.approx(60.4165182439441, abs=1e-9)
    assert found.measures["flops"] <= 3.0e7
    assert json.loads(json.dumps(found.to_dict()))["gap"] == 0.0


def test_unknown_measure_names_the_nearest():
    with pytest.raises(E3DNASError, match="did you mean 'params'"):
        least("tiny", "parms", 0.1)


def test_more_options_than_can_be_laid_out_is_an_error_before_memory_goes():
    stage = SMALL["stages"][0] | {"out": {"min": 1, "max": 9000}, "depth": {"min": 1, "max": 1000}}
    with pytest.raises(E3DNASError, match=r"stage1 has 53,958,000 options"):
        bound(SMALL | {"stages": [stage]})
