"""One trial: parameters to network, measured, checked against the budgets with thop, written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from optuna.trial import Trial

from e3dnas.arch import Architecture
from e3dnas.errors import E3DNASError
from e3dnas.measure.registry import Measure, measure_table
from e3dnas.search.budgets import Limit
from e3dnas.search.sampler import FAILURE
from e3dnas.space.space import SearchSpace

__all__ = ["Objective"]

COUNTED_BY_THOP = ("flops", "params")


class Objective:
    """The objective of a study over one space.

    Args:
        space: the space.
        score: what is maximised.
        limits: the budgets.
        looked_at: tells how many candidates were looked at for a trial.
    """

    def __init__(
        self, space: SearchSpace, score: Measure, limits: tuple[Limit, ...], looked_at: Callable[[int], int]
    ) -> None:
        self.space, self.score, self.limits, self._looked_at = space, score, limits, looked_at

    def __call__(self, trial: Trial) -> float:
        """Return the score of the trial's network, with its constraints and user attributes set."""
        params = {name: trial._suggest(name, d) for name, d in self.space.distributions().items()}
        architecture = self.space.architecture(self.space.genotype(params))
        try:
            measures = self._measures(architecture)
            score = self._score(architecture)
        except Exception as error:
            trial.set_user_attr(FAILURE, f"{type(error).__name__}: {error}")
            raise
        for limit in self.limits:
            trial.set_constraint(limit.key, float(limit.excess(self._budgeted(limit, measures, architecture))))
        for key, value in measures.items():
            trial.set_user_attr(key, value)
        trial.set_user_attr("candidates", self._looked_at(trial.number))
        return score

    def _measures(self, architecture: Architecture) -> dict[str, Any]:
        from e3dnas.measure.profile import profile_architecture  # torch and thop load with the first trial

        closed = measure_table(architecture.table())
        thop = profile_architecture(architecture)
        measures = {k: float(v[0]) if k.endswith("entr") else int(v[0]) for k, v in closed.items()}
        return measures | {key: getattr(thop, key) for key in COUNTED_BY_THOP}

    def _score(self, architecture: Architecture) -> float:
        value = take(self.score, architecture)
        if not np.isfinite(value):
            raise E3DNASError(f"score {self.score.name}: must be a finite number, not {value}")
        return value

    def _budgeted(self, limit: Limit, measures: dict[str, Any], architecture: Architecture) -> float:
        known = measures.get(limit.measure.name)
        return float(known) if known is not None else take(limit.measure, architecture)


def take(measure: Measure, architecture: Architecture) -> float:
    """Return one measure of one network, whether it looks at the layer table or at the model."""
    if measure.looks_at == "table":
        return float(measure.of_table(architecture.table())[0])
    import torch

    from e3dnas.models import create_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # a score of random weights must not depend on the trials before
        model = create_model(architecture).eval()
        return measure.of_model(model)
