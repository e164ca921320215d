"""Real measurements of small things: that they are made, set back what they change, and see what is slower."""

import statistics

import pytest
import torch

from e3dnas.arch import load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.machine.building import input_shape, module_of
from e3dnas.machine.instruments import instruments_of
from e3dnas.machine.meter import Passes, make_meter
from e3dnas.machine.setting import Setting, check_here
from e3dnas.machine.units import Kind, Unit
from e3dnas.space import load_space

SMALL = {"clip": {"frames": 4, "size": 32}, "stem": {"out": 8}, "head": {"out": 16, "hidden": 0},
         "stages": [{"depth": 1, "out": 8, "bottleneck": 16, "stride": "1x2x2"}]}  # fmt: skip


def kind(operation, **fields):
    return Kind(operation, "relu", 1, 1, 1, 1, 4, 8)._replace(**fields)


UNITS = {
    "conv": Unit(kind("conv", kernel_t=3, kernel_s=3, stride_s=2), 3, 8),
    "bare": Unit(kind("conv", activation="bare"), 8, 16),
    "depthwise": Unit(kind("depthwise", kernel_s=5, activation="silu"), 8, 8),
    "sum": Unit(kind("sum"), 8, 8),
    "pool": Unit(kind("pool", stride_t=2, stride_s=2), 8, 8),
    "gate": Unit(kind("gate"), 16, 16),
}


@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS)
def test_units_have_the_shapes_they_stand_for(unit):
    shape = input_shape(unit, 2)
    out = module_of(unit)(torch.rand(shape))
    assert out.shape == (2, unit.c_out, unit.kind.frames, unit.kind.size, unit.kind.size)


def test_a_classifier_has_its_hidden_layer():
    out = module_of(Unit(kind("classifier", hidden=24), 16, 16))(torch.rand(2, 16, 4, 8, 8))
    assert out.shape == (2, 400)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_times_are_positive_and_nothing_stays_changed(dtype):
    before = torch.get_num_threads(), torch.is_grad_enabled(), torch.random.get_rng_state()
    meter = make_meter(Setting(dtype=dtype))
    with meter.ready():
        assert torch.get_num_threads() == 1
        assert all(meter.unit(unit)() > 0 for unit in UNITS.values())
        passes = meter.network(load_architecture(SMALL))
    assert len(passes.own) == len(passes.reference) >= 5
    assert min(*passes.own, *passes.reference, passes.wall) > 0
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == before[:2]
    assert torch.equal(torch.random.get_rng_state(), before[2])


def test_a_hundred_times_the_work_takes_longer():
    meter = make_meter(Setting())
    with meter.ready():
        small, large = (meter.unit(Unit(kind("conv", size=size), 64, 64)) for size in (4, 40))
        assert min(large() for _ in range(3)) > min(small() for _ in range(3))


def test_what_this_machine_lacks_is_told_first(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(E3DNASError, match="no CUDA device on this machine; write cpu"):
        check_here(Setting("cuda"))
    path = tmp_path / "space.yaml"
    path.write_text("extends: tiny\nbudgets:\n  latency_ms:\n    max: 20\n    threads: 1000\n")
    with pytest.raises(E3DNASError, match=r"space.yaml:5: budgets.latency_ms.threads: 1000 is more than the \d+"):
        instruments_of(load_space(path))


def test_a_slow_moment_of_the_machine_changes_no_ratio():
    quiet = Passes((30.0, 33.0, 27.0), (10.0, 11.0, 9.0), 30.0)
    slow = Passes((30.0, 66.0, 27.0), (10.0, 22.0, 9.0), 30.0)
    assert quiet.ratio == slow.ratio == pytest.approx(3.0)
    assert quiet.error == pytest.approx(0.0, abs=1e-12)
    uneven = Passes((20.0, 40.0), (10.0, 10.0), 30.0)
    assert uneven.error == pytest.approx(statistics.stdev([2.0, 4.0]) / 3.0 / 2**0.5)
    assert Passes((20.0,), (10.0,), 20.0).error == 0.0
