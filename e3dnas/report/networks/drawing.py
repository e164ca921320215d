"""A picture of a network: from the clip through its stages to the head, to scale, as one SVG.

The sides of the feature maps and the numbers of channels are drawn by their square roots, so that a map of 5 x 5 can
still be seen beside one of 160 x 160.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from e3dnas.arch.fields import parse_kernel
from e3dnas.report.networks import shapes

__all__ = ["CAPTION", "Scale", "describe_network", "draw_network"]

CAPTION = (
    "Every slab is a block: as thick as its output has channels, as high and deep as its feature map has pixels (both "
    "by their square roots). Blue blocks look at one frame at a time, orange ones at several. The strip counts frames."
)
"""What a reader must know of a picture."""

TALLEST, WIDEST = 140.0, 110.0
"""The side of the largest map and the width of the widest stage, in pixels."""
MOST_BLOCKS = 16
"""More blocks of a stage are not drawn one by one; their number is written."""
GAP, APART, MARGIN = 2.5, 22.0, 12.0
"""Between two blocks, between two stages, around everything."""


@dataclass(frozen=True)
class Scale:
    """What is drawn how large; pictures of one scale can be compared.

    Attributes:
        size: the largest side of a map, in pixels of the clip.
        frames: the most frames.
        units: the largest sum of the square roots of the widths of a stage's blocks.
    """

    size: int
    frames: int
    units: float

    @classmethod
    def of(cls, *networks: Mapping[str, Any]) -> Scale:
        """Return the scale at which all these networks, each from ``e3dnas.measure``, can be drawn."""
        return cls(
            max(network["size"] for network in networks),
            max(network["frames"] for network in networks),
            max(_blocks(stage) * math.sqrt(stage["out"]) for network in networks for stage in network["stages"]),
        )

    def side(self, size: int) -> float:
        """Return the drawn side of a map."""
        return max(4.0, TALLEST * math.sqrt(size / self.size))

    def width(self, channels: int) -> float:
        """Return the drawn width of a block."""
        return max(1.5, min(1.2, WIDEST / self.units) * math.sqrt(channels))


@dataclass(frozen=True)
class Column:
    """One part of the picture: its shapes in coordinates of its own, and the lines of text below them."""

    drawn: str
    reach: float
    depth: float
    lines: tuple[str, ...]
    kernel: tuple[int, int] | None
    faces: shapes.Faces
    frames: int

    @property
    def room(self) -> float:
        """The width it takes."""
        return max(self.reach, *(shapes.text_width(line, 12) for line in self.lines), 64.0)


def draw_network(measures: Mapping[str, Any], *, scale: Scale | None = None, standalone: bool = False) -> str:
    """Return a picture of one network as an ``<svg>`` element.

    Its text is 12 pixels high and it is as wide as it must be: show it in a box that scrolls. It is named for screen
    readers, takes text colour from the page and refers to nothing outside itself.

    Args:
        measures: from ``e3dnas.measure``.
        scale: that of several networks, to compare them; its own by default.
        standalone: a file of its own, with a white ground.
    """
    scale = scale or Scale.of(measures)
    columns = [_clip(measures, scale), *(_stage(stage, scale) for stage in measures["stages"])]
    axis = MARGIN + TALLEST * (1 + shapes.AWAY_Y) / 2
    below = 2 * axis - MARGIN + 24
    drawn, x, end = [], MARGIN, 0.0
    for column in columns:
        start = x + (column.room - column.reach) / 2
        if end:
            drawn.append(shapes.arrow(end + 5, start - 3, axis))
        drawn.append(f'<g transform="translate({start:.1f} {axis:.1f})">{column.drawn}</g>')
        drawn.append(_labels(column, x + column.room / 2, below, scale))
        end = start + column.reach - column.depth / 2
        x += column.room + APART
    width, height = math.ceil(x - APART + MARGIN), math.ceil(below + 152)
    ground = f'<rect width="{width}" height="{height}" fill="#fff"/>' if standalone else ""
    colour = ' style="color:#1c2430"' if standalone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"{colour} font-family="system-ui,-apple-system,Segoe UI,Roboto,sans-serif" '
        f'text-anchor="middle" fill="currentColor"><title>{escape(_title(measures))}</title>'
        f"<desc>{escape(describe_network(measures))}</desc>{ground}{''.join(drawn)}</svg>"
    )


def describe_network(measures: Mapping[str, Any]) -> str:
    """Return in words what the picture of a network shows."""
    parts = []
    for stage in measures["stages"]:
        blocks = f"{stage['depth']} {stage['block']} blocks" if "block" in stage else "a convolution"
        squeeze = " with squeeze-excitation" if stage.get("se") else ""
        inside = f" ({stage['bottleneck']} inside)" if "bottleneck" in stage else ""
        parts.append(
            f"{stage['name']}: {blocks} {_times(stage['kernel'])}{squeeze}, {stage['out']} channels{inside}, "
            f"{stage['frames']} frames of {stage['size']} x {stage['size']}"
        )
    return f"A clip of {measures['frames']} frames of {measures['size']} x {measures['size']}; {'; '.join(parts)}."


def _title(measures: Mapping[str, Any]) -> str:
    return f"The network {measures['name']}" if measures["name"] else "The network"


def _clip(measures: Mapping[str, Any], scale: Scale) -> Column:
    side = scale.side(measures["size"])
    drawn, reach = shapes.frames(0.0, 0.0, measures["frames"], side)
    lines = ("clip", "", "", _channels(measures["stages"][0]["in"]), "", _map(measures))
    return Column(drawn, reach, shapes.AWAY_X * side, lines, None, shapes.FACES["plain"], measures["frames"])


def _stage(stage: Mapping[str, Any], scale: Scale) -> Column:
    kernel = parse_kernel(stage["kernel"])
    if stage.get("temporal_kernel"):
        kernel = (max(kernel[0], stage["temporal_kernel"]), kernel[1])
    faces = shapes.FACES["time" if kernel[0] > 1 else "space" if kernel[1] > 1 else "plain"]
    side, width = scale.side(stage["size"]), scale.width(stage["out"])
    count = _blocks(stage)
    drawn = "".join(shapes.slab(i * (width + GAP), 0.0, width, side, faces) for i in range(count))
    depth = shapes.AWAY_X * side
    reach = count * (width + GAP) - GAP + depth
    kind = f"{stage['depth']} × {stage['block']}" if "block" in stage else "convolution"
    inside = f"{stage['bottleneck']} inside" if "bottleneck" in stage else ""
    lines = (
        stage["name"], kind + (" + SE" if stage.get("se") else ""), _written(stage), _channels(stage["out"]), inside,
        _map(stage),
    )  # fmt: skip
    return Column(drawn, reach, depth, lines, kernel, faces, stage["frames"])


def _written(stage: Mapping[str, Any]) -> str:
    also = stage.get("temporal_kernel")
    return _times(stage["kernel"]) + (f", {also}×1×1" if also else "")


def _labels(column: Column, x: float, y: float, scale: Scale) -> str:
    name, kind, kernel, channels, inside, size = column.lines
    drawn = [
        shapes.text(x, y, name, size=13, bold=True), shapes.text(x, y + 17, kind),
        shapes.text(x, y + 76, kernel), shapes.text(x, y + 95, channels), shapes.text(x, y + 110, inside, faint=True),
        shapes.text(x, y + 129, size, faint=True), shapes.film(x, y + 135, column.frames, scale.frames),
    ]  # fmt: skip
    if column.kernel is not None:
        drawn.append(shapes.kernel(x, y + 61, column.kernel, column.faces))
    return "".join(drawn)


def _map(part: Mapping[str, Any]) -> str:
    return f"{part['frames']} × {part['size']} × {part['size']}"


def _channels(count: int) -> str:
    return f"{count} channel" + ("" if count == 1 else "s")


def _times(kernel: str) -> str:
    return kernel.replace("x", "×")


def _blocks(stage: Mapping[str, Any]) -> int:
    return min(int(stage.get("depth", 1)), MOST_BLOCKS)
