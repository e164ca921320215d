"""One process's share of a study: from opening it, trial by trial, to the summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import TrialState

from e3dnas.errors import E3DNASError
from e3dnas.machine.instruments import Watch, instruments_of
from e3dnas.measure.registry import MEASURES, Measure, resolve
from e3dnas.search.budgets import limits_of
from e3dnas.search.confirming import confirm
from e3dnas.search.elite import feasible, unbeaten
from e3dnas.search.exact import ExactSampler
from e3dnas.search.interrupts import Interrupts
from e3dnas.search.objective import Objective, TrialFailed
from e3dnas.search.proof import Proof, gap_to
from e3dnas.search.reach import check_reach, check_reach_here
from e3dnas.search.result import Found, SearchResult, best_trials, found_in, summarise
from e3dnas.search.sampler import FAILURE, EvolutionSampler
from e3dnas.search.samplers import looked_at, make_sampler
from e3dnas.search.screening import Screen
from e3dnas.search.study import give_up_running, open_study, saying_less
from e3dnas.space import SearchSpace

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["SECONDS_ATTR", "Progress", "Session", "objectives_of"]

SECONDS_ATTR = "e3dnas:seconds"
SAVE_EVERY = 25
PATIENCE = 2.0
"""Seconds that the proof is waited for after the last trial before the view is told of it."""
MOST_CONFIRMED = 10
"""So many of the best networks are measured again at most."""
FAILURES_AT_FIRST = 5
"""So many failed trials end a search in which none has succeeded yet ..."""
FAILURES_IN_A_ROW = 50
"""... and so many, one after another, any search."""


@dataclass
class Progress:
    """How far a search has come: what a live view shows after every trial.

    ``done`` of ``target`` trials have finished, ``failed`` of them because the score raised; ``resumed`` were there
    when this process began, which has run ``new_trials`` in ``seconds`` and looked at ``new_candidates`` for them. No
    network within the budgets scores above ``bound``, once that is proven. With several objectives ``front`` holds the
    values of the front so far, and ``share`` is what it has of the exact front's hypervolume, once that is known.
    ``proving`` when the trials are done and only the proof is waited for.
    """

    done: int
    target: int
    candidates: int
    new_trials: int
    new_candidates: int
    seconds: float
    best: Found | None
    resumed: int
    failed: int = 0
    bound: float | None = None
    front: list[tuple[float, ...]] = field(default_factory=list)
    share: float | None = None
    proving: bool = False

    @property
    def gap(self) -> float | None:
        """What the best network may lack of the proven optimum, as a share; None where nothing is proven or found."""
        return None if self.bound is None or self.best is None else gap_to(self.bound, self.best.score)


class Session:
    """Checks the space first, and writes nothing before ``open``; ``interrupted`` once Ctrl-C has stopped ``run``.

    Args:
        space: the space.
        folder: where the score may lie, beside the import path.
        top: how many of the best networks the summary holds.
        on_trial: called when a study is resumed, after every trial, and when the proof lets one wait.
        prove: work out beside the search how good a network can be.
    """

    def __init__(
        self,
        space: SearchSpace,
        folder: Path | None,
        top: int,
        on_trial: Callable[[Progress], None] | None,
        *,
        prove: bool = False,
    ) -> None:
        self.space, self.top, self.on_trial = space, top, on_trial
        self.on_machine = instruments_of(space)
        self.objectives = objectives_of(space, folder, self.on_machine)
        self.limits = limits_of(space.declaration.budgets, folder, space.document, self.on_machine)
        self.screen = Screen(space, self.objectives, self.limits)
        check_reach(space, self.limits)
        self.solved = ExactSampler(space) if space.declaration.search.sampler == "exact" else None
        self.interrupts = Interrupts()
        self.interrupted = False
        self.failures = 0
        self.proof = Proof(space) if prove else None

    def prepare(self, watch: Watch | None = None) -> None:
        """Measure on this machine what its predictions need; nothing where no budget asks for any.

        Raises:
            E3DNASError: even the fastest or smallest network breaks a limit.
        """
        for measure in self.on_machine.values():
            assert measure.instrument is not None
            measure.instrument.prepare(watch)
            check_reach_here(self.space, self.limits, measure)

    def open(self, storage: BaseStorage, name: str, *, fresh: bool, sole: bool) -> None:
        """Open the study and count what it has; ``sole`` when no other process can be at work on it."""
        self.started = time.perf_counter()
        self.study: Study = open_study(storage, name, self.space, fresh=fresh)
        if sole:
            give_up_running(self.study)
        trials = self.study.get_trials(deepcopy=False)
        self.sampler: BaseSampler = self.solved or make_sampler(self.space.declaration.search, self.screen, len(trials))
        self.study.sampler = self.sampler
        self.earlier = float(self.study.user_attrs.get(SECONDS_ATTR, 0.0))
        done = [t for t in trials if t.state == TrialState.COMPLETE]
        failed = sum(t.state == TrialState.FAIL and FAILURE in t.user_attrs for t in trials)
        for trial in done:
            self._learn(trial)
        best = best_trials(self.study, self.space, 1)
        self.progress = Progress(
            done=len(done) + failed,
            target=self.space.declaration.search.trials,
            candidates=sum(int(t.user_attrs.get("candidates", 1)) for t in done),
            new_trials=0,
            new_candidates=0,
            seconds=0.0,
            best=best[0] if best else None,
            resumed=len(done) + failed,
            failed=failed,
            front=[one.values for one in best] if len(self.objectives) > 1 else [],
        )

    def run(self) -> SearchResult:
        """Run the trials that are missing; the bound is waited for unless the search is stopped."""
        if self.proof is not None:
            self.proof.start(self.study)
        try:
            self._run_trials()
            self._confirm()
            self._await_proof()
        except KeyboardInterrupt:
            self.interrupted = True  # what there is is summarised; the run can be resumed
        finally:
            if self.proof is not None:
                self.proof.stop()
            self._save_seconds()
        return summarise(
            self.study, self.space, top=self.top, seconds=self._seconds(), target=self.progress.target,
            stopped=self._exhausted(), proof=self.proof,
        )  # fmt: skip

    def _run_trials(self) -> None:
        left = self.progress.target - self.progress.done
        objective = Objective(self.space, self.objectives, self.limits, looked_at(self.sampler), self.interrupts)
        if self.progress.resumed and self.on_trial is not None:
            self.on_trial(self.progress)
        with saying_less(), self.interrupts.held():
            if left > 0 and not self._exhausted():
                self.study.optimize(objective, n_trials=left, callbacks=[self._after], catch=(TrialFailed,))

    def _confirm(self) -> None:
        """Measure the best network again on this machine, the next best where that one breaks a budget after all."""
        if not self.on_machine or self.space.declaration.objectives:
            return
        for _ in range(MOST_CONFIRMED):
            best = best_trials(self.study, self.space, 1)
            if not best or self._keeps(best[0]):
                break

    def _keeps(self, best: Found) -> bool:
        assert self.study is not None
        return confirm(self.study, best.trial, best.architecture, self.on_machine, self.limits)

    def _learn(self, trial: FrozenTrial) -> None:
        for measure in self.on_machine.values():
            assert measure.instrument is not None
            measure.instrument.learn(trial.user_attrs)

    def _await_proof(self) -> None:
        if self.proof is None:
            return
        if not self.proof.is_there(PATIENCE) and self.on_trial is not None:
            self.progress.proving = True
            self.on_trial(self.progress)
        self.proof.look(self.study, wait=True)

    def _seconds(self) -> float:
        return self.earlier + time.perf_counter() - self.started

    def _save_seconds(self) -> None:
        self.study.set_user_attr(SECONDS_ATTR, round(self._seconds(), 3))

    def _exhausted(self) -> bool:
        return isinstance(self.sampler, EvolutionSampler | ExactSampler) and self.sampler.is_exhausted(self.study)

    def _after(self, study: Study, trial: FrozenTrial) -> None:
        self._count(trial)
        if self.proof is not None:
            self.proof.look(study)
            self.progress.bound = self.proof.bound
            self.progress.share = self.proof.share(self.progress.front) if self.progress.front else None
        if self.progress.new_trials % SAVE_EVERY == 0:
            self._save_seconds()
        if self.on_trial is not None:
            self.on_trial(self.progress)
        self.interrupts.check()
        if self._exhausted():
            study.stop()

    def _count(self, trial: FrozenTrial) -> None:
        progress = self.progress
        progress.done += 1
        progress.new_trials += 1
        progress.seconds = time.perf_counter() - self.started
        if trial.state != TrialState.COMPLETE:
            progress.failed += 1
            self.failures += 1
            bearable = FAILURES_IN_A_ROW if progress.done > progress.failed else FAILURES_AT_FIRST
            if self.failures >= bearable:
                reason = trial.user_attrs.get(FAILURE)
                raise E3DNASError(f"{self.failures} trials failed one after another; the last: {reason}")
            return
        self.failures = 0
        self._learn(trial)
        looked = int(trial.user_attrs.get("candidates", 1))
        progress.candidates += looked
        progress.new_candidates += looked
        if not feasible(trial):
            return
        if progress.best is None or self._is_better(trial, progress.best):
            progress.best = found_in(trial, self.space)
        if len(self.objectives) > 1:
            progress.front = unbeaten([*progress.front, tuple(trial.values)], self.study.directions)

    def _is_better(self, trial: FrozenTrial, best: Found) -> bool:
        value, score = float(trial.values[0]), best.score
        return value < score if self.study.directions[0] == StudyDirection.MINIMIZE else value > score


def objectives_of(
    space: SearchSpace, folder: Path | None, on_machine: Mapping[str, Measure] | None = None
) -> tuple[Measure, ...]:
    """Return what is sought in a space: its objectives, or its score; ``on_machine`` has those that need a machine.

    Raises:
        E3DNASError: there is no such measure, or its options are wrong.
    """
    declaration, found = space.declaration, []
    for name in declaration.goals:
        options = declaration.score.options if name == declaration.score.name else {}
        with space.document.telling(*(("objectives", name) if declaration.objectives and not options else ("score",))):
            objective = (on_machine or {}).get(name) or resolve(name, options, folder)
            if name in MEASURES:  # wrong options show on any network
                objective.of_table(space.table(np.zeros((1, len(space.genes)), np.int64)))
        found.append(objective)
    return tuple(found)
