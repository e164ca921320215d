"""From the numbers of architectures to their layer table: one vectorised pass, whatever their number.

Each stage becomes the convolutions of its first block, those of its other blocks, and those of squeeze-excitation.
Shapes: N networks, S stages, B rows a stage, R rows in all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from e3dnas.arch.table import BLOCKS, Array, Columns, LayerTable

__all__ = ["Entry", "Maps", "expand"]

DEPTHWISE, FACTORISED = BLOCKS.index("depthwise"), BLOCKS.index("factorised")

Row = dict[str, Array]
DEFAULTS = {
    "groups": 1.0, "kernel_t": 1.0, "kernel_s": 1.0, "stride_t": 1.0, "stride_s": 1.0,
    "main": 1.0, "norm": 1.0, "bias": 0.0, "pooled": 0.0,
}  # fmt: skip
ONE = np.ones((1, 1))


def expand(columns: Columns, entry: Entry | None = None) -> LayerTable:
    """Return the layer table of N architectures.

    ``entry`` gives the map behind the stem, where a table of some later stages alone is wanted; the stem of ``columns``
    then stands for whatever has this map and that width, and its rows mean nothing.
    """
    maps = Maps.of(columns, entry)
    stem = _stem_rows(columns, maps)
    stages = _stage_rows(columns, maps)
    return _assemble(stem, stages, _head_row(columns, maps), columns.stages["out"].shape[1])


class Entry(NamedTuple):
    """A feature map between stages: real frames and pixels a side, and those that the score counts."""

    frames: float
    size: float
    score_frames: float
    score_size: float


@dataclass(frozen=True)
class Maps:
    """Feature maps: column 0 is what leaves the stem, column s what leaves stage s; each (N or 1, S + 1).

    ``frames`` and ``size`` are real (a padded strided convolution rounds up); ``score_frames`` and ``score_size`` are
    those of the paper's score, whose code rounds down.
    """

    frames: Array
    size: Array
    score_frames: Array
    score_size: Array

    @classmethod
    def of(cls, columns: Columns, entry: Entry | None = None) -> Maps:
        """Follow the strides of stem and stages; with ``entry``, those of the stages from there on."""
        stride_t, stride_s = (_strides(columns, key) for key in ("stride_t", "stride_s"))
        frames, size, _ = columns.clip
        start = Entry(frames, size, frames, size)
        if entry is not None:
            start = entry
            stride_t[:, 0] = stride_s[:, 0] = 1.0
        return cls(
            _follow(start.frames, stride_t, np.ceil),
            _follow(start.size, stride_s, np.ceil),
            # The authors never stride in time; a map of no frames and no pixels would have no direction to compare.
            np.maximum(_follow(start.score_frames, stride_t, np.floor), 1.0),
            _follow(start.score_size, stride_s, np.floor),
        )

    def at(self, network: int, place: int) -> Entry:
        """Return the map that leaves the stem (place 0) or a stage of one network."""
        return Entry(*(float(getattr(self, f.name)[network, place]) for f in fields(self)))


def _strides(columns: Columns, key: str) -> Array:
    stem, stages = columns.stem[key], columns.stages[key]
    count = max(len(stem), len(stages))
    return np.concatenate([np.broadcast_to(stem[:, None], (count, 1)),
                           np.broadcast_to(stages, (count, stages.shape[1]))], axis=1)  # fmt: skip


def _follow(size: float, strides: Array, rounding: Callable[[Array], Array]) -> Array:
    sizes = np.empty_like(strides)
    now = np.full(len(strides), float(size))
    for s in range(strides.shape[1]):
        now = sizes[:, s] = rounding(now / strides[:, s])
    return sizes


def _stem_rows(columns: Columns, maps: Maps) -> list[Row]:
    """The stem convolution and, as in X3D, a depthwise temporal one; the BN follows the last of the two."""
    stem = columns.stem
    common = {f.name: getattr(maps, f.name)[:, 0] for f in fields(maps)}
    common |= {"c_out": stem["out"], "stage": np.zeros(1), "level": np.zeros(1)}
    temporal = stem["temporal_kernel"] > 0
    first = common | {
        "repeat": np.ones(1), "c_in": np.array([float(columns.clip[2])]), "kernel_t": stem["kernel_t"],
        "kernel_s": stem["kernel_s"], "stride_t": stem["stride_t"], "stride_s": stem["stride_s"],
        "norm": np.where(temporal, 0.0, 1.0),
    }  # fmt: skip
    if not temporal.any():
        return [first]
    second = common | {
        "repeat": temporal.astype(float), "c_in": stem["out"], "groups": stem["out"],
        "kernel_t": np.maximum(stem["temporal_kernel"], 1.0),
    }  # fmt: skip
    return [first, second]


@dataclass(frozen=True)
class _Point:
    """A tensor between convolutions: its channels, frames and pixels a side; each (N or 1, S)."""

    channels: Array
    frames: Array
    size: Array


def _stage_rows(columns: Columns, maps: Maps) -> list[Row]:
    c = columns.stages
    enters = _Point(_widths_in(columns), maps.frames[:, :-1], maps.size[:, :-1])
    leaves = _Point(c["out"], maps.frames[:, 1:], maps.size[:, 1:])
    shared = {
        "score_frames": maps.score_frames[:, 1:],
        "score_size": maps.score_size[:, 1:],
        "stage": np.arange(1.0, c["out"].shape[1] + 1)[None],
        "level": _levels(columns)[:, :-1],
    }
    stride = c["stride_t"], c["stride_s"]
    first = _convolutions(c, ONE, enters, leaves, stride)
    first[-1]["pooled"] = _pooled(c, enters, leaves)
    rows = [
        *first,
        *_projection(c, enters, leaves),
        *_convolutions(c, c["depth"] - 1, leaves, leaves, (ONE, ONE)),
        *_squeeze_excitation(c),
    ]
    return [shared | row for row in rows]


def _widths_in(columns: Columns) -> Array:
    stem, out = columns.stem["out"], columns.stages["out"]
    count = max(len(stem), len(out))
    return np.concatenate([np.broadcast_to(stem[:, None], (count, 1)),
                           np.broadcast_to(out[:, :-1], (count, out.shape[1] - 1))], axis=1)  # fmt: skip


def _levels(columns: Columns) -> Array:
    """How many stages up to and with each one stride in space, shape (N or 1, S + 1); the head is in the last level."""
    levels = np.cumsum(columns.stages["stride_s"] > 1, axis=1).astype(float)
    return np.concatenate([levels, levels[:, -1:]], axis=1)


def _convolutions(c: Mapping[str, Array], repeat: Array, enters: _Point, leaves: _Point,
                  stride: tuple[Array, Array]) -> list[Row]:  # fmt: skip
    """The convolutions of a block: 1x1x1, the middle (two where it is factorised), 1x1x1."""
    mid, kernel_t, factorised = c["bottleneck"], c["kernel_t"], c["block"] == FACTORISED
    first = {"repeat": repeat, "c_in": enters.channels, "c_out": mid, "frames": enters.frames, "size": enters.size}
    middle = {
        "repeat": repeat, "c_in": mid, "c_out": mid, "groups": np.where(c["block"] == DEPTHWISE, mid, 1.0),
        "kernel_t": np.where(factorised, 1.0, kernel_t), "kernel_s": c["kernel_s"],
        "stride_t": np.where(factorised, 1.0, stride[0]), "stride_s": stride[1],
        "frames": np.where(factorised, enters.frames, leaves.frames), "size": leaves.size,
    }  # fmt: skip
    last = {"repeat": repeat, "c_in": mid, "c_out": leaves.channels, "frames": leaves.frames, "size": leaves.size}
    if not factorised.any():
        return [first, middle, last]
    needed = factorised & ((kernel_t > 1) | (stride[0] > 1))  # left out where it would do nothing
    temporal = {
        "repeat": repeat * needed, "c_in": mid, "c_out": mid, "kernel_t": kernel_t, "stride_t": stride[0],
        "frames": leaves.frames, "size": leaves.size,
    }  # fmt: skip
    return [first, middle, temporal, last]


def _pooled(c: Mapping[str, Array], enters: _Point, leaves: _Point) -> Array:
    """Outputs of the average pool on an identity shortcut: one where the width stays and the first block strides."""
    identity = (enters.channels == leaves.channels) & (c["projection"] == 0)
    outputs = leaves.channels * leaves.frames * leaves.size * leaves.size
    return np.where(identity & ((c["stride_t"] > 1) | (c["stride_s"] > 1)), outputs, 0.0)


def _projection(c: Mapping[str, Array], enters: _Point, leaves: _Point) -> list[Row]:
    if not c["projection"].any():
        return []
    changes = (enters.channels != leaves.channels) | (c["stride_t"] > 1) | (c["stride_s"] > 1)
    return [{
        "repeat": ((c["projection"] > 0) & changes).astype(float), "c_in": enters.channels, "c_out": leaves.channels,
        "stride_t": c["stride_t"], "stride_s": c["stride_s"], "frames": leaves.frames, "size": leaves.size,
        "main": 0 * ONE,
    }]  # fmt: skip


def _squeeze_excitation(c: Mapping[str, Array]) -> list[Row]:
    if not c["squeeze"].any():
        return []
    repeat = np.where(c["squeeze"] > 0, np.ceil(c["depth"] / c["se_every"]), 0.0)
    squeezed = np.maximum(c["squeeze"], 1.0)
    common = {"repeat": repeat, "frames": ONE, "size": ONE, "main": 0 * ONE, "norm": 0 * ONE, "bias": ONE}
    return [
        common | {"c_in": c["bottleneck"], "c_out": squeezed},
        common | {"c_in": squeezed, "c_out": c["bottleneck"]},
    ]


def _head_row(columns: Columns, maps: Maps) -> Row:
    out = columns.stages["out"]
    last = {f.name: getattr(maps, f.name)[:, -1] for f in fields(maps)}
    return last | {
        "repeat": np.ones(1), "c_in": out[:, -1], "c_out": columns.head["out"],
        "stage": np.array([out.shape[1] + 1.0]), "level": _levels(columns)[:, -1],
    }  # fmt: skip


def _assemble(stem: list[Row], stages: list[Row], head: Row, count: int) -> LayerTable:
    """Lay the rows in order (stem, stage after stage, head), one array a column."""
    total = len(stem) + count * len(stages) + 1

    def column(name: str) -> Array:
        default = np.array([DEFAULTS.get(name, 0.0)])
        length = max(len(row.get(name, default)) for row in (*stem, *stages, head))
        out = np.empty((length, total))
        for i, row in enumerate(stem):
            out[:, i] = row.get(name, default)
        inner = out[:, len(stem) : -1].reshape(length, count, len(stages))
        for i, row in enumerate(stages):
            inner[:, :, i] = row.get(name, default)
        out[:, -1] = head.get(name, default)
        return out

    return LayerTable(**{f.name: column(f.name) for f in fields(LayerTable)})
