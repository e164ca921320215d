"""Networks side by side: labels, ratios, tables that fit, and the page."""

import io
import re

import pytest
from rich.console import Console

import e3dnas
from e3dnas.measure.registry import MEASURES
from e3dnas.report.networks.comparison import Comparison, compare_networks


def printed(comparison, width):
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    console.print(comparison.format(width))
    return console.file.getvalue()


@pytest.fixture
def zoo():
    names = ["e3d_s", "e3d_m", "e3d_l"]
    return compare_networks(names, [e3dnas.measure(name) for name in names])


def test_ratios(zoo):
    first, second, _ = zoo.to_list()
    assert set(first["ratios"].values()) == {1.0}
    assert first["ratios"].keys() == set(MEASURES)
    assert second["ratios"]["flops"] == second["flops"] / first["flops"]
    assert second["stages"] == e3dnas.measure("e3d_m")["stages"]


def test_nothing_to_divide_by():
    one = e3dnas.measure("e3d_s")
    comparison = Comparison(["a", "b"], [one | {"homoentr": 0.0}, one])
    assert comparison.ratios[1]["homoentr"] is None
    assert re.search(r"homoentr +0\.0000 +177\.1229\n +-\n", printed(comparison, 80))


@pytest.mark.parametrize(
    ("names", "sources", "labels"),
    [
        (["a", "b"], ["x", "y"], ["a", "b"]),
        (["e", "e"], ["runs/a", "runs/b"], ["e (a)", "e (b)"]),
        (["e", "e"], ["a/best.yaml", "b/best.yaml"], ["e (a/best.yaml)", "e (b/best.yaml)"]),
        (["e", "e"], ["a/x", "x"], ["e (a/x)", "e (x)"]),
        (["e", "e", "f"], ["a", "a", "f"], ["e (a) #1", "e (a) #2", "f"]),
        (["", ""], ["d/n.yaml", "m.yaml"], ["n.yaml", "m.yaml"]),
        (["e", ""], ["r", "e"], ["e #1", "e #2"]),
        (["e3d", "e3d"], ["runs/e3d", "runs/e3d/best.yaml"], ["e3d", "e3d (best.yaml)"]),
    ],
)
def test_labels_tell_networks_apart(names, sources, labels):
    one = e3dnas.measure("e3d_s")
    assert compare_networks(sources, [one | {"name": name} for name in names]).labels == labels


@pytest.mark.parametrize("width", [40, 60, 80, 140])
@pytest.mark.parametrize("count", [2, 4, 9])
def test_tables_fit(width, count):
    names = ["e3d_s", "e3d_m", "e3d_l"] * 3
    comparison = compare_networks(names[:count], [e3dnas.measure(name) for name in names[:count]])
    out = printed(comparison, width)
    assert "…" not in out
    lines = out.splitlines()
    assert max(map(len, lines)) <= width
    heads = [line for line in lines if line.split() and line.split()[0].startswith("e3d_s")]
    assert len(heads) % 2 == 0
    for value in ("1.98 G", "4.932 G", "19.35 G")[: min(count, 3)]:
        assert value in out
    flops = [line for line in lines if line.startswith("flops")]
    assert sum(line.count(" G") for line in flops) == count - 1 + len(flops)  # the first network stands in each table
    if count == 4 and width >= 80:
        assert len(flops) == 1


def test_long_names_are_folded():
    one = e3dnas.measure("e3d_s")
    comparison = compare_networks(["a", "b"], [one | {"name": "x" * 200}, one | {"name": "[/red] " + "y" * 90}])
    out = printed(comparison, 80)
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("x") - 200 * 2 < 400
    assert "[/red]" in out


def test_what_differs_in_the_stages(zoo):
    out = printed(zoo, 140)
    row = re.search(r"stage2 +blocks +(.*)", out)[1]
    assert row.split("  ") == ["6 x depthwise", "6 x depthwise", "13 x depthwise"]
    assert re.search(r"head +blocks +conv +conv +conv", out)


def test_stages_that_only_one_has():
    shorter = e3dnas.load_architecture("e3d_s").to_dict()
    shorter["stages"] = shorter["stages"][:2]
    out = printed(compare_networks(["a", "b"], [e3dnas.measure(shorter), e3dnas.measure("e3d_m")]), 80)
    stages = re.findall(r"^(\w+) +blocks", out, re.MULTILINE)
    assert stages == ["stem", "stage1", "stage2", "stage3", "stage4", "stage5", "head"]
    assert re.search(r"stage5 +blocks +6 x depthwise\n", out)


def test_clips_that_differ_are_told(zoo):
    assert "The clips differ (13 x 160 x 160, 16 x 224 x 224, 16 x 312 x 312)" in zoo.warning
    assert "--frames 13 --size 160" in " ".join(printed(zoo, 80).split())
    same = compare_networks(["a", "b"], [e3dnas.measure("e3d_s"), e3dnas.measure("e3d_m", frames=13, size=160)])
    assert same.warning == ""
    assert "clips" not in printed(same, 80) + same.page()


def test_the_page(zoo):
    page = zoo.page()
    assert (page.count("<svg "), page.count("<details>")) == (3, 3)
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["data:,"]
    assert "The clips differ" in page
    assert 'title="1,980,409,600"' in page
    assert "249.03 %" in page
    assert re.search(r'stage2</th><th scope="row">blocks</th><td>6 x depthwise</td><td>6 x depthwise</td>'
                     r'<td class="differs">13 x depthwise</td>', page)  # fmt: skip


def test_names_in_the_page_are_text():
    one = e3dnas.measure("e3d_s")
    page = compare_networks(["a", "b"], [one | {"name": "<script>x</script>"}, one]).page()
    assert "<script" not in page
    assert "&lt;script&gt;x&lt;/script&gt;" in page
