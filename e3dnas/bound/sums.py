"""Measures that are sums over the parts of a network: what the exact solver can bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from e3dnas.arch.table import Array, LayerTable
from e3dnas.errors import E3DNASError
from e3dnas.measure.cost import LAYER_COSTS
from e3dnas.measure.entropy import layer_entropy, stentr
from e3dnas.measure.registry import resolve
from e3dnas.space import SearchSpace
from e3dnas.space.declaration import ON_A_MACHINE

__all__ = ["Sum", "sum_of"]

Rows = Callable[[LayerTable], Array]


@dataclass(frozen=True)
class Sum:
    """A measure as a sum over stem, stages and head, S + 2 parts.

    A part adds ``scale`` times the sum of its rows, and ``log_width`` times ln of its channels out; each (S + 2,).
    """

    name: str
    rows: Rows
    scale: Array
    log_width: Array

    def of_part(self, part: int, rows: Array, out: Array) -> Array:
        """Return what a part adds, from the sums of its rows (N,) and its channels out (N,)."""
        return np.asarray(self.scale[part] * rows + self.log_width[part] * np.log(out))


def sum_of(name: str, options: dict[str, Any], space: SearchSpace) -> Sum:
    """Return a measure as a sum over parts.

    Raises:
        E3DNASError: it is none: your own measures may look at the whole network at once.
    """
    parts = len(space.declaration.stages) + 2
    ones, zeros = np.ones(parts), np.zeros(parts)
    if name in LAYER_COSTS:
        return Sum(name, LAYER_COSTS[name], ones, zeros)
    if name == "homoentr":
        return Sum(name, _homoentr_rows, ones, zeros)
    if name == "stentr":
        scale, log_width = _stage_weights(options.get("stage_weights"), space, parts)
        return Sum(name, layer_entropy, scale, log_width)
    if name in ON_A_MACHINE:
        raise E3DNASError(
            f"{name} cannot be bounded: it is measured on a machine, network by network, and follows from no formula; "
            "`e3dnas run` searches with it all the same"
        )
    if ":" not in name:
        resolve(name)  # tells that there is no such measure
    raise E3DNASError(
        f"{name} cannot be bounded: it is not known to be a sum over the stages of a network, as stentr, homoentr, "
        f"{', '.join(LAYER_COSTS)} are; `e3dnas run` searches with it all the same"
    )


def _homoentr_rows(table: LayerTable) -> Array:
    return layer_entropy(table, refined=False)


def _stage_weights(weights: Any, space: SearchSpace, parts: int) -> tuple[Array, Array]:
    """Return scale and log_width of each part; without weights every row counts once, and ln of the head's channels."""
    scale, log_width = np.ones(parts), np.zeros(parts)
    log_width[-1] = 1.0
    if weights is None:
        return scale, log_width
    if any(gene.key == "stride" for gene in space.genes):
        raise E3DNASError("stentr with stage_weights cannot be bounded where strides are a choice; fix the strides")
    table = space.table(np.zeros((1, len(space.genes)), np.int64))
    stentr(table, weights)  # tells what is wrong with the weights
    stage = table.stage[0].astype(int)
    level = np.array([table.level[0, stage == part][0] for part in range(parts)]).astype(int)
    upto = np.cumsum(np.array(weights, float)[::-1])[::-1]  # a row counts for its own level and all behind it
    last = np.append(level[1:] > level[:-1], True)
    return upto[level], np.where(last, np.array(weights, float)[level], 0.0)
