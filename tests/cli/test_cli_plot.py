"""``e3dnas plot``: every kind in every form, nothing replaced unasked, mistakes told in one line."""

import csv

import pytest

from e3dnas.search.reading import read_run

KINDS = ["history", "tradeoff", "stages", "importances"]
STARTS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".html": b"<!doctype html>", ".csv": b""}


@pytest.fixture
def run(cli):
    assert cli("run", "small.yaml", "--quiet", "--no-bound", "--out", "r", "--trials", 25)[0] == 0
    return "r"


def test_every_kind_in_every_form(cli, folder, run):
    for kind, form in [*(("history", form) for form in STARTS), *((kind, ".csv") for kind in KINDS)]:
        path = f"{kind}_{form[1:]}{form}"
        code, out, err = cli("plot", run, "--kind", kind, "-o", path, "--force")
        assert (code, err) == (0, "")
        assert out.startswith(f"written: {path}\n")
        assert (folder / path).read_bytes().startswith(STARTS[form])
    for form, start in ((".svg", b"<svg "), (".html", b"<!doctype html>")):
        assert cli("plot", run, "--kind", "network", "-o", f"network{form}")[0] == 0
        assert (folder / f"network{form}").read_bytes().startswith(start)


def test_the_numbers(cli, folder, run):
    assert cli("plot", run, "-o", "numbers.CSV")[0] == 0
    rows = list(csv.DictReader((folder / "numbers.CSV").read_text(encoding="utf-8").splitlines()))
    told = {int(row["trial"]): float(row["stentr"]) for row in rows if row["series"].startswith(("trials", "beyond"))}
    assert told == {trial.number: trial.value for trial in read_run(folder / run).study.get_trials()}


def test_a_trial(cli, folder, run):
    best = read_run(folder / run).summary(top=1).best
    for name, trial in (("best", ()), ("same", ("--trial", best.trial)), ("other", ("--trial", 0))):
        assert cli("plot", run, "--kind", "network", "-o", f"{name}.svg", *trial)[0] == 0
    assert (folder / "best.svg").read_text() == (folder / "same.svg").read_text()
    assert (folder / "best.svg").read_text() != (folder / "other.svg").read_text()


def test_several_objectives(cli, folder):
    text = (folder / "small.yaml").read_text() + "objectives: {stentr: maximize, flops: minimize}\n"
    (folder / "front.yaml").write_text(text)
    assert cli("run", "front.yaml", "--quiet", "--out", "f", "--no-bound")[0] == 0
    assert cli("plot", "f", "-o", "front.csv")[0] == 0  # what is drawn unless a kind is named
    assert "front found" in (folder / "front.csv").read_text()
    code, _, err = cli("plot", "f", "--kind", "tradeoff", "-o", "t.csv")
    assert (code, err) == (2, "error: the run has the objectives stentr, flops; --kind front shows what was found\n")


def test_nothing_is_replaced_unasked(cli, folder, run):
    (folder / "mine.svg").write_text("mine")
    code, _, err = cli("plot", run, "-o", "mine.svg")
    assert (code, err) == (
        2,
        "error: --output mine.svg: is there already; name a new file, or replace it with --force\n",
    )
    assert (folder / "mine.svg").read_text() == "mine"
    assert cli("plot", run, "-o", "mine.svg", "--force")[0] == 0
    assert (folder / "mine.svg").read_text() != "mine"


MISTAKES = [
    (["-o", "x.gif"], "--output x.gif: --kind history is written as .png, .svg, .pdf, .html, .csv"),
    (["-o", "x"], "--output x: --kind history is written as .png"),
    (["-o", "x.png", "--kind", "network"], "--output x.png: --kind network is written as .svg, .html"),
    (["-o", "x.png", "--kind", "nowhere"], "--kind nowhere: must be one of history, "),
    (["-o", "x.png", "--kind", "front"], "the run has one objective, stentr"),
    (["-o", "x.png", "--kind", "stages", "--trial", "99"], "--trial 99: the run has trials 0 to 24"),
    (["-o", "x.png", "--trial", "1"], "--trial 1: --kind history shows all trials"),
    (["-o", "none/x.png"], "--output none/x.png: there is no folder none; make it first"),
    (["-o", "r"], "--output r: --kind history is written as .png"),
    (["-o", "dir.png"], "--output dir.png: is a folder; name a file in it"),
]


def test_mistakes(cli, folder, run):
    (folder / "dir.png").mkdir()
    for arguments, told in MISTAKES:
        code, out, err = cli("plot", run, *arguments)
        assert (code, out) == (2, "")
        assert err.startswith(f"error: {told}")
        assert err.count("\n") == 1
        assert not (folder / "x.png").exists()


def test_no_run(cli, folder):
    code, _, err = cli("plot", "nothing", "-o", "x.png")
    assert code == 2
    assert err.startswith("error: nothing: no run in this folder")
