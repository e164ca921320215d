"""The least time that a step of a network can take, from its layer table and two ceilings of a device.

A step is a list of operations, each of which reads and writes whole tensors in memory and multiplies; none takes less
than its bytes over the copy bandwidth, nor than its products over the rate of matrix products (the roofline of Williams
et al., CACM 2009). What is one operation is the level:

- ``op by op``: PyTorch's modules one by one: a BN in training reads its input twice, its gradient reads what came in
  and what comes back twice each, an activation counts also where it works in place;
- ``BN folded``: the same without BN, in inference;
- ``one kernel a convolution``: BN, activation, sum and pooled shortcut in the convolution before or after them. In
  training a convolution's gradients then read its output once more, to undo the BN, and what they return is masked by
  the activation as it is written.

Caches are not in it: where maps stay in one, a step can take less than its floor. Neither are the classifier and the
optimiser. Shapes: R rows of the layer table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from e3dnas.arch import Architecture
from e3dnas.arch.table import Array, LayerTable
from e3dnas.machine.blocks import StageRows, stages_of

__all__ = ["FOLDED", "FUSED", "LEVELS", "PLAIN", "Ceilings", "Floor", "Operation", "floor", "operations"]

PLAIN, FOLDED, FUSED = "op by op", "BN folded", "one kernel a convolution"
LEVELS = {False: (PLAIN, FOLDED, FUSED), True: (PLAIN, FUSED)}
"""The levels of a step without and with training, from the most bytes to the least."""


class Operation(NamedTuple):
    """Operations of one kind in a step, ``repeat`` of them.

    ``elements`` are read and written for one clip, ``weights`` once a step whatever the number of clips; ``macs`` are
    multiply-accumulates for one clip.
    """

    name: str
    elements: float
    macs: float = 0.0
    weights: float = 0.0
    repeat: float = 1.0


@dataclass(frozen=True)
class Ceilings:
    """What a device can do.

    Attributes:
        copy: bytes a second of a large copy, read and written ones counted.
        matmul: floating-point operations a second of a large matrix product, two a multiply-accumulate.
    """

    copy: float
    matmul: float


@dataclass(frozen=True)
class Floor:
    """The floor of a step at one level.

    Attributes:
        level: what is one operation.
        bytes: moved in the step.
        flops: floating-point operations of its convolutions, two a multiply-accumulate.
        ms: the least time: the longer of the two, operation by operation.
    """

    level: str
    bytes: float
    flops: float
    ms: float


def floor(
    architecture: Architecture, level: str, batch: int, itemsize: int, ceilings: Ceilings, *, train: bool = False
) -> Floor:
    """Return the floor of one step.

    Args:
        architecture: the network, with its clip.
        level: one of ``LEVELS[train]``.
        batch: clips of the step.
        itemsize: bytes of an element of its tensors.
        ceilings: of the device, for the same element type.
        train: forward and backward instead of forward alone; the optimiser is not in it.
    """
    found = list(operations(architecture, level, train=train))
    repeat = np.array([one.repeat for one in found])
    moved = np.array([batch * one.elements + one.weights for one in found]) * itemsize
    flops = np.array([2.0 * batch * one.macs for one in found])
    seconds = np.maximum(moved / ceilings.copy, flops / ceilings.matmul)
    return Floor(level, float(repeat @ moved), float(repeat @ flops), float(1e3 * (repeat @ seconds)))


def operations(architecture: Architecture, level: str, *, train: bool = False) -> Iterator[Operation]:
    """Yield the operations of a step, from stem to global pool.

    Args:
        architecture: the network, with its clip.
        level: one of ``LEVELS[train]``.
        train: forward and backward.
    """
    assert level in LEVELS[train], level
    table = architecture.table()
    rows = _Rows(architecture, table)
    for row in range(table.shape[1]):
        yield from _convolution(rows, row, level, train)
        if level != FUSED:
            yield from _behind(rows, row, level, train)
    for stage in stages_of(table):
        yield from _shortcuts(table, rows, stage, level, train)
        if stage.squeeze and level != FUSED:
            yield from _gates(rows, stage, train)
    yield Operation("global pool", rows.leaves[-1], repeat=2.0 if train else 1.0)


class _Rows:
    """Columns of one network's layer table, each of shape (R,); ``enters`` are the elements that a row reads."""

    def __init__(self, architecture: Architecture, table: LayerTable) -> None:
        def column(values: Array) -> Array:
            return np.asarray(np.broadcast_to(values, (1, table.shape[1]))[0])

        clip, stage = architecture.clip, column(table.stage)
        before = [int(np.argmax(stage == number)) for number in stage]  # the first 1x1x1 has the map that enters
        frames, size = column(table.frames), column(table.size)
        frames_in = np.where(stage == 0, clip.frames, frames[before])
        size_in = np.where(stage == 0, clip.size, size[before])
        frames_in = np.where(column(table.stride_t) > 1, frames_in, frames)
        size_in = np.where(column(table.stride_s) > 1, size_in, size)
        self.enters = column(table.c_in) * frames_in * size_in**2
        self.leaves = column(table.outputs)
        self.repeat = column(table.repeat)
        self.macs = column(table.macs)
        self.weights = column(table.fan_in * table.c_out)
        self.norm = column(table.norm) > 0
        self.activated = self.norm & (column(table.main) > 0)


def _convolution(rows: _Rows, row: int, level: str, train: bool) -> Iterator[Operation]:
    x, y = rows.enters[row], rows.leaves[row]
    work = rows.macs[row], rows.weights[row], rows.repeat[row]
    yield Operation("convolution", x + y, *work)
    if not train:
        return
    fused = level == FUSED
    yield Operation("weight gradient", x + (2 * y if fused else y), *work)
    if row > 0:  # clips need no gradient
        yield Operation("input gradient", 2 * (x + y) if fused else x + y, *work)


def _behind(rows: _Rows, row: int, level: str, train: bool) -> Iterator[Operation]:
    """Yield BN and activation of a row."""
    y, repeat = rows.leaves[row], rows.repeat[row]
    if rows.norm[row] and level == PLAIN:
        yield Operation("BN", 3 * y if train else 2 * y, repeat=repeat)
        if train:
            yield Operation("BN gradient", 5 * y, repeat=repeat)
    if rows.activated[row]:
        yield Operation("activation", 2 * y, repeat=repeat)
        if train:
            yield Operation("activation gradient", 3 * y, repeat=repeat)


def _shortcuts(table: LayerTable, rows: _Rows, stage: StageRows, level: str, train: bool) -> Iterator[Operation]:
    """Yield the sums of a stage with what is pooled for them; a sum's gradients are those of both branches, added."""
    x, y = rows.enters[stage.first[0]], rows.leaves[stage.first[-1]]
    pooled = bool(table.pooled[0, stage.first[-1]])
    later = rows.repeat[stage.others[-1]] if stage.others else 0.0
    for enters, repeat, pools in (
        (x, float(stage.has_shortcut(table)[0]), pooled),
        (y, later, False),
    ):
        if not repeat:
            continue
        added = enters if pools else y  # what stands beside the branch, pooled as it is read
        if level == FUSED:
            # Branch and result are the convolution's own; in training the branch is stored before its BN is known.
            yield Operation("sum", added + (2 * y if train else 0.0), repeat=repeat)
        else:
            yield Operation("sum", 3 * y, repeat=repeat)
            if pools:
                yield Operation("pooled shortcut", enters + y, repeat=2.0 if train else 1.0)
        if train:
            yield Operation("sum of gradients", 3 * enters, repeat=repeat)


def _gates(rows: _Rows, stage: StageRows, train: bool) -> Iterator[Operation]:
    """Yield squeeze-excitation: mean and product; in training the products for both gradients, and the mean's."""
    y, repeat = rows.enters[stage.first[-1]], rows.repeat[stage.squeeze[0]]
    yield Operation("squeeze-excitation", 3 * y, repeat=repeat)
    if train:
        yield Operation("squeeze-excitation gradient", 8 * y, repeat=repeat)
