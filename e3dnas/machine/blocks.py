"""Which rows of a layer table belong to which part of a block: what stands beside convolutions, sums and gates, too.

A stage has the rows of its first block, a projection, those of its other blocks, and squeeze-excitation, in this order
(``e3dnas.arch.expand``); tables of one network leave out what does not occur. Shapes: N networks, R rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from e3dnas.arch.table import Array, LayerTable

__all__ = ["StageRows", "stages_of"]


@dataclass(frozen=True)
class StageRows:
    """The rows of one stage by what they are: indices into the table.

    ``first`` and ``others`` are the convolutions on the main path of the first block and of all the others (none where
    there are none), ``projection`` and ``squeeze`` what lies beside it (none, or one and two rows).
    """

    first: list[int]
    others: list[int]
    projection: list[int]
    squeeze: list[int]

    def has_shortcut(self, table: LayerTable) -> Array:
        """Return 1 where the first block adds something to its branch, else 0; shape (N or 1,)."""
        first, last = self.first[0], self.first[-1]
        strides = self.strides(table)
        same = (table.c_in[:, first] == table.c_out[:, last]) & (strides[0] == 1) & (strides[1] == 1)
        added = same | (table.pooled[:, last] > 0)
        for row in self.projection:
            added = added | (table.repeat[:, row] > 0)
        return np.asarray(added, float)

    def strides(self, table: LayerTable) -> tuple[Array, Array]:
        """Return temporal and spatial stride of the first block, each of shape (N or 1,)."""
        middle = [row for row in self.first if row not in (self.first[0], self.first[-1])]
        used = [np.where(table.repeat[:, row] > 0, 1, 0) for row in middle]
        stride_t = [table.stride_t[:, row] ** on for row, on in zip(middle, used, strict=True)]
        stride_s = [table.stride_s[:, row] ** on for row, on in zip(middle, used, strict=True)]
        return _product(stride_t), _product(stride_s)


def stages_of(table: LayerTable) -> Iterator[StageRows]:
    """Yield the rows of every stage; those of stem and head are row 0 (and 1, before the first stage) and the last."""
    stage = table.stage[0].astype(int)
    main, bias = table.main[0] > 0, table.bias[0] > 0
    for number in range(1, int(stage[-1])):
        rows = np.flatnonzero(stage == number)
        path = [int(row) for row in rows if main[row]]
        # Three convolutions a block, four where it is factorised; there a later block may have lost its temporal one.
        length = 3 if len(path) in (3, 6) else 4
        yield StageRows(
            path[:length],
            path[length:],
            [int(row) for row in rows if not main[row] and not bias[row]],
            [int(row) for row in rows if bias[row]],
        )


def _product(columns: list[Array]) -> Array:
    found: Array = np.ones(1)
    for column in columns:
        found = found * column
    return found
