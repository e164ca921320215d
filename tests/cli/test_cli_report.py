"""``e3dnas report``: one page beside the run or where it is wanted, nothing else touched."""

import pytest


@pytest.fixture
def run(cli):
    assert cli("run", "small.yaml", "--quiet", "--no-bound", "--out", "r")[0] == 0
    return "r"


def test_beside_the_run(cli, folder, run):
    before = {path.name: path.read_bytes() for path in (folder / run).iterdir()}
    for _ in range(2):  # one's own page may be written again
        code, out, err = cli("report", run)
        assert (code, out, err) == (0, "written: r/report.html\n", "")
    page = (folder / "r/report.html").read_text(encoding="utf-8")
    assert "<title>small: report of a search</title>" in page
    assert "The best network within the budgets has stentr " in page
    assert 'id="tradeoff"' in page
    after = {path.name: path.read_bytes() for path in (folder / run).iterdir() if path.name != "report.html"}
    assert after == before
    assert cli("report", run, "-o", "r/report.html")[0] == 0
    assert (
        cli("run", "small.yaml", "--quiet", "--out", "r", "--trials", 21, "--no-bound")[0] == 0
    )  # a page does not stop the run


def test_another_file(cli, folder, run):
    assert cli("report", run, "-o", "mine.html")[:2] == (0, "written: mine.html\n")
    (folder / "mine.html").write_text("mine")
    code, out, err = cli("report", run, "-o", "mine.html")
    assert (code, out) == (2, "")
    assert err == "error: --output mine.html: is there already; name a new file, or replace it with --force\n"
    assert (folder / "mine.html").read_text() == "mine"
    assert cli("report", run, "-o", "mine.html", "--force")[0] == 0
    assert (folder / "mine.html").read_text() != "mine"
    code, _, err = cli("report", run, "-o", "none/mine.html")
    assert (code, err) == (2, "error: --output none/mine.html: there is no folder none; make it first\n")
    code, _, err = cli("report", run, "-o", "r")
    assert (code, err) == (2, "error: --output r: is a folder; name a file in it\n")


def test_a_file_that_cannot_be_written(cli, folder, run):
    code, _, err = cli("report", run, "-o", "x" * 300 + ".html")
    assert code == 2
    assert err.count("\n") == 1
    assert "cannot be written: File name too long" in err


def test_no_run(cli, folder):
    code, _, err = cli("report", "nothing")
    assert code == 2
    assert err.startswith("error: nothing: no run in this folder")
    assert not (folder / "nothing").exists()


def test_another_storage(cli, folder):
    storage = "sqlite:///study.db"
    assert cli("run", "small.yaml", "--quiet", "--out", "s", "--storage", storage, "--trials", 3, "--no-bound")[0] == 0
    code, _, err = cli("report", "s")
    assert (code, err) == (2, "error: s: the study is not in this folder; name the run's --storage\n")
    assert cli("report", "s", "--storage", storage)[0] == 0
    assert "3 of 3" in (folder / "s/report.html").read_text(encoding="utf-8")


def test_a_family(cli, folder):
    text = (folder / "small.yaml").read_text()
    family = "family:\n  a: {budgets: {flops: {max: 1.5e+6}}}\n  b: {clip: {frames: 8, size: 32}}\n"
    (folder / "fam.yaml").write_text(text.replace("budgets:", "name: fam\nbudgets:") + family)
    assert cli("run", "fam.yaml", "--quiet", "--out", "f", "--trials", 4, "--no-bound")[0] == 0
    assert cli("report", "f")[:2] == (0, "written: f/report.html\n")
    page = (folder / "f/report.html").read_text(encoding="utf-8")
    assert "<title>fam: report of a search</title>" in page
    assert all(f'id="{one}"' in page for one in ("overview", "a-summary", "b-history", "space"))
    assert cli("report", "f/a")[0] == 0
    assert "<title>fam_a: report of a search</title>" in (folder / "f/a/report.html").read_text(encoding="utf-8")
    assert cli("plot", "f/b", "-o", "b.svg")[0] == 0
    code, _, err = cli("plot", "f", "-o", "f.svg")
    assert (code, err.count("\n")) == (2, 1)
    assert "name one of its members" in err
