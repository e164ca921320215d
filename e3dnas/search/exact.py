"""The sampler that knows the answer: the best network of the space as the solver proves it, or all of its front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from e3dnas.bound import bound, front
from e3dnas.errors import E3DNASError
from e3dnas.space import SearchSpace

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

__all__ = ["ExactSampler", "by_halving"]


class ExactSampler(BaseSampler):
    """Proposes the solver's networks, each once; there is nothing to propose after them.

    A front is proposed by halving: both ends, the middle, the quarters, so that few trials show all of it.

    Args:
        space: the space.

    Raises:
        E3DNASError: an objective or a budget is no sum over layers, there are three objectives, or no network keeps
            the budgets.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._networks = _front(space) if space.declaration.objectives else _best(space)
        if not self._networks:
            raise E3DNASError(
                f"{space.name}: no network of the space keeps all its budgets together; widen one of them"
            )
        self._distributions: dict[str, BaseDistribution] = space.distributions()
        self._random = RandomSampler()

    def is_exhausted(self, study: Study) -> bool:
        """Whether all the networks are in the study already."""
        return self._next(study) is None

    def _next(self, study: Study) -> dict[str, Any] | None:
        trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        done = {frozenset(trial.params.items()) for trial in trials}
        return next((params for params in self._networks if frozenset(params.items()) not in done), None)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the space's distributions."""
        return dict(self._distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters of the next network."""
        return dict(self._next(study) or self._networks[0])

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a random value, for a parameter outside the space."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)


def _best(space: SearchSpace) -> list[dict[str, Any]]:
    found = bound(space)
    return [] if found.architecture is None else [dict(found.params)]


def _front(space: SearchSpace) -> list[dict[str, Any]]:
    found = front(space)
    return [space.params(found.genotypes[i]) for i in by_halving(len(found.values))]


def by_halving(count: int) -> list[int]:
    """Return 0 to ``count`` - 1 in an order whose beginnings are spread evenly: the ends, the middle, the quarters."""
    order, parts = dict.fromkeys([0, count - 1] if count else []), 2
    while len(order) < count:
        order |= dict.fromkeys(i * (count - 1) // parts for i in range(1, parts))
        parts *= 2
    return list(order)
