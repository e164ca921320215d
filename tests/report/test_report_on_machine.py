"""Latency and peak memory in words."""

import json

from e3dnas.report.on_machine import format_known, format_on_machine

SETTING = {"device": "cpu", "batch": 2, "threads": 1, "dtype": "float32"}
TOLD = {
    "latency_ms": {
        "setting": SETTING, "networks": 40, "from": 10.0, "to": 61.25, "mean_relative_error": 0.0512,
        "kendall_tau": 0.934, "again": 58.123,
    },
    "peak_memory_mib": {"setting": SETTING | {"device": "cuda", "batch": 1}, "networks": 0},
}  # fmt: skip


def test_lines_of_a_result():
    first, second, third = format_on_machine(TOLD)
    assert first == (
        "latency: the best network measured again: 58.12 ms; 2 clips at once, float32, cpu, 1 thread, on this machine"
    )
    assert second == (
        "  prediction against measurement on 40 networks from 10 to 61.25 ms: mean error 5.1 %, Kendall's tau 0.93"
    )
    assert third.startswith("peak memory: 1 clip at once, float32, cuda")


def test_what_a_run_knows_of_its_best(tmp_path):
    assert format_known(tmp_path) == []
    told = {"latency_ms": TOLD["latency_ms"]}
    (tmp_path / "result.json").write_text(json.dumps({"best": {"latency_ms": 57.0}, "on_machine": told}))
    assert format_known(tmp_path) == ["latency 58.12 ms (2 clips at once, float32, cpu, 1 thread)"]
    (tmp_path / "result.json").write_text("[]")
    assert format_known(tmp_path) == []
