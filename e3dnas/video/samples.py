"""What a data set gives, and batches of it.

Shapes: B clips a batch, V views a video, C channels, T frames, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from e3dnas.video.base import BrokenVideo

__all__ = ["ClipBatch", "ClipSample", "Draw", "collate_clips"]


class Draw(NamedTuple):
    """What is asked of a data set: the item at a place of its split, in an epoch; what is random follows from both."""

    epoch: int
    place: int


class ClipSample(NamedTuple):
    """One item.

    Attributes:
        clip: (C, T, H, W) in training, (V, C, T, H, W) in tests, uint8 unless the transform says otherwise. None where
            the video, in training ten one after another, cannot be read.
        label: the class.
        place: the position in the split of the video that the clip is of.
        broken: videos that could not be read on the way.
    """

    clip: Tensor | None
    label: int
    place: int
    broken: tuple[BrokenVideo, ...] = ()


class ClipBatch(NamedTuple):
    """Items put together.

    Attributes:
        clips: (B, C, T, H, W) in training, (B, V, C, T, H, W) in tests; B is less than the batch size, or even 0,
            where videos cannot be read.
        labels: (B,) int64.
        indices: (B,) int64, positions in the split.
        broken: videos that could not be read.
    """

    clips: Tensor
    labels: Tensor
    indices: Tensor
    broken: tuple[BrokenVideo, ...]


def collate_clips(samples: Sequence[ClipSample]) -> ClipBatch:
    """Put items together, leaving out those without a clip: the ``collate_fn`` of a DataLoader."""
    whole = [(one.clip, one.label, one.place) for one in samples if one.clip is not None]
    clips = torch.stack([clip for clip, _, _ in whole]) if whole else torch.zeros(0)
    labels, indices = (torch.tensor([one[field] for one in whole], dtype=torch.int64) for field in (1, 2))
    return ClipBatch(clips, labels, indices, tuple(one for sample in samples for one in sample.broken))
