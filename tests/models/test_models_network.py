"""The network itself: arguments, head, drop path, initialisation, checkpointing, whole-model measurement."""

import copy

import pytest
import torch
from torch import nn

from e3dnas.arch import load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.measure import cost
from e3dnas.models.network import E3D
from e3dnas.models.profile import profile_model

SMALL = {
    "clip": {"frames": 4, "size": 24},
    "stem": {"out": 8},
    "stages": [
        {"depth": 2, "out": 8, "bottleneck": 16, "stride": "1x2x2"},
        {"depth": 2, "out": 12, "bottleneck": 16, "stride": "2x2x2", "se": 0.5, "activation": "silu"},
    ],
    "head": {"out": 20, "hidden": 24},
}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return E3D(SMALL, num_classes=5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"global_pool": "average"}, "global_pool: must be 'avg', 'max' or '', not 'average'; did you mean 'avg'"),
        ({"global_pool": ""}, "write global_pool='avg', or num_classes=0"),
        ({"num_classes": -1}, "num_classes: must be 0"),
        ({"drop_rate": 1.0}, "drop_rate: must be at least 0 and below 1, not 1.0"),
        ({"drop_path_rate": -0.1}, "drop_path_rate: must be"),
        ({"in_chans": 0}, "clip.channels"),
        ({"arch": "e3d_x"}, "did you mean 'e3d_"),
    ],
)
def test_mistakes_are_told(arguments, message):
    with pytest.raises(E3DNASError, match=message):
        E3D(**({"arch": SMALL, "num_classes": 5} | arguments))


def test_every_form_of_an_architecture_builds_the_same(tmp_path):
    from e3dnas.arch.loading import save_architecture

    architecture = load_architecture(SMALL)
    save_architecture(architecture, tmp_path / "a.yaml")
    for form in (architecture, SMALL, str(tmp_path / "a.yaml"), tmp_path / "a.yaml"):
        assert E3D(form).arch == architecture


def test_in_chans_overrides_the_clip():
    network = E3D(SMALL, in_chans=1)
    assert (network.in_chans, network.arch.clip.channels, network.stem.conv.in_channels) == (1, 1, 1)


@pytest.mark.parametrize("pool", ["avg", "max"])
def test_head_pools_hides_and_classifies(model, pool):
    model.reset_classifier(3, pool)
    features = torch.rand(2, 20, 2, 3, 3)
    pooled = features.flatten(2).mean(2) if pool == "avg" else features.flatten(2).amax(2)
    hidden = nn.functional.silu(pooled @ model.head.hidden.weight.T + model.head.hidden.bias)
    torch.testing.assert_close(model.forward_head(features, pre_logits=True), hidden)
    expected = hidden @ model.head.fc.weight.T + model.head.fc.bias
    torch.testing.assert_close(model.forward_head(features), expected)


def test_classifier_comes_and_goes(model):
    hidden = model.head.hidden.weight
    model.reset_classifier(0)
    assert model.head.hidden.weight is hidden
    assert model(torch.rand(2, 3, 4, 24, 24)).shape == (2, 24)
    model.reset_classifier(0, "")
    assert model(torch.rand(2, 3, 4, 24, 24)).shape == (2, 20, 2, 3, 3)
    assert model.head_hidden_size == 20
    assert not list(model.head.parameters())
    model.reset_classifier(9, "max")
    assert model(torch.rand(2, 3, 4, 24, 24)).shape == (2, 9)
    assert (model.num_classes, model.head_hidden_size) == (9, 24)
    model.reset_classifier(9, reset_other=True)
    assert model.head.hidden.weight is not hidden


def test_a_new_classifier_keeps_the_precision(model):
    model.double().reset_classifier(4)
    assert model.head.fc.weight.dtype == torch.float64


def test_without_hidden_layer():
    network = E3D(SMALL | {"head": {"out": 20, "hidden": 0}}, num_classes=5)
    assert network.head_hidden_size == 20
    assert sum(p.numel() for p in network.head.parameters()) == 21 * 5


def test_drop_path_grows_with_depth():
    arch = copy.deepcopy(SMALL)
    arch["stages"] = [{"depth": 5, "out": 8, "bottleneck": 16}]
    blocks = E3D(arch, drop_path_rate=0.4).stages[0].blocks
    assert isinstance(blocks[0].drop_path, nn.Identity)
    assert [block.drop_path.drop_prob for block in blocks[1:]] == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_zero_init_starts_residual_blocks_at_the_shortcut():
    blocks = [block for stage in E3D(SMALL, zero_init_last=True).stages for block in stage.blocks]
    assert [bool(block.bn3.weight.any()) for block in blocks] == [False, False, True, False]
    x = torch.rand(2, 8, 2, 4, 4)
    assert torch.equal(blocks[1](x), x)


def test_initial_activations_keep_their_size():
    torch.manual_seed(0)
    weights = E3D("e3d_s").stages[4].blocks[1]
    assert weights.conv2.weight.std().item() == pytest.approx((2 / 27) ** 0.5, rel=0.05)  # fan-out of a depthwise 3x3x3
    assert weights.conv1.weight.std().item() == pytest.approx((2 / 384) ** 0.5, rel=0.05)


def test_checkpointing_leaves_statistics_as_they_would_be(model):
    twin = copy.deepcopy(model)
    twin.set_grad_checkpointing()
    clips = torch.randn(2, 3, 4, 24, 24)
    for network in (model, twin):
        network(clips).square().sum().backward()
    for (name, buffer), other in zip(model.named_buffers(), twin.buffers(), strict=True):
        assert torch.equal(buffer, other), name
    assert model.stages[0].blocks[0].bn1.num_batches_tracked == 1
    for (name, one), other in zip(model.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, msg=name)


def test_whole_model_is_measured_and_left_clean(model):
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = profile_model(model, model.arch.clip)
    table = model.arch.table()
    assert (found.flops, found.params) == (cost.flops(table)[0], cost.params(table)[0])
    assert found.head_flops == (2 * 3 * 3 + 1) * 20 + 20 * 24 + 24 * 5  # thop: an adaptive pool adds, then divides
    assert found.head_params == 21 * 24 + 25 * 5
    assert model.training
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert not any(module._forward_hooks for module in model.modules())
