"""Who is beaten by whom, among many at once."""

from __future__ import annotations

import numpy as np

from e3dnas.bound.chain import Floats, Ints

__all__ = ["unbeaten"]


def unbeaten(value: Floats, cost: Floats, group: Ints) -> Ints:
    """Return, in rising order, the indices of those that no other of their group equals or beats.

    One beats another with a value as high and all costs as low. Of equals one is kept.

    Args:
        value: (N,), the higher the better.
        cost: (N, M) with M at least 1, the lower the better.
        group: (N,), only members of one group are compared.
    """
    kept = _unbeaten_at_equal(value, cost, group)
    if cost.shape[1] == 1 or not len(kept):
        return kept
    import moocore

    order = kept[np.argsort(group[kept], kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    worth = np.column_stack([-value, cost])
    found: Ints = np.concatenate([one[moocore.is_nondominated(worth[one])] for one in parts])
    return np.sort(found)


def _unbeaten_at_equal(value: Floats, cost: Floats, group: Ints) -> Ints:
    """Return those that none beats with an equal cost in all but the first: all groups in one sort."""
    first, same = cost[:, 0], [*cost[:, 1:].T, group]
    order = np.lexsort((-value, first, *same))
    if not len(order):
        return order
    starts = np.append(True, np.any([np.diff(column[order]) != 0 for column in same], axis=0))
    rank = np.unique(value, return_inverse=True)[1][order]
    lifted = rank + np.cumsum(starts) * len(value)  # each group above all before it: one running maximum serves all
    kept: Ints = order[lifted > np.append(-1, np.maximum.accumulate(lifted)[:-1])]
    return np.sort(kept)
