"""Genotypes: repair, sampling, and the ways to networks, columns and Optuna parameters and back."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, IntDistribution

import e3dnas
from e3dnas.arch import load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.space import load_family, load_space, shipped_spaces
from e3dnas.space.genes import rounded_widths

SHIPPED = {space.name: space for name in shipped_spaces() for space in load_family(name).members.values()}
STARTER = load_space(Path(e3dnas.__file__).parent / "space" / "starter.yaml")
SPACES = SHIPPED | {"starter": STARTER}
STAGE = {"depth": 1, "out": [8, 16], "bottleneck": 8}


def widths_of(architecture):
    return [architecture.stem.out, *(stage.out for stage in architecture.stages)]


def keeps_the_rules(space, architecture):
    rules, size = space.declaration.rules, -(-architecture.clip.size // architecture.stem.stride[1])
    if rules.widths_never_shrink:
        assert widths_of(architecture) == sorted(widths_of(architecture))
    for i, stage in enumerate(architecture.stages, start=1):
        assert stage.kernel[1] == 1 or rules.kernel_fit * stage.kernel[1] <= size
        assert stage.out in space.field(f"stage{i}.out").values
        size = -(-size // stage.stride[1])


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_repair_closes_the_space(space, seed):
    wild = np.random.default_rng(seed).integers(0, space.sizes, (12, len(space.genes)))
    repaired = space.repair(wild)
    assert (space.repair(repaired) == repaired).all()
    assert (repaired >= 0).all()
    assert (repaired < space.sizes).all()
    for genotype in repaired:
        architecture = space.architecture(genotype)
        keeps_the_rules(space, architecture)
        assert (space.encode(architecture) == genotype).all()
        params = space.params(genotype)
        assert (space.genotype(params) == genotype).all()


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
def test_samples_stay_inside(space):
    drawn = space.sample(np.random.default_rng(0), 200)
    assert drawn.shape == (200, len(space.genes))
    assert (space.repair(drawn) == drawn).all()
    for genotype in drawn[:40]:
        keeps_the_rules(space, space.architecture(genotype))
    assert (space.sample(np.random.default_rng(0), 200) == drawn).all()
    assert (space.sample(np.random.default_rng(1), 200) != drawn).any()


def test_samples_reach_every_value():
    space = SHIPPED["tiny"]
    drawn = space.sample(np.random.default_rng(0), 20_000)
    for column, gene in enumerate(space.genes):
        if not gene.name.endswith("bottleneck_ratio"):  # some of these never stand for themselves
            assert set(drawn[:, column]) == set(range(len(gene.values))), gene.name


@pytest.mark.parametrize(
    ("stem", "outs"),
    [
        ([8, 16], [[8, 16, 24], [8, 16]]),
        ([8, 16], [[8, 24], [8, 20]]),  # 24 leads nowhere, and so 16 leads nowhere either
        ([10], [[5, 12], [11, 20]]),
        ([8], [[16, 32], [16], [8, 24]]),
        ([8, 9, 10], [[1, 2, 9], [3, 9, 12], [9, 11]]),
        (16, [[8, 16], [8, 24]]),
    ],
)
def test_widths_never_shrink(stem, outs):
    space = load_space({"stem": {"out": stem}, "stages": [STAGE | {"out": out} for out in outs]})
    everything = np.array(list(itertools.product(*map(range, space.sizes))), np.int64)
    found = {tuple(widths_of(space.architecture(g))) for g in space.repair(everything)}
    stems = stem if isinstance(stem, list) else [stem]
    expected = {w for w in itertools.product(stems, *outs) if list(w) == sorted(w)}
    assert found == expected
    reachable = [space.field(f"{part}.out").values for part in ("stem", *(f"stage{i + 1}" for i in range(len(outs))))]
    assert reachable == [tuple(sorted({w[i] for w in expected})) for i in range(len(outs) + 1)]


def test_widths_may_shrink_where_the_space_says_so():
    space = load_space({"stages": [STAGE, STAGE], "rules": {"widths_never_shrink": False}})
    drawn = space.sample(np.random.default_rng(0), 50)
    assert {(8, 8), (8, 16), (16, 8), (16, 16)} == {tuple(widths_of(space.architecture(g))[1:]) for g in drawn}


def test_widths_that_can_only_shrink(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        "stem: {out: 24}\nstages:\n- {depth: 1, out: 32, bottleneck: 8}\n- {depth: 1, out: 16, bottleneck: 8}\n"
    )
    with pytest.raises(E3DNASError) as caught:
        load_space(path)
    assert str(caught.value) == (
        f"{path}:4: stages[1].out: the widest choice is 16, but at least 32 channels enter and "
        "rules.widths_never_shrink is true; widen the choices or set it to false"
    )


@pytest.mark.parametrize(
    ("out", "ratio", "multiple", "bottleneck"),
    [(24, 1.5, 8, 32), (120, 1.5, 8, 176), (8, 1.5, 8, 16), (8, 0.1, 8, 8), (40, 2.5, 8, 96), (24, 3.5, 8, 80),
     (10, 1.0, 3, 9), (30, 0.5, 1, 15), (24, 2.25, 1, 54), (56, 3.5, 8, 192)],
)  # fmt: skip
def test_bottlenecks_are_rounded_to_even_multiples(out, ratio, multiple, bottleneck):
    assert rounded_widths(np.array([out * ratio]), multiple) == [bottleneck]
    stage = {"depth": 1, "out": out, "bottleneck_ratio": ratio, "bottleneck_multiple": multiple}
    space = load_space({"stem": {"out": 1}, "stages": [stage]})
    genotype = space.sample(np.random.default_rng(0), 1)
    assert space.architecture(genotype[0]).stages[0].bottleneck == bottleneck
    assert space.columns(genotype).stages["bottleneck"] == [[bottleneck]]


def test_ratios_that_round_to_the_same_bottleneck_are_one():
    stage = {"depth": 1, "out": [8, 24], "bottleneck_ratio": [1.5, 1.75, 2, 2.25]}
    space = load_space({"stem": {"out": 8}, "stages": [stage]})
    repaired = space.repair(np.array(list(itertools.product(range(2), range(4)))))
    networks = [(s.out, s.bottleneck) for s in (space.architecture(g).stages[0] for g in repaired)]
    assert networks == [(8, 16)] * 4 + [(24, 32), (24, 40), (24, 48), (24, 56)]
    assert len({tuple(g) for g in repaired.tolist()}) == len(set(networks)) == 5


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
def test_equal_networks_have_equal_genotypes(space):
    drawn = space.repair(np.random.default_rng(5).integers(0, space.sizes, (300, len(space.genes))))
    close = np.repeat(drawn[:1], 300, axis=0)
    columns = np.arange(300) % len(space.genes)
    close[np.arange(300), columns] = drawn[np.arange(300), columns]
    repaired = space.repair(np.concatenate([drawn, close]))
    genotypes = {tuple(g) for g in repaired.tolist()}
    assert len({space.architecture(g) for g in repaired}) == len(genotypes)


@pytest.mark.parametrize(
    ("fit", "size", "kernels"),
    [
        (1.5, 160, [(1, 3), (1, 5), (3, 3)]),
        (1.5, 12, [(1, 3), (3, 3)]),  # 1.5 * 5 > 6: the five becomes a three
        (1.5, 6, [(1, 1), (3, 1)]),
        (0, 6, [(1, 3), (1, 5), (3, 3)]),
        (2.0, 12, [(1, 3), (3, 3)]),
        (2.1, 12, [(1, 1), (3, 1)]),
    ],
)
def test_kernels_fit_their_map(fit, size, kernels):
    space = load_space(
        {
            "clip": {"size": size}, "stem": {"out": 8, "stride": "1x2x2"}, "rules": {"kernel_fit": fit},
            "stages": [STAGE | {"kernel": ["1x3x3", "1x5x5", "3x3x3"]}],
        }
    )  # fmt: skip
    assert list(space.field("stage1.kernel").values) == kernels


def test_kernels_fit_after_the_strides_before_them():
    stages = [STAGE | {"kernel": "1x5x5", "stride": ["1x1x1", "1x2x2"]}] * 4
    space = load_space({"clip": {"size": 32}, "stem": {"out": 8}, "stages": stages})
    assert [space.field(f"stage{i}.kernel").values[0][1] for i in range(1, 5)] == [5, 5, 1, 1]


def test_optuna_distributions():
    found = SHIPPED["e3d"].distributions()
    assert list(found)[:2] == ["stem.out", "stage1.depth"]
    assert found["stage2.out"] == IntDistribution(8, 640, step=8)
    assert found["stage1.depth"] == IntDistribution(1, 3)
    assert found["stage3.kernel"] == CategoricalDistribution(["1x3x3", "1x5x5", "3x3x3"])
    assert found["stage3.bottleneck_ratio"] == CategoricalDistribution([1.5, 2.0, 2.5, 3.0, 3.5, 4.0])
    assert "stage1.stride" not in found  # one value only
    uneven = load_space({"stages": [STAGE | {"depth": [1, 2, 4], "out": [24, 32], "block": ["dense", "depthwise"]}]})
    assert uneven.distributions() == {
        "stage1.block": CategoricalDistribution(["dense", "depthwise"]),
        "stage1.depth": CategoricalDistribution([1, 2, 4]),
        "stage1.out": IntDistribution(24, 32, step=8),
    }


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
def test_every_parameter_lies_in_its_distribution(space):
    distributions = space.distributions()
    for genotype in space.sample(np.random.default_rng(2), 30):
        params = space.params(genotype)
        assert params.keys() == distributions.keys()
        for name, value in params.items():
            assert distributions[name]._contains(distributions[name].to_internal_repr(value)), name


def test_parameters_that_are_none():
    space = SHIPPED["tiny"]
    params = space.params(space.sample(np.random.default_rng(0), 1)[0])
    with pytest.raises(ValueError, match=r"parameter 'stage2\.kernel' is missing"):
        space.genotype({k: v for k, v in params.items() if k != "stage2.kernel"})
    with pytest.raises(ValueError, match=r"stage2\.kernel: '7x7x7' is none of 1x3x3, 1x5x5, 3x3x3"):
        space.genotype(params | {"stage2.kernel": "7x7x7"})


def test_genotypes_of_parameters_are_repaired():
    space = load_space({"stem": {"out": [8, 16]}, "stages": [STAGE]})
    assert space.params(space.genotype({"stem.out": 16, "stage1.out": 8})) == {"stem.out": 8, "stage1.out": 8}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clip": {"frames": 13, "size": 161}}, r"breaks a rule of the space \(.* or its clip\)"),
        ({"head": {"out": 256}}, r"head\.out: 256 is not among the space's choices \(512\)"),
        ({"stem": {"out": 12}}, r"stem\.out: 12 is not among the space's choices \(8, 16, 24, 32\)"),
        ({"stages.0": {"out": 20}}, r"stage1\.out: 20 is not among the space's choices \(8, 16, .*, 64, \.\.\.\)"),
        ({"stages.1": {"kernel": "5x5x5"}}, r"stage2\.kernel: 5x5x5 is not among .* \(1x3x3, 1x5x5, 3x3x3\)"),
        ({"stages.2": {"bottleneck": 10}}, r"stage3\.bottleneck: 10 is none of \[176, 240, 304, 360, 416, 480\]"),
        ({"stages.4": {"out": 8, "bottleneck": 16}}, r"breaks a rule of the space \(widths_never_shrink"),
    ],
)  # fmt: skip
def test_networks_outside_the_space(change, message):
    data = load_architecture("e3d_s").to_dict()
    for key, value in change.items():
        if "." in key:
            data["stages"][int(key.split(".")[1])] |= value
        else:
            data[key] = data[key] | value
    with pytest.raises(E3DNASError, match=message):
        SHIPPED["e3d"].encode(load_architecture(data))


def test_networks_of_another_depth():
    with pytest.raises(E3DNASError, match="the network has 5 stages, the space 3"):
        SHIPPED["tiny"].encode(load_architecture("e3d_s"))


def test_a_space_of_one_network():
    space = load_space({"stages": [{"depth": 1, "out": 24, "bottleneck": 8}]})
    assert (space.cardinality, space.genes, space.distributions()) == (1, (), {})
    drawn = space.sample(np.random.default_rng(0), 5)
    assert drawn.shape == (5, 0)
    assert space.repair(drawn).shape == (5, 0)
    network = space.architecture(drawn[0])
    assert space.encode(network).shape == (0,)
    assert space.params(drawn[0]) == {}
    assert space.genotype({}).shape == (0,)
    assert space.table(drawn).shape[0] == 1


def test_cardinality_is_exact():
    expected = 4
    for i, depths in enumerate([3, 6, 6, 6, 6]):
        kernels = len(SHIPPED["e3d"].field(f"stage{i + 1}.kernel").values)
        expected *= 80 * 6 * kernels * depths
    assert SHIPPED["e3d"].cardinality == expected


def test_squeeze_widths_of_a_population():
    stage = {"depth": 1, "out": [24, 48], "bottleneck": [54, 108, 216], "se": [0, 0.0625, 0.25]}
    space = load_space({"stages": [stage]})
    drawn = space.sample(np.random.default_rng(0), 60)
    expected = [[space.architecture(g).stages[0].squeeze] for g in drawn]
    assert space.columns(drawn).stages["squeeze"].tolist() == expected
    assert {0, 8, 16, 56} <= {e[0] for e in expected}
