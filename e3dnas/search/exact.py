"""The sampler that knows the answer: one trial, the best network of the space, as the exact solver proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from e3dnas.bound import bound
from e3dnas.errors import E3DNASError
from e3dnas.space import SearchSpace

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

__all__ = ["ExactSampler"]


class ExactSampler(BaseSampler):
    """Proposes the solver's network; there is nothing to propose after it.

    Args:
        space: the space.

    Raises:
        E3DNASError: its score or a budget is no sum over layers, or no network keeps the budgets.
    """

    def __init__(self, space: SearchSpace) -> None:
        found = bound(space)
        if found.architecture is None:
            raise E3DNASError(
                f"{space.name}: no network of the space keeps all its budgets together; widen one of them"
            )
        self._params = dict(found.params)
        self._distributions: dict[str, BaseDistribution] = space.distributions()
        self._random = RandomSampler()

    def is_exhausted(self, study: Study) -> bool:
        """Whether the network is in the study already."""
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return any(trial.params == self._params for trial in done)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the space's distributions."""
        return dict(self._distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters of the best network."""
        return dict(self._params)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a random value, for a parameter outside the space."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)
