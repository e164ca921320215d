"""The Optuna dashboard on a run's study, with constraints shown as they are, and with the story of what was found.

optuna-dashboard 0.21 reads constraints only from an attribute that Optuna 5 no longer writes, takes the best value of
all trials, within the budgets or not, and lists no constraints on a trial's page. The storage it is given here answers
all of this rightly; only the front of several objectives, which it works out by itself, it is told of otherwise. The
storage also answers with notes and pictures of the best networks where the user has saved none; they are made anew as
the study goes on. Nothing of this is written.
"""

from __future__ import annotations

import copy
import json
from abc import ABCMeta
from collections.abc import Callable, Container, Mapping, Sequence
from functools import wraps
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from e3dnas.errors import E3DNASError
from e3dnas.report.dashboard.artifacts import PictureStore
from e3dnas.report.dashboard.story import Picture
from e3dnas.report.dashboard.telling import Teller
from e3dnas.search.confirming import refused
from e3dnas.search.elite import feasible

if TYPE_CHECKING:
    from optuna import Study
    from optuna.study._frozen import FrozenStudy

__all__ = ["ConstrainedView", "make_dashboard"]

LEGACY_CONSTRAINTS = "constraints"
CONSTRAINT = "constraint "
"""What the user attributes begin with by which a trial's page lists its constraints."""
ARTIFACT = "artifacts:"
"""What the attributes begin with that name an artifact of a trial or study."""


def _pass_on(name: str) -> Callable[..., Any]:
    def method(self: ConstrainedView, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.storage, name)(*args, **kwargs)

    return method


# The dashboard takes nothing but a BaseStorage; all its public methods are passed on.
_PUBLIC = [name for name, value in vars(BaseStorage).items() if callable(value) and not name.startswith("_")]
_PassingOn: Any = ABCMeta("_PassingOn", (BaseStorage,), {name: _pass_on(name) for name in _PUBLIC})


class ConstrainedView(_PassingOn):  # type: ignore[misc]
    """A storage as the dashboard needs it: everything is passed on, and what is read is completed.

    Args:
        storage: the storage.
        folders: the runs' folders by name of the study, for the commands that are told.
        url: the storage URL the runs were given, for the same.
    """

    def __init__(self, storage: BaseStorage, folders: Mapping[str, Path] | None = None, url: str | None = None) -> None:
        self.storage = storage
        self.teller = Teller(storage, folders or {}, url)

    def get_all_studies(self) -> list[FrozenStudy]:
        """Return the studies, with the notes of their stories."""
        shown = [copy.copy(study) for study in self.storage.get_all_studies()]
        for study in shown:
            study.system_attrs = self.teller.with_notes(study._study_id, study.system_attrs)
        return shown

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the attributes the dashboard keeps its notes in, with those of the story."""
        return self.teller.with_notes(study_id, self.storage.get_study_system_attrs(study_id))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Pass on what the user saves; the story is told anew."""
        self.storage.set_study_system_attr(study_id, key, value)
        self.teller.forget(study_id)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials, constraints in both forms, the best ones with their pictures."""
        pictures = self.teller.pictures(study_id)
        trials = self.storage.get_all_trials(study_id, deepcopy=False, states=states)
        return [_completed(trial, pictures.get(trial._trial_id)) for trial in trials]

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return one trial, constraints in both forms."""
        return _completed(self.storage.get_trial(trial_id), self.teller.picture_of(trial_id))

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        """Return what the dashboard finds the artifacts of a trial by."""
        return self.storage.get_trial_system_attrs(trial_id) | _artifact(self.teller.picture_of(trial_id))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Pass on what the user saves; that a picture of ours is deleted is kept with the study already."""
        if not (key.startswith(ARTIFACT) and self.teller.find(key.removeprefix(ARTIFACT))):
            self.storage.set_trial_system_attr(trial_id, key, value)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Pass on a trial, without what was added on reading it: renaming a study copies its trials."""
        return self.storage.create_new_trial(study_id, template_trial and self._as_stored(template_trial))

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """Return the best trial within its constraints, and not found without when it was measured again.

        Raises:
            ValueError: there is none yet.
        """
        trials = self.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE,))
        sign = -1 if self.storage.get_study_directions(study_id)[0] == StudyDirection.MAXIMIZE else 1
        without = refused(self.storage.get_study_user_attrs(study_id))
        within = [trial for trial in trials if feasible(trial) and trial.number not in without]
        if not within:
            raise ValueError("No feasible trials are completed yet.")
        return min(within, key=lambda trial: (sign * (trial.value or 0.0), trial.number))

    def _as_stored(self, trial: FrozenTrial) -> FrozenTrial:
        stored = copy.copy(trial)
        stored.user_attrs = {k: v for k, v in trial.user_attrs.items() if not k.startswith(CONSTRAINT)}
        stored.system_attrs = {
            key: value
            for key, value in trial.system_attrs.items()
            if key != LEGACY_CONSTRAINTS
            and not (key.startswith(ARTIFACT) and self.teller.find(key.removeprefix(ARTIFACT)))
        }
        return stored


def _completed(trial: FrozenTrial, picture: tuple[str, Picture] | None) -> FrozenTrial:
    constraints = trial.constraints
    shown = copy.copy(trial)
    shown.system_attrs = trial.system_attrs | {LEGACY_CONSTRAINTS: list(constraints.values())} | _artifact(picture)
    shown.user_attrs = trial.user_attrs | {f"{CONSTRAINT}{key}": excess for key, excess in constraints.items()}
    return shown


def _artifact(picture: tuple[str, Picture] | None) -> dict[str, str]:
    """Return the attribute by which the dashboard knows an artifact."""
    if picture is None:
        return {}
    name, what = picture
    told = {"artifact_id": name, "filename": what.filename, "mimetype": "image/svg+xml", "encoding": None}
    return {f"{ARTIFACT}{name}": json.dumps(told)}


def _keep_fronts_within_budgets() -> None:
    """Make the dashboard leave trials beyond their constraints out of fronts; it works them out by itself."""
    from optuna_dashboard import _app

    plain = _app.get_pareto_front_trials
    if hasattr(plain, "__wrapped__"):
        return

    @wraps(plain)
    def front(trials: Sequence[FrozenTrial], directions: Sequence[StudyDirection]) -> Any:
        return plain(trials=[trial for trial in trials if feasible(trial)], directions=directions)

    _app.get_pareto_front_trials = front


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of single requests."""


def make_dashboard(
    study: Study, port: int = 0, *, folders: Mapping[str, Path] | None = None, url: str | None = None
) -> WSGIServer:
    """Return a server of the dashboard on 127.0.0.1, bound but not yet serving.

    Every study of the storage that e3dnas made is told with its best networks; others are shown as they are.

    Args:
        study: the study; the whole storage it lies in is shown.
        port: 0 takes any free one, see ``server_port``.
        folders: the runs' folders by name of the study; the commands that notes tell need them, and what the user
            uploads is kept in ``uploads`` of the study's own.
        url: the storage URL the runs were given, for the commands.

    Raises:
        E3DNASError: the port is taken.
    """
    import optuna_dashboard

    _keep_fronts_within_budgets()
    folder = (folders or {}).get(study.study_name)
    view = ConstrainedView(study._storage, folders, url)
    app = optuna_dashboard.wsgi(view, PictureStore(view.teller.find, folder and folder / "uploads"))
    try:
        return make_server("127.0.0.1", port, app, server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        raise E3DNASError(f"--port {port}: {error.strerror}; choose another, or 0 for any free one") from None
