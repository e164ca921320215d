"""Which layout a folder has."""

from __future__ import annotations

from pathlib import Path

from e3dnas.errors import E3DNASError, nearest
from e3dnas.video.layouts.files import Listing, subfolders
from e3dnas.video.layouts.kinetics import Kinetics
from e3dnas.video.layouts.kinetics_official import KineticsOfficial
from e3dnas.video.layouts.own import OwnVideos
from e3dnas.video.layouts.something_v1 import SomethingV1
from e3dnas.video.layouts.something_v2 import SomethingV2
from e3dnas.video.layouts.split import Layout, VideoData
from e3dnas.video.layouts.ucf101 import UCF101
from e3dnas.video.layouts.unsplit import Unsplit

__all__ = ["LAYOUTS", "load_videos"]

# The first that recognises a folder reads it: lists before folders, since they say more.
LAYOUTS: tuple[Layout, ...] = (
    SomethingV2(), SomethingV1(), UCF101(), KineticsOfficial(), Kinetics(), OwnVideos(), Unsplit(),
)  # fmt: skip


def load_videos(root: str | Path, *, layout: str | None = None, fold: int = 1) -> VideoData:
    """Read which videos a folder has and what they show; none of them is opened.

    Args:
        root: the folder of the data set.
        layout: its layout's name; without it the layout is recognised.
        fold: of a layout with several divisions into training and test (UCF101), this one.

    Raises:
        E3DNASError: it is no folder, its layout is not known, a list in it is wrong, or it has no video.
    """
    root = Path(root)
    if not root.is_dir():
        raise E3DNASError(f"{root}: {'is a file' if root.exists() else 'is not there'}; give the folder of a data set")
    try:
        found = _layout(root, layout)
        data = found.load(root, fold)
    except OSError as error:
        raise E3DNASError(f"{error.filename or root}: cannot be read: {error.strerror}") from None
    if not any(split.items for split in data.splits.values()):
        missing = [path for split in data.splits.values() for path in split.missing]
        remedy = f"; its lists name {len(missing):,} that are not there, e.g. {missing[0]}" if missing else ""
        raise E3DNASError(f"{root}: has no video, read as {data.layout} ({data.why}){remedy}")
    return data


def _layout(root: Path, name: str | None) -> Layout:
    known = {one.name: one for one in LAYOUTS}
    if name is not None:
        if name not in known:
            raise E3DNASError(f"--layout {name!r}: must be one of {', '.join(known)}{nearest(name, known)}")
        if known[name].recognise(root) is None:
            raise E3DNASError(f"{root}: has not the layout {name} ({known[name].title})")
        return known[name]
    for one in LAYOUTS:
        if one.recognise(root) is not None:
            return one
    raise E3DNASError(f"{root}: {_unknown(root)}")


def _unknown(root: Path) -> str:
    """Return what to do with a folder whose layout is not known."""
    listing, folders = Listing(), subfolders(root)
    if any(fits for name in folders[:100] for _, fits in listing.videos(str(root / name))):
        return f"has one folder of videos ({folders[0]}), and a network needs two classes or more, a folder for each"
    if any(fits for _, fits in listing.videos(str(root))):
        return "has videos but no classes; sort them as train/<class>/video.mp4 and val/<class>/video.mp4"
    known = ", ".join(f"{one.name} ({one.title})" for one in LAYOUTS)
    return f"no layout is recognised; write train/<class>/video.mp4 and val/<class>/video.mp4. Known: {known}"
