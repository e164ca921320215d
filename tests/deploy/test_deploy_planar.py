"""The planar form of a network is the same function."""

import numpy as np
import pytest
import torch
from made_networks import clips_of, logits_of, make
from torch import nn

from e3dnas.deploy.planar import Planar
from e3dnas.deploy.preparing import plain


def stage(**given):
    return {"depth": 2, "out": 8, "bottleneck": 8, "kernel": "3x3x3", "stride": "1x2x2"} | given


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize(
    ("stages", "options"),
    [
        ([stage()], {}),
        ([stage(kernel="1x5x5"), stage(kernel="5x3x3", stride="2x2x2")], {}),
        ([stage(se=0.5, stride="2x1x1")], {}),
        ([stage(block="dense", stride="3x2x2", shortcut="projection")], {}),
        ([stage(block="factorised", stride="2x2x2"), stage(block="factorised", kernel="1x3x3", stride="2x1x1")], {}),
        ([stage(stride="1x2x2"), stage(stride="1x2x2"), stage(stride="2x2x2"), stage(stride="2x2x2")], {}),
        ([stage(out=16)], {"global_pool": "max"}),
    ],
    ids=["depthwise", "kernels", "squeeze", "dense", "factorised", "smaller than its window", "max pool"],
)
def test_equals_the_network(stages, options, frames):
    architecture = {
        "clip": {"frames": frames, "size": 11},
        "stem": {"out": 8, "temporal_kernel": 5, "stride": "2x1x1"},
        "stages": stages,
        "head": {"out": 8, "hidden": 0},
    }
    model = make(architecture, **options)
    planar = Planar(plain(model), clips_of(model, 2))
    assert not [one for one in planar.modules() if isinstance(one, nn.Conv3d | nn.AvgPool3d | nn.AdaptiveAvgPool3d)]
    for count in (1, 3):
        clips = clips_of(model, count)
        expected = logits_of(model, clips)
        with torch.inference_mode():
            found = planar(clips).numpy()
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_what_is_laid_over_pytorch_is_taken_away():
    class Fast(nn.Conv3d):
        def forward(self, x):
            raise AssertionError("called")

    model = make()
    expected = logits_of(model, clips_of(model, 2))
    for place, module in enumerate(model.modules()):
        if type(module) is nn.Conv3d and place % 2:
            module.__class__ = Fast
        elif isinstance(module, nn.Conv3d | nn.AvgPool3d):
            module.forward = Fast.forward.__get__(module)
    found = plain(model)
    assert {type(one) for one in found.modules() if isinstance(one, nn.Conv3d)} == {nn.Conv3d}
    with torch.inference_mode():
        assert np.allclose(found(clips_of(model, 2)).numpy(), expected, atol=1e-5)
