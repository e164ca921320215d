"""Floors against the figures that were worked out before (KERNELS, section 1) and against the modules' own tensors."""

import pytest
import torch
from made_benched import OTHERS, TINY, tiny
from torch import nn

from e3dnas.arch import load_architecture
from e3dnas.bench.roofline import FOLDED, FUSED, LEVELS, PLAIN, Ceilings, floor, operations
from e3dnas.models.layers import PooledShortcut, SqueezeExcitation, Sum
from e3dnas.models.network import E3D

H200 = Ceilings(4.3e12, 790e12)

# Of a clip in bfloat16: megabytes, microseconds.
KNOWN = [
    ("e3d_s", False, PLAIN, 385, 89), ("e3d_m", False, PLAIN, 954, 222), ("e3d_l", False, PLAIN, 3331, 775),
    ("e3d_s", False, FOLDED, 268, 62), ("e3d_m", False, FOLDED, 666, 155), ("e3d_l", False, FOLDED, 2319, 539),
    ("e3d_s", False, FUSED, 131, 30.4), ("e3d_m", False, FUSED, 324, 75), ("e3d_l", False, FUSED, 1122, 261),
    ("e3d_s", True, PLAIN, 1181, 275), ("e3d_m", True, PLAIN, 2926, 680), ("e3d_l", True, PLAIN, 10227, 2378),
    ("e3d_s", True, FUSED, 584, 136), ("e3d_m", True, FUSED, 1450, 337), ("e3d_l", True, FUSED, 5051, 1175),
]  # fmt: skip


@pytest.mark.parametrize(("name", "train", "level", "megabytes", "us"), KNOWN)
def test_figures_known_before(name, train, level, megabytes, us):
    found = floor(load_architecture(name), level, 64, 2, H200, train=train)
    assert found.bytes / 64e6 == pytest.approx(megabytes, rel=0.03)
    assert 1e3 * found.ms / 64 == pytest.approx(us, rel=0.03)


def moved(architecture, *, norms):
    """Return the elements that a forward pass of the modules reads and writes, and their multiply-accumulates."""
    model = E3D(architecture).eval()
    gates = [part for part in model.modules() if isinstance(part, SqueezeExcitation)]
    inside = {part for gate in gates for part in gate.modules() if not isinstance(part, nn.Conv3d)} - set(gates)
    inside |= set(model.head.modules())
    passing = nn.Conv3d, nn.ReLU, nn.SiLU, Sum, PooledShortcut, *([nn.BatchNorm3d] if norms else [])
    total = [0, 0]

    def note(module, given, out):
        read = sum(one.numel() for one in given)
        if isinstance(module, SqueezeExcitation):
            total[0] += 3 * read  # the mean reads, the product reads and writes
        elif isinstance(module, passing):
            total[0] += read + out.numel()
        if isinstance(module, nn.Conv3d):
            total[1] += module.weight[0].numel() * out.numel()

    for module in model.modules():
        if module not in inside:
            module.register_forward_hook(note)
    clip = architecture.clip
    with torch.no_grad():
        maps = model.forward_features(torch.randn(1, clip.channels, clip.frames, clip.size, clip.size))
    return total[0] + maps.numel(), total[1]  # the global pool reads what is left


@pytest.mark.parametrize("data", [TINY, *OTHERS.values()], ids=["tiny", *OTHERS])
@pytest.mark.parametrize("level", [PLAIN, FOLDED])
def test_a_forward_pass_moves_what_the_modules_move(data, level):
    architecture = tiny(data)
    found = list(operations(architecture, level))
    elements, macs = moved(architecture, norms=level == PLAIN)
    assert sum(one.repeat * one.elements for one in found) == elements
    assert sum(one.repeat * one.macs for one in found) == macs


def test_training_does_the_products_three_times_but_for_the_clips_gradient():
    once = floor(tiny(), PLAIN, 1, 4, H200)
    stem = next(one for one in operations(tiny(), PLAIN) if one.name == "convolution")
    assert floor(tiny(), PLAIN, 1, 4, H200, train=True).flops == 3 * once.flops - 2 * stem.macs


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("name", ["e3d_s", "x3d_s"])
def test_levels_go_from_the_most_bytes_to_the_least(name, train):
    architecture = load_architecture(name)
    found = [floor(architecture, level, 1, 4, H200, train=train).bytes for level in LEVELS[train]]
    assert found == sorted(found, reverse=True)


def test_the_longer_of_bytes_and_products_counts_operation_by_operation():
    slow_copy = floor(tiny(), PLAIN, 3, 4, Ceilings(1e6, 1e30))
    slow_products = floor(tiny(), PLAIN, 3, 4, Ceilings(1e30, 1e6))
    both = floor(tiny(), PLAIN, 3, 4, Ceilings(1e6, 1e6))
    assert slow_copy.ms == pytest.approx(1e3 * slow_copy.bytes / 1e6)
    assert slow_products.ms == pytest.approx(1e3 * slow_products.flops / 1e6)
    assert max(slow_copy.ms, slow_products.ms) < both.ms < slow_copy.ms + slow_products.ms


def test_weights_are_read_once_whatever_the_clips():
    one, two, four = (floor(tiny(), PLAIN, batch, 4, H200).bytes for batch in (1, 2, 4))
    weights = sum(p.numel() for n, p in E3D(tiny()).named_parameters() if p.dim() == 5)
    assert four - two == 2 * (two - one)
    assert one - (two - one) == 4 * weights
