"""The converter against a network written here with the names and the forward pass of the authors' Cnn3DNet."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from e3dnas.arch import load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.models.convert import adapt_stem, checkpoint_filter, convert_cnn3dnet
from e3dnas.models.network import E3D

SMALL = {
    "clip": {"frames": 5, "size": 32},
    "stem": {"out": 8},
    "stages": [
        {"depth": 2, "out": 8, "bottleneck": 16, "kernel": "1x5x5", "stride": "1x2x2"},
        {"depth": 3, "out": 12, "bottleneck": 16, "kernel": "3x3x3", "stride": "1x2x2"},
        {"depth": 1, "out": 12, "bottleneck": 24, "kernel": "3x3x3", "stride": "1x1x1"},
    ],
    "head": {"out": 20, "hidden": 24, "hidden_activation": "relu"},
}
ARCHITECTURE = load_architecture(SMALL)


class ConvBN(nn.Module):
    def __init__(self, c_in, c_out, k_t, k, stride=1, groups=1):
        super().__init__()
        padding = (k_t // 2, k // 2, k // 2)
        self.conv1 = nn.Conv3d(c_in, c_out, (k_t, k, k), (1, stride, stride), padding, groups=groups, bias=False)
        self.bn1 = nn.BatchNorm3d(c_out)

    def forward(self, x):
        return self.bn1(self.conv1(x))


class Bottleneck(nn.Module):
    def __init__(self, c_in, c_out, width, k_t, k, stride):
        super().__init__()
        self.conv1 = ConvBN(c_in, width, 1, 1)
        self.conv2 = ConvBN(width, width, k_t, k, stride, width)
        self.conv3 = ConvBN(width, c_out, 1, 1)
        self.residual, self.stride = c_in == c_out, stride

    def forward(self, x):
        y = self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))
        if self.residual:
            y = y + (F.avg_pool3d(x, (1, 2, 2), (1, 2, 2)) if self.stride == 2 else x)
        return F.relu(y)


class SuperBlock(nn.Module):
    def __init__(self, c_in, stage):
        super().__init__()
        self.block_list = nn.ModuleList(
            Bottleneck(c_in if i == 0 else stage["out"], stage["out"], stage["bottleneck"],
                       *(int(k) for k in stage["kernel"].split("x")[:2]), int(stage["stride"][-1]) if i == 0 else 1)
            for i in range(stage["depth"])
        )  # fmt: skip

    def forward(self, x):
        for block in self.block_list:
            x = block(x)
        return x


class Authors(nn.Module):
    def __init__(self, spec, classes=7):
        super().__init__()
        blocks, width = [ConvBN(3, spec["stem"]["out"], 1, 3, 2)], spec["stem"]["out"]
        for stage in spec["stages"]:
            blocks.append(SuperBlock(width, stage))
            width = stage["out"]
        blocks.append(ConvBN(width, spec["head"]["out"], 1, 1))
        self.block_list = nn.ModuleList(blocks)
        hidden = spec["head"]["hidden"]
        self.fc_linear = nn.Sequential(
            nn.Linear(spec["head"]["out"], hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, classes)
        )

    def features(self, x):
        for i, block in enumerate(self.block_list):
            x = F.relu(block(x)) if i in (0, len(self.block_list) - 1) else block(x)
        return x

    def forward(self, x):
        return self.fc_linear(self.features(x).mean((2, 3, 4)))


@pytest.fixture(scope="module")
def authors():
    torch.manual_seed(0)
    network = Authors(SMALL)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.eval()


def test_converted_weights_compute_the_same(authors):
    model = E3D(ARCHITECTURE, num_classes=7).eval()
    model.load_state_dict(convert_cnn3dnet(authors.state_dict(), ARCHITECTURE))
    clips = torch.randn(2, 3, 5, 32, 32)
    torch.testing.assert_close(model.forward_features(clips), authors.features(clips))
    torch.testing.assert_close(model(clips), authors(clips))


def test_wrappers_and_prefixes_are_taken_off(authors):
    wrapped = {"state_dict": {f"module.{key}": value for key, value in authors.state_dict().items()}}
    assert list(convert_cnn3dnet(wrapped, ARCHITECTURE)) == list(convert_cnn3dnet(authors.state_dict(), ARCHITECTURE))


def test_a_backbone_alone_is_converted(authors):
    backbone = {key: value for key, value in authors.state_dict().items() if not key.startswith("fc_linear")}
    converted = convert_cnn3dnet(backbone, ARCHITECTURE)
    assert converted.keys() == {k for k in E3D(ARCHITECTURE).state_dict() if not k.startswith("head.")}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state | {"classifier.weight": torch.zeros(1)}, "'classifier.weight' has no place in a Cnn3DNet"),
        (lambda state: state | {"block_list.9.conv1.weight": torch.zeros(1)}, "'block_list.9.conv1.weight' has no"),
        (
            lambda state: state | {"block_list.3.block_list.1.conv1.conv1.weight": torch.zeros(1)},
            "the architecture has no 'stages.2.blocks.1.conv1.weight'; did you mean",
        ),
        (
            lambda state: {key: value for key, value in state.items() if "block_list.1.conv2" not in key},
            "'stages.0.blocks.1.conv2.weight' and 9 others",
        ),
        (
            lambda state: state | {"fc_linear.0.weight": torch.zeros(24, 21)},
            r"'head.hidden.weight' has shape \(24, 21\), but the architecture has \(24, 20\)",
        ),
    ],
    ids=["unknown", "index", "block", "missing", "shape"],
)
def test_weights_of_another_network_are_refused(authors, change, message):
    with pytest.raises(E3DNASError, match=message):
        convert_cnn3dnet(change(dict(authors.state_dict())), ARCHITECTURE)


def test_filter_takes_the_authors_names_and_another_number_of_channels(authors):
    gray = E3D(ARCHITECTURE, num_classes=7, in_chans=1).eval()
    gray.load_state_dict(checkpoint_filter(authors.state_dict(), gray))
    clips = torch.randn(2, 1, 5, 32, 32)
    torch.testing.assert_close(gray(clips), authors(clips.repeat(1, 3, 1, 1, 1)))


@pytest.mark.parametrize("channels", [2, 3, 4, 6, 7])
def test_a_stem_for_more_channels_repeats_and_scales(channels):
    weight = torch.rand(4, 3, 1, 3, 3)
    adapted = adapt_stem(weight, channels)
    for channel in range(channels):
        torch.testing.assert_close(adapted[:, channel], weight[:, channel % 3] * 3 / channels)


def test_filter_drops_what_the_head_does_not_have():
    full = E3D(ARCHITECTURE, num_classes=7)
    bare = E3D(ARCHITECTURE, num_classes=0, global_pool="")
    bare.load_state_dict(checkpoint_filter({"state_dict": full.state_dict()}, bare))
    assert torch.equal(bare.stem.conv.weight, full.stem.conv.weight)
