"""The predictor against a made machine: networks timed module by module, on a machine that is linear in widths."""

import numpy as np
import pytest
from made_machine import MadeMachine, conv_ms, network_ms

from e3dnas.machine.calibration import calibrated, spread_sample, wanted_units
from e3dnas.machine.predictor import WIDTHS, Predictor, corners
from e3dnas.machine.setting import Setting
from e3dnas.machine.store import Store
from e3dnas.machine.units import Kind, Style, Unit, parts_of
from e3dnas.space import load_space

TINY = {"extends": "tiny"}
RICH = {
    "clip": {"frames": 5, "size": 33}, "stem": {"out": [8, 24], "temporal_kernel": [0, 3]},
    "stages": [
        {"depth": {"min": 1, "max": 3}, "out": [8, 24, 40], "bottleneck_ratio": [1, 2.5], "stride": "1x2x2",
         "kernel": ["3x3x3", "1x5x5"], "block": block, "se": [0, 0.25], "se_every": [1, 2], "shortcut": shortcut}
        for block, shortcut in ((["depthwise", "dense", "factorised"], ["identity", "projection"]),
                                (["depthwise"], ["identity"]), (["factorised"], ["projection"]))
    ],
    "head": {"out": [32, 48], "hidden": 24},
    "rules": {"kernel_fit": 0},
}  # fmt: skip


def predictor_of(space, meter):
    return calibrated(space, Store(Setting()), meter, 1e9)


@pytest.mark.parametrize("data", [TINY, RICH], ids=["tiny", "rich"])
def test_networks_take_what_their_modules_take(data):
    space = load_space(data)
    made = MadeMachine()
    predictor = predictor_of(space, made)
    unseen = spread_sample(space, 10, seed=7)
    expected = [network_ms(space.architecture(one)) for one in unseen]
    assert predictor(space.table(unseen)) == pytest.approx(expected, rel=2e-3)
    one_by_one = [float(predictor(space.architecture(one).table())[0]) for one in unseen]
    assert one_by_one == pytest.approx(expected, rel=2e-3)  # a table without the rows that do not occur


def test_one_unit_by_hand():
    kind = Kind("conv", "relu", 1, 1, 1, 1, 4, 10)
    times = {Unit(kind, i, o): conv_ms(i, o, 1, 400, wide=True) for i in (16, 32) for o in (64, 128)}
    grid = Predictor(times, Style())._grid
    assert float(grid([0, 24, 96])[0]) == pytest.approx(conv_ms(24, 96, 1, 400, wide=True))
    assert float(grid([0, 16, 128])[0]) == times[Unit(kind, 16, 128)]


def test_what_was_not_measured_is_in_proportion():
    kind = Kind("conv", "relu", 1, 1, 1, 1, 4, 10)
    predictor = Predictor({Unit(kind, 16, 16): 1.0}, Style())
    assert float(predictor._grid([0, 64, 16])[0]) == pytest.approx(4.0)
    place, factor = predictor._place(kind._replace(size=20))
    assert (place, factor) == (0, 4.0)


def test_corners_enclose():
    for width in (1, 3, 5, 8, 24, 500, 8192):
        low, high = corners(width)[0], corners(width)[-1]
        assert low <= width <= high
        assert {low, high} <= set(WIDTHS)
    assert corners(9000) == (4096, 8192)


def test_factors_follow_whole_networks():
    space = load_space(TINY)
    made = MadeMachine(extra=1.25)
    predictor = predictor_of(space, made)
    unseen = spread_sample(space, 5, seed=3)
    expected = [1.25 * network_ms(space.architecture(one)) for one in unseen]
    assert predictor(space.table(unseen)) == pytest.approx(expected, rel=5e-3)


def test_rows_add_up():
    space = load_space(RICH)
    predictor = predictor_of(space, MadeMachine())
    table = space.table(spread_sample(space, 9))
    rows = predictor.rows(table)
    assert rows.shape == table.shape
    assert rows.sum(axis=1) == pytest.approx(predictor(table))
    assert (rows[np.broadcast_to(table.repeat == 0, rows.shape)] == 0).all()


def test_a_kind_survives_its_number():
    space = load_space(RICH)
    parts = parts_of(space.table(spread_sample(space, 50)), Style.of(space))
    kinds = {parts.kind(int(code)) for code in parts.code[parts.repeat > 0]}
    assert {kind.operation for kind in kinds} == {"conv", "depthwise", "sum", "pool", "gate", "classifier"}
    assert {kind.hidden for kind in kinds if kind.operation == "classifier"} == {24}
    assert all(kind.frames == 5 and kind.size in (17, 9, 5, 3, 33) for kind in kinds)
    assert {kind.activation for kind in kinds} == {"none", "relu", "bare"}


def test_slow_kinds_are_measured_no_further():
    space = load_space(TINY)
    made = MadeMachine()
    store = Store(Setting())
    calibrated(space, store, made, 0.05)
    measured = set(made.units)
    assert measured < set(wanted_units(space, spread_sample(space), Style.of(space)))
    made.units.clear()
    made.networks.clear()
    calibrated(space, Store(Setting()), made, 0.05)
    assert (made.units, made.networks) == ([], [])  # all of it is kept, and so is that the rest is too slow
