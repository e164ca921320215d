"""Running a search: one call from a space to its best networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.search.journal import open_journal
from e3dnas.search.run_folder import RunFolder
from e3dnas.search.session import Progress, Session
from e3dnas.search.study import connect
from e3dnas.space import SearchSpace, load_space

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from e3dnas.search.result import SearchResult

__all__ = ["Progress", "search"]


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
    prove: bool = False,
) -> SearchResult:
    """Search a space for the network with the best score within its budgets.

    Args:
        space: a space, a YAML file, the name of a shipped one, or plain data.
        out: folder of the run; a run that is there is resumed. None keeps everything in memory.
        trials: how many trials the study shall have, instead of what the space says.
        seed: instead of what the space says.
        sampler: ``evolution``, ``exact``, ``nsgaii``, ``random`` or ``tpe``, instead of what the space says.
        storage: any Optuna storage URL instead of the file in ``out``.
        study: name of the study; the space's name by default.
        top: how many of the best networks the result holds.
        fresh: start anew; an earlier run in ``out`` is kept aside, a study of that name in ``storage`` is deleted.
        on_trial: called when a run is resumed, and after every trial.
        prove: work out beside the search how good a network of the space can be, where score and budgets allow it.

    Returns:
        What was found; on Ctrl-C what was found so far, with ``complete`` False.

    Raises:
        E3DNASError: the space, the folder or the storage cannot be used, or the score fails.
    """
    given = {"trials": trials, "seed": seed, "sampler": sampler}
    overrides = {"search": {key: value for key, value in given.items() if value is not None}}
    loaded = load_space(space, overrides)
    folder = Path(loaded.document.file).parent if loaded.document.file else None
    session = Session(loaded, folder, top, on_trial, prove=prove)
    opened = None if storage is None else connect(storage)
    with ExitStack() as stack:
        run = None
        if out is not None:
            run = RunFolder(out)
            run.check()
            stack.enter_context(run.locked())
            if fresh:
                run.set_aside()
        session.open(opened or _own_storage(run), study or loaded.name, fresh=fresh, sole=opened is None)
        if run is not None:
            run.write_space(loaded.to_dict())
        result = session.run()
        if run is not None:
            run.write_outcome(result.to_dict())
    return result


def _own_storage(run: RunFolder | None) -> BaseStorage:
    if run is not None:
        return open_journal(run.journal)
    from optuna.storages import InMemoryStorage

    return InMemoryStorage()
