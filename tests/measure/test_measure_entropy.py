"""Scores against a plain-Python reading of the method, one layer after the other."""

import math
import random

import numpy as np
import plain_oracle as oracle
import pytest

from e3dnas.arch import load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.measure.entropy import alpha, homoentr, stentr
from e3dnas.space import load_space


def network(stages=None, **more):
    stages = stages or [{"depth": 1, "out": 8, "bottleneck": 4}]
    return load_architecture({"stem": {"out": 8}, "stages": stages, "head": {"out": 16}} | more)


@pytest.mark.parametrize("seed", range(100))
def test_equal_to_the_oracle(seed):
    architecture = oracle.draw(random.Random(seed))
    table, found = architecture.table(), oracle.convolutions(architecture)
    assert homoentr(table)[0] == pytest.approx(oracle.costs(architecture)["homoentr"], abs=1e-9)
    levels = found[-1].level + 1
    weights = [random.Random(seed + i).choice([0, 1, 0.5, -2.25]) for i in range(levels)]
    scores = stentr(table)[0], stentr(table, weights)[0]
    if any(oracle.is_parallel(conv) for conv in found):  # 1 - cos is then nothing but rounding
        assert np.isfinite(scores).all()
    else:
        assert scores[0] == pytest.approx(oracle.stentr(architecture), abs=1e-9)
        assert scores[1] == pytest.approx(oracle.stentr(architecture, weights), abs=1e-9)


def test_some_draws_are_compared_fully():
    drawn = [oracle.convolutions(oracle.draw(random.Random(seed))) for seed in range(100)]
    assert sum(not any(oracle.is_parallel(conv) for conv in found) for found in drawn) > 60


def test_sizes_are_floored_at_every_stride():
    data = load_architecture("e3d_l").to_dict()
    table = load_architecture(data | {"clip": {"frames": 16, "size": 312, "channels": 3}}).table()
    scored = [table.score_size[0, table.stage[0] == s][0] for s in range(7)]
    real = [table.size[0, table.stage[0] == s][-1] for s in range(7)]
    assert scored == [156, 78, 39, 19, 19, 9, 9]
    assert real == [156, 78, 39, 20, 20, 10, 10]
    assert (table.score_frames == 16).all()


@pytest.mark.parametrize(
    ("kernel", "scored", "expected"),
    [
        ("1x1x1", (13, 80), 1.0),
        ("3x1x1", (13, 80), 1.0),
        ("31x1x1", (13, 80), 1.0),
        ("1x3x3", (13, 80), oracle.alpha((13, 80), (1, 3))),
        ("5x3x3", (13, 80), oracle.alpha((13, 80), (5, 3))),
        ("3x3x3", (80, 80), -math.log(2.0**-52)),
        ("1x3x3", (10, 30), -math.log(2.0**-52)),
        ("1x3x3", (1, 0), -math.log(1 - 1 / math.sqrt(19))),
    ],
)
def test_alpha_of_one_layer(kernel, scored, expected):
    frames, size = scored
    clip = {"frames": frames, "size": max(2 * size, 1)}
    architecture = network([{"depth": 1, "out": 8, "bottleneck": 4, "kernel": kernel}], clip=clip)
    middle = alpha(architecture.table())[0, 2]
    # Parallel directions leave rounding alone: a few units in the last place of the cosine, never infinite.
    assert middle == pytest.approx(expected, abs=1.5 if expected > 30 else 1e-12)
    assert middle <= -math.log(2.0**-52)


def test_strides_in_time_never_leave_no_frames():
    stage = {"depth": 1, "out": 8, "bottleneck": 4, "stride": "2x2x2"}
    table = network([stage] * 3, clip={"frames": 2, "size": 4}).table()
    assert table.score_frames.min() == 1
    assert table.score_size[0, -1] == 0
    assert np.isfinite(stentr(table)).all()


def test_squeeze_excitation_and_shortcuts_do_not_count():
    plain = [{"depth": 3, "out": 12, "bottleneck": 16, "stride": "1x2x2"}]
    beside = [plain[0] | {"se": 0.5, "shortcut": "projection"}]
    assert stentr(network(plain).table()) == pytest.approx(stentr(network(beside).table()), abs=1e-12)
    assert homoentr(network(plain).table()) == pytest.approx(homoentr(network(beside).table()), abs=1e-12)


def test_last_stage_alone_is_the_default():
    table = load_architecture("e3d_s").table()
    assert stentr(table, [0, 0, 0, 0, 1]) == stentr(table) == stentr(table, (0, 0, 0, 0, 1))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], "stage_weights: 1 weights for a network of 5 stages .* write one weight for each"),
        ([], "stage_weights: 0 weights for a network of 5 stages"),
        ([1] * 6, "stage_weights: 6 weights for a network of 5 stages"),
        (5, r"must be a list of numbers such as \[0, 0, 0, 0, 1\], not 5"),
        (["a"] * 5, "must be a list of numbers"),
        ([True] * 5, "must be a list of numbers"),
        ([0, 0, 0, 0, float("nan")], "must be a list of numbers"),
        ("abcde", "must be a list of numbers"),
    ],
)
def test_wrong_weights(weights, message):
    with pytest.raises(E3DNASError, match=message):
        stentr(load_architecture("e3d_s").table(), weights)


def test_weights_for_a_population_of_different_levels():
    space = load_space({"stages": [{"depth": 1, "out": 24, "bottleneck": 8, "stride": ["1x1x1", "1x2x2"]}] * 2})
    table = space.table(space.sample(np.random.default_rng(0), 40))
    with pytest.raises(E3DNASError, match="3 weights for a network of 1 or 2 or 3 stages"):
        stentr(table, [1, 1, 1])


@pytest.mark.parametrize("name", ["e3d", "e3d_l", "e3d_m", "tiny"])
def test_stage_weights_of_a_population(name):
    space = load_space(name)
    genotypes = space.sample(np.random.default_rng(1), 30)
    architectures = [space.architecture(genotype) for genotype in genotypes]
    weights = [0.5, 1, 0, 2, 3, 4][: 1 + sum(s.stride[1] > 1 for s in architectures[0].stages)]
    expected = [stentr(a.table(), weights)[0] for a in architectures]
    np.testing.assert_allclose(stentr(space.table(genotypes), weights), expected, rtol=0, atol=1e-9)
    parallel = [any(map(oracle.is_parallel, oracle.convolutions(a))) for a in architectures]
    slow = [oracle.stentr(a, weights) for a in architectures]
    assert not all(parallel)
    assert [x for x, p in zip(expected, parallel, strict=True) if not p] == pytest.approx(
        [x for x, p in zip(slow, parallel, strict=True) if not p], abs=1e-9
    )
