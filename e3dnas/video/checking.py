"""Looking at every video of a data set before anyone trains on it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from e3dnas.video.base import BrokenVideo
from e3dnas.video.layouts import Split, VideoData
from e3dnas.video.opening import check_reader, open_video

__all__ = ["SplitCheck", "VideoCheck", "VideoFacts", "check_videos"]

FEWEST = 2  # frames; ClipDataset uses no video with fewer
BLOCK = 1 << 24  # bytes of frames decoded at once with ``full``


@dataclass(frozen=True)
class VideoFacts:
    """One video: what it is, or why it cannot be used.

    Attributes:
        path: the file or folder of frames.
        label: its class.
        problem: what is wrong with it, or None; then the rest is known.
        frames: how many.
        fps: frames a second, None for folders.
        seconds: how long it is, None for folders.
        height: pixels, as it is meant to be seen.
        width: pixels.
        codec: how it is encoded.
    """

    path: str
    label: int
    problem: str | None = None
    frames: int = 0
    fps: float | None = None
    seconds: float | None = None
    height: int = 0
    width: int = 0
    codec: str = ""


@dataclass(frozen=True)
class SplitCheck:
    """What was found in one split.

    Attributes:
        split: the split.
        videos: one entry for each item, in order.
    """

    split: Split
    videos: tuple[VideoFacts, ...]

    @property
    def usable(self) -> list[VideoFacts]:
        """The videos that can be read."""
        return [one for one in self.videos if one.problem is None]

    @property
    def broken(self) -> list[VideoFacts]:
        """The videos that cannot."""
        return [one for one in self.videos if one.problem is not None]

    @property
    def empty(self) -> list[str]:
        """Names of the classes without a video that can be read."""
        there = {one.label for one in self.usable}
        return [name for label, name in enumerate(self.split.classes) if label not in there]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, the broken and missing by name."""
        counts = Counter(one.label for one in self.usable)
        spans = {
            name: _span([value for one in self.usable if (value := getattr(one, name)) is not None])
            for name in ("seconds", "frames", "fps")
        }
        return {
            "videos": len(self.videos), "usable": len(self.usable), "broken": len(self.broken),
            "missing": len(self.split.missing), "ignored": len(self.split.ignored), **spans,
            "sizes": {f"{w}x{h}": n for (w, h), n in Counter((o.width, o.height) for o in self.usable).most_common()},
            "codecs": dict(Counter(one.codec for one in self.usable).most_common()),
            "classes": {name: counts[label] for label, name in enumerate(self.split.classes)},
            "empty_classes": self.empty,
            "broken_files": {one.path: one.problem for one in self.broken},
            "missing_files": list(self.split.missing), "ignored_files": list(self.split.ignored),
        }  # fmt: skip


@dataclass(frozen=True)
class VideoCheck:
    """What was found in a data set.

    Attributes:
        data: the data set as its lists and folders describe it.
        splits: what was found, by split.
        shared: videos that stand in more than one split.
    """

    data: VideoData
    splits: dict[str, SplitCheck]
    shared: tuple[str, ...]

    @property
    def problems(self) -> list[str]:
        """What should be put right before anyone trains, a line each; nothing if all is well."""
        lines = []
        for name, found in self.splits.items():
            for count, told in (
                (len(found.broken), "cannot be read"), (len(found.split.missing), "are in its list but not there"),
                (len(found.empty), "of its classes have no video that can be read"),
            ):  # fmt: skip
                if count:
                    lines.append(f"{name}: {count:,} {told}")
        if self.shared:
            lines.append(f"{len(self.shared):,} videos stand in more than one split, e.g. {self.shared[0]}")
        if "train" not in self.splits:
            lines.append("there is no split to train on")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "path": str(self.data.root), "layout": self.data.layout, "recognised_by": self.data.why,
            "classes": list(self.data.classes), "mirror": self.data.mirror, "sampling": self.data.sampling,
            "notes": list(self.data.notes), "ok": not self.problems, "problems": self.problems,
            "splits": {name: found.to_dict() for name, found in self.splits.items()}, "shared": list(self.shared),
        }  # fmt: skip


def check_videos(
    data: VideoData,
    *,
    full: bool = False,
    workers: int | None = None,
    reader: str = "pyav",
    progress: Callable[[int, int], None] | None = None,
) -> VideoCheck:
    """Open every video of a data set and decode its first, middle and last frame.

    Args:
        data: the data set.
        full: decode every frame instead.
        workers: videos looked at side by side; as many as there are processors if not given.
        reader: what decodes files, see ``e3dnas.video.open_video``.
        progress: called after each video with how many are done and how many there are.
    """
    check_reader(reader)
    tasks = [(name, item) for name, split in data.splits.items() for item in split.items]
    found: dict[str, list[VideoFacts]] = {name: [] for name in data.splits}
    pool = ThreadPoolExecutor(workers or os.cpu_count())
    try:
        # Decoders let go of the interpreter while they work, so that threads are enough.
        looked = pool.map(lambda task: _look(task[1].path, task[1].label, reader, full), tasks)
        for done, ((name, _), facts) in enumerate(zip(tasks, looked, strict=True), start=1):
            found[name].append(facts)
            if progress is not None:
                progress(done, len(tasks))
    finally:
        pool.shutdown(cancel_futures=True)
    splits = {name: SplitCheck(split, tuple(found[name])) for name, split in data.splits.items()}
    counted = Counter(path for split in data.splits.values() for path in {item.path for item in split.items})
    return VideoCheck(data, splits, tuple(path for path, count in counted.items() if count > 1))


def _look(path: str, label: int, reader: str, full: bool) -> VideoFacts:
    try:
        with open_video(path, reader=reader) as video:
            if video.count < FEWEST:
                raise BrokenVideo(path, f"has {video.count} frame; {FEWEST} or more are needed")
            height, width = video.size
            blocks = _blocks(video.count, height * width * 3) if full else [[0, video.count // 2, video.count - 1]]
            for block in blocks:
                video.arrays(block)
            return VideoFacts(
                path, label, None, video.count, video.fps, video.seconds, height, width, video.codec
            )  # fmt: skip
    except BrokenVideo as error:
        return VideoFacts(path, label, error.reason)


def _blocks(count: int, each: int) -> Iterator[list[int]]:
    """Yield all frames in blocks that fit into memory; ``each`` is the bytes of one."""
    length = max(BLOCK // each, 1)
    for start in range(0, count, length):
        yield list(range(start, min(start + length, count)))


def _span(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"least": float(np.min(values)), "median": float(median(values)), "most": float(np.max(values))}
