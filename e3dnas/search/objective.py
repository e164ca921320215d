"""One trial: parameters to network, measured, checked against the budgets with thop, written down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, IntDistribution
from optuna.trial import Trial

from e3dnas.arch import Architecture
from e3dnas.errors import E3DNASError
from e3dnas.machine.instruments import OnMachine
from e3dnas.measure.registry import Measure, measure_table
from e3dnas.search.budgets import Limit
from e3dnas.search.interrupts import Interrupts
from e3dnas.search.sampler import FAILURE
from e3dnas.search.taking import of_network
from e3dnas.space.space import SearchSpace

__all__ = ["Objective", "TrialFailed"]

COUNTED_BY_THOP = ("flops", "params")


class TrialFailed(E3DNASError):
    """An objective or a budget's measure failed on the network of one trial; others may succeed."""


class Objective:
    """The objective of a study over one space.

    Args:
        space: the space.
        objectives: what is sought.
        limits: the budgets.
        looked_at: tells how many candidates were looked at for a trial.
        interrupts: let through while a network is measured.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: Sequence[Measure],
        limits: tuple[Limit, ...],
        looked_at: Callable[[int], int],
        interrupts: Interrupts,
    ) -> None:
        self.space, self.objectives, self.limits = space, tuple(objectives), limits
        self._looked_at, self._interrupts = looked_at, interrupts
        self._distributions = space.distributions()

    def __call__(self, trial: Trial) -> float | tuple[float, ...]:
        """Return the value of each objective for the trial's network, with its constraints and user attributes set."""
        params = {name: _suggest(trial, name, d) for name, d in self._distributions.items()}
        architecture = self.space.architecture(self.space.genotype(params))
        self._load()
        measures = self._measures(architecture)
        try:
            with self._interrupts.allowed():
                measures |= self._budgeted(architecture, measures)
                values = tuple(self._value(one, architecture, measures) for one in self.objectives)
                measures |= self._own(values, measures)
        except E3DNASError as error:
            trial.set_user_attr(FAILURE, str(error))
            raise TrialFailed(str(error)) from error
        for limit in self.limits:
            trial.set_constraint(limit.key, float(limit.excess(measures[limit.measure.name])))
        for key, value in measures.items():
            trial.set_user_attr(key, value)
        trial.set_user_attr("within_budgets", all(excess <= 0 for excess in trial.constraints.values()))
        trial.set_user_attr("candidates", self._looked_at(trial.number))
        return values[0] if len(values) == 1 else values

    def _value(self, objective: Measure, architecture: Architecture, measures: dict[str, Any]) -> float:
        """Return the value of an objective: what thop counted or this machine measured, of such."""
        if objective.name in COUNTED_BY_THOP or isinstance(objective, OnMachine):
            return float(measures[objective.name])
        return of_network(objective, architecture)

    def _own(self, values: tuple[float, ...], measures: dict[str, Any]) -> dict[str, float]:
        """Return a user's own measures among several objectives; a single objective is the score."""
        if len(values) == 1:
            return {}
        told = zip(self.objectives, values, strict=True)
        return {one.name: value for one, value in told if one.name not in measures}

    def _load(self) -> None:
        """Load torch and thop, and timm where a model is looked at: an interrupt half-way would abort the process."""
        import e3dnas.models.profile

        if any(
            measure.looks_at == "model" for measure in (*self.objectives, *(limit.measure for limit in self.limits))
        ):
            import e3dnas.models.build  # noqa: F401

    def _measures(self, architecture: Architecture) -> dict[str, Any]:
        """Return the package's measures, flops and params as thop counts them."""
        from e3dnas.models.profile import profile_architecture

        closed = measure_table(architecture.table())
        thop = profile_architecture(architecture)
        measures = {k: float(v[0]) if k.endswith("entr") else int(v[0]) for k, v in closed.items()}
        return measures | {key: getattr(thop, key) for key in COUNTED_BY_THOP}

    def _budgeted(self, architecture: Architecture, measures: dict[str, Any]) -> dict[str, float]:
        """Return a user's own measures that have a budget, and what this machine measures."""
        own = {limit.measure.name: limit.measure for limit in self.limits if limit.measure.name not in measures}
        own |= {one.name: one for one in self.objectives if isinstance(one, OnMachine)}
        found: dict[str, float] = {}
        for name, measure in own.items():
            found |= (
                measure.taken(architecture)
                if isinstance(measure, OnMachine)
                else {name: of_network(measure, architecture)}
            )
        return found


def _suggest(trial: Trial, name: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(name, distribution.low, distribution.high, step=distribution.step)
    return trial.suggest_categorical(name, distribution.choices)  # type: ignore[attr-defined]
