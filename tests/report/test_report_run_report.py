"""The page of a run: whole, by itself, with the study's numbers, whatever state the run is in."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser

import optuna
import pytest
from made_runs import FRONT, SPACE, made_run, within
from plotly.offline import get_plotlyjs

from e3dnas.report.charts import boxes
from e3dnas.report.charts.boxes import chart_page
from e3dnas.report.runs.figures import make_chart
from e3dnas.report.runs.page import format_report
from e3dnas.search.elite import unbeaten
from e3dnas.search.sampler import FAILURE

SECTIONS = ["summary", "network", "history", "tradeoff", "choices", "best", "published", "remake", "space"]
LOADING = {
    "src",
    "srcset",
    "href",
    "xlink:href",
    "data",
    "action",
    "formaction",
    "poster",
    "background",
    "cite",
    "ping",
}
VOID = {"meta", "link", "br", "img", "input", "hr", "col", "wbr", "area", "base", "embed", "source", "track"}


class Page(HTMLParser):
    """What is in a page: ids, what it would load, text and tables by section."""

    def __init__(self, html):
        super().__init__()
        self.html, self.ids, self.loads, self.open, self.problems = html, [], [], [], []
        self.tables, self.text, self.scripts, self.links = {}, {}, {}, []
        self._section, self._script = "", None
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        for name in LOADING & attrs.keys():
            (self.links if attrs[name].startswith("#") else self.loads).append(attrs[name])
        if tag == "section":
            self._section = attrs["id"]
        elif tag == "table":
            self.tables.setdefault(self._section, []).append([])
        elif tag == "tr":
            self.tables[self._section][-1].append([])
        elif tag in ("td", "th"):
            self.tables[self._section][-1][-1].append("")
        elif tag == "script":
            self._script = attrs.get("id", "code")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self._script = None

    def handle_data(self, data):
        if self._script is not None:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data
        elif self.open and self.open[-1] in ("td", "th"):
            self.tables[self._section][-1][-1][-1] += data
        else:
            self.text[self._section] = self.text.get(self._section, "") + data


def report_of(run, **others):
    runs = others or {"": run}
    first = next(iter(runs.values()))
    page = Page(format_report(runs, first.folder.space))
    check(page)
    return page


def check(page):
    """What must hold of every page."""
    assert len(page.html.encode()) < 5_000_000
    assert page.loads[0] == "data:,"  # the icon that browsers would ask for
    assert all(one.startswith("data:image/png;base64,") for one in page.loads[1:])
    assert "@import" not in page.html
    assert not re.findall(r"url\((?!#)", page.html)
    assert not re.findall(r"https?://(?!www\.w3\.org/)", page.html)
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    if "charts" in page.scripts:
        assert "<" not in page.scripts["charts"]
        drawn = json.loads(page.scripts["charts"])["charts"]
        assert {f"chart-{chart['id']}" for chart in drawn} == {one for one in page.ids if one.startswith("chart-")}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return made_run(tmp_path_factory.mktemp("run") / "my run", 60, bound=51.25)


@pytest.fixture(scope="module")
def page(run):
    return report_of(run)


def test_sections(page):
    sections = re.findall(r'<section id="([^"]+)"', page.html)
    assert sections == SECTIONS
    assert {f"#{name}" for name in SECTIONS if name != "summary"} <= set(page.links)
    assert "made: report of a search" in page.text[""]


def test_the_summary(run, page):
    best = max((t for t in run.study.get_trials() if within(t)), key=lambda t: t.value)
    text, table = page.text["summary"], page.tables["summary"][0]
    gap = (51.25 - best.value) / best.value
    assert f"has stentr {best.value:.4f}. The proven optimum is at most {100 * gap:.4f} % above that." in text
    for part in (f"stentr {best.value:.4f}, trial {best.number}", "51.2500; no network", "60 of 60", "12.5 s",
                 "4 frames of 32 x 32", "420 looked at"):  # fmt: skip
        assert part in text
    flops, layers = best.user_attrs["flops"], best.user_attrs["layers"]
    assert table == [
        ["budget", "limit", "best network", "of the limit"],
        ["layers", "at most 14", str(layers), f"{100 * layers / 14:.1f} %"],
        ["flops", "at most 2,000,000", f"{flops:,}", f"{100 * flops / 2e6:.1f} %"],
        ["flops", "at least 100,000", f"{flops:,}", f"{100 * flops / 1e5:.1f} %"],
    ]


def number(cell):
    return float(cell.replace(",", ""))


def test_the_tables_have_the_studys_numbers(run, page):
    trials = run.study.get_trials()
    rows = page.tables["history"][0]
    assert rows[0] == ["series", "trial", "stentr", "flops", "params", "layers"]
    told = {int(row[1]): row for row in rows[1:] if row[0] in ("trials within the budgets", "beyond a budget")}
    assert told.keys() == {t.number for t in trials}
    for trial in trials:
        row = told[trial.number]
        assert (row[0] == "trials within the budgets") is within(trial)
        assert number(row[2]) == pytest.approx(trial.value, rel=1e-9)
        assert [number(cell) for cell in row[3:]] == [trial.user_attrs[key] for key in ("flops", "params", "layers")]
    points = {int(row[3]): row for row in page.tables["tradeoff"][0][1:] if row[0] == "trials within the budgets"}
    assert points.keys() == {t.number for t in trials if within(t)}
    assert all(number(points[n][1]) == trials[n].user_attrs["flops"] for n in points)
    stages = page.tables["network"]
    assert (
        [row[0] for row in stages[0][1:]] == ["stem", "stage1", "stage2", "head"] == [row[0] for row in stages[1][1:]]
    )


def test_shares_are_told_in_percent(run, page):
    (bars,) = make_chart(run, "importances").series
    rows = page.tables["choices"][0][1:]
    assert [row[0] for row in rows] == list(bars.x)
    assert [float(row[1].removesuffix(" %")) for row in rows] == pytest.approx([100 * y for y in bars.y], abs=0.00501)


def test_the_best_networks(run, page):
    ranked = sorted((t for t in run.study.get_trials() if within(t)), key=lambda t: (-t.value, t.number))
    rows = page.tables["best"][0][1:]
    assert len(rows) == 10
    assert rows[0][:2] == [str(ranked[0].number), f"{ranked[0].value:.4f}"]
    values = [float(row[1]) for row in rows]
    assert values == sorted(values, reverse=True)
    (published,) = page.tables["published"]
    assert [row[0] for row in published[1:]] == [
        "this run's best", "e3d_s", "e3d_m", "x3d_m", "e3d_l", "x3d_l",
    ]  # fmt: skip


def test_the_command_and_the_space(run, page):
    assert "e3dnas run space.yaml --out again --trials 60 --seed 0 --sampler random" in page.text["remake"]
    assert f"e3dnas export '{run.folder.path}' --name my_made --register" in page.text["remake"]
    assert "optuna " in page.text["remake"]
    assert run.folder.space.read_text() in page.text["space"]


def test_plotly_comes_along(page):
    assert gzip.decompress(base64.b64decode(page.scripts["plotly"])).decode() == get_plotlyjs()
    charts = {chart["id"]: chart for chart in json.loads(page.scripts["charts"])["charts"]}
    assert charts.keys() == {"history", "tradeoff", "importances", "stages"}
    assert len(charts["history"]["data"]) == 3
    assert "sendChartToCloud" not in page.scripts["code"]
    assert page.html.count('<svg class="still"') == 4


def test_the_same_run_gives_the_same_page(run, page):
    assert format_report({"": run}, run.folder.space) == page.html


@pytest.mark.parametrize("count", [0, 1])
def test_no_trial_and_one(tmp_path, count):
    page = report_of(made_run(tmp_path, count, space=SPACE | {"budgets": {}}))
    assert re.findall(r'<section id="([^"]+)"', page.html) == SECTIONS
    assert f"{count} of 60" in page.text["summary"]
    assert "not finished" in page.text["summary"]
    assert "The space has no budgets" in page.text["summary"]
    assert ("plotly" in page.scripts) is (count == 1)
    if count == 0:
        assert "No network within the budgets has been found yet." in page.text["summary"]
        assert "There is none to show yet." in page.text["network"]
        assert "No trial has finished yet." in page.text["history"]
        assert "e3dnas export" not in page.text["remake"]


def test_no_network_within_the_budgets(tmp_path):
    page = report_of(made_run(tmp_path, 30, space=SPACE | {"budgets": {"params": {"max": 10}}}, bound=12.0))
    assert "No network within the budgets has been found yet." in page.text["summary"]
    assert page.tables["summary"][0][1] == ["params", "at most 10", "-", "-"]
    assert len(page.tables["history"][0]) == 1 + 30 + 1
    assert "this run has 0" in page.text["choices"]


def test_failed_running_and_strange_trials(tmp_path):
    space = SPACE | {"score": "mine:<own>"}
    run = made_run(tmp_path, 25, space=space, values=lambda params, measures: [measures["params"] ** 0.5])
    run.study.add_trial(optuna.create_trial(state=optuna.trial.TrialState.FAIL, user_attrs={FAILURE: "bad </script>&"}))
    run.study.add_trial(optuna.create_trial(state=optuna.trial.TrialState.RUNNING))
    page = report_of(run)
    text = page.text["summary"]
    assert "25 of 60, and 1 failed" in text
    assert "bad </script>&" in text  # told, not obeyed: the parser has found the end of everything that begins
    assert "mine:<own> cannot be bounded" in text
    assert "your own" in page.text["remake"]
    assert [row[2] for row in page.tables["published"][0][1:]][1:] == ["-"] * 5


def test_infinite_scores(tmp_path):
    def strange(params, measures):
        return [float("-inf") if params["stem.out"] == 8 else measures["stentr"]]

    page = report_of(made_run(tmp_path, 40, values=strange))
    assert "-inf" in [row[2] for row in page.tables["history"][0]]


def test_long_tables_are_shortened(tmp_path, monkeypatch):
    monkeypatch.setattr(boxes, "MOST_ROWS", 50)
    page = report_of(made_run(tmp_path / "it's", 200))
    assert len(page.tables["history"][0]) == 1 + 50
    assert "the first 50 of 2" in page.text["history"]
    assert f"e3dnas plot '{tmp_path}/it'\"'\"'s' --kind history -o history.csv writes all" in page.text["history"]
    drawn = {chart["id"]: chart for chart in json.loads(page.scripts["charts"])["charts"]}
    assert sum(len(trace["x"]) for trace in drawn["history"]["data"]) > 200


def test_thousands_of_trials(tmp_path):
    page = report_of(made_run(tmp_path, 3000, space=SPACE | {"budgets": {"flops": {"max": 3e6}}}))
    assert "3,000 of 60" in page.text["summary"]
    assert len(page.html) < 3_500_000


def test_several_objectives(tmp_path):
    run = made_run(tmp_path, 80, space=FRONT)
    page = report_of(run)
    sections = re.findall(r'<section id="([^"]+)"', page.html)
    assert sections == ["summary", "network", "front", "choices", "best", "published", "remake", "space"]
    values = [tuple(t.values) for t in run.study.get_trials() if within(t)]
    count = len(set(unbeaten(values, run.study.directions)))
    assert f"The front found has {count} networks, from stentr " in page.text["summary"]
    assert "of the hypervolume of the exact front." in page.text["summary"]
    assert "maximize stentr, minimize flops" in page.text["summary"]
    best = page.tables["best"][0]
    assert best[0][:3] == ["trial", "stentr", "flops"]
    assert len(best) - 1 == min(count, 10)
    assert float(best[1][1]) == pytest.approx(max(v[0] for v in values), abs=1e-4)
    assert float(best[-1][1]) == pytest.approx(min(v[0] for v in set(unbeaten(values, run.study.directions))), abs=1e-4)


def test_a_family(tmp_path):
    members = {name: made_run(tmp_path / name, count, space=SPACE | {"name": f"fam_{name}"}, bound=60.0)
               for name, count in (("s", 30), ("m", 0))}  # fmt: skip
    page = report_of(None, **members)
    assert [row[0] for row in page.tables["overview"][0]] == ["member", "s", "m"]
    assert page.tables["overview"][0][2][2:] == ["-"] * 7
    for name in members:
        assert {f"{name}-{section}" for section in SECTIONS[:-1]} <= set(page.ids)
    assert "s-history" in {chart["id"] for chart in json.loads(page.scripts["charts"])["charts"]}


def test_a_page_of_one_figure(run):
    page = Page(chart_page(make_chart(run, "history"), "made"))
    check(page)
    assert page.html.count('<svg class="still"') == 1
    assert len(page.tables[""][0]) > 60
