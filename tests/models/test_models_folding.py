"""Folding batch norms away: the same outputs, and nothing else of the network changes."""

import copy

import pytest
import torch
from torch import nn

import e3dnas
from e3dnas.errors import E3DNASError
from e3dnas.models.folding import fold_batchnorm

ARCHITECTURE = {
    "clip": {"frames": 5, "size": 19},
    "stem": {"out": 8, "temporal_kernel": 3},
    "stages": [
        {"depth": 2, "out": 8, "bottleneck": 16, "stride": "1x2x2", "se": 0.25},
        {"depth": 1, "out": 16, "block": "factorised", "bottleneck": 8, "stride": "2x2x2", "shortcut": "projection"},
        {"depth": 1, "out": 16, "block": "dense", "bottleneck": 8, "activation": "silu"},
    ],
    "head": {"out": 16, "hidden": 8},
}


@pytest.fixture
def network():
    """A network whose batch norms do something."""
    torch.manual_seed(0)
    model = e3dnas.create_model(ARCHITECTURE, num_classes=4, drop_path_rate=0.3, drop_rate=0.3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm3d):
            for values, low, high in ((module.running_mean, -1, 1), (module.running_var, 0.1, 3),
                                      (module.weight, -1, 2), (module.bias, -1, 1)):  # fmt: skip
                nn.init.uniform_(values, low, high)
    nn.init.normal_(model.head.fc.weight)
    return model


def test_outputs_stay_and_no_batch_norm_is_left(network):
    network.train()
    before = copy.deepcopy(network.state_dict())
    folded = fold_batchnorm(network)
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert not folded.training
    assert not [one for one in folded.modules() if isinstance(one, nn.BatchNorm3d)]
    clips = torch.randn(2, 3, 5, 19, 19)
    with torch.no_grad():
        expected, found = network.double().eval()(clips.double()), folded(clips)
    assert expected.abs().max() > 0.1
    assert torch.allclose(found.double(), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    with torch.no_grad():
        assert torch.equal(fold_batchnorm(folded)(clips), found)


def test_by_the_formula():
    model = nn.Sequential(nn.Conv3d(2, 3, 1, bias=False), nn.BatchNorm3d(3, eps=0.5)).eval()
    norm = model[1]
    with torch.no_grad():
        for values, given in ((norm.running_mean, (1, 2, 3)), (norm.running_var, (0.5, 3.5, 8.5)),
                              (norm.weight, (2, 4, 6)), (norm.bias, (10, 20, 30))):  # fmt: skip
            values.copy_(torch.tensor(given))
    folded = fold_batchnorm(model)
    scale = torch.tensor([2.0, 2.0, 2.0])  # 2 / sqrt(0.5 + 0.5), 4 / sqrt(3.5 + 0.5), 6 / sqrt(8.5 + 0.5)
    assert torch.allclose(folded[0].weight, model[0].weight * scale.view(3, 1, 1, 1, 1))
    assert torch.allclose(folded[0].bias, torch.tensor([10.0 - 2, 20 - 4, 30 - 6]))


@pytest.mark.parametrize(
    "modules",
    [[nn.BatchNorm3d(3)], [nn.Conv3d(3, 4, 1), nn.BatchNorm3d(3)],
     [nn.Conv3d(3, 3, 1), nn.BatchNorm3d(3), nn.BatchNorm3d(3)]],
    ids=["alone", "another width", "the second"],
)  # fmt: skip
def test_a_batch_norm_without_a_convolution(modules):
    with pytest.raises(E3DNASError, match="no convolution before this batch norm"):
        fold_batchnorm(nn.Sequential(*modules))
