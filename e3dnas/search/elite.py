"""The trials of a study that are worth showing: the best within the budgets, or the front of several objectives."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import TrialState

from e3dnas.space import SearchSpace

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

__all__ = ["elite", "feasible", "spread", "unbeaten"]

Item = TypeVar("Item")


def elite(
    trials: Sequence[FrozenTrial],
    directions: Sequence[StudyDirection],
    space: SearchSpace,
    count: int,
    refused: Collection[int] = (),
) -> list[FrozenTrial]:
    """Return the best trials within the budgets, each with another network, best of the first objective first.

    Of one objective at most ``count``; of several the whole front. Trials whose numbers are ``refused`` are left out.
    """
    within = [trial for trial in trials if trial.state == TrialState.COMPLETE and feasible(trial)]
    within = [trial for trial in within if trial.number not in refused]
    if len(directions) > 1:
        front = set(unbeaten([tuple(trial.values) for trial in within], directions))
        within, count = [trial for trial in within if tuple(trial.values) in front], len(within)
    sign = -1 if directions[0] == StudyDirection.MAXIMIZE else 1
    chosen: dict[bytes, FrozenTrial] = {}
    for trial in sorted(within, key=lambda t: (sign * t.values[0], t.number)):
        if len(chosen) == count:
            break
        chosen.setdefault(space.genotype(trial.params).tobytes(), trial)
    return list(chosen.values())


def feasible(trial: FrozenTrial) -> bool:
    """Whether a finished trial keeps all its constraints."""
    return all(excess <= 0 for excess in trial.constraints.values())


def unbeaten(values: Sequence[tuple[float, ...]], directions: Sequence[StudyDirection]) -> list[tuple[float, ...]]:
    """Return those of N values of O objectives that no other one equals or beats in all of them."""
    import moocore

    if not values:
        return []
    kept = moocore.is_nondominated(np.array(values), maximise=[one == StudyDirection.MAXIMIZE for one in directions])
    return [value for value, keep in zip(values, kept, strict=True) if keep]


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return ``count`` items, evenly spread from the first to the last; all if there are no more."""
    if len(items) <= count:
        return list(items)
    return [items[round(i * (len(items) - 1) / max(count - 1, 1))] for i in range(count)]
