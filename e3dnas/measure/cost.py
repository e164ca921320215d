"""Closed-form costs over layer tables; ``flops`` and ``params`` are what thop measures, to the unit.

All count the backbone: stem to head convolution, before pooling and classifier. ``layer_*`` gives what each row costs,
all its repeats counted, shape (N or 1, R); the plain name gives the sum, shape (N,). Whole numbers in float64, exact up
to 2**53.
"""

from __future__ import annotations

import numpy as np

from e3dnas.arch.table import Array, LayerTable

__all__ = ["LAYER_COSTS", "activations", "conv_macs", "flops", "layer_flops", "layers", "params"]

BN_OPERATIONS = 4
"""thop counts an affine BN in evaluation as four operations an element (thop/vision/basic_hooks.py)."""


def layer_flops(table: LayerTable) -> Array:
    """Return thop's operations of each row, a pooled shortcut beside it counted.

    thop counts a convolution as its multiply-accumulates (no bias), a BN as four operations an element, an average
    pool as one an output; activations, additions and multiplications count nothing.
    """
    return table.repeat * (table.macs + BN_OPERATIONS * table.norm * table.outputs) + table.pooled


def layer_conv_macs(table: LayerTable) -> Array:
    """Return the multiply-accumulates of each row."""
    return table.repeat * table.macs


def layer_params(table: LayerTable) -> Array:
    """Return the parameters of each row, those of its BN and bias counted."""
    return table.repeat * table.weights


def layer_depth(table: LayerTable) -> Array:
    """Return the convolutions of each row, 0 beside the main path."""
    return table.repeat * table.main


def layer_activations(table: LayerTable) -> Array:
    """Return the elements of each row's outputs."""
    return table.repeat * table.outputs


LAYER_COSTS = {
    "flops": layer_flops, "conv_macs": layer_conv_macs, "params": layer_params, "layers": layer_depth,
    "activations": layer_activations,
}  # fmt: skip
"""What each row costs, by the name of the measure."""


def flops(table: LayerTable) -> Array:
    """Return what ``thop.profile`` counts for the backbone, in operations for one clip."""
    return _total(layer_flops(table))


def conv_macs(table: LayerTable) -> Array:
    """Return the multiply-accumulates of all convolutions for one clip: the papers' "GFLOPs"."""
    return _total(layer_conv_macs(table))


def params(table: LayerTable) -> Array:
    """Return the parameters of all convolutions and BNs."""
    return _total(layer_params(table))


def layers(table: LayerTable) -> Array:
    """Return the depth: convolutions on the main path, those of shortcuts and squeeze-excitation not counted."""
    return _total(layer_depth(table))


def activations(table: LayerTable) -> Array:
    """Return the elements of all convolutions' outputs for one clip (memory traffic, training memory)."""
    return _total(layer_activations(table))


def _total(rows: Array) -> Array:
    return np.asarray(rows.sum(axis=1))
