"""Opening a video, whatever it is kept in."""

from __future__ import annotations

import importlib.util
import os
import stat
from pathlib import Path

from e3dnas.errors import E3DNASError, nearest
from e3dnas.video.base import BrokenVideo, Video
from e3dnas.video.truncation import promised_bytes

__all__ = ["READERS", "VIDEOS", "check_reader", "open_video"]

READERS = ("pyav", "torchcodec")
VIDEOS = frozenset((
    ".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv",
))  # fmt: skip
"""Endings of files that are taken for videos; what is in a file is told from the file itself."""


def open_video(path: str | Path, *, reader: str = "pyav", threads: int = 1) -> Video:
    """Open a video file or a folder of frames (``00001.jpg``, ``00002.jpg``, ...).

    Args:
        path: the file or folder.
        reader: what decodes files: ``pyav``, which brings its own FFmpeg, or ``torchcodec``, where that is installed
            with an FFmpeg of the system. Both give the same frames; where a side is odd, colours differ by a rounding.
        threads: threads that decode one video. 1 starts none, which is best where several workers read videos.

    Raises:
        BrokenVideo: it is not there, is no video, is cut off, or has no frame.
        E3DNASError: there is no such reader, or it is not installed.
    """
    check_reader(reader)
    path = Path(path)
    try:
        status = path.stat()
    except OSError as error:
        raise BrokenVideo(path, f"cannot be read: {error.strerror}") from None
    except ValueError:  # a name with a zero byte
        raise BrokenVideo(path, "is no name of a file") from None
    if stat.S_ISDIR(status.st_mode):
        from e3dnas.video.frame_folder import FrameFolder

        return FrameFolder(path)
    _check_file(path, status)
    if reader == "torchcodec":
        from e3dnas.video.torchcodec_reader import open_torchcodec

        return open_torchcodec(path, threads)
    from e3dnas.video.pyav_reader import PyAVVideo

    return PyAVVideo(path, threads)


def check_reader(reader: str) -> None:
    """Refuse a reader that is not there.

    Raises:
        E3DNASError: it is unknown or not installed.
    """
    if reader not in READERS:
        raise E3DNASError(f"reader: must be one of {', '.join(READERS)}, not {reader!r}{nearest(reader, READERS)}")
    if reader == "torchcodec" and importlib.util.find_spec("torchcodec") is None:
        raise E3DNASError("reader: torchcodec is not installed; pip install torchcodec, or write pyav")


def _check_file(path: Path, status: os.stat_result) -> None:
    """Tell without a decoder what would make it wait for ever, or fail without saying why."""
    if not stat.S_ISREG(status.st_mode):
        raise BrokenVideo(path, "is neither a file nor a folder")
    if not status.st_size:
        raise BrokenVideo(path, "is empty (0 bytes)")
    try:
        promised = promised_bytes(path)
    except OSError as error:
        raise BrokenVideo(path, f"cannot be read: {error.strerror}") from None
    if promised is not None:
        raise BrokenVideo(path, f"is cut off: {status.st_size:,} of {promised:,} bytes are there")
