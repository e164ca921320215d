"""Running a search: one call from a space, or a family of spaces, to its best networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.machine.instruments import Watch
from e3dnas.search.journal import open_journal
from e3dnas.search.run_folder import RunFolder
from e3dnas.search.session import Progress, Session
from e3dnas.search.study import check_space, check_study, connect
from e3dnas.space import Family, SearchSpace, load_family, load_space

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from e3dnas.search.result import SearchResult

__all__ = ["Progress", "overrides_of", "search", "search_family"]

OnTrial = Callable[[str, Progress], None]


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
    on_prepare: Watch | None = None,
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
        fresh: start anew; an earlier run in ``out`` is kept aside, a study of that name in ``storage`` renamed.
        on_trial: called when a run is resumed, after every trial, and when the proof lets one wait.
        prove: work out beside the search how good a network of the space can be, where score and budgets allow it.
        on_prepare: told what is measured on this machine before the first trial, for budgets on latency: a text, and
            how many of how many measurements are done.

    Returns:
        What was found; on Ctrl-C what was found so far, with ``complete`` False.

    Raises:
        E3DNASError: the space, the folder or the storage cannot be used, or the score fails.
    """
    loaded = load_space(space, overrides_of(trials, seed, sampler))
    alone = Family(loaded.name, {"": loaded}, loaded.document)
    told = None if on_trial is None else lambda member, progress: on_trial(progress)
    found = _searched(alone, out, storage, study, top=top, fresh=fresh, on_trial=told, prove=prove,
                      on_prepare=on_prepare)  # fmt: skip
    return found[""]


def search_family(
    family: Family | str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    trials: int | None = None,
    seed: int | None = None,
    sampler: str | None = None,
    storage: str | None = None,
    study: str | None = None,
    top: int = 10,
    fresh: bool = False,
    on_trial: OnTrial | None = None,
    prove: bool = False,
    on_prepare: Watch | None = None,
) -> dict[str, SearchResult]:
    """Search the spaces of a family one after another, as one run that can be resumed; see ``search``.

    Args:
        family: a family, a YAML file, the name of a shipped one, or plain data; an ordinary space is a family of one.
        out: folder of the run; every member has a folder in it.
        trials: for each member, as for ``search``; so are ``seed``, ``sampler``, ``storage``, ``top``, ``fresh``,
            ``prove`` and ``on_prepare``.
        study: the beginning of the studies' names, which end with ``_`` and the member's name.
        on_trial: called with the member's name and its progress.

    Returns:
        What was found, by member; an ordinary space is the member "". After Ctrl-C members may be missing.

    Raises:
        E3DNASError: as for ``search``; every member is checked before the first begins.
    """
    loaded = load_family(family, overrides_of(trials, seed, sampler))
    return _searched(loaded, out, storage, study, top=top, fresh=fresh, on_trial=on_trial, prove=prove,
                     on_prepare=on_prepare)  # fmt: skip


def overrides_of(trials: int | None, seed: int | None, sampler: str | None) -> dict[str, Any]:
    """Return what is laid over a space: the settings that are given, under the key they have in a space."""
    given = {"trials": trials, "seed": seed, "sampler": sampler}
    settings = {key: value for key, value in given.items() if value is not None}
    return {"search": settings} if settings else {}


def _searched(
    family: Family,
    out: str | Path | None,
    storage: str | None,
    study: str | None,
    *,
    top: int,
    fresh: bool,
    on_trial: OnTrial | None,
    prove: bool,
    on_prepare: Watch | None,
) -> dict[str, SearchResult]:
    sessions = {
        member: Session(space, _folder_of(space), top, _for_member(on_trial, member), prove=prove)
        for member, space in family.members.items()
    }
    names = {member: _study_name(session.space, member, study) for member, session in sessions.items()}
    opened = None if storage is None else connect(storage)
    results: dict[str, SearchResult] = {}
    with ExitStack() as stack:
        run = None if out is None else RunFolder(out)
        if run is not None:
            run.check(family=not family.is_single)
            stack.enter_context(run.locked())
        for session in sessions.values():
            session.prepare(on_prepare)
        if run is not None and fresh:
            run.set_aside()
        kept = opened or _own_storage(run)
        for member, session in sessions.items():
            if not fresh:
                check_study(kept, names[member], session.space)
                if run is not None:
                    check_space(run.member(member).space, session.space)
        for member, session in sessions.items():
            session.open(kept, names[member], fresh=fresh, sole=opened is None)
            if run is not None:
                if member:
                    run.write_space(family.to_dict())
                run.member(member).write_space(session.space.to_dict())
            results[member] = session.run()
            if run is not None:
                run.member(member).write_outcome(results[member].to_dict())
                if member:
                    run.write_outcome({"family": {one: found.to_dict() for one, found in results.items()}})
            if session.interrupted:
                break
    return results


def _study_name(space: SearchSpace, member: str, study: str | None) -> str:
    if study is None:
        return space.name
    return f"{study}_{member}" if member else study


def _folder_of(space: SearchSpace) -> Path | None:
    return Path(space.document.file).parent if space.document.file else None


def _for_member(on_trial: OnTrial | None, member: str) -> Callable[[Progress], None] | None:
    return None if on_trial is None else lambda progress: on_trial(member, progress)


def _own_storage(run: RunFolder | None) -> BaseStorage:
    if run is not None:
        return open_journal(run.journal)
    from optuna.storages import InMemoryStorage

    return InMemoryStorage()
