"""Handwritten digits in motion: the frames of one small video.

The class is how a digit moves. Where it is, how large, how it is turned, its colour and which digit it is are drawn
from the same distributions for every class, so that no single frame tells the class: digits that leave at one side come
back at the other, and those that grow start small again, at a random moment.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from e3dnas.video.base import Image

__all__ = ["MOTIONS", "draw_clip", "handwritten_digits"]

Floats = npt.NDArray[np.float64]
MOTIONS = (
    "move_right", "move_left", "move_up", "move_down", "turn_clockwise", "turn_counterclockwise", "grow", "shrink",
)  # fmt: skip
STEPS = {"move_right": (1, 0), "move_left": (-1, 0), "move_up": (0, -1), "move_down": (0, 1)}
ZOOMS = (1.8, 3.6)  # side of a frame of 64 pixels: digits of 8 pixels become 14 to 29 wide
BEHIND = 2  # digits that stand still and are dim


@lru_cache(maxsize=1)
def handwritten_digits() -> Floats:
    """Return scikit-learn's handwritten digits, (1797, 8, 8), ink 0 .. 1."""
    from sklearn.datasets import load_digits

    return np.asarray(load_digits().images, np.float64) / 16


def draw_clip(motion: str, digits: Floats, frames: int, size: int, rng: np.random.Generator) -> list[Image]:
    """Return the frames of one video.

    Args:
        motion: one of ``MOTIONS``.
        digits: (n, 8, 8), ink 0 .. 1, to choose from.
        frames: how many.
        size: height and width, pixels.
        rng: decides all that the motion leaves open.

    Returns:
        Frames, uint8 (size, size, 3) each.
    """
    paper, noise = rng.uniform(0, 60, 3), rng.normal(0, 6, (size, size, 1))
    scene = paper + noise
    for _ in range(BEHIND):
        ink = _ink(digits[rng.integers(len(digits))], *_pose("", np.zeros(1), size, rng), size)[0]
        scene = scene + ink[..., None] * rng.uniform(20, 60, 3)
    ink = _ink(digits[rng.integers(len(digits))], *_pose(motion, np.arange(frames), size, rng), size)
    colour = rng.uniform(120, 255, 3)
    return [np.clip(scene + cover[..., None] * (colour - scene) + 0.5, 0, 255).astype(np.uint8) for cover in ink]


def _pose(
    motion: str, time: npt.NDArray[Any], size: int, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return x, y (pixels), angle (radians, clockwise) and zoom of a digit at each time (frames)."""
    unit = size / 64
    x, y, angle = rng.uniform(0, size), rng.uniform(0, size), rng.uniform(0, 2 * np.pi)
    phase = rng.uniform()  # of the zoom, between its ends
    pixels, radians, share = rng.uniform(1, 2) * unit, np.deg2rad(rng.uniform(5, 9)), rng.uniform(0.03, 0.05)
    across, down = STEPS.get(motion, (0, 0))
    turn = {"turn_clockwise": 1, "turn_counterclockwise": -1}.get(motion, 0)
    grow = {"grow": 1, "shrink": -1}.get(motion, 0)
    zoom = unit * ZOOMS[0] * (ZOOMS[1] / ZOOMS[0]) ** ((phase + grow * share * time) % 1)
    return x + across * pixels * time, y + down * pixels * time, angle + turn * radians * time, zoom


def _ink(digit: Floats, x: Floats, y: Floats, angle: Floats, zoom: Floats, size: int) -> Floats:
    """Return how much of each pixel a digit covers, (frames, size, size), 0 .. 1."""
    from scipy.ndimage import map_coordinates

    places = np.arange(size) + 0.5
    # Offsets from the digit's middle on a frame whose opposite sides are joined.
    right, down = ((places - middle[:, None] + size / 2) % size - size / 2 for middle in (x, y))
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    across = (cos[:, None] * right)[:, None, :] + (sin[:, None] * down)[:, :, None]
    along = (cos[:, None] * down)[:, :, None] - (sin[:, None] * right)[:, None, :]
    inside = (np.abs(across) < 4.5) & (np.abs(along) < 4.5)  # the digit and half a pixel around it, where it fades out
    middle = digit.shape[0] / 2 + 0.5  # of the padded digit, whose first pixel is at 0
    ink = np.zeros(inside.shape)
    ink[inside] = map_coordinates(np.pad(digit, 1), [along[inside] + middle, across[inside] + middle], order=1)
    return ink
