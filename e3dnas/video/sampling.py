"""Which frames of a video make a clip: plain functions of the number of frames, the settings and a generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from e3dnas.errors import E3DNASError, nearest

__all__ = ["KINDS", "Indices", "Sampling", "clip_indices", "view_indices"]

Indices = npt.NDArray[np.int64]
KINDS = ("dense", "segment")


@dataclass(frozen=True)
class Sampling:
    """How the frames of a clip are chosen.

    Attributes:
        kind: ``dense``: ``frames`` frames, one every ``every``, from some place of the video (Kinetics, UCF101);
            ``segment``: the video is cut into ``frames`` equal segments and gives one frame of each
            (Something-Something, where the whole of a video tells its class).
        frames: frames of a clip.
        every: of ``dense``: frames from one to the next; need not be whole.
        fps: of ``dense``: ``every`` counts frames of a video that plays at this rate, so that a clip lasts equally long
            of any video: one at 60 frames a second is stepped through twice as fast as one at 30. None: frames are
            taken as they are.
    """

    kind: str = "dense"
    frames: int = 16
    every: float = 4
    fps: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise E3DNASError(f"sampling: must be {' or '.join(KINDS)}, not {self.kind!r}{nearest(self.kind, KINDS)}")
        for name, value in (("frames", self.frames), ("every", self.every), ("fps", self.fps)):
            if value is not None and not 0 < value < 1e6:
                raise E3DNASError(f"sampling: {name} must be above 0, not {value}")

    def step(self, fps: float | None) -> float:
        """Return frames from one to the next, of a video at ``fps`` frames a second (None: not known)."""
        return self.every * fps / self.fps if self.fps and fps else self.every


def clip_indices(
    count: int, sampling: Sampling, rng: np.random.Generator | None = None, fps: float | None = None
) -> Indices:
    """Return the frames of one clip.

    Args:
        count: frames of the video.
        sampling: how to choose.
        rng: for training, chooses the place of a dense clip and the frame in each segment, every one alike likely.
            None, for tests: the clip in the middle of the video, the frame in the middle of each segment.
        fps: the video's frames a second, if known.

    Returns:
        (sampling.frames,) indices in 0 .. count - 1. A video too short for a dense clip is played again from its
        start, as MMAction2 does; one with fewer frames than segments shows some of them more than once, in order.
    """
    if sampling.kind == "segment":
        places = np.full(sampling.frames, 0.5) if rng is None else rng.random(sampling.frames)
        return _of_segments(count, sampling, places)
    span = _span(sampling, fps)
    room = max(count - span, 0)
    start = room // 2 if rng is None else int(rng.integers(room + 1))
    return _from(start, count, sampling, fps)


def view_indices(count: int, sampling: Sampling, clips: int, fps: float | None = None) -> Indices:
    """Return the frames of the clips that a video is tested by.

    Args:
        count: frames of the video.
        sampling: how to choose.
        clips: clips of each video. Of ``dense`` they stand at equal distances, the first at the start and the last at
            the end of the video; of ``segment`` they take frames at equal distances within each segment. A single one
            is the one of ``clip_indices`` without a generator.
        fps: the video's frames a second, if known.

    Returns:
        (clips, sampling.frames) indices.
    """
    if sampling.kind == "segment":
        return np.stack([_of_segments(count, sampling, (clip + 0.5) / clips) for clip in range(clips)])
    if clips == 1:
        return clip_indices(count, sampling, None, fps)[None]
    room = max(count - _span(sampling, fps), 0)
    return np.stack([_from(room * clip // (clips - 1), count, sampling, fps) for clip in range(clips)])


def _span(sampling: Sampling, fps: float | None) -> int:
    """Return how many frames of the video a dense clip covers, from its first to its last."""
    return int((sampling.frames - 1) * sampling.step(fps)) + 1


def _from(start: int, count: int, sampling: Sampling, fps: float | None) -> Indices:
    steps = (np.arange(sampling.frames) * sampling.step(fps)).astype(np.int64)
    return (start + steps) % count


def _of_segments(count: int, sampling: Sampling, places: float | npt.NDArray[np.float64]) -> Indices:
    """Return a frame of each segment, at its place 0 .. 1 in it; segments need not begin at a whole frame."""
    found = ((np.arange(sampling.frames) + places) * count / sampling.frames).astype(np.int64)
    return np.minimum(found, count - 1)
