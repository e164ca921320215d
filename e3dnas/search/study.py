"""Opening a study: new, or the one that is there if it is of the same search."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import TrialState

from e3dnas.errors import E3DNASError
from e3dnas.space import SearchSpace, load_space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage

__all__ = [
    "SPACE_ATTR",
    "check_space",
    "check_study",
    "connect",
    "give_up_running",
    "open_study",
    "saying_less",
    "telling",
]

SPACE_ATTR = "e3dnas:space"
FREE_TO_CHANGE = ("search.trials",)


def connect(url: str) -> BaseStorage:
    """Return the storage behind an Optuna storage URL.

    Raises:
        E3DNASError: it is no such URL, or nothing answers there.
    """
    with saying_less(), telling(f"--storage {url}: cannot be opened"):
        return optuna.storages.get_storage(url)


@contextmanager
def telling(problem: str) -> Iterator[None]:
    """Turn whatever a storage's driver raises into an error of one line that begins with ``problem``."""
    try:
        yield
    except E3DNASError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise E3DNASError(f"{problem}: {reason[0] if reason else type(error).__name__}") from error


@contextmanager
def saying_less() -> Iterator[None]:
    """Keep Optuna from reporting every trial; it looks through all of them for that."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def check_study(storage: BaseStorage, name: str, space: SearchSpace) -> None:
    """Refuse a study that is there already and cannot go on with this space.

    Raises:
        E3DNASError: as for ``open_study``.
    """
    with saying_less(), telling("the study cannot be opened"):
        if name not in optuna.get_all_study_names(storage):
            return
        study = optuna.load_study(study_name=name, storage=storage)
    made_with = study.user_attrs.get(SPACE_ATTR)
    wanted = [StudyDirection[one.upper()] for one in space.declaration.goals.values()]
    if made_with is not None:
        _refuse_changes(name, _meaning(load_space(json.loads(made_with))), _meaning(space))
    elif study.directions != wanted or study.get_trials(deepcopy=False):
        raise E3DNASError(f"study {name!r} was not made by e3dnas; choose another name with --study")


def check_space(kept: Path, space: SearchSpace) -> None:
    """Refuse a folder whose run was made with another space.

    Args:
        kept: the space as that run has written it; it need not be there.
        space: the space that is searched now.

    Raises:
        E3DNASError: they differ in more than the number of trials.
    """
    if kept.is_file():
        _refuse_changes(str(kept.parent), _meaning(load_space(kept)), _meaning(space), "folder")


def open_study(storage: BaseStorage, name: str, space: SearchSpace, *, fresh: bool = False) -> Study:
    """Return the study called ``name``, created if it is not there; ``fresh`` keeps an earlier one as ``name-old-N``.

    Raises:
        E3DNASError: it was made with another space, score, budget, sampler or seed; the storage cannot be used.
    """
    goals = space.declaration.goals
    with saying_less(), telling("the study cannot be opened"):
        if fresh and name in optuna.get_all_study_names(storage):
            _set_aside(storage, name)
        study = optuna.create_study(study_name=name, storage=storage, directions=[*goals.values()], load_if_exists=True)
    check_study(storage, name, space)
    if SPACE_ATTR not in study.user_attrs:
        study.set_user_attr(SPACE_ATTR, json.dumps(space.to_dict()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(goals))
    return study


def _set_aside(storage: BaseStorage, name: str) -> None:
    """Rename a study of ours, which Optuna does by a copy.

    Raises:
        E3DNASError: it is none of ours.
    """
    if SPACE_ATTR not in optuna.load_study(study_name=name, storage=storage).user_attrs:
        raise E3DNASError(f"study {name!r} was not made by e3dnas; choose another name with --study")
    there, number = set(optuna.get_all_study_names(storage)), 1
    while f"{name}-old-{number}" in there:
        number += 1
    optuna.copy_study(
        from_study_name=name, from_storage=storage, to_storage=storage, to_study_name=f"{name}-old-{number}"
    )
    optuna.delete_study(study_name=name, storage=storage)


def _refuse_changes(name: str, old: dict[str, Any], new: dict[str, Any], what: str = "study") -> None:
    changed = [k for k in sorted(old.keys() | new.keys()) if old.get(k) != new.get(k) and k not in FREE_TO_CHANGE]
    if changed:
        told = "; ".join(f"{key}: {_value(old, key)} -> {_value(new, key)}" for key in changed[:5])
        more = f"; and {len(changed) - 5} more" if len(changed) > 5 else ""
        raise E3DNASError(
            f"{what} {name!r} was made with another space ({told}{more}); its trials would not compare. "
            "Start anew with --fresh, or keep both with another --out (and --study, in one --storage)"
        )


def _meaning(space: SearchSpace) -> dict[str, Any]:
    """Return every key of a space with its value, defaults filled in, by key path.

    The order of objectives is that of the values of every trial.
    """
    declaration = space.declaration
    meaning = _flat(declaration.model_dump(mode="json", exclude={"stage_defaults"}))
    return meaning | ({"objectives": ", ".join(declaration.objectives)} if declaration.objectives else {})


def _value(flat: dict[str, Any], key: str) -> str:
    return str(flat[key]) if key in flat else "(nothing)"


def _flat(data: Any, path: str = "") -> dict[str, Any]:
    if isinstance(data, dict):
        return {k: v for key, value in data.items() for k, v in _flat(value, f"{path}.{key}" if path else key).items()}
    if isinstance(data, list) and any(isinstance(item, dict) for item in data):
        return {k: v for i, item in enumerate(data) for k, v in _flat(item, f"{path}[{i}]").items()}
    return {path: data}


def give_up_running(study: Study) -> int:
    """Mark the trials that a killed run left running as failed; returns how many. Only for a study in sole use."""
    running = [t for t in study.get_trials(deepcopy=False) if t.state == TrialState.RUNNING]
    for trial in running:
        study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
    return len(running)
