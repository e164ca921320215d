"""Latency and peak memory as people read them: how they were measured, how well predicted, and measured again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["NAMES", "UNITS", "format_known", "format_on_machine", "format_prediction", "format_setting"]

NAMES = {"latency_ms": "latency", "peak_memory_mib": "peak memory"}
UNITS = {"latency_ms": "ms", "peak_memory_mib": "MiB"}


def format_on_machine(on_machine: Mapping[str, Any]) -> list[str]:
    """Return two lines for every measure that needs a machine, from ``SearchResult.on_machine``."""
    lines = []
    for name, told in on_machine.items():
        again = f"the best network measured again: {told['again']:.4g} {UNITS[name]}; " if "again" in told else ""
        lines.append(f"{NAMES[name]}: {again}{format_setting(told['setting'])}, on this machine")
        if told["networks"]:
            lines.append(f"  {format_prediction(name, told)}")
    return lines


def format_setting(setting: Mapping[str, Any]) -> str:
    """Return in words where and how networks ran."""
    clips = "1 clip" if setting["batch"] == 1 else f"{setting['batch']} clips"
    threads = setting.get("threads")
    where = setting["device"] + ("" if threads is None else f", {threads} thread{'' if threads == 1 else 's'}")
    return f"{clips} at once, {setting['dtype']}, {where}"


def format_prediction(name: str, told: Mapping[str, Any]) -> str:
    """Return in words how good the prediction was."""
    tau = told.get("kendall_tau")
    order = "" if tau is None else f", Kendall's tau {tau:.2f}"
    return (
        f"prediction against measurement on {told['networks']} networks from {told['from']:.4g} to {told['to']:.4g} "
        f"{UNITS[name]}: mean error {100 * told['mean_relative_error']:.1f} %{order}"
    )


def format_known(folder: str | Path) -> list[str]:
    """Return a line for every such measure that a run has of its best network; none where ``folder`` is no such run."""
    try:
        result = json.loads((Path(folder) / "result.json").read_text(encoding="utf-8"))
        best, told = result["best"], result["on_machine"]
        shown = {name: told[name].get("again", best[name]) for name in NAMES if name in told}
        return [
            f"{NAMES[name]} {value:.4g} {UNITS[name]} ({format_setting(told[name]['setting'])})"
            for name, value in shown.items()
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
