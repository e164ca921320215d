"""The layouts that data sets of videos come in, one file a layout, and which of them a folder has."""

from e3dnas.video.layouts.finding import LAYOUTS, load_videos
from e3dnas.video.layouts.split import Item, Layout, Split, VideoData

__all__ = ["LAYOUTS", "Item", "Layout", "Split", "VideoData", "load_videos"]
