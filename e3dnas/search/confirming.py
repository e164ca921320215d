"""Measures that only a machine knows at the end of a run: the best network measured again, the predictions' error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.trial import TrialState

from e3dnas.machine.instruments import OnMachine
from e3dnas.machine.setting import Setting
from e3dnas.search.budgets import Limit
from e3dnas.space import SearchSpace
from e3dnas.space.declaration import ON_A_MACHINE

if TYPE_CHECKING:
    from optuna import Study

    from e3dnas.arch import Architecture

__all__ = ["confirm", "measured_here", "refused"]

SURE = 2.0
"""Standard errors that lie between a network and a limit that it keeps."""
AGAIN_ATTR = "e3dnas:again"
"""User attribute of a study: by trial number what was measured again, and whether that keeps the budgets."""


def refused(attrs: Mapping[str, Any]) -> set[int]:
    """Return from a study's user attributes the numbers of trials that broke a budget when they were measured again."""
    return {int(number) for number, again in attrs.get(AGAIN_ATTR, {}).items() if not again["within"]}


def confirm(
    study: Study, trial: int, network: Architecture, measures: Mapping[str, OnMachine], limits: tuple[Limit, ...]
) -> bool:
    """Measure the network of a trial again, once, and keep what came out; return whether it surely keeps the budgets.

    The best of many noisy measurements looks better than it is, so that a search ends with another, longer look at it.
    Surely: by two standard errors of that look.
    """
    known = _again(study)
    if str(trial) not in known:
        measured: dict[str, float] = {}
        for measure in measures.values():
            measured |= measure.taken(network, thorough=True)
        within = all(_surely(limit, measured) for limit in limits if limit.measure.name in measured)
        known = known | {str(trial): {"within": within, "measures": measured}}
        study.set_user_attr(AGAIN_ATTR, known)
    return bool(known[str(trial)]["within"])


def _surely(limit: Limit, measured: Mapping[str, float]) -> bool:
    name = limit.measure.name
    margin = SURE * measured.get(f"{name}_error", 0.0)
    return bool(limit.excess(measured[name] + (margin if limit.upper else -margin)) <= 0)


def measured_here(study: Study, space: SearchSpace, best: int | None) -> dict[str, Any]:
    """Return by measure its setting, the error of the prediction over all trials, and the best measured again."""
    again = _again(study).get(str(best), {}).get("measures", {})
    declaration = space.declaration
    names = [name for name in ON_A_MACHINE if name in {*declaration.budgets, *declaration.goals}]
    return {
        name: {
            "setting": Setting.of(declaration.budgets.get(name)).to_dict(),
            **_error(study, name),
            **({"again": again[name]} if name in again else {}),
        }
        for name in names
    }


def _error(study: Study, name: str) -> dict[str, Any]:
    """Return Kendall's tau and the mean relative error of the prediction, which has seen none of these networks."""
    trials = [t.user_attrs for t in study.get_trials(deepcopy=False) if t.state == TrialState.COMPLETE]
    pairs = {(t[name], t[f"{name}_predicted"]) for t in trials if name in t and f"{name}_predicted" in t}
    if not pairs:
        return {"networks": 0}
    measured, expected = np.array(sorted(pairs)).T
    told: dict[str, Any] = {
        "networks": len(measured), "from": float(measured.min()), "to": float(measured.max()),
        "mean_relative_error": float(np.mean(np.abs(expected - measured) / measured)),
    }  # fmt: skip
    if len(measured) > 1:
        from scipy.stats import kendalltau

        tau = float(kendalltau(expected, measured).statistic)
        told["kendall_tau"] = tau if np.isfinite(tau) else None
    return told


def _again(study: Study) -> dict[str, Any]:
    return dict(study.user_attrs.get(AGAIN_ATTR, {}))
