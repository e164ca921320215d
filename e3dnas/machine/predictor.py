"""Latency of thousands of networks at once, from the times of their units: NumPy alone.

A unit's time is read from a grid of measured ones, linear between its widths: the time of a convolution that is bound
by arithmetic or by memory is a + b c_in + c c_out + d c_in c_out for one kernel and map, and such a function passes
through the grid unchanged. What a sum of units misses (weights and maps that are not in the cache, the step from one
module to the next) is three factors fitted on a few whole networks. Every part of it is a sum over the rows of a layer
table. Shapes: N networks, R rows, K units, W widths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from e3dnas.arch.table import Array, LayerTable
from e3dnas.machine.units import Kind, Parts, Style, Unit, parts_of
from e3dnas.measure.cost import LAYER_COSTS

__all__ = ["WIDTHS", "Predictor", "corners"]

WIDTHS = (1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
"""The widths that are measured; a clip has 3 channels, and a unit is linear in its widths between two of these."""


class Predictor:
    """Latency in milliseconds of the networks of a layer table.

    Args:
        times: measured units; the kinds that occur among them are known.
        style: what the table does not tell.
    """

    def __init__(self, times: Mapping[Unit, float], style: Style) -> None:
        from scipy.interpolate import RegularGridInterpolator

        self.style = style
        self.factors: Array = np.array([1.0, 0.0, 0.0])
        self._known: dict[Kind, int] = {}
        by_kind: dict[Kind, dict[tuple[int, int], float]] = {}
        for unit, ms in times.items():
            by_kind.setdefault(unit.kind, {})[unit.c_in, unit.c_out] = ms
        grids: list[Array] = []
        for kind, measured in by_kind.items():
            self._known[kind] = len(grids)
            grids.append(_grid(kind, measured))
        if not grids:
            raise ValueError("a predictor needs measured units")
        if len(grids) == 1:
            grids *= 2  # an axis of a grid has two points or more
        axes = (np.arange(len(grids), dtype=float), np.array(WIDTHS, float), np.array(WIDTHS, float))
        self._grid = RegularGridInterpolator(axes, np.stack(grids), bounds_error=False, fill_value=None)

    def __call__(self, table: LayerTable) -> Array:
        """Return the latency of N networks, shape (N,)."""
        return np.asarray(self.rows(table).sum(axis=1))

    def rows(self, table: LayerTable) -> Array:
        """Return what each row adds, shape (N, R)."""
        return np.asarray(np.tensordot(self.factors, self._features(table), axes=1))

    def fit(self, tables: Sequence[LayerTable], measured: Sequence[float]) -> None:
        """Fit the three factors to whole networks, each in a table of its own; none below 0, errors relative."""
        from scipy.optimize import nnls

        sums = np.array([self._features(table).sum(axis=(1, 2)) for table in tables])
        target = np.asarray(measured, float)
        scale = np.maximum(sums.mean(axis=0), 1e-12)
        found, _ = nnls(sums / scale / target[:, None], np.ones(len(target)))
        if found[0] > 0:
            self.factors = found / scale

    def _features(self, table: LayerTable) -> Array:
        """Return the three sums by row, shape (3, N, R): units' times in ms, their number, weights."""
        parts = parts_of(table, self.style)
        count, rows = table.shape
        found = np.zeros((3, count, rows))
        ms = self._times(parts)
        for k, row in enumerate(parts.row):
            found[0, :, row] += parts.repeat[:, k] * ms[:, k]
            found[1, :, row] += parts.repeat[:, k]
        found[2] = LAYER_COSTS["params"](table)
        return found

    def _times(self, parts: Parts) -> Array:
        codes, back = np.unique(parts.code, return_inverse=True)
        places = [self._place(parts.kind(int(code))) for code in codes]
        index = np.array([place for place, _ in places], float)[back].reshape(parts.code.shape)
        scale = np.array([factor for _, factor in places])[back].reshape(parts.code.shape)
        points = np.stack([index, parts.c_in, parts.c_out], axis=-1)
        return np.asarray(np.maximum(self._grid(points), 0.0) * scale)

    def _place(self, kind: Kind) -> tuple[int, float]:
        """Return the grid of a kind and a factor: for one that was not measured, those of the likest that was."""
        if kind in self._known:
            return self._known[kind], 1.0
        same = [known for known in self._known if known.operation == kind.operation] or list(self._known)
        likest = min(same, key=lambda known: (abs(np.log(known.weight / kind.weight)), known != kind))
        return self._known[likest], kind.weight / likest.weight


def corners(width: int) -> tuple[int, ...]:
    """Return the measured widths that a width lies between, itself if it is one."""
    if width in WIDTHS:
        return (width,)
    above = int(np.clip(np.searchsorted(WIDTHS, width), 1, len(WIDTHS) - 1))
    return WIDTHS[above - 1], WIDTHS[above]


def _grid(kind: Kind, measured: Mapping[tuple[int, int], float]) -> Array:
    """Return the times of a kind at every pair of widths, shape (W, W).

    What was not measured (nothing needs it, or it takes too long) is in proportion to the nearest that was.
    """
    widths = np.array(WIDTHS, float)
    places = np.array(list(measured), float)
    ms = np.array(list(measured.values()))
    if not kind.has_two_widths:
        near = np.abs(np.log(widths[:, None] / places[None, :, 1])).argmin(axis=1)
        return np.broadcast_to(ms[near] * widths / places[near, 1], (len(widths), len(widths)))
    grid_in, grid_out = (axis.reshape(-1, 1) for axis in np.meshgrid(widths, widths, indexing="ij"))
    far = np.abs(np.log(grid_in / places[None, :, 0])) + np.abs(np.log(grid_out / places[None, :, 1]))
    near = far.argmin(axis=1)
    scale = grid_in[:, 0] * grid_out[:, 0] / (places[near, 0] * places[near, 1])
    return np.asarray((ms[near] * scale).reshape(len(widths), len(widths)))
