"""The network with and without the fast convolutions: the same outputs and gradients, counts, names and graphs."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from e3dnas.arch import Clip, load_architecture
from e3dnas.models import E3D
from e3dnas.models.blocks import Block
from e3dnas.models.layers import conv3d
from e3dnas.models.profile import profile_model

ARCH = load_architecture(
    {
        "clip": {"frames": 5, "size": 23, "channels": 3},
        "stem": {"out": 8, "kernel": "1x3x3", "temporal_kernel": 5},
        "stages": [
            {"depth": 2, "out": 16, "bottleneck": 24, "kernel": "1x5x5", "stride": "1x2x2", "se": 0.25},
            {"depth": 2, "out": 24, "bottleneck": 40, "kernel": "3x3x3", "stride": "1x2x2", "activation": "silu"},
            {"depth": 1, "out": 24, "bottleneck": 9, "kernel": "3x3x3", "stride": "2x2x2"},
            {"depth": 2, "out": 12, "bottleneck": 8, "kernel": "3x3x3", "block": "factorised"},
        ],
        "head": {"out": 32},
    }
)


@pytest.fixture
def model(monkeypatch):
    monkeypatch.delenv("E3DNAS_KERNELS", raising=False)
    torch.manual_seed(0)
    return E3D(ARCH, 5)


@pytest.fixture
def clips():
    return torch.randn(3, 3, 5, 23, 23, generator=torch.Generator().manual_seed(1))


def trained(model, clips):
    """Output, gradients, and the graph's operators."""
    model.zero_grad()
    y = model(clips)
    nodes, names = [y.grad_fn], set()
    while nodes:
        node = nodes.pop()
        names.add(type(node).__name__)
        nodes += [after for after, _ in node.next_functions if after is not None]
    y.square().mean().backward()
    return y.detach(), [parameter.grad.clone() for parameter in model.parameters()], names


@pytest.mark.parametrize("channels_last", [False, True])
def test_outputs_and_gradients_are_those_without_kernels(model, clips, channels_last, monkeypatch):
    if channels_last:
        clips = clips.contiguous(memory_format=torch.channels_last_3d)
    y, grads, names = trained(model, clips)
    again = trained(model, clips)
    monkeypatch.setenv("E3DNAS_KERNELS", "0")
    expected, expected_grads, plain_names = trained(model, clips)
    assert any("e3dnas" in name for name in names)
    assert not any("e3dnas" in name for name in plain_names)
    torch.testing.assert_close(y, expected)
    for grad, wanted in zip(grads, expected_grads, strict=True):
        assert (grad - wanted).norm() <= 1e-4 * wanted.norm() + 1e-7
    assert torch.equal(y, again[0])
    assert all(torch.equal(one, other) for one, other in zip(grads, again[1], strict=True))


def test_without_gradients_the_outputs_are_the_same_but_for_rounding(model, clips, monkeypatch):
    with torch.no_grad():
        y = model.eval()(clips)
        again = model(clips)
        monkeypatch.setenv("E3DNAS_KERNELS", "0")
        expected = model(clips)
        exact = copy.deepcopy(model).double()(clips.double())
    assert torch.equal(y, again)
    assert not torch.equal(y, expected)
    assert (y - exact).norm() <= 1e-5 * exact.norm()


def test_the_modules_are_plain_convolutions_to_everyone(model):
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv3d)]
    assert {type(module) for module in convolutions} == {nn.Conv3d}
    plain = nn.Conv3d(8, 8, 3, padding=1, groups=8, bias=False)
    assert conv3d(8, 8, (3, 3), groups=8).state_dict().keys() == plain.state_dict().keys()
    assert conv3d(8, 8, (3, 3), groups=8).extra_repr() == plain.extra_repr()


def test_copies_and_pickles_compute_the_same(model, clips):
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        y, grads, names = trained(other, clips)
        expected = trained(model, clips)
        assert any("e3dnas" in name for name in names)
        assert torch.equal(y, expected[0])
        assert all(torch.equal(one, wanted) for one, wanted in zip(grads, expected[1], strict=True))


def test_thop_counts_the_same(model, monkeypatch):
    clip = Clip.model_validate({"frames": 5, "size": 23, "channels": 3})
    counted = profile_model(model, clip)
    monkeypatch.setenv("E3DNAS_KERNELS", "0")
    assert counted == profile_model(model, clip)


def test_a_folded_convolution_keeps_its_bias(clips):
    torch.manual_seed(0)
    conv, bn = conv3d(3, 3, (3, 5), (1, 2), groups=3), nn.BatchNorm3d(3)
    bn(clips)
    bn.eval()
    fused = fuse_conv_bn_eval(conv.eval(), bn)
    torch.testing.assert_close(fused(clips), bn(conv(clips)))  # with gradients: our operator
    with torch.no_grad():
        torch.testing.assert_close(fused(clips), bn(conv(clips)))


@pytest.mark.parametrize("training", [True, False])
def test_torch_fx_traces_the_network(model, clips, training):
    model.train(training)
    traced = torch.fx.symbolic_trace(copy.deepcopy(model))
    torch.testing.assert_close(traced(clips), model(clips))
    assert {type(m) for m in traced.modules() if isinstance(m, nn.Conv3d)} == {nn.Conv3d}


@pytest.mark.skipif(
    not hasattr(torch.compiler, "is_exporting"), reason="PyTorch 2.6 does not tell whether it is exporting"
)
def test_a_block_exports_without_our_operator(clips):
    program = torch.export.export(Block(ARCH.stages[1], 3, first=True).eval(), (clips,))
    assert not any("e3dnas" in str(node.target) for node in program.graph.nodes)


def test_a_block_compiles_whole_with_our_operator(clips):
    torch.manual_seed(0)
    model = Block(ARCH.stages[1], 3, first=True)
    torch._dynamo.reset()
    compiled = torch.compile(copy.deepcopy(model.train()), fullgraph=True, backend="aot_eager")
    y, grads, _ = trained(compiled, clips)
    expected, expected_grads, names = trained(model, clips)
    assert any("e3dnas" in name for name in names)
    torch.testing.assert_close(y, expected)
    for grad, wanted in zip(grads, expected_grads, strict=True):
        assert (grad - wanted).norm() <= 1e-4 * wanted.norm() + 1e-7


def test_kernels_serve_the_strides_they_know():
    served = {
        stride: conv3d(6, 6, (3, 3), stride, groups=6).__dict__.get("_conv_forward") is not None
        for stride in ((1, 1), (1, 2), (2, 2), (1, 3))
    }
    assert served == {(1, 1): True, (1, 2): True, (2, 2): False, (1, 3): False}
