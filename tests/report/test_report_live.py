"""The live view: lines where the output is no terminal, a panel where it is."""

import io
import re

import pytest
from rich.console import Console

from e3dnas.arch import load_architecture
from e3dnas.report.live import FamilyView, SearchView
from e3dnas.search.api import Progress
from e3dnas.search.result import Found
from e3dnas.space import load_family

BEST = Found(3, 203.13341, (203.13341,), {"flops": 1999316800, "layers": 83}, load_architecture("e3d_s"), True)
BUDGETS = {"flops": {"min": None, "max": 2e9}, "layers": {"min": 10, "max": 83}, "own:latency": {"min": None, "max": 1}}


def progress(done, best=BEST, **changes):
    known = {"done": done, "target": 100, "candidates": 2000 * done, "new_trials": done, "new_candidates": 2000 * done,
             "seconds": 2.0, "best": best, "resumed": 0}  # fmt: skip
    return Progress(**(known | changes))


def screen(terminal):
    return Console(record=True, force_terminal=terminal, width=80, file=io.StringIO(), markup=False, highlight=False)


def shown(steps, terminal, goals=None):
    console = screen(terminal)
    with SearchView(console, "e3d", goals or {"stentr": "maximize"}, BUDGETS) as view:
        for step in steps:
            view(step)
    return console.export_text(), console.file.getvalue()


def test_plain_lines():
    text, raw = shown([progress(done) for done in range(1, 101)], terminal=False)
    assert "\x1b" not in raw
    assert [line.split()[1] for line in text.splitlines()] == [f"{n}/100" for n in (1, *range(10, 101, 10))]
    assert text.splitlines()[5] == (
        "trial 50/100  stentr 203.1334  flops 1.999 G (<= 2 G)  layers 83 (>= 10, <= 83)  25 trials/s  "
        "50,000 candidates/s  2.0 s to go"
    )


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (progress(40, resumed=40, new_trials=0, new_candidates=0), "resumed: 40 of 100 trials are there\n"),
        (progress(1, best=None), "trial 1/100  stentr none within the budgets yet  0 trials/s  1,000 candidates/s"),
        (progress(9, failed=2), "trial 9/100  2 failed  stentr 203.1334"),
        (progress(100, seconds=0.0), "0.0 s to go"),
        (progress(9, bound=203.13341), "stentr 203.1334  gap to the proven optimum 0 %  flops 1.999 G"),
        (progress(9, bound=205.1647441), "stentr 203.1334  gap to the proven optimum 1.0000 %  flops 1.999 G"),
        (progress(100, proving=True), "the trials are done; the proof is being worked out\n"),
        (progress(100, new_trials=0, proving=True), "the trials are done; the proof is being worked out\n"),
    ],
    ids=["resumed", "nothing yet", "failed", "no time", "the best", "a gap", "proving", "proving only"],
)
def test_a_line(step, line):
    assert line in shown([step], terminal=False)[0]


def test_the_panel():
    step = progress(60, resumed=50, new_trials=10, new_candidates=20000, failed=3)
    text, raw = shown([progress(50, resumed=50, new_trials=0), step], terminal=True)
    assert "\x1b" in raw
    panel = " ".join(text.split())
    for part in ("e3d: trial 60 of 100, resumed at 50", "best stentr 203.1334", "flops 1.999 G (<= 2 G)",
                 "layers 83 (>= 10, <= 83)", "5 trials/s, 10,000 candidates/s", "looked at 120,000 candidates",
                 "to go 8.0 s", "failed 3 trials"):  # fmt: skip
        assert part in panel
    assert max(map(len, text.splitlines())) <= 80


TWO = {"stentr": "maximize", "flops": "minimize"}
EDGE = [(203.13341, 1999316800.0), (180.0, 4.7e8), (30.00443, 54960000.0)]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"front": EDGE}, "trial 9/100  front 3 networks  stentr 30 to 203.1  flops 54.96 M to 1.999 G  4 trials/s"),
        ({"front": EDGE, "share": 0.99968}, "1.999 G  of the exact front's hypervolume 99.97 %  4 trials/s"),
        ({"front": EDGE[:1]}, "trial 9/100  front 1 network  stentr 203.1  flops 1.999 G  4 trials/s"),
        ({"best": None, "failed": 2}, "trial 9/100  2 failed  stentr none within the budgets yet  4 trials/s"),
    ],
    ids=["front", "share", "one", "none"],
)
def test_a_line_of_several_objectives(changes, line):
    assert line in shown([progress(9, **changes)], terminal=False, goals=TWO)[0]


def test_the_panel_of_several_objectives():
    text, _ = shown([progress(60, front=EDGE, share=0.5, proving=True)], terminal=True, goals=TWO)
    panel = " ".join(text.split())
    for part in ("front 3 networks", "stentr 30 to 203.1", "flops 54.96 M to 1.999 G",
                 "of the exact front's hypervolume 50.00 %", "to go the proof is being worked out"):  # fmt: skip
        assert part in panel
    assert "best" not in panel
    assert max(map(len, text.splitlines())) <= 80


def family_shown(terminal, name="e3d_family"):
    console, members = screen(terminal), load_family(name).members
    with FamilyView(console, members) as view:
        for member in members:
            for done in (1, 50, 100):
                view(member, progress(done))
    return console.export_text(), console.file.getvalue()


def test_the_members_of_a_family_one_after_another():
    text, raw = family_shown(terminal=False)
    assert "\x1b" not in raw
    assert [line if line.endswith(":") else line.split()[1] for line in text.splitlines()] == [
        told for member in "sml" for told in (f"e3d_family_{member}:", "1/100", "50/100", "100/100")
    ]
    limits = [re.search(r"flops 1\.999 G \((.*?)\)", line) for line in text.splitlines() if line.startswith("trial 1/")]
    assert [found[1] for found in limits] == ["<= 2 G", "<= 5 G", "<= 19.5 G"]


def test_an_ordinary_space_has_no_heading():
    assert family_shown(terminal=False, name="tiny")[0].startswith("trial 1/100")
    with FamilyView(screen(terminal=False), load_family("tiny").members) as view:
        assert view("", progress(1)) is None


def test_panels_of_a_family_stay_and_the_cursor_comes_back():
    text, raw = family_shown(terminal=True)
    for member in "sml":
        assert f"e3d_family_{member}: trial 100 of 100" in text
    assert raw.count("\x1b[?25l") == raw.count("\x1b[?25h") == 3
    console = screen(terminal=True)
    with pytest.raises(TypeError), FamilyView(console, load_family("tiny").members) as view:
        view("", progress(1, target=0, seconds="no time"))
    assert console.file.getvalue().endswith("\x1b[?25h")


def test_the_panel_goes_with_an_error():
    console = Console(force_terminal=True, width=80, file=io.StringIO())
    with pytest.raises(ZeroDivisionError), SearchView(console, "e3d", {"stentr": "maximize"}, BUDGETS) as view:
        view(progress(1, target=1 // 0))
    assert console.file.getvalue().endswith("\x1b[?25h")  # the cursor is back
