"""The layer table: one row a convolution, as columns of numbers, for one architecture or a whole population at once.

Everything that is measured of a network without running it (scores, FLOPs, parameters, depth) is a short reduction
over this table. A column is a float64 array of shape (N, R), or (1, R) where all N networks agree, so that every
expression of columns broadcasts; counts are exact up to 2**53, like thop's own counters. Rows that a network does not
have are kept with ``repeat`` 0, so that a population of different networks shares one shape.

Shapes: N networks, S stages, R rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCKS", "STAGE_FIELDS", "Array", "Columns", "LayerTable"]

Array = NDArray[np.float64]

BLOCKS = ("depthwise", "dense", "factorised")
"""Block kinds; the column ``block`` of a stage holds the index."""

STAGE_FIELDS = (
    "block", "depth", "out", "bottleneck", "kernel_t", "kernel_s", "stride_t", "stride_s",
    "squeeze", "se_every", "projection",
)  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """The numbers of N architectures, field by field: stem and head of shape (N or 1,), stages of shape (N or 1, S).

    ``clip`` is (frames, size, channels). ``squeeze`` is a width (0: no squeeze-excitation), ``projection`` 0 or 1,
    ``block`` an index into ``BLOCKS``; the other names are those of the specs.
    """

    clip: tuple[int, int, int]
    stem: Mapping[str, Array]
    stages: Mapping[str, Array]
    head: Mapping[str, Array]

    @property
    def count(self) -> int:
        """The number N of networks."""
        return max(len(column) for part in (self.stem, self.stages, self.head) for column in part.values())


@dataclass(frozen=True)
class LayerTable:
    """One row a convolution; each column has shape (N, R) or (1, R).

    ``repeat``: how often the row occurs in the network (0: not at all). ``c_in``, ``c_out``, ``groups``, ``kernel_t``,
    ``kernel_s``, ``stride_t``, ``stride_s``: of the convolution. ``frames``, ``size``: of its real output (frames,
    pixels a side; strides round up). ``score_frames``, ``score_size``: of its stage's output as the paper's score
    counts it (strides round down). ``main``: 1 for stem, block and head convolutions, 0 beside the main path
    (squeeze-excitation, projection shortcuts). ``norm``: 1 where a BN follows, ``bias``: 1 where the convolution has a
    bias. ``pooled``: outputs of an average-pooled shortcut beside the row. ``stage``: 0 for the stem, 1 to S, S + 1 for
    the head. ``level``: how many spatial strides above 1 precede the row, those of the stem not counted.
    """

    repeat: Array
    c_in: Array
    c_out: Array
    groups: Array
    kernel_t: Array
    kernel_s: Array
    stride_t: Array
    stride_s: Array
    frames: Array
    size: Array
    score_frames: Array
    score_size: Array
    main: Array
    norm: Array
    bias: Array
    pooled: Array
    stage: Array
    level: Array

    @property
    def shape(self) -> tuple[int, int]:
        """(N, R)."""
        return max(len(getattr(self, f.name)) for f in fields(self)), self.repeat.shape[1]

    @property
    def fan_in(self) -> Array:
        """Inputs of one output: (c_in / groups) * k_t * k * k, the paper's n_l; shape (N or 1, R)."""
        return self.c_in / self.groups * self.kernel_t * self.kernel_s * self.kernel_s

    @property
    def outputs(self) -> Array:
        """Elements of the output, c_out * T * H * W; shape (N or 1, R)."""
        return self.c_out * self.frames * self.size * self.size

    @property
    def macs(self) -> Array:
        """Multiply-accumulates of the row, once; shape (N or 1, R)."""
        return self.fan_in * self.outputs

    @property
    def weights(self) -> Array:
        """Parameters of the row once, those of its BN and bias included; shape (N or 1, R)."""
        return self.c_out * (self.fan_in + 2 * self.norm + self.bias)

    def only_used(self) -> LayerTable:
        """Return the table without the rows that occur in no network of it."""
        used = (self.repeat > 0).any(axis=0)
        return replace(self, **{f.name: getattr(self, f.name)[:, used] for f in fields(self)})
