"""Peak memory of thousands of networks at once, by the sizes of their maps: NumPy alone.

PyTorch without gradients keeps a map for as long as something will read it. Through a convolution that is its input and
output, through BN the same again, and beside a block's branch the map that enters the block, for its shortcut. What a
library takes for its own (workspaces, repacked weights) is not in it. Shapes: N networks, R rows.
"""

from __future__ import annotations

import numpy as np

from e3dnas.arch.table import Array, LayerTable
from e3dnas.machine.blocks import stages_of
from e3dnas.machine.setting import CLASSES, Setting
from e3dnas.measure.cost import params
from e3dnas.space.space import SearchSpace

__all__ = ["BYTES", "peak_memory"]

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
MIB = 2**20


def peak_memory(table: LayerTable, space: SearchSpace, setting: Setting) -> Array:
    """Return the peak memory of one pass of N networks in MiB, shape (N,): weights and the most maps at once."""
    clip, hidden = space.declaration.clip, space.declaration.head.hidden
    enters = float(clip.channels * clip.frames * clip.size**2)
    outputs = table.outputs
    first = outputs[:, 0]
    peak: Array = enters + 2 * first
    for row in range(1, table.shape[1]):
        if table.stage[0, row] == 0:  # the temporal convolution of a stem
            peak = np.maximum(peak, enters + (first + outputs[:, row]) * (table.repeat[:, row] > 0))
            peak = np.maximum(peak, enters + 2 * outputs[:, row] * (table.repeat[:, row] > 0))
    held, now = _stages(table)
    peak = np.maximum(peak, enters + held)
    peak = np.maximum(peak, enters + outputs[:, -1] + np.maximum(now, outputs[:, -1]))
    width = table.c_out[:, -1]
    weights = params(table) + _classifier(width, hidden) + _statistics(table)
    return np.asarray((weights + setting.batch * peak) * BYTES[setting.dtype] / MIB)


def _stages(table: LayerTable) -> tuple[Array, Array]:
    """Return the most elements at once inside the stages, and those that leave the last one; each of shape (N or 1,).

    Who calls a module holds its input: that of the first stage lives as long as all stages, that of a stage as long as
    the stage, that of a block as long as the block.
    """
    outputs = table.outputs
    stem = outputs[:, [row for row in range(table.shape[1]) if table.stage[0, row] == 0][-1]]
    peak, stage_in = np.zeros(1), stem
    for number, rows in enumerate(stages_of(table)):
        under = stem if number else np.zeros(1)
        peak = np.maximum(peak, under + _block(table, rows.first, stage_in))
        out = outputs[:, rows.first[-1]]
        own = table.pooled[:, rows.first[-1]] > 0
        for row in rows.projection:
            own = own | (table.repeat[:, row] > 0)
        peak = np.maximum(peak, under + own * (stage_in + 3 * out))  # branch, shortcut of its own and their sum
        if rows.others:
            later = table.repeat[:, rows.others[0]] > 0
            peak = np.maximum(peak, later * (under + stage_in + _block(table, rows.others, out)))
        stage_in = out
    return peak, stage_in


def _block(table: LayerTable, rows: list[int], enters: Array) -> Array:
    """Return the most elements at once in a block: its input, and input and output of a convolution, or of its BN."""
    peak, before = np.zeros(1), np.zeros(1)
    for row in rows:
        used, after = table.repeat[:, row] > 0, table.outputs[:, row]
        peak = np.maximum(peak, used * (enters + after + np.maximum(before, after)))
        before = np.where(used, after, before)
    return np.asarray(peak)


def _classifier(width: Array, hidden: int) -> Array:
    """Return the weights of hidden layer and classifier."""
    return width * hidden + hidden + (hidden or width) * CLASSES + CLASSES


def _statistics(table: LayerTable) -> Array:
    """Return the running means and variances of all BNs."""
    return np.asarray((table.repeat * table.norm * 2 * table.c_out).sum(axis=1))
