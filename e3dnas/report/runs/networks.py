"""Figures of one network and of the choices it was made with."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from e3dnas.report.charts.chart import Axis, Chart, Role, Series
from e3dnas.report.runs.data import NothingToDraw

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from e3dnas.search.reading import Run

__all__ = ["importances", "stages"]

FEWEST = 20
"""Trials within the budgets below which their best tenth says nothing."""
STEADY = 50
"""... and below which it says little: five trials."""
SHOWN = 15


def stages(measures: Mapping[str, Any]) -> Chart:
    """Return how cost and score are shared out over the stages of a network, from ``e3dnas.measure``."""
    names = [stage["name"] for stage in measures["stages"]]
    shown: tuple[tuple[str, str, Role], ...] = (
        ("flops", "flops", "main"), ("params", "params", "reference"), ("stentr", "entropy", "best"),
    )  # fmt: skip
    series = [
        Series(name, "bars", names, [stage[key] / measures[name] for stage in measures["stages"]], role)
        for name, key, role in shown
    ]
    return Chart(
        "stages", "Cost and score by stage", Axis("stage", scale="category"), Axis("share of the whole", scale="share"),
        tuple(series), note="flops as thop counts. What the shares of stentr lack of 100 % is ln of the head's "
        "channels, which belongs to no stage.",
    )  # fmt: skip


def importances(run: Run) -> Chart:
    """Return which choices of a space set its best tenth of trials apart from the others (PED-ANOVA).

    Raises:
        NothingToDraw: there are too few trials within the budgets, or they do not differ.
    """
    from e3dnas.search.elite import feasible

    trials = [trial for trial in _complete(run.study) if feasible(trial)]
    if len(trials) < FEWEST:
        raise NothingToDraw(
            f"which choices matter shows in {FEWEST} trials within the budgets or more; this run has {len(trials)}"
        )
    if len({tuple(trial.values) for trial in trials}) == 1:
        raise NothingToDraw("which choices matter cannot be told: all trials within the budgets have the same score")
    shares = _importances(run.study, trials)
    if not sum(shares.values()):
        raise NothingToDraw("which choices matter cannot be told: the best trials do not differ from the others")
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    names, values = zip(*ranked[:SHOWN], strict=True)
    note = (
        f"How far each choice sets the best tenth of the {len(trials)} trials within the budgets apart from all of "
        "them, as a share (PED-ANOVA, as in Optuna). The trials gather where the search looked, so this tells of the "
        "search, not of all networks."
    )
    if len(ranked) > SHOWN:
        note += f" The first {SHOWN} of {len(ranked)} choices."
    if len(trials) < STEADY:
        note += f" With fewer than {STEADY} trials it is rough."
    return Chart(
        "importances", "Which choices matter", Axis("choice", scale="category"), Axis("share", scale="share"),
        (Series("share", "bars", names, values, "main"),), note=note, horizontal=True,
    )  # fmt: skip


def _complete(study: Study) -> list[FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _importances(study: Study, trials: list[FrozenTrial]) -> dict[str, float]:
    """Return the importance of every parameter among these trials, in sum 1; all 0 where they tell nothing."""
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator

    from e3dnas.search.study import saying_less

    if len(trials) < len(_complete(study)):  # Optuna looks at all trials, whatever budgets they keep
        with saying_less():
            study = optuna.create_study(directions=study.directions)
            study.add_trials(trials)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few trials, which is told in our words
        found = PedAnovaImportanceEvaluator().evaluate(study)
    whole = sum(found.values())
    return {name: value / whole if whole else 0.0 for name, value in found.items()}
