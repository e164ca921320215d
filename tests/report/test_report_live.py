"""The live view: lines where the output is no terminal, a panel where it is."""

import io

import pytest
from rich.console import Console

from e3dnas.arch import load_architecture
from e3dnas.report.live import SearchView
from e3dnas.search.api import Progress
from e3dnas.search.result import Found

BEST = Found(3, 203.13341, {"flops": 1999316800, "layers": 83}, load_architecture("e3d_s"), True)
BUDGETS = {"flops": {"min": None, "max": 2e9}, "layers": {"min": 10, "max": 83}, "own:latency": {"min": None, "max": 1}}


def progress(done, best=BEST, **changes):
    known = {"done": done, "target": 100, "candidates": 2000 * done, "new_trials": done, "new_candidates": 2000 * done,
             "seconds": 2.0, "best": best, "resumed": 0}  # fmt: skip
    return Progress(**(known | changes))


def shown(steps, terminal):
    console = Console(record=True, force_terminal=terminal, width=80, file=io.StringIO(), markup=False, highlight=False)
    with SearchView(console, "e3d", "stentr", BUDGETS) as view:
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
    ],
    ids=["resumed", "nothing yet", "failed", "no time"],
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


def test_the_panel_goes_with_an_error():
    console = Console(force_terminal=True, width=80, file=io.StringIO())
    with pytest.raises(ZeroDivisionError), SearchView(console, "e3d", "stentr", BUDGETS) as view:
        view(progress(1, target=1 // 0))
    assert console.file.getvalue().endswith("\x1b[?25h")  # the cursor is back
