"""The shapes a picture of a network is put together from, as fragments of SVG.

Everything is seen from the same side: channels run to the right, height is up, width runs away to the upper right.
Text and lines take the colour of the page around them (``currentColor``), faces have colours that stand on light and
dark ground alike.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple

__all__ = ["AWAY_X", "AWAY_Y", "FACES", "Faces", "arrow", "film", "frames", "kernel", "slab", "text", "text_width"]

AWAY_X, AWAY_Y = 0.34, 0.22
"""Where the far corner of a unit square lies that runs away from the viewer: so far right, so far up."""


class Faces(NamedTuple):
    """The colours of a slab's front, top and side, and of its edges."""

    front: str
    top: str
    side: str
    edge: str


FACES = {
    "plain": Faces("#a3acb8", "#c3cad3", "#868f9c", "#5f6875"),
    "space": Faces("#5b8fd0", "#8fb5e6", "#4274b4", "#2b5a97"),
    "time": Faces("#e08a4a", "#f0b183", "#c06c2e", "#96501c"),
}
"""By what a convolution looks at: single pixels, one frame at a time, several frames."""

MOST_FRAMES, FRAME_STEP = 8, 7.0
MOST_LAYERS = 7
CELL, MOST_GRID = 6.0, 36.0


def text_width(content: str, size: float) -> float:
    """Return about how wide a text is, in the units of its size; no font is looked at."""
    narrow = sum(letter in "iljtfrI1.,:;|'()[] " for letter in content)
    return size * (0.66 * (len(content) - narrow) + 0.36 * narrow)


def text(x: float, y: float, content: str, *, size: float = 12, bold: bool = False, faint: bool = False) -> str:
    """Return a line of text, centred at ``x``, its base line at ``y``."""
    style = ' font-weight="600"' if bold else ""
    style += ' fill-opacity="0.72"' if faint else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}"{style}>{escape(content)}</text>'


def slab(x: float, axis: float, width: float, size: float, faces: Faces) -> str:
    """Return a slab whose front begins at ``x``, its middle at the height of ``axis``."""
    dx, dy = AWAY_X * size, AWAY_Y * size
    top, bottom = axis - (size - dy) / 2, axis + (size + dy) / 2
    right = x + width
    return (
        f'<g stroke="{faces.edge}" stroke-width="0.6" stroke-linejoin="round">'
        f'<path fill="{faces.front}" d="M{x:.1f} {top:.1f}H{right:.1f}V{bottom:.1f}H{x:.1f}Z"/>'
        f'<path fill="{faces.top}" d="M{x:.1f} {top:.1f}l{dx:.1f} {-dy:.1f}h{width:.1f}L{right:.1f} {top:.1f}Z"/>'
        f'<path fill="{faces.side}" d="M{right:.1f} {bottom:.1f}V{top:.1f}l{dx:.1f} {-dy:.1f}v{size:.1f}Z"/>'
        "</g>"
    )


def frames(x: float, axis: float, count: int, size: float) -> tuple[str, float]:
    """Return the frames of a clip one behind the other, and how wide they are; of many only some are drawn."""
    shown = min(count, MOST_FRAMES)
    dx, dy = AWAY_X * size, AWAY_Y * size
    top = axis - (size - dy) / 2
    drawn = []
    for i in range(shown):
        left = x + FRAME_STEP * i
        last = i == shown - 1
        drawn.append(
            f'<g transform="matrix({dx:.2f} {-dy:.2f} 0 {size:.2f} {left:.1f} {top:.1f})">'
            f'<path fill="{"#cfe0f3" if last else "#dfe4ea"}" d="M0 0H1V1H0Z"/>{_PICTURE if last else ""}'
            '<path fill="none" stroke="#5f6875" stroke-width="1" vector-effect="non-scaling-stroke" d="M0 0H1V1H0Z"/>'
            "</g>"
        )
    return "".join(drawn), FRAME_STEP * (shown - 1) + dx


_PICTURE = (
    '<path fill="#8aa6c4" d="M0 1V.72L.3 .42 .55 .7 .72 .55 1 .82V1Z"/>'
    '<circle cx=".74" cy=".24" r=".1" fill="#f3c14b"/>'
)
"""What is to be seen in a frame of the clip, drawn into the unit square."""


def kernel(x: float, bottom: float, sizes: tuple[int, int], faces: Faces) -> str:
    """Return a kernel (frames, pixels a side) as grids one behind the other, centred at ``x``, on ``bottom``."""
    deep, wide = sizes
    layers = min(deep, MOST_LAYERS)
    step = 4.0 if layers <= 3 else 2.5
    cell = min(CELL, (MOST_GRID - step * (layers - 1)) / wide)
    side = cell * wide
    left, top = x - (side + step * (layers - 1)) / 2, bottom - side
    grid = f"M0 0H{side:g}V{side:g}H0Z"
    if cell > 3:
        lines = [cell * i for i in range(1, wide)]
        grid += "".join(f"M0 {at:.2f}H{side:g}M{at:.2f} 0V{side:g}" for at in lines)
    drawn = [
        f'<path transform="translate({left + step * i:.1f} {top - step * i:.1f})" d="{grid}"/>'
        for i in reversed(range(layers))
    ]
    return f'<g fill="{faces.top}" stroke="{faces.edge}" stroke-width="0.7">{"".join(drawn)}</g>'


def film(x: float, y: float, count: int, most: int) -> str:
    """Return a strip with a field for every frame, centred at ``x``; ``most`` frames are 64 long."""
    length = max(2.0, 64.0 * count / most)
    left, step = x - length / 2, length / count
    lines = "".join(f"M{left + step * i:.1f} {y:.1f}v6" for i in range(1, count)) if step >= 2.5 else ""
    return (
        f'<path d="M{left:.1f} {y:.1f}h{length:.1f}v6h{-length:.1f}Z{lines}" fill="currentColor" fill-opacity="0.08" '
        'stroke="currentColor" stroke-opacity="0.55" stroke-width="0.8"/>'
    )


def arrow(start: float, end: float, y: float) -> str:
    """Return an arrow to the right; nothing where there is no room for one."""
    if end - start < 6:
        return ""
    return (
        f'<path d="M{start:.1f} {y:.1f}H{end - 4:.1f}" stroke="currentColor" stroke-opacity="0.5"/>'
        f'<path d="M{end:.1f} {y:.1f}l-6 -3.2v6.4Z" fill="currentColor" fill-opacity="0.5"/>'
    )
