"""A figure as what it shows: axes, series and lines, for any program to draw and for a table to tell.

``chart_plotly`` draws it to look around in, ``chart_matplotlib`` to print, and ``Chart.table`` holds its numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from e3dnas.report.numbers import format_count

__all__ = ["Axis", "Chart", "Line", "Role", "Series", "Table", "format_cell", "format_short"]

Role = Literal["main", "muted", "best", "bound", "reference", "limit"]
"""What a thing is in a figure; its colour, symbol and stroke follow: trials, those that do not count, the best, what is
proven, networks to compare with, budgets."""

Scale = Literal["number", "count", "share", "category"]
"""How an axis counts: plain numbers, large counts (1.98 G), shares of 1 shown in percent, names."""


@dataclass(frozen=True)
class Axis:
    """One axis; ``unit`` stands behind its title, ``view`` is what is shown at first (None: everything)."""

    title: str
    unit: str = ""
    scale: Scale = "number"
    view: tuple[float, float] | None = None

    @property
    def label(self) -> str:
        """Title and unit as they stand beside the axis."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class Series:
    """Values that belong together.

    Attributes:
        name: as the legend tells it.
        kind: ``steps`` hold a value until the next; ``bars`` stand on categories.
        x: N values, or names of categories.
        y: N values.
        role: what the series is.
        details: further columns of N values, for the table and for what is told of a point.
        marks: N short texts to stand beside the points; none: no texts.
    """

    name: str
    kind: Literal["points", "line", "steps", "bars"]
    x: Sequence[Any]
    y: Sequence[float]
    role: Role = "main"
    details: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    marks: Sequence[str] = ()


@dataclass(frozen=True)
class Line:
    """A straight line across the figure at a value of one axis: a bound, a budget."""

    name: str
    axis: Literal["x", "y"]
    value: float
    role: Role = "limit"


@dataclass(frozen=True)
class Table:
    """Columns with names and rows of raw values; None where a row has nothing to say in a column."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def to_csv(self) -> str:
        """Return the table as CSV, numbers in full."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return text.getvalue()


@dataclass(frozen=True)
class Chart:
    """A figure.

    Attributes:
        name: one word, for files and links.
        title: what it shows.
        x: the horizontal axis (of horizontal bars: the vertical one).
        y: the other.
        series: drawn in this order.
        lines: drawn behind the series.
        note: what one must know to read it, in whole sentences; may be empty.
        horizontal: bars lie, so that long names of categories can be read.
    """

    name: str
    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    lines: tuple[Line, ...] = ()
    note: str = ""
    horizontal: bool = False

    def table(self) -> Table:
        """Return every number of the figure: for bars a row a category, otherwise a row a point and a line."""
        if self.series and all(one.kind == "bars" for one in self.series):
            return _bar_table(self)
        details = list(dict.fromkeys(key for one in self.series for key in one.details))
        rows: list[list[Any]] = []
        for one in self.series:
            columns = [one.details.get(key, [None] * len(one.x)) for key in details]
            rows += [[one.name, *values] for values in zip(one.x, one.y, *columns, strict=True)]
        for line in self.lines:
            place = [line.value, None] if line.axis == "x" else [None, line.value]
            rows.append([line.name, *place, *[None] * len(details)])
        return Table(["series", self.x.label, self.y.label, *details], rows)


def _bar_table(chart: Chart) -> Table:
    categories = list(dict.fromkeys(name for one in chart.series for name in one.x))
    columns = [dict(zip(one.x, one.y, strict=True)) for one in chart.series]
    rows = [[name, *(column.get(name) for column in columns)] for name in categories]
    return Table([chart.x.label, *(one.name for one in chart.series)], rows)


def format_cell(value: Any) -> str:
    """Write a value of a table in full: ``1,980,409,600``, ``203.1313953``, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{int(value):,}" if isinstance(value, int) or _is_large(value) else f"{value:.10g}"


def format_short(value: Any) -> str:
    """Write a value in a few characters, to be told of a point: ``1.98 G``, ``203.1314``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return format_cell(value)
    return format_count(value) if isinstance(value, int) or _is_large(value) else f"{value:.4f}"


def _is_large(value: float) -> bool:
    """Whether a number that is no int is a count all the same."""
    return abs(value) >= 1e6 and value.is_integer()
