"""What lies in a folder, looked at once: lists of a hundred thousand files are checked without asking for each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from e3dnas.errors import E3DNASError
from e3dnas.video.base import IMAGES
from e3dnas.video.opening import VIDEOS

__all__ = ["Listing", "decode_lines", "find_file", "is_video_name", "read_lines", "subfolders"]


class Listing:
    """Names in folders, each folder read once."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, bool]] = {}

    def names(self, folder: str) -> dict[str, bool]:
        """Return the names in a folder and whether each is a folder; hidden ones and a missing folder give none."""
        if folder not in self._names:
            try:
                with os.scandir(folder) as entries:
                    found = {one.name: one.is_dir() for one in entries if not one.name.startswith(".")}
            except OSError:
                found = {}
            self._names[folder] = dict(sorted(found.items()))
        return self._names[folder]

    def has(self, path: str) -> bool:
        """Return whether a file or folder is there."""
        return os.path.basename(path) in self.names(os.path.dirname(path) or ".")  # noqa: PTH119, PTH120

    def videos(self, folder: str) -> Iterator[tuple[str, bool]]:
        """Yield the path of each entry of a folder, and whether it is a video by its name, or a folder of frames."""
        for name, is_folder in self.names(folder).items():
            path = f"{folder}/{name}"
            yield path, self.holds_frames(path) if is_folder else is_video_name(name)

    def holds_frames(self, folder: str) -> bool:
        """Return whether there is an image in a folder."""
        try:
            with os.scandir(folder) as entries:  # not kept: there may be millions of frames
                return any(os.path.splitext(one.name)[1].lower() in IMAGES for one in entries)  # noqa: PTH122
        except OSError:
            return False


def is_video_name(name: str) -> bool:
    """Return whether a file is a video by its ending."""
    return os.path.splitext(name)[1].lower() in VIDEOS  # noqa: PTH122


def subfolders(root: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted; hidden ones are none."""
    with os.scandir(root) as entries:
        return sorted(one.name for one in entries if one.is_dir() and not one.name.startswith("."))


def find_file(root: Path, names: tuple[str, ...], folders: tuple[str, ...]) -> Path | None:
    """Return the first file with one of the names that lies in the folder itself or in one of its ``folders``."""
    for folder in ("", *folders):
        for name in names:
            if (path := root / folder / name).is_file():
                return path
    return None


def read_lines(path: Path) -> list[tuple[str, str]]:
    """Return the lines of a list that hold something, each with its place, ``file:line``.

    Raises:
        E3DNASError: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise E3DNASError(f"{path}: cannot be read: {error.strerror}") from None
    return decode_lines(path, content)


def decode_lines(path: Path, content: bytes) -> list[tuple[str, str]]:
    """Return the lines of a list's content; see ``read_lines``.

    Raises:
        E3DNASError: a line is no UTF-8.
    """
    lines = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            raise E3DNASError(f"{path}:{number}: is no UTF-8 text: {line[:40]!r}; save the file as UTF-8") from None
        if text:
            lines.append((text, f"{path}:{number}"))
    return lines
