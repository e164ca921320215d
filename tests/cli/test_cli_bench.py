"""``e3dnas bench``."""

import json
import os

import pytest
import torch

TINY = """clip: {frames: 4, size: 16}
stem: {out: 8}
stages: [{depth: 1, out: 8, bottleneck: 16, stride: 1x2x2}]
head: {out: 16, hidden: 8}
"""
QUICK = "--device", "cpu", "--threads", 1, "--seconds", 0.001


@pytest.fixture
def network(folder, monkeypatch):
    monkeypatch.setattr("e3dnas.bench.ceilings.COPIED", {"cpu": 2**16})
    monkeypatch.setattr("e3dnas.bench.ceilings.SIDE", {"cpu": 16})
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    for name, size in {"a": 16, "b": 16, "larger": 24}.items():
        (folder / f"{name}.yaml").write_text(TINY.replace("size: 16", f"size: {size}"))
    return "a.yaml"


def test_text(cli, network):
    code, out, err = cli("bench", network, "--against", "b.yaml", *QUICK)
    assert (code, err) == (0, "")
    assert "inference: 1 clip of 3 x 4 x 16 x 16, float32, cpu, 1 thread" in out
    assert [out.count(f"{name}.yaml  eager, channels_last_3d") for name in "ab"] == [2, 2]  # times, and kernels
    assert "clips/s" in out


def test_json_and_nothing_else(cli, network):
    code, out, err = cli("bench", network, "--train", "--batch", 2, "--json", *QUICK)
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["setting"]["batch"], found["setting"]["train"], found["setting"]["compile"]) == (2, True, False)
    assert found["rows"][2]["way"] == "our kernels, channels_last_3d"
    assert all(row["median_ms"] > 0 for row in found["rows"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--against", "larger.yaml"], "error: --against larger.yaml: takes clips of 3 x 4 x 24 x 24 and a.yaml of"),
        (["--device", "gpu"], "error: --device: must be one of auto, cpu, cuda, not 'gpu'"),
        (["--dtype", "half"], "error: --dtype: must be float32 or bfloat16, not 'half'"),
        (["--seconds", "-1"], "error: --seconds: must be above 0, not -1; write for example 10\n"),
        (["--against", "none.pt2"], "error: none.pt2: no such file\n"),
        (["--against", "e3d_t"], "did you mean"),
        (["--batch", "0"], "--batch"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_end_with_one_line_and_2(cli, network, arguments, told):
    code, out, err = cli("bench", network, *QUICK, *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1 or told == "--batch"


def test_ctrl_c_ends_cleanly(cli, network, monkeypatch):
    def pressed(*arguments):
        raise KeyboardInterrupt

    before = torch.get_num_threads(), torch.backends.cudnn.benchmark, os.environ.get("E3DNAS_KERNELS")
    monkeypatch.setattr("e3dnas.bench.api.in_turns", pressed)
    assert cli("bench", network, *QUICK)[:2] == (130, "")
    assert (torch.get_num_threads(), torch.backends.cudnn.benchmark, os.environ.get("E3DNAS_KERNELS")) == before
