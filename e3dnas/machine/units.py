"""What a latency is summed over: units of one convolution with BN and activation, and what stands beside them.

A unit is what is measured, and a network is a list of units, one or more a row of its layer table:

- ``conv`` and ``depthwise``: convolution, BN (not where none follows), activation;
- ``sum``: the addition that closes a block; ``pool``: the pooled shortcut beside it; ``gate``: squeeze-excitation;
- ``classifier``: global pool, hidden layer and linear classifier, beside the head convolution.

Shapes: N networks, R rows of the table, K units.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from e3dnas.arch.table import Array, LayerTable
from e3dnas.machine.blocks import StageRows, stages_of
from e3dnas.space import SearchSpace

__all__ = ["Kind", "Parts", "Style", "Unit", "parts_of"]

OPERATIONS = ("conv", "depthwise", "sum", "pool", "gate", "classifier")
ACTIVATIONS = ("none", "relu", "silu", "bare")
"""What follows a convolution: BN alone, BN and an activation, or not even a BN."""
RADICES = (8, 4, 32, 32, 32, 32, 8192, 16384)
"""What every field of a kind is below, so that a kind is one whole number: see the limits in ``arch.fields``."""


class Kind(NamedTuple):
    """All of a unit but its widths: ``frames`` and ``size`` are those of its output, ``hidden`` of a classifier."""

    operation: str
    activation: str
    kernel_t: int
    kernel_s: int
    stride_t: int
    stride_s: int
    frames: int
    size: int
    hidden: int = 0

    @property
    def has_two_widths(self) -> bool:
        """Whether channels in and out may differ."""
        return self.operation == "conv"

    @property
    def weight(self) -> int:
        """Operations of one pair of channels, so that kinds and widths can be put in order of their cost."""
        return self.kernel_t * self.kernel_s**2 * self.frames * self.size**2


class Unit(NamedTuple):
    """One thing that is measured."""

    kind: Kind
    c_in: int
    c_out: int

    @property
    def key(self) -> str:
        """The name in the kept table."""
        kind = self.kind
        hidden = f" h{kind.hidden}" if kind.hidden else ""
        return (
            f"{kind.operation} {self.c_in}>{self.c_out} k{kind.kernel_t}x{kind.kernel_s} "
            f"s{kind.stride_t}x{kind.stride_s} {kind.frames}x{kind.size} {kind.activation}{hidden}"
        )

    @property
    def work(self) -> int:
        """Multiply-accumulates or elements, to put units in order."""
        return self.kind.weight * self.c_out * (self.c_in if self.kind.has_two_widths else 1)


class Style(NamedTuple):
    """What a layer table does not tell of the networks of a space: the same for all, where it is a choice the first.

    ``activation`` after the first and the last convolution of a block, ``inner`` after the middle one, ``hidden`` of
    the classifier.
    """

    activation: str = "relu"
    inner: str = "relu"
    hidden: int = 0

    @classmethod
    def of(cls, space: SearchSpace) -> Style:
        """Return what most stages of a space have."""
        declaration = space.declaration
        pairs = [(s.activation[0], (s.inner_activation or s.activation)[0]) for s in declaration.stages]
        return cls(*Counter(pairs).most_common(1)[0][0], declaration.head.hidden)


@dataclass(frozen=True)
class Parts:
    """The units of N networks, one column a unit; each array has shape (N, K), ``row`` (K,) is the unit's row.

    ``code`` is the kind as a number (see ``kind``), ``repeat`` how often the unit occurs.
    """

    code: NDArray[np.int64]
    c_in: Array
    c_out: Array
    repeat: Array
    row: NDArray[np.int64]
    style: Style

    def kind(self, code: int) -> Kind:
        """Return the kind that a number stands for."""
        digits = []
        for radix in reversed(RADICES):
            code, digit = divmod(code, radix)
            digits.append(digit)
        operation, activation, *rest = reversed(digits)
        kernel_t, kernel_s, stride_t, stride_s, frames, size = rest
        hidden = self.style.hidden if OPERATIONS[operation] == "classifier" else 0
        names = OPERATIONS[operation], ACTIVATIONS[activation]
        return Kind(*names, kernel_t, kernel_s, stride_t, stride_s, frames, size, hidden)


Columns = dict[str, Array | float | str]
"""One unit in N networks: the fields of a kind, widths, ``repeat`` and ``row``, each a number or of shape (N or 1,)."""


def parts_of(table: LayerTable, style: Style) -> Parts:
    """Return the units of the networks of a table."""
    last = table.shape[1] - 1
    inside = range(1, last)
    columns = []
    inner: set[int] = set()
    for rows in stages_of(table):
        inner |= {row for block in (rows.first, rows.others) for row in block[1:-1]}
        columns += _beside(table, rows)
    has_activation = set(range(table.shape[1])) - {int(row) for row in np.flatnonzero(table.main[0] == 0)}
    for row in (0, *inside, last):
        if table.bias[0, row]:
            continue  # squeeze-excitation is one unit, a gate
        columns.append(
            _convolution(table, row, style.inner if row in inner else style.activation, row in has_activation)
        )
    columns.append(_like(table, last, "classifier", table.c_out[:, last], 1.0))
    return _stacked(columns, table.shape[0], style)


def _convolution(table: LayerTable, row: int, activation: str, activated: bool) -> Columns:
    """Return the unit of a row; one without BN is the first half of a stem."""
    wide = table.groups[:, row] == 1
    with_norm = float(ACTIVATIONS.index(activation)) if activated else 0.0
    ends = np.where(table.norm[:, row] > 0, with_norm, float(ACTIVATIONS.index("bare")))
    return {
        "operation": np.where(wide, 0.0, 1.0), "activation": ends,
        **{key: getattr(table, key)[:, row] for key in Kind._fields[2:8]},
        "c_in": table.c_in[:, row], "c_out": table.c_out[:, row], "repeat": table.repeat[:, row], "row": float(row),
    }  # fmt: skip


def _beside(table: LayerTable, rows: StageRows) -> list[Columns]:
    """Return what a stage has beside its convolutions: the sums of its blocks, a pooled shortcut, gates."""
    last = rows.first[-1]
    width, found = table.c_out[:, last], []
    found.append(_like(table, last, "sum", width, rows.has_shortcut(table)))
    if rows.others:
        found.append(_like(table, rows.others[-1], "sum", width, table.repeat[:, rows.others[-1]]))
    if table.pooled[:, last].any():
        stride_t, stride_s = rows.strides(table)
        pool = _like(table, last, "pool", width, np.asarray(table.pooled[:, last] > 0, float))
        found.append(pool | {"stride_t": stride_t, "stride_s": stride_s})
    if rows.squeeze:
        first = rows.squeeze[0]
        gate = _like(table, last, "gate", table.c_in[:, first], table.repeat[:, first])
        found.append(gate | {"row": float(first)})
    return found


def _like(table: LayerTable, row: int, operation: str, width: Array, repeat: Array | float) -> Columns:
    """Return a unit without kernel on the map of a row."""
    return {
        "operation": float(OPERATIONS.index(operation)), "activation": 0.0, "kernel_t": 1.0, "kernel_s": 1.0,
        "stride_t": 1.0, "stride_s": 1.0, "frames": table.frames[:, row], "size": table.size[:, row],
        "c_in": width, "c_out": width, "repeat": repeat, "row": float(row),
    }  # fmt: skip


def _stacked(columns: list[Columns], count: int, style: Style) -> Parts:
    def stack(key: str) -> Array:
        out = np.empty((count, len(columns)))
        for i, column in enumerate(columns):
            out[:, i] = column[key]
        return out

    code = np.zeros((count, len(columns)), np.int64)
    for field, radix in zip(Kind._fields[:8], RADICES, strict=True):
        code = code * radix + stack(field).astype(np.int64)
    row = stack("row")[0].astype(np.int64)
    return Parts(code, stack("c_in"), stack("c_out"), stack("repeat"), row, style)
