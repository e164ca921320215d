"""Costs: a plain-Python count, thop on 200 networks of every shipped space, and whole populations at once."""

import random
from pathlib import Path

import numpy as np
import plain_oracle as oracle
import pytest
import torch

import e3dnas
from e3dnas.arch import load_architecture
from e3dnas.measure import cost
from e3dnas.measure.registry import MEASURES, measure_table
from e3dnas.models import create_model
from e3dnas.models.profile import profile_architecture, profile_model
from e3dnas.space import load_space

EVERYTHING = {
    "name": "everything",
    "clip": {"frames": 5, "size": 37, "channels": 2},
    "stem": {
        "out": [3, 8, 10], "kernel": ["1x3x3", "3x5x5"], "stride": ["1x2x2", "2x1x1"], "temporal_kernel": [0, 3, 5],
        "activation": ["relu", "silu"],
    },
    "stage_defaults": {
        "block": ["depthwise", "dense", "factorised"],
        "depth": {"min": 1, "max": 4},
        "out": [8, 10, 12],
        "bottleneck_ratio": {"min": 0.5, "max": 2.5, "step": 0.5},
        "bottleneck_multiple": 3,
        "kernel": ["1x1x1", "1x3x3", "3x3x3", "5x3x3", "3x1x1", "1x5x5"],
        "stride": ["1x1x1", "1x2x2", "2x2x2", "2x1x1", "1x3x3"],
        "se": [0, 0.25, 0.5],
        "se_every": [1, 2, 3],
        "shortcut": ["identity", "projection"],
        "activation": ["relu", "silu"],
        "inner_activation": ["relu", "silu"],
    },
    "stages": [{}, {"bottleneck": [4, 9]}, {}],
    "head": {"out": [6, 16], "activation": ["relu", "silu"]},
    "rules": {"widths_never_shrink": False, "kernel_fit": 0},
}  # fmt: skip
STARTER = Path(e3dnas.__file__).parent / "space" / "starter.yaml"
SPACES = {name: name for name in ("e3d", "e3d_l", "e3d_m", "tiny")} | {"starter": STARTER, "everything": EVERYTHING}


@pytest.fixture(params=list(SPACES))
def space(request):
    return load_space(SPACES[request.param])


def drawn(space, count, seed=0):
    genotypes = space.sample(np.random.default_rng(seed), count)
    return genotypes, [space.architecture(genotype) for genotype in genotypes]


@pytest.mark.parametrize("seed", range(60))
def test_equal_to_the_oracle(seed):
    architecture = oracle.draw(random.Random(1000 + seed))
    found = {key: value[0] for key, value in measure_table(architecture.table()).items() if key != "stentr"}
    expected = oracle.costs(architecture)
    assert found.pop("homoentr") == pytest.approx(expected.pop("homoentr"), abs=1e-9)
    assert found == expected


def relatives(space, parents, rng):
    """One child of each genotype, another in one gene: most of its blocks have been measured with its parent."""
    children = parents.copy()
    for child in children:
        gene = rng.integers(len(space.genes))
        child[gene] = rng.integers(space.sizes[gene])
    return space.repair(children)


@pytest.mark.parametrize("seed", range(2))
def test_flops_and_params_are_thops(space, seed):
    rng = np.random.default_rng(seed)
    generations = [space.sample(rng, 25)]
    for _ in range(3):
        generations.append(relatives(space, generations[-1], rng))
    genotypes = np.concatenate(generations)
    architectures = [space.architecture(genotype) for genotype in genotypes]
    table = space.table(genotypes)
    closed = np.stack(np.broadcast_arrays(cost.flops(table), cost.params(table)), axis=1).tolist()
    measured = [profile_architecture(architecture) for architecture in architectures]
    assert closed == [[m.flops, m.params] for m in measured]


def test_whole_models_are_thops(space):
    genotypes, architectures = drawn(space, 2, seed=9)
    table = space.table(genotypes)
    for i, architecture in enumerate(architectures):
        with torch.device("meta"):  # no weights to draw
            model = create_model(architecture, num_classes=7)
        whole = profile_model(model, architecture.clip)
        assert (whole.flops, whole.params) == (cost.flops(table)[i], cost.params(table)[i])


def test_population_and_single_agree(space):
    genotypes, architectures = drawn(space, 60, seed=3)
    together = measure_table(space.table(genotypes))
    assert set(together) == set(MEASURES)
    for i, architecture in enumerate(architectures):
        alone = measure_table(architecture.table())
        for name in ("flops", "conv_macs", "params", "layers", "activations"):
            assert together[name][i] == alone[name][0] == int(alone[name][0]), name
        for name in ("stentr", "homoentr"):
            assert together[name][i] == pytest.approx(alone[name][0], abs=1e-9)


def test_everything_is_in_the_space_of_everything():
    _, architectures = drawn(load_space(EVERYTHING), 200)
    stages = [stage for a in architectures for stage in a.stages]
    assert {s.block for s in stages} == {"depthwise", "dense", "factorised"}
    assert {s.shortcut for s in stages} == {"identity", "projection"}
    assert len({(s.kernel, s.stride) for s in stages}) == 30
    assert {bool(s.squeeze) for s in stages} == {True, False}
    assert any(a.clip.size % 2 and a.stem.temporal_kernel for a in architectures)


def test_hand_worked_costs():
    stage = {"depth": 2, "out": 6, "bottleneck": 4, "kernel": "3x3x3", "stride": "1x2x2"}
    data = {"clip": {"frames": 3, "size": 8}, "stem": {"out": 6}, "stages": [stage], "head": {"out": 10}}
    found = {key: value[0] for key, value in measure_table(load_architecture(data).table()).items()}
    stem, inside, outside, map_ = 27 * 6 * 48, 4 * 48, 4 * 12, 12
    macs = stem + 6 * inside + 27 * outside + 4 * 6 * map_ + (6 + 27) * outside + 4 * 6 * map_ + 60 * map_
    elements = 6 * 48 + inside + outside + 6 * map_ + 2 * outside + 6 * map_ + 10 * map_
    assert found["conv_macs"] == macs
    assert found["activations"] == elements
    assert found["flops"] == macs + 4 * elements + 6 * map_  # a BN everywhere, and the pooled shortcut
    assert found["params"] == (162 + 12) + 2 * (24 + 8 + 27 * 4 + 8 + 24 + 12) + (60 + 20)
    assert found["layers"] == 1 + 6 + 1
