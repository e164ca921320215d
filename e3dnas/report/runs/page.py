"""A run told in one page: what was found, how good it can be, how it came about, and how to make it again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.measure.api import measure
from e3dnas.report.charts.boxes import ChartBox, chart_assets, chart_box
from e3dnas.report.charts.chart import Chart
from e3dnas.report.networks.drawing import CAPTION, Scale, draw_network
from e3dnas.report.networks.stages import stage_table
from e3dnas.report.pages import render_page
from e3dnas.report.runs.data import short_name
from e3dnas.report.runs.facts import (
    best_table,
    budget_table,
    headline,
    outcome_facts,
    overview_table,
    published_table,
    remake_facts,
    remake_lines,
)
from e3dnas.report.runs.figures import NothingToDraw, make_chart
from e3dnas.report.runs.networks import stages
from e3dnas.report.runs.references import published
from e3dnas.space import load_family

if TYPE_CHECKING:
    from e3dnas.search.reading import Run
    from e3dnas.search.result import SearchResult

__all__ = ["format_report"]

TOP = 10
"""Networks in the table of the best, or of a front."""
SECTIONS = {
    "network": "Best network",
    "history": "Score over trials",
    "tradeoff": "Score against cost",
    "front": "The front",
    "choices": "Which choices matter",
    "best": "Best networks",
    "published": "Published networks",
    "remake": "Make it again",
}
"""The sections of a run after its summary, by id."""


@dataclass
class Part:
    """What the page tells of one run; ``prefix`` begins the ids of its sections.

    ``charts`` holds the figures by kind, ``missing`` says of the others why they are not there, ``told`` has words and
    tables.
    """

    name: str
    prefix: str
    run: Run
    sections: dict[str, str]
    charts: dict[str, ChartBox] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    def add(self, kind: str, make: Callable[[], Chart]) -> None:
        """Draw a figure, or keep why there is none."""
        rest = f"e3dnas plot {shlex.quote(str(self.run.folder.path))} --kind {kind} -o {kind}.csv writes all"
        try:
            self.charts[kind] = chart_box(make(), self.prefix + kind, rest)
        except NothingToDraw as reason:
            self.missing[kind] = f"{str(reason)[:1].upper()}{str(reason)[1:]}."


def format_report(runs: Mapping[str, Run], space_file: Path) -> str:
    """Return the page.

    Args:
        runs: the runs by name; one ordinary run has the name "".
        space_file: the space they are of, or the family.
    """
    results = {name: run.summary(TOP) for name, run in runs.items()}
    best = {name: measure(result.best.architecture) for name, result in results.items() if result.best}
    scale = Scale.of(*best.values()) if best else None
    parts = []
    for name, run in runs.items():
        parts.append(_part(name, run, results[name]))
        if name in best:
            _add_network(parts[-1], results[name].top[0].trial, best[name], scale)
    boxes = [box for part in parts for box in part.charts.values()]
    return render_page(
        "report.html.j2", title=load_family(space_file).name, parts=parts, caption=CAPTION, assets=chart_assets(boxes),
        overview=overview_table(runs, results) if len(runs) > 1 or "" not in runs else None,
        space_text=space_file.read_text(encoding="utf-8"),
    )  # fmt: skip


def _part(name: str, run: Run, result: SearchResult) -> Part:
    several = len(run.space.declaration.goals) > 1
    left_out = ("history", "tradeoff") if several else ("front",)
    part = Part(name, f"{name}-" if name else "", run, {k: v for k, v in SECTIONS.items() if k not in left_out})
    for kind in (*(("front",) if several else ("history", "tradeoff")), "importances"):
        part.add(kind, lambda kind=kind: make_chart(run, kind))  # type: ignore[misc]
    part.told = {
        "headline": headline(run, result), "facts": outcome_facts(run, result),
        "budgets": budget_table(run, result.best), "best": best_table(result.spread(TOP), run),
        "found": len(result.front), "published": published_table(published(run), result.best, run),
        "remake": remake_facts(run), "lines": remake_lines(run, found=bool(result.top)), "network": None,
    }  # fmt: skip
    return part


def _add_network(part: Part, trial: int, measures: Mapping[str, Any], scale: Scale | None) -> None:
    """Add the picture of the best network, its stage table and its figure; ``scale`` is that of all members."""
    part.add("stages", lambda: stages(measures))
    goals = [short_name(name) for name in part.run.space.declaration.goals]
    which = f"Trial {trial}, of the front the best in {goals[0]}. " if len(goals) > 1 else f"Trial {trial}. "
    part.told["network"] = {
        "picture": draw_network(measures, scale=scale), "stages": stage_table(measures), "caption": which + CAPTION,
    }  # fmt: skip
