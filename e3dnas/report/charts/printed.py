"""A chart for paper: vector graphics with small, quiet type; and as a still picture inside a page."""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.report.charts.chart import Axis, Chart, Series
from e3dnas.report.charts.colours import LIGHT, recolour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["matplotlib_figure", "save_image", "still_svg"]

STYLE: Any = {
    "font.family": "DejaVu Sans", "font.size": 8, "axes.titlesize": 9, "axes.labelsize": 8, "xtick.labelsize": 7,
    "ytick.labelsize": 7, "legend.fontsize": 7, "axes.linewidth": 0.6, "xtick.major.width": 0.6,
    "ytick.major.width": 0.6, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": LIGHT["faint"],
    "axes.labelcolor": LIGHT["ink"], "text.color": LIGHT["ink"], "xtick.color": LIGHT["faint"],
    "ytick.color": LIGHT["faint"], "grid.color": LIGHT["grid"], "grid.linewidth": 0.6, "pdf.fonttype": 42,
    "svg.hashsalt": "e3dnas",
}  # fmt: skip
"""Type is embedded in PDF as TrueType, which publishers ask for."""
SYMBOLS = {"main": ("o", 9.0), "muted": ("x", 9.0), "best": ("*", 90.0), "bound": ("o", 5.0), "reference": ("D", 24.0),
           "limit": ("o", 5.0)}  # fmt: skip
DASHES: dict[str, Any] = {"bound": (0, (5, 2)), "limit": (0, (1.5, 1.5))}
WIDTH, HEIGHT, ROW = 5.6, 3.5, 0.19
"""Inches: of a figure, and of one lying bar."""
STILL = r'<svg class="still" \1 aria-hidden="true" stroke-linejoin="round">'
MANY = 1500
"""More points than this are drawn as one picture, so that a file does not grow with them."""


def save_image(chart: Chart, path: Path) -> None:
    """Write a chart as .png (300 dots an inch), .svg or .pdf; the same chart gives the same bytes.

    Raises:
        OSError: the file cannot be written.
    """
    import matplotlib

    form = path.suffix.lower().removeprefix(".")
    undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[form]
    with matplotlib.rc_context(STYLE):
        matplotlib_figure(chart).savefig(path, format=form, dpi=300, metadata=undated)


def still_svg(chart: Chart, prefix: str) -> str:
    """Return a chart as SVG to stand in a page, which its colours and type follow.

    Args:
        chart: the chart.
        prefix: begins every name in the picture, so that the names of a page's pictures differ.
    """
    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.fonttype": "none", "savefig.transparent": True}):
        matplotlib_figure(chart, titled=False).savefig(text, format="svg", dpi=150, metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)  # it would be the page's
    svg = svg.replace(f" font-family: '{STYLE['font.family']}';", "")
    svg = re.sub(r'<svg[^>]*?(viewBox="[^"]*")[^>]*>', STILL, svg, count=1)
    return recolour(_own_names(svg, prefix))


def _own_names(svg: str, prefix: str) -> str:
    """Drop the names that nothing in the picture refers to, and make the others differ from those of other pictures."""
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{prefix}-{m[1]}"' if m[1] in used else "", svg)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", svg)


def matplotlib_figure(chart: Chart, *, titled: bool = True) -> Figure:
    """Return the figure; the style is the caller's, ``save_image`` sets it."""
    from matplotlib.figure import Figure

    rows = len({name for one in chart.series for name in one.x}) if chart.horizontal else 0
    figure = Figure(figsize=(WIDTH, 0.8 + ROW * rows if rows else HEIGHT), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    for line in chart.lines:
        draw = axes.axhline if line.axis == "y" else axes.axvline
        draw(line.value, color=LIGHT[line.role], linewidth=1, linestyle=DASHES.get(line.role, "-"), label=line.name)
    bars = [one for one in chart.series if one.kind == "bars"]
    for i, one in enumerate(bars):
        _draw_bars(axes, one, i, len(bars), chart.horizontal)
    for order, one in enumerate(one for one in chart.series if one.kind != "bars"):
        _draw_points(axes, one, order + 3)
    _set_axes(axes, chart)
    if titled:
        axes.set_title(chart.title, loc="left", fontweight="bold")
    if len(chart.series) + len(chart.lines) > 1:
        figure.legend(loc="outside lower left", ncols=3, frameon=False, borderaxespad=0.2, handlelength=1.6)
    return figure


def _draw_points(axes: Axes, series: Series, order: int) -> None:
    colour = LIGHT[series.role]
    rasterized = len(series.x) > MANY
    if series.kind == "points":
        symbol, size = SYMBOLS[series.role]
        line = 0.8 if symbol == "x" else 0.0
        axes.scatter(series.x, series.y, s=size, marker=symbol, color=colour, linewidths=line, label=series.name,
                     alpha=0.75 if size == 9 else 1, zorder=order, rasterized=rasterized)  # fmt: skip
    else:
        drawn: dict[str, Any] = {"drawstyle": "steps-post"} if series.kind == "steps" else {"marker": "o"}
        axes.plot(series.x, series.y, color=colour, linewidth=1.3, markersize=2, label=series.name, zorder=order,
                  rasterized=rasterized, **drawn)  # fmt: skip
    _mark(axes, series, order)


def _mark(axes: Axes, series: Series, order: int) -> None:
    """Write the marks in turn below and above their points, so that those of neighbours do not meet."""
    from matplotlib.patheffects import withStroke

    around = [withStroke(linewidth=2, foreground=LIGHT["ground"])]
    for i, (x, y, mark) in enumerate(zip(series.x, series.y, series.marks, strict=False)):
        axes.annotate(mark, (x, y), xytext=(0, 6 if i % 2 else -6), textcoords="offset points", ha="center",
                      va="bottom" if i % 2 else "top", fontsize=7, color=LIGHT[series.role], zorder=order,
                      path_effects=around, annotation_clip=True)  # fmt: skip


def _draw_bars(axes: Axes, series: Series, number: int, count: int, horizontal: bool) -> None:
    """Draw one of ``count`` series of bars beside the others, a group a category."""
    thick = 0.72 / count
    places = [i + (number - (count - 1) / 2) * thick for i in range(len(series.x))]
    draw = axes.barh if horizontal else axes.bar
    draw(places, series.y, thick * 0.92, color=LIGHT[series.role], label=series.name)
    names = [str(name) for name in series.x]
    if horizontal:
        axes.set_yticks(range(len(names)), names)
    else:
        many = len(names) > 14
        axes.set_xticks(range(len(names)), names, rotation=90 if many else 0)


def _set_axes(axes: Axes, chart: Chart) -> None:
    along, across = (axes.yaxis, axes.xaxis) if chart.horizontal else (axes.xaxis, axes.yaxis)
    for side, axis in ((along, chart.x), (across, chart.y)):
        side.set_label_text(axis.label)
        side.grid(axis.scale != "category")
        _set_numbers(side, axis)
    axes.tick_params(which="both", length=2.5)
    if chart.horizontal:
        axes.invert_yaxis()
        axes.margins(y=0.02)
    for limit, axis in ((axes.set_xlim, chart.x), (axes.set_ylim, chart.y)):
        if axis.view is not None:
            limit(*axis.view)


def _set_numbers(side: Any, axis: Axis) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

    if axis.scale == "count":
        side.set_major_formatter(EngFormatter(sep=" "))
    elif axis.scale == "share":
        side.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    elif axis.scale == "number":
        side.get_major_formatter().set_useOffset(False)
        if math.isfinite(axis.view[0] if axis.view else 0.0) and axis.title == "trial":
            side.set_major_locator(MaxNLocator(integer=True))
