"""The evolutionary sampler: each trial is the best new candidate of a brood bred from the study's best trials."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from e3dnas.arch.table import Array
from e3dnas.search.breeding import Breeder
from e3dnas.search.screening import Screen
from e3dnas.search.survival import FewBest, Front, Member, Survival
from e3dnas.space.space import Genotypes

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

__all__ = ["FAILURE", "EvolutionSampler"]

FAILURE = "error"
"""User attribute of a trial that failed by itself; one that was interrupted has none, and is proposed again."""
SYNC_EVERY = 16
FIRST_RANDOM = 10
"""So many trials come from random broods, before the population breeds."""
ENUMERABLE = 100_000
"""Spaces of up to so many genotypes are listed, to know when every network has been proposed."""
RETRIES = 20


class EvolutionSampler(BaseSampler):
    """Seeks the best networks of a search space, by one objective or several; other parameters get random values.

    The population is the ``population`` best finished trials of the study, those within the budgets first (see
    ``Survival``). It is read from the study alone, so that a resumed study goes on as if it had never stopped, and
    several processes share one.

    Args:
        screen: looks at candidates of the space, see ``Screen``; the study has its objectives.
        population: how many of the best trials breed.
        candidates: how many candidates are looked at for each trial.
        seed: the same seed and the same study give the same proposals.
    """

    def __init__(self, screen: Screen, *, population: int = 16, candidates: int = 2000, seed: int = 0) -> None:
        self.space = screen.space
        self._screen, self._breeder = screen, Breeder(screen.space)
        self._candidates, self._seed = candidates, seed
        self._distributions: dict[str, BaseDistribution] = screen.space.distributions()
        self._random = RandomSampler(seed)
        self._survival: Survival = FewBest(population) if len(screen.objectives) == 1 else Front(population)
        self._proposed: set[bytes] = set()
        self._counted: set[int] = set()
        self._interrupted: set[int] = set()
        self._head, self._asked = 0, 0
        self._looked: dict[int, int] = {}
        self._gave_up = False
        self._listing: Genotypes | None = None

    def is_exhausted(self, study: Study) -> bool:
        """Whether nothing new is left to propose: every network of a small space has been, or none was found."""
        if self._asked == 0:
            self._sync(study)
        return self._gave_up or (self._every is not None and len(self._proposed) >= len(self._every))

    def looked_at(self, number: int) -> int:
        """Return how many candidates were looked at for trial ``number``."""
        return self._looked.get(number, 1)

    def reseed_rng(self) -> None:
        """Give threads of one study different random values for parameters outside the space."""
        self._random.reseed_rng()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the space's distributions, the same for every trial."""
        return dict(self._distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the parameters of the best new candidate of a brood."""
        self._refuse_other_objectives(study)
        if search_space.keys() != self._distributions.keys():
            return {name: self._random.sample_independent(study, trial, name, d) for name, d in search_space.items()}
        if self._asked % SYNC_EVERY == 0:
            self._sync(study)
        self._asked += 1
        genotype = self._propose(trial.number, _signs(study))
        self._proposed.add(genotype.tobytes())
        return self.space.params(genotype)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a random value."""
        self._refuse_other_objectives(study)
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Take up the trial that has just finished."""
        if len(study.directions) == len(self._screen.objectives):
            self._take(study, trial, state, values)

    def _position(self, number: int) -> int:
        """Return a trial's number less the interrupted ones, so that a resumed run equals one that never stopped."""
        return number - sum(interrupted < number for interrupted in self._interrupted)

    def _sync(self, study: Study) -> None:
        """Take up the trials that other processes, or an earlier run, have finished."""
        unbroken = True
        for trial in study.get_trials(deepcopy=False)[self._head :]:
            if not trial.state.is_finished():
                unbroken = False
                continue
            self._take(study, trial, trial.state, trial.values)
            if unbroken:
                self._head = trial.number + 1

    def _take(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        if trial.number in self._counted:
            return
        self._counted.add(trial.number)
        if state == TrialState.FAIL and FAILURE not in trial.user_attrs:
            self._interrupted.add(trial.number)
            return
        try:
            genotype = self.space.genotype(trial.params)
        except ValueError:
            return  # a trial of something else, such as one with fixed parameters of another space
        self._proposed.add(genotype.tobytes())
        if state != TrialState.COMPLETE or values is None or not np.isfinite(values).all():
            return
        beyond = sum(max(excess, 0.0) for excess in trial.constraints.values())
        losses = tuple((np.asarray(values, float) * _signs(study)).tolist())
        self._survival.add(Member(beyond, losses, trial.number, genotype))

    def _propose(self, number: int, signs: Array) -> Genotypes:
        position = self._position(number)
        rng = np.random.default_rng((self._seed, position))
        parents = self._survival.parents()
        breeding = position >= FIRST_RANDOM and len(parents) > 1
        self._looked[number] = 0
        for attempt in range(RETRIES):
            if breeding and attempt <= RETRIES // 2:
                brood = self._breeder.offspring(rng, np.array(parents), self._candidates)
            else:
                brood = self.space.sample(rng, self._candidates)
            if (found := self._first_new(self._ranked(brood, number, signs))) is not None:
                return found
            if self._every is not None:
                if self._listing is None:
                    self._listing = self._ranked(self._every, number, signs)
                found = self._first_new(self._listing)
                return self._listing[0] if found is None else found
        self._gave_up = True
        return parents[0] if parents else self.space.sample(rng, 1)[0]

    def _ranked(self, genotypes: Genotypes, number: int, signs: Array) -> Genotypes:
        """Look at genotypes (N, G) for a trial and return them, best first."""
        self._looked[number] += len(genotypes)
        seen = self._screen(genotypes)
        return genotypes[self._survival.order(seen.values * signs, seen.violation)]

    def _first_new(self, genotypes: Genotypes) -> Genotypes | None:
        new = (one for one in genotypes if one.tobytes() not in self._proposed)
        found: Genotypes | None = next(new, None)
        return found

    @cached_property
    def _every(self) -> Genotypes | None:
        """Every network of a small space, shape (M, G); None for a large one."""
        if self.space.cardinality > ENUMERABLE:
            return None
        sizes = [len(gene.values) for gene in self.space.genes]
        indices = np.indices(sizes).reshape(len(sizes), -1).T if sizes else np.zeros((1, 0), np.int64)
        every: Genotypes = np.unique(self.space.repair(indices), axis=0)
        return every

    def _refuse_other_objectives(self, study: Study) -> None:
        wanted, has = len(self._screen.objectives), len(study.directions)
        if wanted != has:
            raise ValueError(f"this EvolutionSampler seeks {wanted} objectives, and the study has {has}")


def _signs(study: Study) -> Array:
    """Return what turns the study's values into losses, shape (O,)."""
    return np.array([1.0 if one == StudyDirection.MINIMIZE else -1.0 for one in study.directions])
