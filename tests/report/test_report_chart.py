"""A chart: one description, and the same numbers in its table, in plotly.js's figure and in matplotlib's."""

import csv
import io
import json
import math
import re

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
import pytest

from e3dnas.report.charts.chart import Axis, Chart, Line, Series, format_cell, format_short
from e3dnas.report.charts.colours import DARK, LIGHT, colour_css, recolour
from e3dnas.report.charts.interactive import plotly_figure
from e3dnas.report.charts.printed import MANY, STYLE, matplotlib_figure, save_image, still_svg

POINTS = Chart(
    "points", "Points of all kinds", Axis("flops", "as thop counts", "count"), Axis("a < b", view=(0.0, 5.0)),
    (
        Series("dots", "points", [1e6, 2e9], [1.5, 2.25], "main", {"trial": [3, 4], "kernel": ["1x3x3", "<b>"]}),
        Series("steps", "steps", [1e6, 2e9], [1.0, 2.0], "best"),
        Series("line", "line", [1e6, 3e6], [4.0, math.inf], "bound"),
        Series("<i>named</i>", "points", [5e6], [3.0], "reference", {"trial": [9]}, ["e3d_s"]),
    ),
    (Line("budget", "x", 2e9), Line("bound 4.5", "y", 4.5, "bound")),
    "A note.",
)  # fmt: skip
BARS = Chart(
    "bars", "Bars", Axis("stage", scale="category"), Axis("share", scale="share"),
    (Series("flops", "bars", ["stem", "head"], [0.25, 0.75]), Series("params", "bars", ["stem", "head"], [0.1, 0.9])),
)  # fmt: skip
LYING = Chart(
    "lying", "Lying bars", Axis("choice", scale="category"), Axis("share", scale="share"),
    (Series("share", "bars", ["long.name", "other"], [0.6, 0.4]),), horizontal=True,
)  # fmt: skip


def test_the_table_has_every_number():
    table = POINTS.table()
    assert table.columns == ["series", "flops (as thop counts)", "a < b", "trial", "kernel"]
    assert table.rows == [
        ["dots", 1e6, 1.5, 3, "1x3x3"], ["dots", 2e9, 2.25, 4, "<b>"], ["steps", 1e6, 1.0, None, None],
        ["steps", 2e9, 2.0, None, None], ["line", 1e6, 4.0, None, None], ["line", 3e6, math.inf, None, None],
        ["<i>named</i>", 5e6, 3.0, 9, None], ["budget", 2e9, None, None, None], ["bound 4.5", None, 4.5, None, None],
    ]  # fmt: skip
    assert BARS.table().columns == ["stage", "flops", "params"]
    assert BARS.table().rows == [["stem", 0.25, 0.1], ["head", 0.75, 0.9]]


def test_the_table_as_csv():
    rows = list(csv.reader(io.StringIO(POINTS.table().to_csv())))
    assert rows[0] == ["series", "flops (as thop counts)", "a < b", "trial", "kernel"]
    assert rows[1] == ["dots", "1000000.0", "1.5", "3", "1x3x3"]
    assert rows[-1] == ["bound 4.5", "", "4.5", "", ""]
    assert len(rows) == 10


@pytest.mark.parametrize("chart", [POINTS, BARS, LYING], ids=lambda chart: chart.name)
def test_plotly_takes_the_figure(chart):
    figure = plotly_figure(chart)
    json.dumps(figure, allow_nan=False)
    go.Figure(figure)  # refuses what plotly.js does not know
    assert figure["layout"]["showlegend"] is (chart is not LYING)


def test_plotly_draws_the_numbers():
    figure = plotly_figure(POINTS)
    assert [(trace["x"], trace["y"]) for trace in figure["data"]] == [
        ([1e6, 2e9], [1.5, 2.25]), ([1e6, 2e9], [1.0, 2.0]), ([1e6, 3e6], [4.0, None]), ([5e6], [3.0]),
    ]  # fmt: skip
    dots, steps, _, named = figure["data"]
    assert dots["customdata"] == [["3", "1x3x3"], ["4", "&lt;b&gt;"]]
    assert "trial %{customdata[0]}" in dots["hovertemplate"]
    assert (steps["line"]["shape"], named["name"], named["text"]) == ("hv", "&lt;i&gt;named&lt;/i&gt;", ["e3d_s"])
    budget, bound = figure["layout"]["shapes"]
    assert (budget["x0"], budget["x1"], budget["yref"]) == (2e9, 2e9, "paper")
    assert (bound["y0"], bound["y1"], bound["xref"]) == (4.5, 4.5, "paper")
    assert figure["layout"]["yaxis"]["range"] == [0.0, 5.0]
    assert figure["layout"]["yaxis"]["title"]["text"] == "a &lt; b"
    lying = plotly_figure(LYING)
    assert (lying["data"][0]["x"], lying["data"][0]["y"]) == ([0.6, 0.4], ["long.name", "other"])
    assert lying["layout"]["yaxis"]["autorange"] == "reversed"


def test_matplotlib_draws_the_numbers():
    with mpl.rc_context(STYLE):
        (axes,) = matplotlib_figure(POINTS).axes
        dots, named = axes.collections
        np.testing.assert_array_equal(dots.get_offsets(), [[1e6, 1.5], [2e9, 2.25]])
        np.testing.assert_array_equal(named.get_offsets(), [[5e6, 3.0]])
        lines = {line.get_label(): line.get_xydata() for line in axes.lines}
        np.testing.assert_array_equal(lines["steps"], [[1e6, 1.0], [2e9, 2.0]])
        assert lines["budget"][:, 0].tolist() == [2e9, 2e9]
        assert lines["bound 4.5"][:, 1].tolist() == [4.5, 4.5]
        assert axes.get_ylim() == (0.0, 5.0)
        assert [text.get_text() for text in axes.texts] == ["e3d_s"]
        (lying,) = matplotlib_figure(LYING).axes
        assert [bar.get_width() for bar in lying.patches] == [0.6, 0.4]
        assert [tick.get_text() for tick in lying.get_yticklabels()] == ["long.name", "other"]
        assert lying.yaxis_inverted()
        (bars,) = matplotlib_figure(BARS).axes
        assert [bar.get_height() for bar in bars.patches] == [0.25, 0.75, 0.1, 0.9]


@pytest.mark.parametrize(("form", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
@pytest.mark.parametrize("chart", [POINTS, BARS, LYING], ids=lambda chart: chart.name)
def test_images(chart, form, start, tmp_path):
    paths = [tmp_path / f"{i}.{form}" for i in range(2)]
    for path in paths:
        save_image(chart, path)
    assert paths[0].read_bytes().startswith(start)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    if form == "pdf":
        assert b"/TrueType" in paths[0].read_bytes() or b"/CIDFontType2" in paths[0].read_bytes()  # no Type 3 fonts


def test_many_points_stay_small(tmp_path):
    count = 20 * MANY
    rng = np.random.default_rng(0)
    chart = Chart("many", "Many", Axis("x"), Axis("y"), (Series("p", "points", rng.random(count), rng.random(count)),))
    save_image(chart, tmp_path / "many.svg")
    assert (tmp_path / "many.svg").stat().st_size < 45 * count  # a <use> for each would take 100
    assert len(chart.table().rows) == count


def test_stills_share_a_page():
    first, second = still_svg(POINTS, "a"), still_svg(POINTS, "b")
    names = [re.findall(r'\bid="([^"]+)"', svg) for svg in (first, second)]
    assert names[0]
    assert not set(names[0]) & set(names[1])
    for svg, own in zip((first, second), names, strict=True):
        assert len(set(own)) == len(own)
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg)) == set(own)
        assert svg.startswith('<svg class="still" viewBox="0 0 ')
        assert "<style" not in svg  # it would hold for the whole page
        assert not re.search(r"#[0-9a-f]{6}\b", svg)  # every colour follows the page
        assert "&lt;i&gt;named&lt;/i&gt;" in svg


def test_colours_can_be_told_apart():
    assert LIGHT.keys() == DARK.keys()
    assert len(set(LIGHT.values())) == len(LIGHT)
    assert (
        recolour(f"stroke: {LIGHT['best']}; fill: {LIGHT['grid']}")
        == "stroke: var(--chart-best); fill: var(--chart-grid)"
    )
    assert f"--chart-best: {DARK['best']};" in colour_css().partition("prefers-color-scheme: dark")[2]
    for colours, paper in ((LIGHT, "#ffffff"), (DARK, "#14181e")):
        for name in ("main", "best", "bound", "reference", "limit", "ink", "faint"):
            assert _contrast(colours[name], paper) >= 3, name


def _contrast(first, second):
    """The contrast ratio of WCAG 2."""
    shades = []
    for colour in (first, second):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        shades.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(shades) + 0.05) / (min(shades) + 0.05)


@pytest.mark.parametrize(
    ("value", "full", "short"),
    [(None, "", ""), (1980409600, "1,980,409,600", "1.98 G"), (203.13134567890123, "203.1313457", "203.1313"),
     (2e9, "2,000,000,000", "2 G"), ("1x3x3", "1x3x3", "1x3x3"), (True, "True", "True"), (7, "7", "7"),
     (0.25, "0.25", "0.2500"), (math.inf, "inf", "inf"), (-math.inf, "-inf", "-inf")],
)  # fmt: skip
def test_cells(value, full, short):
    assert format_cell(value) == full
    assert format_short(value) == short
