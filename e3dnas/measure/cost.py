"""Closed-form costs over layer tables; ``flops`` and ``params`` are what thop measures, to the unit.

All count the backbone: stem to head convolution, before pooling and classifier. All return shape (N,), whole numbers
in float64, exact up to 2**53.
"""

from __future__ import annotations

import numpy as np

from e3dnas.arch.table import Array, LayerTable

__all__ = ["activations", "conv_macs", "flops", "layer_flops", "layers", "params"]

BN_OPERATIONS = 4
"""thop counts an affine BN in evaluation as four operations an element (thop/vision/basic_hooks.py)."""


def layer_flops(table: LayerTable) -> Array:
    """Return thop's operations of each row, all its repeats and a pooled shortcut beside it counted; (N or 1, R).

    thop counts a convolution as its multiply-accumulates (no bias), a BN as four operations an element, an average
    pool as one an output; activations, additions and multiplications count nothing.
    """
    return table.repeat * (table.macs + BN_OPERATIONS * table.norm * table.outputs) + table.pooled


def flops(table: LayerTable) -> Array:
    """Return what ``thop.profile`` counts for the backbone, in operations for one clip."""
    return _total(layer_flops(table))


def conv_macs(table: LayerTable) -> Array:
    """Return the multiply-accumulates of all convolutions for one clip: the papers' "GFLOPs"."""
    return _total(table.repeat * table.macs)


def params(table: LayerTable) -> Array:
    """Return the parameters of all convolutions and BNs."""
    return _total(table.repeat * table.weights)


def layers(table: LayerTable) -> Array:
    """Return the depth: convolutions on the main path, those of shortcuts and squeeze-excitation not counted."""
    return _total(table.repeat * table.main)


def activations(table: LayerTable) -> Array:
    """Return the elements of all convolutions' outputs for one clip (memory traffic, training memory)."""
    return _total(table.repeat * table.outputs)


def _total(rows: Array) -> Array:
    return np.asarray(rows.sum(axis=1))
