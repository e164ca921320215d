"""Reading a run: its space, its study and its networks, without changing anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from e3dnas.errors import E3DNASError
from e3dnas.search.result import Found, SearchResult, found_in, summarise
from e3dnas.search.run_folder import RunFolder
from e3dnas.search.study import SPACE_ATTR, connect, saying_less, telling
from e3dnas.space import SearchSpace, load_space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

__all__ = ["Run", "read_run", "read_runs"]

NAMED = 6
"""Members of a family that an error names."""


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
        path: the folder; of a family's run, the folder of one member.
        storage: the storage URL the run was given; None for the file in the folder.

    Raises:
        E3DNASError: it is no run, the run of a family, or its study cannot be read.
    """
    folder = RunFolder(path)
    if members := folder.members():
        named = [str(folder.path / name) for name in members[:NAMED]] + ["..."] * (len(members) > NAMED)
        raise E3DNASError(f"{path}: the run of a family; name one of its members: {', '.join(named)}")
    above = RunFolder(folder.path.resolve().parent)
    if not folder.journal.is_file() and above.members():
        folder = RunFolder(path, above.journal)
    return _read(folder, _open(folder, storage))


def read_runs(path: str | Path, storage: str | None = None) -> dict[str, Run]:
    """Open a run's folder for reading, be it that of a family or of an ordinary space.

    Args:
        path: the folder.
        storage: as for ``read_run``.

    Returns:
        The runs of the members that have begun, by name; an ordinary run is called "".

    Raises:
        E3DNASError: it is no run, or a study cannot be read.
    """
    folder = RunFolder(path)
    if not (members := folder.members()):
        return {"": read_run(path, storage)}
    begun = [member for member in map(folder.member, members) if member.space.is_file()]
    if not begun:
        raise E3DNASError(f"{path}: no member of this family has begun; the same `e3dnas run` goes on")
    opened = _open(begun[0], storage)
    return {member.path.name: _read(member, opened) for member in begun}


def _open(folder: RunFolder, storage: str | None) -> BaseStorage:
    """Open what a run keeps its study in."""
    from e3dnas.search.journal import open_journal

    path = folder.path
    if not folder.space.is_file():
        raise E3DNASError(f"{path}: no run in this folder (no space.yaml); `e3dnas run SPACE --out {path}` makes one")
    if storage is None and not folder.journal.is_file():
        raise E3DNASError(f"{path}: the study is not in this folder; name the run's --storage")
    with saying_less(), telling(f"{path}: its study cannot be read"):
        return open_journal(folder.journal) if storage is None else connect(storage)


def _read(folder: RunFolder, opened: BaseStorage) -> Run:
    import optuna

    space = load_space(folder.space)
    with saying_less(), telling(f"{folder.path}: its study cannot be read"):
        name = _study_name(folder, space, opened)
        return Run(folder, space, optuna.load_study(study_name=name, storage=opened))


def _study_name(folder: RunFolder, space: SearchSpace, opened: BaseStorage) -> str | None:
    """Return the name in result.json or, after a kill, of the study that was made with the space.

    None, where nothing is known, lets Optuna take the only study there is.
    """
    import optuna

    studies = {one.study_name: one.user_attrs for one in optuna.get_all_study_summaries(opened, False)}
    try:
        written = json.loads(folder.result.read_text(encoding="utf-8"))["study"]
    except (OSError, ValueError, KeyError, TypeError):
        written = None
    wanted = _comparable(space.to_dict())
    same = [name for name, attrs in studies.items() if _comparable(json.loads(attrs.get(SPACE_ATTR, "{}"))) == wanted]
    likely = (written, *(name for name in same if name == space.name), *same, space.name)
    return next((name for name in likely if name in studies), None)


def _comparable(space: dict[str, Any]) -> dict[str, Any]:
    """Return a space without the number of trials, which may change from run to run."""
    search = space.get("search")
    return space | {"search": {k: v for k, v in search.items() if k != "trials"} if isinstance(search, dict) else {}}
