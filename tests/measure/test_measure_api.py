"""e3dnas.measure: every measure of one network, and its shares."""

import math

import pytest

import e3dnas
from e3dnas.arch import load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.measure.api import measure


def test_keys_and_numbers():
    found = e3dnas.measure("e3d_s")
    assert list(found) == ["name", "frames", "size", "stentr", "homoentr", "flops", "conv_macs", "params", "layers",
                           "activations", "stages"]  # fmt: skip
    assert (found["name"], found["frames"], found["size"]) == ("e3d_s", 13, 160)
    assert found["stentr"] == pytest.approx(202.8559146389, abs=1e-10)
    assert (found["flops"], found["params"], found["layers"]) == (1_980_409_600, 1_976_232, 83)
    assert {type(found[key]) for key in ("flops", "conv_macs", "params", "layers", "activations")} == {int}


@pytest.mark.parametrize("name", ["e3d_s", "e3d_m", "e3d_l"])
def test_shares_add_up(name):
    found = measure(name)
    stages = found["stages"]
    assert [stage["name"] for stage in stages] == ["stem", "stage1", "stage2", "stage3", "stage4", "stage5", "head"]
    for key in ("flops", "conv_macs", "params", "layers", "activations"):
        assert sum(stage[key] for stage in stages) == found[key]
    assert sum(stage["entropy"] for stage in stages) + math.log(512) == pytest.approx(found["stentr"], abs=1e-9)
    assert [stage["in"] for stage in stages[1:]] == [stage["out"] for stage in stages[:-1]]


def test_shapes_are_real():
    stages = measure("e3d_l")["stages"]
    assert [(stage["frames"], stage["size"]) for stage in stages] == [(16, s) for s in (156, 78, 39, 20, 20, 10, 10)]


def test_squeezed_and_projected_stages_show_the_main_path():
    stage = {"depth": 2, "out": 12, "bottleneck": 16, "stride": "2x2x2", "se": 0.5, "shortcut": "projection"}
    found = measure({"clip": {"frames": 8, "size": 32}, "stem": {"out": 8}, "stages": [stage]})
    shown = found["stages"][1]
    assert (shown["frames"], shown["size"], shown["layers"], shown["kernel"], shown["se"]) == (4, 8, 6, "3x3x3", 0.5)


def test_another_clip():
    found = measure("e3d_s", frames=16, size=224)
    same = load_architecture("e3d_s").with_clip(frames=16, size=224)
    assert found == measure(same)
    assert found["params"] == 1_976_232
    with pytest.raises(E3DNASError, match=r"clip\.size: must be greater than or equal to 1, not 0"):
        measure("e3d_s", size=0)
    with pytest.raises(E3DNASError, match="did you mean 'e3d_"):
        measure("e3d_xs")
