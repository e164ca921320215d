"""The stage table of a network as plain cells, for pages and notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from e3dnas.report.numbers import format_count, format_share

__all__ = ["format_clip", "stage_facts", "stage_table"]


def stage_table(measures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stages of one network, from ``e3dnas.measure``, as a table.

    Returns:
        ``columns``: names; ``rows``: lists of text, one a stage, as long as ``columns``; ``text``: the numbers of the
        columns that hold words. What the macro ``table`` of the pages takes.
    """
    facts = [stage_facts(stage) for stage in measures["stages"]]
    rows = [
        [
            stage["name"], *told.values(),
            format_count(stage["flops"]), format_share(stage["flops"], measures["flops"]),
            format_share(stage["params"], measures["params"]), format_share(stage["entropy"], measures["stentr"]),
        ]
        for stage, told in zip(measures["stages"], facts, strict=True)
    ]  # fmt: skip
    columns = ["stage", *facts[0], "flops", "of flops", "of params", "of score"]
    return {"columns": columns, "rows": rows, "text": [1]}


def stage_facts(stage: Mapping[str, Any]) -> dict[str, str]:
    """Return what a stage is, by name: blocks, kernel, mid (channels inside a block), out, output."""
    blocks = f"{stage['depth']} x {stage['block']}" if "block" in stage else "conv"
    return {
        "blocks": blocks + (" + se" if stage.get("se") else ""),
        "kernel": stage["kernel"],
        "mid": str(stage.get("bottleneck", "")),
        "out": str(stage["out"]),
        "output": f"{stage['frames']}x{stage['size']}x{stage['size']}",
    }


def format_clip(measures: Mapping[str, Any]) -> str:
    """Return the clip a network is measured with: ``13 x 160 x 160``."""
    return f"{measures['frames']} x {measures['size']} x {measures['size']}"
