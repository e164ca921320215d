"""Videos: reading them frame by frame, the layouts of data sets, clips of them, and a small set to try things on.

The road: ``load_videos`` recognises a folder's layout and gives a ``Split`` each, a ``ClipDataset`` makes its items
into clips (``open_video`` reads, ``sampling`` chooses frames, ``transforms`` makes pixels), a ``ClipOrder`` says which
when, and ``collate_clips`` makes batches. Names are imported when first used: checking a folder loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e3dnas.video.base import BrokenVideo, Video
    from e3dnas.video.checking import check_videos
    from e3dnas.video.dataset import ClipDataset
    from e3dnas.video.demo import make_demo
    from e3dnas.video.failures import BrokenReport
    from e3dnas.video.layouts import Item, Split, VideoData, load_videos
    from e3dnas.video.mixing import Mixer
    from e3dnas.video.opening import open_video
    from e3dnas.video.order import ClipOrder
    from e3dnas.video.samples import ClipBatch, Draw, collate_clips
    from e3dnas.video.sampling import Sampling
    from e3dnas.video.transforms import TestTransform, TrainTransform, normalise

__all__ = [
    "BrokenReport", "BrokenVideo", "ClipBatch", "ClipDataset", "ClipOrder", "Draw", "Item", "Mixer", "Sampling",
    "Split", "TestTransform", "TrainTransform", "Video", "VideoData", "check_videos", "collate_clips", "load_videos",
    "make_demo", "normalise", "open_video",
]  # fmt: skip

_HOMES = {
    "BrokenReport": "failures", "BrokenVideo": "base", "ClipBatch": "samples", "ClipDataset": "dataset",
    "ClipOrder": "order", "Draw": "samples", "Item": "layouts", "Mixer": "mixing", "Sampling": "sampling",
    "Split": "layouts", "TestTransform": "transforms", "TrainTransform": "transforms", "Video": "base",
    "VideoData": "layouts", "check_videos": "checking", "collate_clips": "samples", "load_videos": "layouts",
    "make_demo": "demo", "normalise": "transforms", "open_video": "opening",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
