"""The training-free scores of the paper (arXiv 2303.02693, section 3), vectorised over a population."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from e3dnas.arch.table import Array, LayerTable
from e3dnas.config import shown
from e3dnas.errors import E3DNASError

__all__ = ["alpha", "homoentr", "layer_entropy", "stentr"]

EPSILON = float(np.finfo(float).eps)


def alpha(table: LayerTable) -> Array:
    """Return the refinement of every layer: -ln(1 - cos) of the angle between map and kernel, 1 for kernels of side 1.

    The map is (T, S, S) as the authors count it (``score_frames``, ``score_size``), the kernel (k_t, k, k); shape
    (N or 1, R). Where the two are parallel the authors' code divides by zero; here 1 - cos is kept at or above the
    float64 epsilon, so that alpha is at most 36.04.
    """
    frames, size, kernel_t, kernel = table.score_frames, table.score_size, table.kernel_t, table.kernel_s
    map_norm = np.sqrt(frames * frames + 2 * size * size)
    kernel_norm = np.sqrt(kernel_t * kernel_t + 2 * kernel * kernel)
    cosine = frames / map_norm * (kernel_t / kernel_norm) + 2 * (size / map_norm * (kernel / kernel_norm))
    return np.where(kernel > 1, -np.log(np.maximum(1 - cosine, EPSILON)), 1.0)


def layer_entropy(table: LayerTable, *, refined: bool = True) -> Array:
    """Return each row's share of the score, all its repeats counted: 0.5 ln(n_l alpha_l); shape (N or 1, R).

    ``refined=False`` leaves alpha_l out (HomoEntr). Rows beside the main path share nothing.
    """
    inside = table.fan_in * alpha(table) if refined else table.fan_in
    return table.repeat * table.main * 0.5 * np.log(inside)


def stentr(table: LayerTable, stage_weights: Sequence[float] | None = None) -> Array:
    """Return the STEntr-Score, ``sum_l 0.5 ln(n_l alpha_l) + ln(C_final)``; shape (N,).

    Args:
        table: the layer table of N networks.
        stage_weights: scores the network at every stage and sums with these weights. A stage is what lies before each
            spatial stride (the stem alone is the first, the head belongs to the last); its score counts all layers up
            to its end plus ln of its channels. None is the paper's choice for E3D: the last stage alone.

    Raises:
        E3DNASError: the weights are not finite numbers, as many as there are stages.
    """
    entropy = layer_entropy(table)
    if stage_weights is None:
        return np.asarray(entropy.sum(axis=1) + np.log(table.c_out[:, -1]))
    if not isinstance(stage_weights, list | tuple) or not all(_is_finite(weight) for weight in stage_weights):
        raise E3DNASError(
            f"stage_weights: must be a list of numbers such as [0, 0, 0, 0, 1], not {shown(stage_weights)}"
        )
    stages = int(table.level.max()) + 1
    if len(stage_weights) != stages or (table.level[:, -1] != stages - 1).any():
        counts = sorted({int(level) + 1 for level in table.level[:, -1]})
        raise E3DNASError(
            f"stage_weights: {len(stage_weights)} weights for a network of {' or '.join(map(str, counts))} stages "
            "(the stem, then one a spatial stride); write one weight for each"
        )
    total: Array = np.zeros(1)
    for level, weight in enumerate(stage_weights):
        if weight:
            upto = (entropy * (table.level <= level)).sum(axis=1)
            total = total + weight * (upto + np.log(_channels(table, level)))
    return total


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < np.inf


def _channels(table: LayerTable, level: int) -> Array:
    """Channels at the end of a level: of its last main row, which a network always has (first blocks never miss)."""
    present = (table.level == level) & (table.repeat > 0) & (table.main > 0)
    last = present.shape[1] - 1 - np.argmax(present[:, ::-1], axis=1)
    c_out = np.broadcast_to(table.c_out, (len(last), table.c_out.shape[1])) if len(last) > 1 else table.c_out
    channels: Array = np.take_along_axis(c_out, np.broadcast_to(last[:, None], (len(c_out), 1)), axis=1)[:, 0]
    return channels


def homoentr(table: LayerTable) -> Array:
    """Return the HomoEntr-Score, which treats space and time alike: ``sum_l 0.5 ln(n_l)``; shape (N,)."""
    return np.asarray(layer_entropy(table, refined=False).sum(axis=1))
