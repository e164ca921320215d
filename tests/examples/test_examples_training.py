"""The example that trains, in a small setting."""

import importlib.util
from pathlib import Path

import torch


def test_quickstart(tmp_path, capsys):
    path = Path(__file__).parents[2] / "examples" / "quickstart.py"
    spec = importlib.util.spec_from_file_location("example_quickstart", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.set_num_threads(1)
    module.main(tmp_path, trials=3, videos=1, epochs=1)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("top-1 ") and "of one frame of each clip, repeated" in line for line in lines)
    assert sum(line.startswith(f"{tmp_path}/data/val/") for line in lines) == 8
