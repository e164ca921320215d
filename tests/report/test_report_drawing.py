"""Pictures of networks: well-formed, complete, to scale, inside their frame, and safe to put into a page."""

import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

import e3dnas
from e3dnas.report.networks.drawing import Scale, describe_network, draw_network

SVG = "{http://www.w3.org/2000/svg}"
STAGE = {"depth": 1, "out": 8, "bottleneck": 8}


def network(*stages, frames=8, size=64, stem=None, head=32, name="odd"):
    return e3dnas.measure({"name": name, "clip": {"frames": frames, "size": size}, "stem": stem or {"out": 8},
                           "stages": [STAGE | stage for stage in stages], "head": {"out": head}})  # fmt: skip


NETWORKS = {
    "e3d_s": lambda: e3dnas.measure("e3d_s"),
    "e3d_l": lambda: e3dnas.measure("e3d_l"),
    "64 stages of one pixel": lambda: network(*[{}] * 64, frames=1, size=1),
    "widest and narrowest": lambda: network({"out": 65536, "bottleneck": 65536}, {"out": 1, "bottleneck": 1}, size=41),
    "largest kernel": lambda: network({"kernel": "31x31x31"}, {"kernel": "31x1x1"}, {"kernel": "1x31x31"}),
    "deep": lambda: network({"depth": 500, "stride": "2x2x2"}, {"depth": 16}, frames=200, size=97),
    "stem in time": lambda: network({}, stem={"out": 1, "temporal_kernel": 5}, head=65536),
    "squeezing": lambda: network({"se": 0.25, "block": "factorised", "depth": 1000}),
}


@pytest.fixture(params=NETWORKS)
def measures(request):
    return NETWORKS[request.param]()


def columns(svg):
    """The groups of shapes that stand side by side, with where each begins; the clip is the first."""
    root = ET.fromstring(svg)
    found = [
        (g, re.fullmatch(r"translate\(([-\d.]+) [-\d.]+\)", g.get("transform", ""))) for g in root.findall(f"{SVG}g")
    ]
    return [(float(match[1]), g) for g, match in found if match]


def slabs(column):
    """Front, top and side of every slab, as (left, top, right, bottom, far right) in the column's coordinates."""
    found = []
    for group in column.findall(f"{SVG}g"):
        front, _, side = (path.get("d") for path in group.findall(f"{SVG}path"))
        left, top, right, bottom = map(float, re.fullmatch(r"M(\S+) (\S+)H(\S+)V(\S+)H\S+Z", front).groups())
        away = float(re.search(r"l([-\d.]+) ", side)[1])
        found.append((left, top, right, bottom, right + away))
    return found


def test_every_part_is_there_once(measures):
    drawn = columns(draw_network(measures))
    stages = measures["stages"]
    assert len(drawn) == 1 + len(stages)
    assert len(drawn[0][1].findall(f"{SVG}g")) == min(measures["frames"], 8)
    assert [len(slabs(g)) for _, g in drawn[1:]] == [min(stage.get("depth", 1), 16) for stage in stages]


def test_all_is_inside_and_nothing_overlaps(measures):
    svg = draw_network(measures)
    root = ET.fromstring(svg)
    width, height = float(root.get("width")), float(root.get("height"))
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    end = 0.0
    for start, column in columns(svg)[1:]:
        assert start >= end
        found = slabs(column)
        assert all(later[0] > earlier[2] for earlier, later in pairwise(found))
        end = start + found[-1][4]
        assert end <= width
    rows = {}
    for text in root.iter(f"{SVG}text"):
        x, y, half = float(text.get("x")), float(text.get("y")), 3.0 * len(text.text or "")
        assert half <= x <= width - half
        assert 0 < y < height
        rows.setdefault(y, []).append((x - half, x + half))
    for spans in rows.values():
        assert all(later[0] > earlier[1] for earlier, later in pairwise(spans))


def test_to_scale():
    measures = e3dnas.measure("e3d_s")
    drawn = [slabs(column)[0] for _, column in columns(draw_network(measures))[1:]]
    heights = [bottom - top for _, top, _, bottom, _ in drawn]
    widths = [right - left for left, _, right, _, _ in drawn]
    for stage, high, wide in zip(measures["stages"], heights, widths, strict=True):
        assert high / heights[0] == pytest.approx(math.sqrt(stage["size"] / 80), abs=0.02)
        assert wide / widths[-1] == pytest.approx(math.sqrt(stage["out"] / 512), abs=0.02)


def test_one_scale_for_several():
    small, large = e3dnas.measure("e3d_s", size=80), e3dnas.measure("e3d_s", size=160)
    scale = Scale.of(small, large)
    (_, top, _, bottom, _), (_, tops, _, bottoms, _) = (
        slabs(columns(draw_network(one, scale=scale))[1][1])[0] for one in (small, large)
    )
    assert (bottom - top) / (bottoms - tops) == pytest.approx(math.sqrt(0.5), abs=0.01)
    assert draw_network(small) != draw_network(small, scale=scale)


def test_what_is_written():
    svg = draw_network(network({"kernel": "3x5x5", "se": 0.5, "depth": 7, "out": 40, "bottleneck": 96}, stem={
        "out": 1, "temporal_kernel": 5}))  # fmt: skip
    texts = [text.text for text in ET.fromstring(svg).iter(f"{SVG}text")]
    assert {"7 × depthwise + SE", "3×5×5", "40 channels", "96 inside", "1 channel", "1×3×3, 5×1×1", "3 channels",
            "8 × 64 × 64"} <= set(texts)  # fmt: skip
    assert [t for t in texts if t in ("clip", "stem", "stage1", "head")] == ["clip", "stem", "stage1", "head"]


@pytest.mark.parametrize(("kernel", "lines", "layers"), [("1x5x5", 8, 1), ("3x3x3", 4, 3), ("1x1x1", 0, 1)])
def test_kernels_are_grids(kernel, lines, layers):
    root = ET.fromstring(draw_network(network({"kernel": kernel}, size=128)))
    grids = [g.findall(f"{SVG}path") for g in root.findall(f"{SVG}g") if g.get("fill")]
    assert len(grids) == 3  # stem, stage, head
    paths = [path.get("d") for path in grids[1]]
    assert len(paths) == layers
    assert all(path.count("M") == 1 + lines for path in paths)


def test_for_screen_readers_and_pages(measures):
    svg = draw_network(measures | {"name": '</title><script>alert(1)</script>&"'})
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root[0].tag == f"{SVG}title"
    assert root[0].text == 'The network </title><script>alert(1)</script>&"'
    assert root[1].text == describe_network(measures)
    assert "<script" not in svg
    assert not re.search(r'\bid=|href|url\(|style="(?!color:)', svg)  # several may stand in one page
    assert svg.replace('xmlns="http://www.w3.org/2000/svg"', "").count("http") == 0
    assert svg == draw_network(measures | {"name": '</title><script>alert(1)</script>&"'})


def test_described_in_words():
    told = describe_network(e3dnas.measure("e3d_s"))
    assert told.startswith(
        "A clip of 13 frames of 160 x 160; stem: a convolution 1×3×3, 24 channels, 13 frames of 80 x 80;"
    )
    assert "stage5: 6 depthwise blocks 3×3×3, 256 channels (384 inside), 13 frames of 5 x 5; head:" in told


def test_a_file_of_its_own_has_a_ground():
    measures = e3dnas.measure("e3d_s")
    root = ET.fromstring(draw_network(measures, standalone=True))
    ground = root.find(f"{SVG}rect")
    assert (ground.get("fill"), ground.get("width")) == ("#fff", root.get("width"))
    assert "color:#" in root.get("style")
    plain = ET.fromstring(draw_network(measures))
    assert plain.find(f"{SVG}rect") is None
    assert plain.get("style") is None
