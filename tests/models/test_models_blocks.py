"""Blocks: what thop counts on them is the closed form; sizes, shortcuts and layouts at their edges."""

import random
import warnings

import pytest
import torch
from torch import nn

from e3dnas.arch import Stage, load_architecture
from e3dnas.measure import cost
from e3dnas.models.blocks import Block, HeadConv, StageModule, StemConv
from e3dnas.models.profile import profile_architecture

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import thop


def backbone(architecture):
    parts, width = [StemConv(architecture.stem, architecture.clip.channels)], architecture.stem.out
    for stage in architecture.stages:
        parts.append(StageModule(stage, width))
        width = stage.out
    return nn.Sequential(*parts, HeadConv(architecture.head, width))


def draw(rng):
    """An architecture of few small blocks with every option of the spec in it somewhere."""
    kernel = rng.choice(["1x1x1", "1x3x3", "3x3x3", "1x5x5", "5x1x1", "3x5x5"])
    stages, width = [], rng.choice([3, 8, 12])
    for _ in range(rng.randint(1, 4)):
        stages.append(
            {
                "block": rng.choice(["depthwise", "dense", "factorised"]),
                "depth": rng.randint(1, 4),
                "out": rng.choice([width, width, 4, 10]),
                "bottleneck": rng.choice([4, 9, 16]),
                "kernel": rng.choice(["1x1x1", "1x3x3", "3x3x3", "1x5x5", "5x3x3", "3x1x1"]),
                "stride": rng.choice(["1x1x1", "1x2x2", "2x2x2", "2x1x1", "3x3x3", "1x4x4"]),
                "se": rng.choice([0.0, 0.0, 0.25, 1.0]),
                "se_every": rng.randint(1, 3),
                "shortcut": rng.choice(["identity", "projection"]),
                "activation": rng.choice(["relu", "silu"]),
            }
        )
        width = stages[-1]["out"]
    return load_architecture(
        {
            "clip": {"frames": rng.randint(1, 9), "size": rng.randint(1, 40), "channels": rng.randint(1, 4)},
            "stem": {
                "out": rng.choice([3, 8, 12]), "kernel": kernel, "temporal_kernel": rng.choice([0, 0, 3, 5]),
                "stride": rng.choice(["1x2x2", "1x1x1", "2x2x2"]),
            },
            "stages": stages,
            "head": {"out": rng.choice([5, 16])},
        }
    )  # fmt: skip


def clip_of(architecture, batch=1, device="meta"):
    clip = architecture.clip
    return torch.empty(batch, clip.channels, clip.frames, clip.size, clip.size, device=device)


@pytest.mark.parametrize("seed", range(15))
def test_thop_counts_the_closed_form(seed):
    rng = random.Random(seed)
    for _ in range(10):
        architecture = draw(rng)
        with torch.device("meta"):
            module = backbone(architecture).eval()
        table = architecture.table()
        expected = float(cost.flops(table)[0]), float(cost.params(table)[0])
        shape = module(clip_of(architecture)).shape
        assert thop.profile(module, (clip_of(architecture),), verbose=False) == expected, architecture
        assert sum(p.numel() for p in module.parameters()) == expected[1]
        assert tuple(shape[2:]) == (table.frames[0, -1], table.size[0, -1], table.size[0, -1])
        by_block = profile_architecture(architecture)
        assert (by_block.flops, by_block.params) == expected, architecture


@pytest.mark.parametrize(
    ("name", "flops", "params"),
    [("e3d_s", 1_980_409_600, 1_976_232), ("e3d_m", 4_931_723_776, 1_840_680), ("e3d_l", 19_354_856_576, 4_097_744)],
)
def test_published_networks_measure_what_is_known(name, flops, params):
    cost_of = profile_architecture(load_architecture(name))
    assert (cost_of.flops, cost_of.params) == (flops, params)


def test_profile_is_remembered_and_immune_to_the_callers_device():
    architecture = load_architecture("e3d_s")
    with torch.device("meta"):
        first = profile_architecture(architecture)
    from e3dnas.models import profile

    misses = profile._profile_block.cache_info().misses
    deeper = architecture.to_dict()
    deeper["stages"][4]["depth"] += 1
    more = profile_architecture(load_architecture(deeper))
    assert profile._profile_block.cache_info().misses == misses  # a deeper stage is made of known blocks
    assert more.flops > first.flops


def test_whole_models_are_measured_with_nothing_passed_through(monkeypatch):
    from e3dnas.models import create_model, profile

    architecture = load_architecture("e3d_s")
    model = create_model(architecture)
    ran = []
    original = nn.BatchNorm3d.forward
    monkeypatch.setattr(nn.BatchNorm3d, "forward", lambda self, x: (ran.append(self), original(self, x))[1])
    cost_of = profile.profile_model(model, architecture.clip)
    assert len(ran) >= sum(isinstance(module, nn.BatchNorm3d) for module in model.modules()) == 83
    assert (cost_of.flops, cost_of.params) == (1_980_409_600, 1_976_232)


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [("x3d_xs", 3.79e6, 0.60e9), ("x3d_s", 3.79e6, 1.96e9), ("x3d_m", 3.79e6, 4.73e9), ("x3d_l", 6.15e6, 18.37e9)],
)
def test_x3d_totals_are_the_published_ones(name, params, macs):
    """X3D (arXiv 2004.04730, table 4, and the figures of its code): multiply-accumulates of a view, parameters.

    The hidden layer of the public models has no bias, ours has one of 2048 (0.05 %).
    """
    architecture = load_architecture(name)
    table = architecture.table()
    classifier = (432 + 1) * 2048 + (2048 + 1) * 400
    assert cost.params(table)[0] + classifier == pytest.approx(params, rel=0.005)
    assert cost.conv_macs(table)[0] == pytest.approx(macs, rel=0.01)
    if name == "x3d_s":
        measured = profile_architecture(architecture)
        assert (measured.flops, measured.params) == (cost.flops(table)[0], cost.params(table)[0])


def pooled_by_hand(x, window):
    """Means over the windows that start in the map, cut at its border."""
    sizes = [-(-size // w) for size, w in zip(x.shape[2:], window, strict=True)]
    out = x.new_zeros(*x.shape[:2], *sizes)
    for t in range(sizes[0]):
        for h in range(sizes[1]):
            for w in range(sizes[2]):
                at = [slice(i * s, i * s + s) for i, s in zip((t, h, w), window, strict=True)]
                out[:, :, t, h, w] = x[(slice(None), slice(None), *at)].mean((2, 3, 4))
    return out


@pytest.mark.parametrize("stride", [(1, 2), (2, 2), (3, 1), (2, 4)])
@pytest.mark.parametrize("sizes", [(4, 8), (5, 7), (1, 1), (3, 39), (2, 3)])
def test_a_strided_shortcut_averages_windows_cut_at_the_border(stride, sizes):
    stage = Stage(depth=1, out=6, bottleneck=8, kernel="3x3x3", stride=stride)
    block = Block(stage, 6, first=True).eval()
    nn.init.zeros_(block.bn3.weight)  # only the shortcut is left
    x = torch.rand(2, 6, sizes[0], sizes[1], sizes[1])
    torch.testing.assert_close(block(x), pooled_by_hand(x, (stride[0], stride[1], stride[1])))


def test_sizes_halve_upwards_along_the_chain_of_312():
    architecture = load_architecture("e3d_l")
    with torch.device("meta"):
        module = backbone(architecture)
    sizes, x = [], clip_of(architecture)
    for part in module:
        x = part(x)
        sizes.append(x.shape[-1])
    assert sizes == [156, 78, 39, 20, 20, 10, 10]


@pytest.mark.parametrize(
    ("fields", "c_in", "kind"),
    [
        ({}, 6, "Identity"),
        ({}, 4, "NoneType"),
        ({"stride": "1x2x2"}, 6, "PooledShortcut"),
        ({"stride": "1x2x2"}, 4, "NoneType"),
        ({"shortcut": "projection"}, 6, "Identity"),
        ({"shortcut": "projection"}, 4, "Sequential"),
        ({"shortcut": "projection", "stride": "2x1x1"}, 6, "Sequential"),
    ],
)
def test_which_shortcut_a_block_has(fields, c_in, kind):
    stage = Stage.model_validate({"depth": 2, "out": 6, "bottleneck": 8} | fields)
    first, second = StageModule(stage, c_in).blocks
    assert type(first.shortcut).__name__ == kind
    assert type(second.shortcut).__name__ == "Identity"


def test_squeeze_excitation_gates_by_the_means():
    stage = Stage.model_validate({"depth": 3, "out": 6, "bottleneck": 8, "se": 0.5, "se_every": 2})
    module = StageModule(stage, 6)
    assert [type(block.se).__name__ for block in module.blocks] == [
        "SqueezeExcitation",
        "Identity",
        "SqueezeExcitation",
    ]
    se, x = module.blocks[0].se, torch.rand(2, 8, 3, 4, 4)
    means = x.flatten(2).mean(2)
    hidden = torch.relu(means @ se.reduce.weight.flatten(1).T + se.reduce.bias)
    gate = torch.sigmoid(hidden @ se.expand.weight.flatten(1).T + se.expand.bias)
    torch.testing.assert_close(se(x), x * gate[:, :, None, None, None])


def test_channels_last_survives_a_strided_block():
    stage = Stage.model_validate({"depth": 1, "out": 6, "bottleneck": 8, "stride": "1x2x2"})
    block = Block(stage, 6, first=True).to(memory_format=torch.channels_last_3d)
    # PyTorch chooses the format of a convolution's output by processor and threads; what is ours is the sum.
    block.bn3.register_forward_hook(lambda module, inputs, y: y.contiguous(memory_format=torch.channels_last_3d))
    x = torch.rand(2, 6, 3, 8, 8).to(memory_format=torch.channels_last_3d)
    assert block.shortcut(x).is_contiguous(memory_format=torch.channels_last_3d)
    assert block(x).is_contiguous(memory_format=torch.channels_last_3d)


def test_half_precision_on_the_cpu():
    stage = Stage.model_validate({"depth": 1, "out": 6, "bottleneck": 8, "stride": "2x2x2"})
    block = Block(stage, 6, first=True).eval()
    x = torch.rand(1, 6, 4, 6, 6)
    half = block.bfloat16()(x.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), block.float()(x), rtol=0.05, atol=0.05)


def test_drop_path_spares_blocks_without_shortcut():
    stage = Stage.model_validate({"depth": 2, "out": 6, "bottleneck": 8})
    module = StageModule(stage, 4, [nn.Dropout(0.5), nn.Dropout(0.5)])
    assert [type(block.drop_path).__name__ for block in module.blocks] == ["Identity", "Dropout"]
