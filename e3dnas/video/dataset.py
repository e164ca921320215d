"""Clips of a split's videos, for a DataLoader."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from e3dnas.errors import E3DNASError
from e3dnas.video.base import BrokenVideo
from e3dnas.video.layouts import Item, Split
from e3dnas.video.opening import check_reader, open_video
from e3dnas.video.samples import ClipSample, Draw
from e3dnas.video.sampling import Sampling, clip_indices, view_indices

__all__ = ["ClipDataset"]

TRIES = 10
FEWEST = 2  # frames; what moves cannot be seen in one


class ClipDataset(Dataset[ClipSample]):
    """Clips of the videos of a split.

    What an item gives follows from (seed, epoch, place) alone, whoever asks, in whatever order. A video that cannot be
    read is told in ``ClipSample.broken``. In training another one, drawn by the same three numbers, takes its place; in
    a test nothing does, so that no video counts twice.

    Args:
        split: the videos.
        sampling: which frames of a video make a clip.
        transform: makes the pixels: frames, uint8 (T, H, W, C), to a clip (C, T, H, W) in training, to its crops
            (crops, C, T, H, W) in a test. It draws from torch's global generator, which is seeded for each item.
        clips: None for training: one clip at random. For a test: so many clips of each video.
        seed: decides the random choices.
        fewest: frames that a video must have to be used.
        reader: what decodes files, see ``open_video``.
    """

    def __init__(
        self,
        split: Split,
        sampling: Sampling,
        transform: Callable[[Tensor], Tensor],
        *,
        clips: int | None = None,
        seed: int = 0,
        fewest: int = FEWEST,
        reader: str = "pyav",
    ) -> None:
        check_reader(reader)
        if not split.items:
            raise E3DNASError(f"split {split.name}: has no videos")
        if clips is not None and clips < 1:
            raise E3DNASError(f"clips: must be 1 or more, not {clips}")
        self.split, self.sampling, self.transform, self.clips = split, sampling, transform, clips
        self.seed, self.fewest, self.reader = seed, fewest, reader

    def __len__(self) -> int:
        return len(self.split.items)

    def __getitem__(self, draw: Draw | int) -> ClipSample:
        """Return the clip of an item, in an epoch (0 where only a place is given).

        Nothing is raised for videos that cannot be read, not even where ten drawn one after another cannot: a worker's
        error ends training with a trace, while ``BrokenReport`` tells in the main process what is wrong.
        """
        epoch, place = draw if isinstance(draw, tuple) else (0, draw)
        if not 0 <= place < len(self):
            raise IndexError(f"split {self.split.name}: there is no item {place}; it has {len(self)}")
        rng = np.random.default_rng((self.seed, epoch, place))
        broken: list[BrokenVideo] = []
        for _ in range(TRIES if self.clips is None else 1):
            item = self.split.items[place]
            try:
                clip = self._clip(item, rng)
            except BrokenVideo as error:
                broken.append(BrokenVideo(error.path, error.reason))  # without the trace, which holds frames
                if self.clips is None:
                    place = int(rng.integers(len(self)))
                continue
            return ClipSample(clip, item.label, place, tuple(broken))
        return ClipSample(None, self.split.items[place].label, place, tuple(broken))

    def _clip(self, item: Item, rng: np.random.Generator) -> Tensor:
        with open_video(item.path, reader=self.reader) as video:
            if video.count < self.fewest:
                raise BrokenVideo(item.path, f"has {video.count} frames; {self.fewest} or more are needed")
            if self.clips is None:
                indices = clip_indices(video.count, self.sampling, rng, video.fps)
            else:
                indices = view_indices(video.count, self.sampling, self.clips, video.fps)
            frames = video.frames(indices.ravel().tolist())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(1 << 62)))
            if self.clips is None:
                return self.transform(frames)
            views = [self.transform(one) for one in frames.view(self.clips, self.sampling.frames, *frames.shape[1:])]
            return torch.cat(views)
