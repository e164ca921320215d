"""channels_last_3d, the memory format of this room: (B, T, H, W, C) in memory, (B, C, T, H, W) to the reader."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["as_channels_last", "empty_channels_last"]


def as_channels_last(x_BCTHW: Tensor) -> Tensor:
    """Return the tensor in channels_last_3d; a copy only where it is in another memory format."""
    # contiguous(memory_format=...) may keep strides of axes of one element that are not those of channels_last_3d.
    return x_BCTHW.permute(0, 2, 3, 4, 1).contiguous().permute(0, 4, 1, 2, 3)


def empty_channels_last(shape: Sequence[int | torch.SymInt], like: Tensor) -> Tensor:
    """Return an empty tensor of ``shape`` (B, C, T, H, W) in channels_last_3d, of the element type of ``like``."""
    clips, channels, frames, height, width = shape
    return like.new_empty((clips, frames, height, width, channels)).permute(0, 4, 1, 2, 3)
