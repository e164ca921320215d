"""A small data set of real video files whose classes only time tells: handwritten digits in motion."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from e3dnas.errors import E3DNASError, nearest
from e3dnas.video.digits import MOTIONS, draw_clip, handwritten_digits
from e3dnas.video.writing import write_video

__all__ = ["make_demo"]

LIMITS = {"train": (1, 100_000), "val": (1, 100_000), "frames": (4, 1000), "size": (16, 512), "seed": (0, 2**31)}
HELD_OUT = 0.2  # share of the handwritten digits that only validation shows


def make_demo(
    folder: str | Path,
    *,
    classes: Sequence[str] = MOTIONS,
    train: int = 60,
    val: int = 15,
    frames: int = 32,
    size: int = 64,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write videos of moving digits as ``train/<class>/*.mp4`` and ``val/<class>/*.mp4``, H.264, 25 frames a second.

    The same arguments give the same files. Validation shows other digits than training. The folder is there only when
    all of it is written.

    Args:
        folder: where to; must not be there or be empty.
        classes: of ``MOTIONS``, at least two.
        train: videos of each class to train on.
        val: videos of each class to judge by.
        frames: frames of each video.
        size: height and width, pixels; even.
        seed: decides all that is random.
        progress: called after each video with how many are done and how many there will be.

    Returns:
        Videos of each split.

    Raises:
        E3DNASError: an argument is wrong, or the folder holds something.
    """
    folder = Path(folder)
    _check(classes, train=train, val=val, frames=frames, size=size, seed=seed)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise E3DNASError(f"{folder}: is there already and not empty; name a new folder")
    part = folder.with_name(folder.name + ".part")
    if part.exists():
        raise E3DNASError(f"{part}: is left from a run that was stopped; remove it")
    counts, done = {"train": train, "val": val}, 0
    try:
        for split, count in counts.items():
            for motion in classes:
                (part / split / motion).mkdir(parents=True)
                for number in range(count):
                    path = part / split / motion / f"{number:05d}.mp4"
                    write_video(path, _frames(split, motion, number, frames, size, seed))
                    done += 1
                    if progress is not None:
                        progress(done, (train + val) * len(classes))
        os.replace(part, folder)  # noqa: PTH105  # Path.replace says the same
    except OSError as error:
        raise E3DNASError(f"{folder}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {split: count * len(classes) for split, count in counts.items()}


def _frames(split: str, motion: str, number: int, frames: int, size: int, seed: int) -> list[np.ndarray]:
    digits = handwritten_digits()
    cut = round(len(digits) * (1 - HELD_OUT))
    rng = np.random.default_rng((seed, split == "val", MOTIONS.index(motion), number))
    return draw_clip(motion, digits[:cut] if split == "train" else digits[cut:], frames, size, rng)


def _check(classes: Sequence[str], **numbers: int) -> None:
    for name in classes:
        if name not in MOTIONS:
            raise E3DNASError(
                f"classes: {name!r} is no motion{nearest(name, MOTIONS) or '.'} Known: {', '.join(MOTIONS)}"
            )
    if len(set(classes)) < max(len(classes), 2):
        raise E3DNASError(f"classes: must be two or more, each once, not {', '.join(classes) or 'none'}")
    for name, value in numbers.items():
        least, most = LIMITS[name]
        if not least <= value <= most:
            raise E3DNASError(f"{name}: must be {least} to {most}, not {value}")
    if numbers["size"] % 2:
        raise E3DNASError(f"size: must be even, as H.264 halves it for colour, not {numbers['size']}")
