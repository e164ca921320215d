"""Charts in pages: a still picture that needs nothing, which plotly.js replaces where it can run.

plotly.js comes with the page, compressed: nothing is fetched.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from e3dnas.report.charts.chart import Chart, Table, format_cell
from e3dnas.report.charts.colours import LIGHT, colour_css
from e3dnas.report.charts.interactive import plotly_figure
from e3dnas.report.charts.printed import still_svg
from e3dnas.report.pages import render_page

__all__ = ["MOST_ROWS", "ChartBox", "chart_assets", "chart_box", "chart_page", "table_cells"]

MOST_ROWS = 2000
"""Rows of a table in a page; the rest is told to be elsewhere."""


@dataclass(frozen=True)
class ChartBox:
    """A chart as a template places it.

    Attributes:
        id: of the element, one for each chart of a page.
        title: what it shows.
        note: what one must know to read it.
        still: the picture, trusted SVG.
        data: its table as the macro ``figure`` takes it.
        summary: what the table is called.
        figure: what plotly.js draws.
    """

    id: str
    title: str
    note: str
    still: str
    data: dict[str, Any]
    summary: str
    figure: dict[str, Any]


def chart_box(chart: Chart, id: str, rest: str = "") -> ChartBox:
    """Return a chart for a page.

    Args:
        chart: the chart.
        id: unlike that of all other charts on the page.
        rest: where all rows of its table are, for one that is too long for a page.
    """
    table, figure = chart.table(), plotly_figure(chart)
    summary = "The numbers of this figure"
    if len(table.rows) > MOST_ROWS:
        summary += f" (the first {MOST_ROWS:,} of {len(table.rows):,} rows{'; ' + rest if rest else ''})"
    cells = table_cells(table, shares=chart.y.scale == "share")
    return ChartBox(id, chart.title, chart.note, still_svg(chart, id), cells, summary, figure)


def table_cells(table: Table, *, shares: bool = False) -> dict[str, Any]:
    """Return the beginning of a table as text, as the macro ``table`` of the pages takes it; ``shares`` in percent."""
    rows = [
        [f"{100 * value:.2f} %" if shares and isinstance(value, float) else format_cell(value) for value in row]
        for row in table.rows[:MOST_ROWS]
    ]
    words = [i for i in range(1, len(table.columns)) if any(isinstance(row[i], str) for row in table.rows)]
    return {"columns": list(table.columns), "rows": rows, "text": words}


def chart_assets(boxes: Sequence[ChartBox]) -> dict[str, str]:
    """Return what the macros of ``charts.html.j2`` put into a page beside the boxes: ``css``, ``data``, ``library``."""
    data = {"colours": LIGHT, "charts": [{"id": box.id, **box.figure} for box in boxes]}
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return {"css": colour_css(), "data": text, "library": _plotly() if boxes else ""}


def chart_page(chart: Chart, heading: str) -> str:
    """Return a page with one chart and its table."""
    box = chart_box(chart, chart.name)
    return render_page("figure.html.j2", heading=heading, box=box, assets=chart_assets([box]))


@cache
def _plotly() -> str:
    """Return plotly.js as base64 of its gzip: two fifths of its size."""
    code = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(code, 9, mtime=0)).decode("ascii")
