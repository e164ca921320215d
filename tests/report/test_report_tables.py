"""Tables: the right numbers, all of them, in 80 columns; numbers as people read them."""

import re

import pytest
from rich.console import Console

import e3dnas
from e3dnas.report.console import make_console
from e3dnas.report.numbers import format_count, format_seconds, format_share
from e3dnas.report.tables import format_family, format_front, format_models, format_network, format_top
from e3dnas.search.result import Found, SearchResult

WORST = {
    "name": "worst",
    "clip": {"frames": 64, "size": 312},
    "stem": {"out": 64},
    "stages": [
        {"block": "factorised", "depth": 13, "out": 640, "bottleneck": 2560, "kernel": "3x3x3", "se": 0.25},
        {"block": "depthwise", "depth": 2, "out": 640, "bottleneck": 2560, "kernel": "1x9x9", "stride": "1x2x2"},
    ],
    "head": {"out": 1024},
}


def lines(renderable, width=80):
    console = Console(width=width, record=True, file=open("/dev/null", "w"), markup=False, emoji=False)  # noqa: PTH123, SIM115
    with console.file:
        console.print(renderable)
    return [line.rstrip() for line in console.export_text().splitlines()]


@pytest.mark.parametrize("source", ["e3d_s", "e3d_m", "e3d_l", WORST], ids=["S", "M", "L", "worst"])
def test_a_network_in_80_columns(source):
    measures = e3dnas.measure(source)
    text = lines(format_network(measures))
    assert max(map(len, text)) <= 80
    assert "…" not in "".join(text)
    assert text[0] == f"{measures['name']}: {measures['frames']} frames of {measures['size']} x {measures['size']}"
    rows = {row.split()[0]: row for row in text if re.match("stem|stage|head", row) and "%" not in row}
    rows.pop("stage", None)
    assert list(rows) == [stage["name"] for stage in measures["stages"]]
    for stage in measures["stages"]:
        row = rows[stage["name"]]
        shares = [float(share) for share in row.split()[-3:]]
        wanted = [stage["flops"] / measures["flops"], stage["params"] / measures["params"],
                  stage["entropy"] / measures["stentr"]]  # fmt: skip
        assert shares == pytest.approx([100 * share for share in wanted], abs=0.0501)
        assert f"  {stage['frames']}x{stage['size']}x{stage['size']}  " in row
        assert f" {stage['kernel']} " in row
        assert f" {stage['out']} " in row
        if "block" in stage:
            assert f"{stage['depth']} x {stage['block']}{'+se' if stage['se'] else ''} " in row
            assert f" {stage['bottleneck']} " in row
    totals = " ".join(text)
    assert f"stentr {measures['stentr']:.4f}" in totals
    assert f"flops {measures['flops']:,} as thop counts" in totals
    assert f"params {measures['params']:,}" in totals
    assert f"layers {measures['layers']}" in totals


def test_top():
    top = [
        {"trial": 111, "score": 203.13341, "flops": 1999316800, "conv_macs": 1884e6, "params": 1850752, "layers": 83},
        {"trial": 7, "score": 9.5, "flops": 999, "conv_macs": 12, "params": 0, "layers": 5},
    ]
    text = lines(format_top(top, "my_package.my_module:my_very_own_score"))
    assert max(map(len, text)) <= 80
    assert text[1].split() == ["rank", "trial", "my_very_own_score", "flops", "conv_macs", "params", "layers"]
    assert text[3].split() == ["1", "111", "203.1334", "1.999", "G", "1.884", "G", "1.851", "M", "83"]
    assert text[4].split() == ["2", "7", "9.5000", "999", "12", "0", "5"]


def test_a_front():
    front = [
        {"trial": 226, "score": 203.13, "stentr": 203.13144, "flops": 1992057600.0, "params": 2061592, "layers": 83,
         "my.module:own_measure": 0.25},
        {"trial": 7, "score": 30.0, "stentr": 30.0, "flops": 999, "params": 1000, "layers": 17,
         "my.module:own_measure": 12345.0},
    ]  # fmt: skip
    text = lines(format_front(front, ["my.module:own_measure", "stentr", "flops"], 324))
    assert text[0] == "the front: 2 of 324 networks"
    assert text[1].split() == ["trial", "own_measure", "stentr", "flops", "params", "layers"]
    assert text[3].split() == ["226", "0.2500", "203.1314", "1.992", "G", "2.062", "M", "83"]
    assert text[4].split() == ["7", "12.35", "k", "30", "999", "1", "k", "17"]
    without = [{key: value for key, value in one.items() if key != "trial"} for one in front]
    text = lines(format_front(without, ["params", "layers"], 2))
    assert text[0] == "the front: 2 networks"
    assert text[1].split() == ["params", "layers", "stentr", "flops"]
    assert lines(format_front(without[:1], ["params", "layers"], 1))[0] == "the front: 1 network"


def result(score=None, **changes):
    measures = {"flops": 1992057600, "params": 2061592, "layers": 83}
    found = () if score is None else (Found(3, score, (score,), measures, e3dnas.load_architecture("e3d_s"), True),)
    known = {"space": "s", "study": "s", "sampler": "evolution", "seed": 0, "trials": 9, "failed": 0, "candidates": 90,
             "seconds": 12.34, "top": found, "complete": True}  # fmt: skip
    return SearchResult(**(known | changes))


def test_a_family():
    longest = "m" * 50
    text = lines(
        format_family(
            {
                "s": result(203.13144, gap=0.00001),
                "m": result(205.0, gap=0.0),
                "blind": result(17.0),
                "none": result(gap=None),
                longest: result(1000.0, gap=0.25),
            }
        )
    )
    assert max(map(len, text)) <= 80
    assert "…" not in "".join(text)
    assert text[1].split() == ["member", "score", "gap", "flops", "params", "layers", "seconds"]
    assert text[3].split() == ["s", "203.1314", "0.0010", "%", "1.992", "G", "2.062", "M", "83", "12.3"]
    assert text[4].split()[:4] == ["m", "205.0000", "0", "%"]
    assert text[5].split()[:3] == ["blind", "17.0000", "-"]
    assert text[6].split() == ["none", "none", "-", "-", "-", "-", "12.3"]
    assert "".join(line.split()[0] for line in text[7:] if line) == longest
    assert "1000.0000  25.0000 %" in text[7]


def test_a_family_of_fronts():
    two = {"stentr": "maximize", "flops": "minimize"}
    text = lines(format_family({"s": result(60.5, share=0.99971, objectives=two), "t": result(2.0, objectives=two)}))
    assert text[1].split() == ["member", "score", "of", "the", "front", "flops", "params", "layers", "seconds"]
    assert text[3].split()[:4] == ["s", "60.5000", "99.97", "%"]
    assert text[4].split()[:3] == ["t", "2.0000", "-"]


def test_models_sound_and_broken():
    sound = {k: v for k, v in e3dnas.measure("e3d_s").items() if k != "stages"} | {"from": "/home/[/b]/" + "x" * 40}
    broken = {"name": "mine", "from": "/somewhere", "problem": "[/x] architecture.yaml:1: not valid"}
    text = lines(format_models([sound, broken]), width=160)
    assert text[3].split()[:3] == ["e3d_s", "13x160x160", "202.86"]
    assert "/home/[/b]/" + "x" * 40 in text[3]
    assert "/somewhere: [/x] architecture.yaml:1: not valid" in text[4]
    assert max(map(len, lines(format_models([sound, broken])))) <= 80


def test_the_console_prints_what_it_is_given(capsys):
    make_console().print("[red]x[/b] :smile: 12")
    make_console(quiet=True).print("nothing")
    assert capsys.readouterr().out == "[red]x[/b] :smile: 12\n"
    assert make_console(piped_width=140).width == 140


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1 k"), (1980409600, "1.98 G"), (1.95e10, "19.5 G"), (2.5e12, "2.5 T"),
     (-1500, "-1.5 k"), (203.13, "203.1")],
)  # fmt: skip
def test_counts(value, text):
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (8.24, "8.2 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (185, "3 min 05 s"),
     (3599.4, "59 min 59 s"), (3599.6, "1 h 00 min"), (7620, "2 h 07 min"), (360000, "100 h 00 min")],
)  # fmt: skip
def test_seconds(seconds, text):
    assert format_seconds(seconds) == text


def test_shares():
    assert (format_share(1, 8), format_share(0, 5), format_share(3, 0)) == ("12.5 %", "0.0 %", "-")
