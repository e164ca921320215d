"""A chart for plotly.js: plain data that ``Plotly.newPlot`` takes, in the light colours.

The page does the rest (``templates/charts.js``): it turns the colours into those of its theme and follows its width.
"""

from __future__ import annotations

import math
from html import escape
from typing import Any

from e3dnas.report.charts.chart import Axis, Chart, Line, Series, format_short
from e3dnas.report.charts.colours import LIGHT

__all__ = ["plotly_figure"]

SYMBOLS = {"main": ("circle", 6), "muted": ("x-thin-open", 7), "best": ("star", 15), "bound": ("circle", 5),
           "reference": ("diamond", 10), "limit": ("circle", 5)}  # fmt: skip
DASHES = {"bound": "dash", "limit": "dot"}
HEIGHT, ROW, FRAME = 460, 24, 110
"""Pixels: of a figure; of one lying bar, and of what is around the bars."""


def plotly_figure(chart: Chart) -> dict[str, Any]:
    """Return ``{"data": [...], "layout": {...}}``."""
    return {"data": [_trace(one, chart) for one in chart.series], "layout": _layout(chart)}


def _trace(series: Series, chart: Chart) -> dict[str, Any]:
    colour = LIGHT[series.role]
    name = escape(series.name, quote=False)
    if series.kind == "bars":
        along, across = ("y", "x") if chart.horizontal else ("x", "y")
        told = f"%{{{along}}}<br>{name} %{{{across}:{_form(chart.y)}}}<extra></extra>"
        return {"type": "bar", "name": name, along: [escape(str(x), quote=False) for x in series.x],
                across: [_number(y) for y in series.y], "orientation": "h" if chart.horizontal else "v",
                "marker": {"color": colour}, "hovertemplate": told}  # fmt: skip
    trace: dict[str, Any] = {
        "type": "scatter", "name": name, "mode": "lines" if series.kind in ("line", "steps") else "markers",
        "x": [_number(x) for x in series.x], "y": [_number(y) for y in series.y],
        "customdata": [[escape(format_short(value), quote=False) for value in row]
                       for row in zip(*series.details.values(), strict=True)],
        "hovertemplate": _told(series, chart),
    }  # fmt: skip
    if series.kind == "points":
        symbol, size = SYMBOLS[series.role]
        trace["marker"] = {"color": colour, "symbol": symbol, "size": size, "opacity": 0.75 if size == 6 else 1}
        trace["marker"]["line"] = {"width": 1, "color": colour}
    else:
        trace["line"] = {"color": colour, "width": 2, "shape": "hv" if series.kind == "steps" else "linear"}
        if series.kind == "line":
            trace |= {"mode": "lines+markers", "marker": {"color": colour, "size": 4}}
    if series.marks:
        trace |= {"text": [escape(mark, quote=False) for mark in series.marks], "mode": f"{trace['mode']}+text",
                  "textposition": [("bottom center", "top center")[i % 2] for i in range(len(series.marks))],
                  "textfont": {"color": colour, "shadow": "auto"}, "cliponaxis": False}  # fmt: skip
    return trace


def _told(series: Series, chart: Chart) -> str:
    """Return what is told of a point under the pointer."""
    lines = [f"<b>{escape(series.name, quote=False)}</b>"]
    lines += [f"{escape(axis.title, quote=False)} %{{{letter}:{_form(axis)}}}"
              for letter, axis in (("x", chart.x), ("y", chart.y))]  # fmt: skip
    lines += [f"{escape(key, quote=False)} %{{customdata[{i}]}}" for i, key in enumerate(series.details)]
    return "<br>".join(lines) + "<extra></extra>"


def _form(axis: Axis) -> str:
    return {"number": ".7~g", "count": ".4~s", "share": ".1%", "category": ""}[axis.scale]


def _layout(chart: Chart) -> dict[str, Any]:
    first, second = _axis(chart.x), _axis(chart.y)
    if chart.horizontal:
        first, second = second, first | {"autorange": "reversed"}
        rows = len({name for one in chart.series for name in one.x})
        height = FRAME + ROW * rows
    else:
        height = HEIGHT
    several = len(chart.series) + len(chart.lines) > 1
    return {
        "xaxis": first, "yaxis": second, "height": height, "showlegend": several,
        "shapes": [_line(line) for line in chart.lines],
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": LIGHT["ink"], "size": 13}, "hovermode": "closest",
        "margin": {"l": 8, "r": 12, "t": 28, "b": 8},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": LIGHT["muted"], "activecolor": LIGHT["main"]},
        "bargap": 0.3, "bargroupgap": 0.05,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": -0.16, "yanchor": "top",
                   "font": {"size": 12}},
    }  # fmt: skip


def _axis(axis: Axis) -> dict[str, Any]:
    drawn: dict[str, Any] = {
        "title": {"text": escape(axis.label, quote=False), "font": {"size": 13}, "standoff": 10},
        "automargin": True, "gridcolor": LIGHT["grid"], "zeroline": False, "ticks": "outside", "ticklen": 4,
        "tickcolor": LIGHT["faint"], "linecolor": LIGHT["faint"], "showline": True,
        "tickfont": {"color": LIGHT["faint"]},
    }  # fmt: skip
    if axis.scale == "count":
        drawn["tickformat"] = "~s"
    elif axis.scale == "share":
        drawn["tickformat"] = ".0%"
    elif axis.scale == "category":
        drawn |= {"type": "category", "showgrid": False, "dtick": 1}
    if axis.view is not None:
        drawn["range"] = list(axis.view)
    return drawn


def _line(line: Line) -> dict[str, Any]:
    across, along = ("y", "x") if line.axis == "y" else ("x", "y")
    return {
        "type": "line", "layer": "below", "name": escape(line.name, quote=False), "showlegend": True,
        f"{across}0": line.value, f"{across}1": line.value, f"{along}0": 0, f"{along}1": 1, f"{along}ref": "paper",
        "line": {"color": LIGHT[line.role], "width": 1.5, "dash": DASHES.get(line.role, "solid")},
    }  # fmt: skip


def _number(value: Any) -> Any:
    """Return what JSON can hold: a value that is not finite is not drawn."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
