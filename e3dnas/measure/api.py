"""All measures of one network, and how they are shared out over its stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from e3dnas.arch import Architecture, LayerTable, load_architecture
from e3dnas.arch.table import Array
from e3dnas.measure.cost import LAYER_COSTS
from e3dnas.measure.entropy import layer_entropy
from e3dnas.measure.registry import measure_table

__all__ = ["measure"]


def measure(
    architecture: Architecture | Mapping[str, Any] | str | Path, frames: int | None = None, size: int | None = None
) -> dict[str, Any]:
    """Return every measure of a network.

    Args:
        architecture: whatever ``load_architecture`` takes.
        frames: measure with clips of so many frames instead of the network's own.
        size: measure with clips of so many pixels a side instead of the network's own.

    Returns:
        ``name``, ``frames``, ``size``; ``stentr``, ``homoentr``; ``flops`` (operations for one clip as thop counts
        them), ``conv_macs`` (multiply-accumulates of the convolutions alone), ``params``, ``layers``, ``activations``,
        all of the backbone; ``stages``: a list from stem to head, each with its shape, fields and shares of these.

    Raises:
        E3DNASError: see ``load_architecture``.
    """
    found = load_architecture(architecture, frames=frames, size=size)
    table = found.table()
    totals = {key: _number(key, value[0]) for key, value in measure_table(table).items()}
    return {
        "name": found.name, "frames": found.clip.frames, "size": found.clip.size, **totals,
        "stages": _stages(found, table),
    }  # fmt: skip


def _number(key: str, value: float) -> float | int:
    return float(value) if key in ("stentr", "homoentr") else int(value)


def _stages(architecture: Architecture, table: LayerTable) -> list[dict[str, Any]]:
    """Return one entry for the stem, each stage and the head; entropies add up to stentr but for ln(C_final)."""
    rows = []
    width = architecture.clip.channels
    sums = {key: _sums(table, cost(table)) for key, cost in LAYER_COSTS.items()}
    entropy = _sums(table, layer_entropy(table))
    for i, (name, fields) in enumerate(_parts(architecture)):
        last = np.flatnonzero((table.stage[0] == i) & (table.main[0] > 0))[-1]
        rows.append({
            "name": name, "in": width, **fields,
            "frames": int(table.frames[0, last]), "size": int(table.size[0, last]),
            **{key: int(values[i]) for key, values in sums.items()}, "entropy": float(entropy[i]),
        })  # fmt: skip
        width = fields["out"]
    return rows


def _sums(table: LayerTable, values: Array) -> Array:
    shares = np.broadcast_to(values, (1, table.shape[1]))[0]
    return np.bincount(table.stage[0].astype(int), weights=shares).astype(float)


def _parts(architecture: Architecture) -> list[tuple[str, dict[str, Any]]]:
    keys = ("block", "depth", "out", "bottleneck", "kernel", "stride", "se", "shortcut", "activation")
    data = architecture.to_dict()
    stages = [(f"stage{i}", {key: stage[key] for key in keys}) for i, stage in enumerate(data["stages"], start=1)]
    head = {"out": data["head"]["out"], "kernel": "1x1x1", "stride": "1x1x1", "activation": data["head"]["activation"]}
    return [("stem", dict(data["stem"])), *stages, ("head", head)]
