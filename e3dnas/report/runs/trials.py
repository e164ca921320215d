"""Figures of a run's trials: its score over time, and its score against its cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from e3dnas.report.charts.chart import Axis, Chart, Line, Series
from e3dnas.report.runs.data import (
    NothingToDraw,
    Seen,
    budget_lines,
    focus,
    measure_axis,
    points_of,
    seen_trials,
    sentences,
    short_name,
)
from e3dnas.report.runs.references import exact_front, measured_here, proven_bound, published, published_points

if TYPE_CHECKING:
    from e3dnas.search.reading import Run

__all__ = ["cost_of", "history", "tradeoff"]

COSTS = ("flops", "conv_macs", "params", "activations", "layers")


def history(run: Run) -> Chart:
    """Return the score of every trial, the best so far, and the proven bound.

    Raises:
        NothingToDraw: no trial has finished, or the run has several objectives.
    """
    _refuse_several(run)
    trials = seen_trials(run)
    score = short_name(run.space.declaration.score.name)
    numbers = [trial.number for trial in trials]
    scores = [trial.values[0] for trial in trials]
    series = points_of(trials, numbers, scores, ("trial", run.space.declaration.score.name), over="beyond a budget")
    series += _best_so_far(trials, numbers[-1])
    bound = proven_bound(run)
    lines = [] if bound is None else [Line(f"proven bound {bound:.4f}", "y", bound, "bound")]
    view = _score_view(trials, bound)
    notes = [_left_out(trials, view), *([] if lines else ["No bound is proven for this run."])]
    return Chart(
        "history", "Score over trials", Axis("trial"), measure_axis(run.space.declaration.score.name, view),
        tuple(series), tuple(lines), sentences(f"{score} of every network looked at closely.", *notes),
    )  # fmt: skip


def _refuse_several(run: Run) -> None:
    goals = run.space.declaration.goals
    if len(goals) > 1:
        raise NothingToDraw(f"the run has the objectives {', '.join(goals)}; --kind front shows what was found")


def _best_so_far(trials: list[Seen], last: int) -> list[Series]:
    """Return the best score within the budgets as steps: where it rises, and at the last trial."""
    rises: list[tuple[int, float]] = []
    for trial in trials:
        if trial.within and (not rises or trial.values[0] > rises[-1][1]):
            rises.append((trial.number, trial.values[0]))
    if not rises:
        return []
    if rises[-1][0] != last:
        rises.append((last, rises[-1][1]))
    numbers, scores = zip(*rises, strict=True)
    return [Series("best so far", "steps", numbers, scores, "best")]


def cost_of(run: Run) -> str:
    """Return the cost that a run's score is best drawn against: the one that has a budget, flops first."""
    declaration = run.space.declaration
    costs = [name for name in COSTS if name != declaration.score.name]
    return next((name for name in costs if name in declaration.budgets), costs[0])


def tradeoff(run: Run) -> Chart:
    """Return the score of every trial against its cost, with the budget, the exact front and the published networks.

    Raises:
        NothingToDraw: no trial has finished, or the run has several objectives.
    """
    _refuse_several(run)
    trials = seen_trials(run)
    cost, score = cost_of(run), run.space.declaration.score.name
    costs = [float(trial.measures[cost]) for trial in trials]
    scores = [trial.values[0] for trial in trials]
    front = exact_front(run, {score: "maximize", cost: "minimize"})
    series = points_of(trials, costs, scores, (cost, score), over="beyond a budget")
    if front.found is not None:
        reached, paid = front.found.values.T.tolist()
        series.insert(0, Series("exact front", "steps", paid, reached, "bound"))
    references = [one for one in published(run) if one.values[score] is not None]
    if references:
        series.append(published_points(references, cost, score))
    series += _winner(trials, cost)
    lines = budget_lines(run, cost, "x")
    worths = [one.values[score] or 0.0 for one in references]
    y_view = _score_view(trials, proven_bound(run), worths)
    near = [float(one.measures[cost]) for one in references]
    seen = [i for i, value in enumerate(scores) if _shown(0.0, value, None, y_view)]
    within = [costs[i] for i in seen if trials[i].within] or costs
    x_view = focus(within, [line.value for line in lines], near + [costs[i] for i in seen], low_percent=0)
    outside = [one.label for one, worth in zip(references, worths, strict=True)
               if not _shown(one.measures[cost], worth, x_view, y_view)]  # fmt: skip
    return Chart(
        "tradeoff", f"Score against {cost}", measure_axis(cost, x_view), measure_axis(score, y_view), tuple(series),
        tuple(lines), sentences(
            front.told, measured_here(references, run), _left_out(trials, y_view),
            f"Outside of what is shown at first: {', '.join(outside)}." if outside else "",
        ),
    )  # fmt: skip


def _winner(trials: list[Seen], cost: str) -> list[Series]:
    within = [trial for trial in trials if trial.within]
    if not within:
        return []
    best = max(within, key=lambda trial: (trial.values[0], -trial.number))
    return [Series("best network", "points", [float(best.measures[cost])], [best.values[0]], "best",
                   {"trial": [best.number]})]  # fmt: skip


def _score_view(trials: list[Seen], bound: float | None, near: Sequence[float] = ()) -> tuple[float, float] | None:
    within = [trial.values[0] for trial in trials if trial.within]
    beyond = [trial.values[0] for trial in trials if not trial.within]
    aims = [] if bound is None else [bound]
    return focus(within or beyond, aims, [*near, *(beyond if within else [])])


def _shown(x: float, y: float, x_view: tuple[float, float] | None, y_view: tuple[float, float] | None) -> bool:
    return all(view is None or view[0] <= value <= view[1] for value, view in ((x, x_view), (y, y_view)))


def _left_out(trials: list[Seen], view: tuple[float, float] | None) -> str:
    """Say how many trials lie outside of what is shown at first."""
    outside = sum(not _shown(0.0, trial.values[0], None, view) for trial in trials)
    return f"{outside} of {len(trials)} trials lie above or below what is shown at first." if outside else ""
