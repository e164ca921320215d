"""Running a search: one call from a space to its best networks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from e3dnas.errors import E3DNASError
from e3dnas.measure.registry import resolve
from e3dnas.search.budgets import limits_of
from e3dnas.search.journal import open_journal
from e3dnas.search.objective import Objective
from e3dnas.search.reach import check_reach
from e3dnas.search.result import Found, SearchResult, feasible, found_in, summarise
from e3dnas.search.run_folder import RunFolder
from e3dnas.search.sampler import FAILURE, EvolutionSampler
from e3dnas.search.samplers import looked_at, make_sampler
from e3dnas.search.screening import Screen
from e3dnas.search.study import give_up_running, open_study
from e3dnas.space import SearchSpace, load_space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["Progress", "search"]

SECONDS_ATTR = "e3dnas:seconds"
SAVE_EVERY = 25
FAILURES_IN_A_ROW = 5


@dataclass
class Progress:
    """How far a search has come: what a live view shows after every trial."""

    done: int
    target: int
    candidates: int
    new_trials: int
    new_candidates: int
    seconds: float
    best: Found | None
    resumed: int


def search(
    space: SearchSpace | str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    trials: int | None = None,
    seed: int | None = None,
    sampler: str | None = None,
    storage: str | None = None,
    study: str | None = None,
    top: int = 10,
    fresh: bool = False,
    on_trial: Callable[[Progress], None] | None = None,
) -> SearchResult:
    """Search a space for the network with the best score within its budgets.

    Args:
        space: a space, a YAML file, the name of a shipped one, or plain data.
        out: folder of the run; a run that is there is resumed. None keeps everything in memory.
        trials: how many trials the study shall have, instead of what the space says.
        seed: instead of what the space says.
        sampler: ``evolution``, ``nsgaii``, ``random`` or ``tpe``, instead of what the space says.
        storage: any Optuna storage URL instead of the file in ``out``.
        study: name of the study; the space's name by default.
        top: how many of the best networks the result holds.
        fresh: start anew; an earlier run in ``out`` is kept aside, a study of that name in ``storage`` is deleted.
        on_trial: called after every trial.

    Returns:
        What was found; on Ctrl-C what was found so far, with ``complete`` False.

    Raises:
        E3DNASError: the space, the folder or the storage cannot be used, or the score fails.
    """
    given = {"trials": trials, "seed": seed, "sampler": sampler}
    overrides = {"search": {key: value for key, value in given.items() if value is not None}}
    loaded = load_space(space, overrides)
    folder = Path(space).parent if isinstance(space, str | Path) else None
    session = _Session(loaded, folder, top, on_trial)
    with ExitStack() as stack:
        run = None
        if out is not None:
            run = RunFolder(out)
            run.check()
            stack.enter_context(run.locked())
            if fresh:
                run.set_aside()
        session.open(_storage(run, storage), study or loaded.name, fresh=fresh, sole=storage is None)
        if run is not None:
            run.write_space(loaded.to_dict())
        result = session.run()
        if run is not None:
            run.write_outcome(result.to_dict())
    return result


def _storage(run: RunFolder | None, url: str | None) -> BaseStorage | str:
    if url is not None:
        return url
    if run is not None:
        return open_journal(run.journal)
    from optuna.storages import InMemoryStorage

    return InMemoryStorage()


class _Session:
    """One process's share of a study, from opening it to the summary."""

    def __init__(
        self, space: SearchSpace, folder: Path | None, top: int, on_trial: Callable[[Progress], None] | None
    ) -> None:
        self.space, self.top, self.on_trial = space, top, on_trial
        declaration = space.declaration
        self.score = resolve(declaration.score.name, declaration.score.options, folder)
        self.limits = limits_of(declaration.budgets, folder)
        self.screen = Screen(space, self.score, self.limits)
        check_reach(space, self.limits)
        self.started = time.perf_counter()
        self.failures = 0

    def open(self, storage: BaseStorage | str, name: str, *, fresh: bool, sole: bool) -> None:
        """Open the study and count what it has."""
        self.study: Study = open_study(storage, name, self.space, fresh=fresh)
        if sole:
            give_up_running(self.study)
        trials = self.study.get_trials(deepcopy=False)
        self.sampler = make_sampler(self.space.declaration.search, self.screen, len(trials))
        self.study.sampler = self.sampler
        self.earlier = float(self.study.user_attrs.get(SECONDS_ATTR, 0.0))
        done = [t for t in trials if t.state == TrialState.COMPLETE]
        finished = len(done) + sum(t.state == TrialState.FAIL and FAILURE in t.user_attrs for t in trials)
        within = [t for t in done if feasible(t)]
        best = max(within, key=lambda t: (t.value, -t.number), default=None)
        self.progress = Progress(
            done=finished,
            target=self.space.declaration.search.trials,
            candidates=sum(int(t.user_attrs.get("candidates", 1)) for t in done),
            new_trials=0,
            new_candidates=0,
            seconds=0.0,
            best=found_in(best, self.space) if best else None,
            resumed=finished,
        )

    def run(self) -> SearchResult:
        """Run the trials that are missing."""
        left = self.progress.target - self.progress.done
        objective = Objective(self.space, self.score, self.limits, looked_at(self.sampler))
        try:
            if left > 0:
                self.study.optimize(objective, n_trials=left, callbacks=[self._after], catch=(Exception,))
        except KeyboardInterrupt:
            pass  # what there is is summarised; the run can be resumed
        finally:
            self._save_seconds()
        return summarise(
            self.study, self.space, top=self.top, seconds=self._seconds(), target=self.progress.target,
            stopped=self._exhausted(),
        )  # fmt: skip

    def _seconds(self) -> float:
        return self.earlier + time.perf_counter() - self.started

    def _save_seconds(self) -> None:
        self.study.set_user_attr(SECONDS_ATTR, round(self._seconds(), 3))

    def _exhausted(self) -> bool:
        return isinstance(self.sampler, EvolutionSampler) and self.sampler.exhausted

    def _after(self, study: Study, trial: FrozenTrial) -> None:
        progress = self.progress
        progress.done += 1
        progress.new_trials += 1
        progress.seconds = time.perf_counter() - self.started
        if trial.state == TrialState.COMPLETE:
            self.failures = 0
            looked = int(trial.user_attrs.get("candidates", 1))
            progress.candidates += looked
            progress.new_candidates += looked
            better = progress.best is None or (trial.value or 0.0) > progress.best.score
            if better and feasible(trial):
                progress.best = found_in(trial, self.space)
        else:
            self.failures += 1
            if self.failures >= FAILURES_IN_A_ROW:
                reason = trial.user_attrs.get(FAILURE)
                raise E3DNASError(f"{self.failures} trials failed one after another; the last: {reason}")
        if progress.new_trials % SAVE_EVERY == 0:
            self._save_seconds()
        if self.on_trial is not None:
            self.on_trial(progress)
        if self._exhausted():
            study.stop()
