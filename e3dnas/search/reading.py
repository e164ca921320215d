"""Reading a run: its space, its study and its networks, without changing anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from e3dnas.errors import E3DNASError
from e3dnas.search.result import Found, SearchResult, found_in, summarise
from e3dnas.search.run_folder import RunFolder
from e3dnas.search.study import connect, saying_less, telling
from e3dnas.space import SearchSpace, load_space

if TYPE_CHECKING:
    from optuna import Study

__all__ = ["Run", "read_run"]


@dataclass(frozen=True)
class Run:
    """A run as it stands."""

    folder: RunFolder
    space: SearchSpace
    study: Study

    def trial(self, number: int) -> Found:
        """Return the network of a finished trial.

        Raises:
            E3DNASError: there is no such trial, or it has not finished.
        """
        trials = self.study.get_trials(deepcopy=False)
        if not 0 <= number < len(trials):
            raise E3DNASError(f"--trial {number}: the run has trials 0 to {len(trials) - 1}")
        if trials[number].state != TrialState.COMPLETE:
            raise E3DNASError(f"--trial {number}: has no network; it is {trials[number].state.name.lower()}")
        return found_in(trials[number], self.space)

    def summary(self, top: int) -> SearchResult:
        """Return the outcome so far, with ``top`` of its best networks."""
        from e3dnas.search.session import SECONDS_ATTR

        seconds = float(self.study.user_attrs.get(SECONDS_ATTR, 0.0))
        target = self.space.declaration.search.trials
        return summarise(self.study, self.space, top=top, seconds=seconds, target=target, stopped=False)


def read_run(path: str | Path, storage: str | None = None) -> Run:
    """Open a run's folder for reading.

    Args:
        path: the folder.
        storage: the storage URL the run was given; None for the file in the folder.

    Raises:
        E3DNASError: it is no run, or its study cannot be read.
    """
    import optuna

    from e3dnas.search.journal import open_journal

    folder = RunFolder(path)
    if not folder.space.is_file():
        raise E3DNASError(f"{path}: no run in this folder (no space.yaml); `e3dnas run SPACE --out {path}` makes one")
    space = load_space(folder.space)
    if storage is None and not folder.journal.is_file():
        raise E3DNASError(f"{path}: the study is not in this folder; name the run's --storage")
    with saying_less(), telling(f"{path}: its study cannot be read"):
        opened = open_journal(folder.journal) if storage is None else connect(storage)
        name = _study_name(folder, space, optuna.get_all_study_names(opened))
        return Run(folder, space, optuna.load_study(study_name=name, storage=opened))


def _study_name(folder: RunFolder, space: SearchSpace, names: list[str]) -> str | None:
    """Return the name in result.json or, after a kill, the space's; None lets Optuna take the only study there is."""
    try:
        written = json.loads(folder.result.read_text(encoding="utf-8"))["study"]
    except (OSError, ValueError, KeyError, TypeError):
        written = None
    return next((name for name in (written, space.name) if name in names), None)
