"""The evolutionary sampler: each trial is the best new candidate of a brood bred from the study's best trials."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from e3dnas.search.breeding import Breeder
from e3dnas.search.screening import Screen
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
    """Maximises (or minimises) one objective over a search space; of other parameters it draws random values.

    The population is the ``population`` best finished trials of the study, those within the budgets first. It is read
    from the study alone, so that a resumed study goes on as if it had never stopped, and several processes share one.

    Args:
        screen: looks at candidates of the space, see ``Screen``.
        population: how many of the best trials breed.
        candidates: how many candidates are looked at for each trial.
        seed: the same seed and the same study give the same proposals.
    """

    def __init__(self, screen: Screen, *, population: int = 32, candidates: int = 2000, seed: int = 0) -> None:
        self.space = screen.space
        self.exhausted = False
        self._screen, self._breeder = screen, Breeder(screen.space)
        self._size, self._candidates, self._seed = population, candidates, seed
        self._distributions: dict[str, BaseDistribution] = screen.space.distributions()
        self._random = RandomSampler(seed)
        self._population: list[tuple[float, float, int, Genotypes]] = []
        self._proposed: set[bytes] = set()
        self._counted: set[int] = set()
        self._failed: set[int] = set()
        self._head, self._asked = 0, 0
        self._looked: dict[int, int] = {}
        self._listing: Genotypes | None = None

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
        _refuse_several_objectives(study)
        if search_space.keys() != self._distributions.keys():
            return {name: self._random.sample_independent(study, trial, name, d) for name, d in search_space.items()}
        if self._asked % SYNC_EVERY == 0:
            self._sync(study)
        self._asked += 1
        genotype = self._propose(np.random.default_rng(self._key(trial.number)), trial.number)
        self._proposed.add(genotype.tobytes())
        self.exhausted |= self._listing is not None and len(self._proposed) >= len(self._listing)
        return self.space.params(genotype)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a random value."""
        _refuse_several_objectives(study)
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Take up the trial that has just finished."""
        if len(study.directions) == 1:
            self._take(study, trial, state, values[0] if values else None)

    def _key(self, number: int) -> tuple[int, int]:
        # Interrupted trials do not shift the random numbers, so that a resumed run equals one that never stopped.
        return self._seed, number - sum(failed < number for failed in self._failed)

    def _sync(self, study: Study) -> None:
        """Take up the trials that other processes, or an earlier run, have finished."""
        unbroken = True
        for trial in study.get_trials(deepcopy=False)[self._head :]:
            if not trial.state.is_finished():
                unbroken = False
                continue
            self._take(study, trial, trial.state, trial.value if trial.state == TrialState.COMPLETE else None)
            if unbroken:
                self._head = trial.number + 1

    def _take(self, study: Study, trial: FrozenTrial, state: TrialState, value: float | None) -> None:
        if trial.number in self._counted:
            return
        self._counted.add(trial.number)
        if state == TrialState.FAIL:
            self._failed.add(trial.number)
            if FAILURE not in trial.user_attrs:
                return
        try:
            genotype = self.space.genotype(trial.params)
        except ValueError:
            return  # a trial of something else, such as one with fixed parameters of another space
        self._proposed.add(genotype.tobytes())
        if state != TrialState.COMPLETE or value is None or not np.isfinite(value):
            return
        beyond = sum(max(excess, 0.0) for excess in trial.constraints.values())
        sign = 1.0 if study.direction == StudyDirection.MINIMIZE else -1.0
        insort(self._population, (beyond, sign * value, trial.number, genotype), key=lambda member: member[:3])
        del self._population[self._size :]

    def _propose(self, rng: np.random.Generator, number: int) -> Genotypes:
        looked = 0
        parents: list[Genotypes] = []
        for attempt in range(RETRIES):
            parents = [member[3] for member in self._population]
            if len(self._counted) < FIRST_RANDOM or len(parents) < 2 or attempt > RETRIES // 2:
                brood = self.space.sample(rng, self._candidates)
            else:
                brood = self._breeder.offspring(rng, np.array(parents), self._candidates)
            looked += len(brood)
            self._looked[number] = looked
            if (found := self._best_new(brood)) is not None:
                return found
            if attempt == 0 and (listing := self._list_all()) is not None:
                self._looked[number] += len(listing)
                found = self._first_new(listing)
                return listing[0] if found is None else found
        self.exhausted = True
        return parents[0] if parents else self.space.sample(rng, 1)[0]

    def _best_new(self, brood: Genotypes) -> Genotypes | None:
        return self._first_new(brood[self._screen(brood).order()])

    def _first_new(self, genotypes: Genotypes) -> Genotypes | None:
        new = (one for one in genotypes if one.tobytes() not in self._proposed)
        found: Genotypes | None = next(new, None)
        return found

    def _list_all(self) -> Genotypes | None:
        """Return every network of a small space, best first, shape (M, G); None for a large one."""
        if self._listing is None and self.space.cardinality <= ENUMERABLE:
            sizes = [len(gene.values) for gene in self.space.genes]
            indices = np.indices(sizes).reshape(len(sizes), -1).T if sizes else np.zeros((1, 0), np.int64)
            every: Genotypes = np.unique(self.space.repair(indices), axis=0)
            self._listing = every[self._screen(every).order()]
        return self._listing


def _refuse_several_objectives(study: Study) -> None:
    if len(study.directions) > 1:
        raise ValueError("EvolutionSampler searches one objective; use NSGAIISampler for a study with several")
