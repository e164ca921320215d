"""Peak memory: the closed form against tensors that are counted as they live and die in the real modules."""

import pytest
import torch
from test_machine_predictor import RICH
from torch import nn

from e3dnas.machine.calibration import spread_sample
from e3dnas.machine.memory import peak_memory
from e3dnas.machine.setting import Setting
from e3dnas.machine.tracking import _living, measured_peak
from e3dnas.space import load_space


@pytest.mark.parametrize("setting", [Setting(), Setting(batch=3, dtype="bfloat16")], ids=["one", "three bfloat16"])
@pytest.mark.parametrize("data", [{"extends": "tiny"}, RICH], ids=["tiny", "rich"])
def test_closed_form_is_what_lives(data, setting):
    space = load_space(data)
    genotypes = spread_sample(space, 8, seed=5)
    counted = [measured_peak(space.architecture(one), setting) for one in genotypes]
    assert peak_memory(space.table(genotypes), space, setting) == pytest.approx(counted, rel=0.03)


def test_counting_by_hand():
    with torch.device("meta"), torch.no_grad():
        chain = nn.Sequential(nn.Linear(10, 20, bias=False), nn.ReLU(), nn.Linear(20, 5, bias=False))
        peak = _living(chain, torch.empty(8, 10))
    weights, x, y, z = 10 * 20 + 20 * 5, 8 * 10, 8 * 20, 8 * 5
    assert peak * 2**20 == 4 * (weights + x + max(y + y, y + z))  # the ReLU's input and output live at once
