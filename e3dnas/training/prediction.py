"""What a trained network sees in videos: over the whole of each, or in a window that slides along it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.errors import E3DNASError
from e3dnas.training.assembling import make_accelerator
from e3dnas.training.testing import view_probabilities
from e3dnas.training.trained import Trained, find_trained

if TYPE_CHECKING:
    import numpy as np
    from accelerate import Accelerator
    from torch import nn

    from e3dnas.video import Video

__all__ = ["Guess", "Prediction", "Window", "predict"]

MOST = 32
"""Clips computed at once."""


@dataclass(frozen=True)
class Guess:
    """A class and its probability, 0 to 1."""

    name: str
    probability: float


@dataclass(frozen=True)
class Window:
    """What is seen from ``start`` to ``end``, in seconds, most probable first."""

    start: float
    end: float
    guesses: tuple[Guess, ...]


@dataclass(frozen=True)
class Prediction:
    """What is seen in one video.

    Attributes:
        path: the file or folder.
        guesses: classes of the whole video, most probable first; empty where it cannot be read.
        windows: what is seen along it, if that was asked for.
        problem: why it cannot be read; empty: it can.
    """

    path: str
    guesses: tuple[Guess, ...] = ()
    windows: tuple[Window, ...] = ()
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True)
class _Eye:
    """A network ready to look."""

    trained: Trained
    network: nn.Module
    accelerator: Accelerator
    top: int

    def look(self, video: Video, first: int, count: int) -> tuple[Guess, ...]:
        """Return what is seen in ``count`` frames from ``first`` on."""
        import torch

        trained = self.trained
        indices = first + _view_indices(trained, count, video.fps)
        frames = video.frames(indices.ravel().tolist())
        transform = trained.prepared.test_transform(trained.views.crops)
        crops = [transform(some) for some in frames.view(*indices.shape, *frames.shape[1:])]
        clips = trained.prepared.to_input(torch.cat(crops), self.accelerator.device, torch.preserve_format)
        with torch.inference_mode(), self.accelerator.autocast():
            shares = view_probabilities(self.network, clips, len(clips), MOST)[0].cpu()
        best = shares.topk(min(self.top, len(shares)))
        return tuple(
            Guess(trained.classes[label], share)
            for share, label in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        )


def predict(
    model: str | Path,
    files: Sequence[str | Path],
    *,
    top: int = 5,
    clips: int | None = None,
    crops: int | None = None,
    window: float | None = None,
    stride: float | None = None,
    device: str = "auto",
) -> Iterator[Prediction]:
    """Yield what a trained network sees in videos, one after another; frames are prepared as in its training.

    Args:
        model: the folder of a training, the model in it, or an exported file.
        files: video files, or folders of frames.
        top: classes to tell.
        clips: clips over the length of a video (or window); None: as the recipe of the training says.
        crops: crops of each clip, 1, 2 or 3; None: likewise.
        window: seconds of a window that slides along each video; None: the whole alone.
        stride: seconds from one window to the next; None: half a window.
        device: ``auto``, ``cpu`` or ``cuda``; for an exported file ``auto`` is ``cpu``.

    Raises:
        E3DNASError: there is no trained network, or a number is out of its range. A video that cannot be read is told
            in ``Prediction.problem``.
    """
    if top < 1:
        raise E3DNASError(f"top: must be 1 or more, not {top}")
    for name, seconds in (("window", window), ("stride", stride)):
        if seconds is not None and not 0 < seconds < 1e6:
            raise E3DNASError(f"{name}: must be seconds above 0, not {seconds}")
    if stride is not None and window is None:
        raise E3DNASError("stride: needs a window; write both")
    trained = find_trained(model).with_views(clips, crops)
    accelerator = make_accelerator("cpu" if trained.exported and device == "auto" else device, "no")
    eye = _Eye(trained, trained.load().to(accelerator.device), accelerator, top)
    return (_predict(eye, str(file), window, stride) for file in files)


def _predict(eye: _Eye, path: str, window: float | None, stride: float | None) -> Prediction:
    from e3dnas.video import BrokenVideo, open_video

    try:
        with open_video(path) as video:
            spans = [] if window is None else _spans(video, window, stride or window / 2)
            guesses = eye.look(video, 0, video.count)
            windows = tuple(
                Window(round(first / fps, 3), round((first + count) / fps, 3), eye.look(video, first, count))
                for first, count, fps in spans
            )
    except BrokenVideo as error:
        return Prediction(path, problem=error.reason)
    return Prediction(path, guesses, windows)


def _spans(video: Video, window: float, stride: float) -> list[tuple[int, int, float]]:
    """Return the windows of a video as (first frame, frames, frames a second).

    Every window begins at the frame nearest to its multiple of the stride, so that the steps of a frame rate that is no
    whole number do not add up to a drift. The last one ends with the video. A video shorter than a window is one.
    """
    from e3dnas.video import BrokenVideo

    if not video.fps:
        raise BrokenVideo(video.path, "does not say how fast it plays, so that it has no windows of seconds")
    length = max(min(round(window * video.fps), video.count), 1)
    last, step = video.count - length, max(stride * video.fps, 1.0)
    starts = (round(place * step) for place in range(math.ceil(last / step)))
    return [(first, length, video.fps) for first in (*(start for start in starts if start < last), last)]


def _view_indices(trained: Trained, count: int, fps: float | None) -> np.ndarray[Any, np.dtype[np.int64]]:
    from e3dnas.video.sampling import view_indices

    return view_indices(count, trained.prepared.sampling, trained.views.clips, fps)
