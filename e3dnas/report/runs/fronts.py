"""The figure of a run with several objectives: the front that was found, and the exact one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from e3dnas.report.charts.chart import Chart, Series
from e3dnas.report.runs.data import (
    NothingToDraw,
    budget_lines,
    focus,
    measure_axis,
    points_of,
    seen_trials,
    sentences,
    short_name,
)
from e3dnas.report.runs.references import exact_front, measured_here, published, published_points

if TYPE_CHECKING:
    from e3dnas.report.runs.references import ExactFront
    from e3dnas.search.reading import Run
    from e3dnas.search.result import Found

__all__ = ["front_figure", "share_of_front"]


def front_figure(run: Run) -> Chart:
    """Return the networks of a run by two of its objectives, the front among them, and the exact front.

    Raises:
        NothingToDraw: the run has one objective, or no trial has finished.
    """
    goals = run.space.declaration.goals
    if len(goals) < 2:
        raise NothingToDraw(
            f"the run has one objective, {next(iter(goals))}; --kind tradeoff draws it against its cost"
        )
    trials, found = seen_trials(run), run.summary(top=1).front
    x, y = _axes(goals)
    order = list(goals)
    xs, ys = ([trial.values[order.index(name)] for trial in trials] for name in (x, y))
    series = points_of(trials, xs, ys, (x, y), over="beyond a budget")
    exact = exact_front(run, goals) if len(goals) == 2 else None
    if exact is not None and exact.found is not None:
        values = exact.found.values.T.tolist()
        series.insert(0, _line("exact front", values[order.index(x)], values[order.index(y)], goals[x], "bound", {}))
    series += _found(found, goals, x, y)
    references = [one for one in published(run) if None not in one.values.values()]
    if references:
        series.append(published_points(references, x, y))
    views = [focus([one.values[order.index(name)] for one in found], low_percent=0,
                   others=[one.values[name] or 0.0 for one in references]) for name in (x, y)]  # fmt: skip
    return Chart(
        "front", f"{short_name(y)} against {short_name(x)}", measure_axis(x, views[0]), measure_axis(y, views[1]),
        tuple(series), (*budget_lines(run, x, "x"), *budget_lines(run, y, "y")),
        sentences(_told(found, goals, exact), measured_here(references, run)),
    )  # fmt: skip


def share_of_front(found: Sequence[Found], exact: ExactFront | None) -> float | None:
    """Return the share of the exact front's hypervolume that the networks found have; None where it is not known."""
    if exact is None or exact.found is None or not found:
        return None
    return exact.found.share([one.values for one in found])  # type: ignore[arg-type]


def _axes(goals: Mapping[str, str]) -> tuple[str, str]:
    """Return the objectives for the two axes: one that is minimised, a cost, lies along the horizontal one."""
    first, *others = goals
    x = next((name for name in others if goals[name] == "minimize"), others[0])
    if goals[first] == "minimize" and goals[x] == "maximize":
        return first, x
    return x, first


def _found(found: Sequence[Found], goals: Mapping[str, str], x: str, y: str) -> list[Series]:
    if not found:
        return []
    order = list(goals)
    ranked = sorted(found, key=lambda one: (one.values[order.index(x)], one.values[order.index(y)]))
    details: dict[str, list[Any]] = {"trial": [one.trial for one in ranked]}
    details |= {name: [one.values[i] for one in ranked] for i, name in enumerate(order) if name not in (x, y)}
    xs, ys = ([one.values[order.index(name)] for one in ranked] for name in (x, y))
    if len(goals) > 2:
        return [Series("front found", "points", xs, ys, "bound", details)]
    return [_line("front found", xs, ys, goals[x], "best", details)]


def _line(
    name: str, xs: list[float], ys: list[float], towards: str, role: Literal["best", "bound"],
    details: Mapping[str, Sequence[Any]],
) -> Series:  # fmt: skip
    """Return a front as a staircase: what is reached at a cost is reached at any higher one."""
    rows = sorted(range(len(xs)), key=lambda i: (xs[i], ys[i]))
    kind: Literal["steps", "points"] = "steps" if towards == "minimize" else "points"
    sorted_details = {key: [column[i] for i in rows] for key, column in details.items()}
    return Series(name, kind, [xs[i] for i in rows], [ys[i] for i in rows], role, sorted_details)


def _told(found: Sequence[Found], goals: Mapping[str, str], exact: ExactFront | None) -> str:
    if not found:
        return "No network within the budgets has been found yet."
    share = share_of_front(found, exact)
    has = "" if share is None else f" They have {100 * share:.2f} % of the exact front's hypervolume."
    proven = "With three objectives there is no exact front." if exact is None else exact.told
    networks = "1 network" if len(found) == 1 else f"{len(found)} networks"
    return f"{networks} that no other one found beats in all of {', '.join(goals)}.{has} {proven}"
