"""Videos kept as folders of images, one a frame: ``00001.jpg``, ``00002.jpg``, ..."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from e3dnas.video.base import IMAGES, BrokenVideo, Image, Video

__all__ = ["FrameFolder"]


class FrameFolder(Video):
    """A folder of images as a video: its frames are the images in the order of the numbers in their names.

    A folder does not say how fast it plays: ``fps`` and ``seconds`` are None.

    Args:
        path: the folder.

    Raises:
        BrokenVideo: there is no image in it.
    """

    fps = None
    seconds = None

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            names = [one.name for one in path.iterdir() if one.suffix.lower() in IMAGES and one.name[0] != "."]
        except OSError as error:
            raise BrokenVideo(path, f"cannot be read: {error.strerror}") from None
        if not names:
            raise BrokenVideo(path, "has no images in it")
        self._names = sorted(names, key=_order)
        self.count, self.codec = len(names), Path(self._names[0]).suffix[1:].lower()

    def _pick(self, indices: Sequence[int]) -> Iterator[tuple[int, Image]]:
        from PIL import Image as Pictures

        for index in indices:
            name = self._names[index]
            try:
                with Pictures.open(self.path / name) as picture:
                    yield index, np.asarray(picture.convert("RGB"))
            except (OSError, ValueError, SyntaxError, Pictures.DecompressionBombError) as error:
                raise BrokenVideo(self.path, f"{name} cannot be decoded: {_first_line(error)}") from None


def _order(name: str) -> list[tuple[int, int, str]]:
    """Return a key that sorts by the numbers in names: frame 10 comes after frame 9, with zeros before it or not."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part] + [(2, 0, name)]


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
