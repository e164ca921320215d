"""Networks whose weights and batch norms make logits of about 1, so that a deviation would be seen."""

import copy

import pytest
import torch
from torch import nn

import e3dnas
from e3dnas.deploy import FORMATS
from e3dnas.deploy.formats import check_installed
from e3dnas.errors import E3DNASError

SMALL = {
    "name": "small",
    "clip": {"frames": 4, "size": 15},
    "stem": {"out": 8},
    "stages": [{"depth": 2, "out": 8, "bottleneck": 16, "stride": "1x2x2", "se": 0.25}],
    "head": {"out": 16, "hidden": 8},
}
CLASSES = ("left", "Übung", 'a "b" <c>')
PREPROCESSING = {"frames": 4, "size": 15, "kind": "dense", "mean": [0.45, 0.45, 0.45]}


def make(architecture=SMALL, classes=3, **options):
    """Return a network in evaluation mode; always the same one."""
    torch.manual_seed(0)
    model = e3dnas.create_model(architecture, num_classes=classes, **options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm3d):
            for values, low, high in ((module.running_mean, -0.5, 0.5), (module.running_var, 0.3, 2),
                                      (module.weight, 0.5, 2), (module.bias, -1, 1)):  # fmt: skip
                nn.init.uniform_(values, low, high)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight)
    return model.eval()


def clips_of(model, count, seed=5):
    """Return random clips for a network."""
    clip = model.arch.clip
    shape = (count, clip.channels, clip.frames, clip.size, clip.size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def logits_of(model, clips):
    """Return PyTorch's logits, in double precision."""
    with torch.inference_mode():
        return copy.deepcopy(model).double()(clips.double()).numpy()


def lacking(name):
    """Return what a format needs and is not there, "" if it has all."""
    try:
        check_installed(FORMATS[name], writing=True)
    except E3DNASError as error:
        return str(error)
    return ""


def needs(name):
    """Skip where what a format needs is missing."""
    if lacking(name):
        pytest.skip(lacking(name))
