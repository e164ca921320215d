"""The Optuna dashboard on a run's study, with constraints shown as they are.

optuna-dashboard 0.21 reads constraints only from an attribute that Optuna 5 no longer writes, takes the best value of
all trials, within the budgets or not, and lists no constraints on a trial's page. The storage it is given here answers
all of this rightly; nothing is written.
"""

from __future__ import annotations

import copy
from abc import ABCMeta
from collections.abc import Callable, Container
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from e3dnas.errors import E3DNASError
from e3dnas.search.result import feasible

if TYPE_CHECKING:
    from optuna import Study

__all__ = ["make_dashboard"]

LEGACY_CONSTRAINTS = "constraints"


def _pass_on(name: str) -> Callable[..., Any]:
    def method(self: ConstrainedView, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.storage, name)(*args, **kwargs)

    return method


# The dashboard takes nothing but a BaseStorage; all its public methods are passed on.
_PUBLIC = [name for name, value in vars(BaseStorage).items() if callable(value) and not name.startswith("_")]
_PassingOn: Any = ABCMeta("_PassingOn", (BaseStorage,), {name: _pass_on(name) for name in _PUBLIC})


class ConstrainedView(_PassingOn):  # type: ignore[misc]
    """A storage as the dashboard needs it: everything is passed on, trials get the legacy list of constraints."""

    def __init__(self, storage: BaseStorage) -> None:
        self.storage = storage

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials, constraints in both forms."""
        trials = self.storage.get_all_trials(study_id, deepcopy=False, states=states)
        return [_with_legacy(trial) for trial in trials]

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return one trial, constraints in both forms."""
        return _with_legacy(self.storage.get_trial(trial_id))

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """Return the best trial within its constraints.

        Raises:
            ValueError: there is none yet.
        """
        trials = self.get_all_trials(study_id, deepcopy=False, states=(TrialState.COMPLETE,))
        sign = -1 if self.storage.get_study_directions(study_id)[0] == StudyDirection.MAXIMIZE else 1
        within = [trial for trial in trials if feasible(trial)]
        if not within:
            raise ValueError("No feasible trials are completed yet.")
        return min(within, key=lambda trial: (sign * (trial.value or 0.0), trial.number))


def _with_legacy(trial: FrozenTrial) -> FrozenTrial:
    constraints = trial.constraints
    shown = copy.copy(trial)
    shown.system_attrs = {**trial.system_attrs, LEGACY_CONSTRAINTS: list(constraints.values())}
    shown.user_attrs = {**trial.user_attrs, **{f"constraint {key}": excess for key, excess in constraints.items()}}
    return shown


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of single requests."""


def make_dashboard(study: Study, port: int = 0) -> WSGIServer:
    """Return a server of the dashboard on 127.0.0.1, bound but not yet serving.

    Args:
        study: the study; the whole storage it lies in is shown.
        port: 0 takes any free one, see ``server_port``.

    Raises:
        E3DNASError: the port is taken.
    """
    import optuna_dashboard

    app = optuna_dashboard.wsgi(ConstrainedView(study._storage))
    try:
        return make_server("127.0.0.1", port, app, server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        raise E3DNASError(f"--port {port}: {error.strerror}; choose another, or 0 for any free one") from None
