"""Own videos: ``split/class/*``, the names of the folders are the classes. Kinetics in folders looks the same."""

from __future__ import annotations

from pathlib import Path

from e3dnas.errors import E3DNASError
from e3dnas.video.layouts.files import Listing, subfolders
from e3dnas.video.layouts.split import Item, Split, VideoData, sided

__all__ = ["SPLITS", "OwnVideos", "note_on_sides", "split_folders"]

SPLITS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validate": "val", "validation": "val",
    "dev": "val", "test": "test", "testing": "test",
}  # fmt: skip
"""Names of split folders, in lower case, and the splits they stand for."""


def split_folders(root: Path) -> dict[str, str]:
    """Return the folders of a data set that are splits: split to folder name.

    Raises:
        E3DNASError: two folders stand for the same split.
    """
    found: dict[str, str] = {}
    for name in subfolders(root):
        split = SPLITS.get(name.lower())
        if split in found:
            raise E3DNASError(f"{root}: {found[split]} and {name} both stand for the split {split}; keep one of them")
        if split is not None:
            found[split] = name
    return dict(sorted(found.items(), key=lambda pair: list(SPLITS.values()).index(pair[0])))


def note_on_sides(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Return a note where a class is named after a side, so that nothing may be mirrored; otherwise nothing."""
    found = sided(classes)
    return (f"class {found[0]!r} names a side: videos are not flipped",) if found else ()


class OwnVideos:
    """``train/<class>/*`` and ``val/<class>/*``, ``test/<class>/*``: files, or folders of frames."""

    name = "folders"
    title = "split/class/video"

    def recognise(self, root: Path) -> str | None:
        """Return the splits whose folders hold class folders."""
        splits = [name for name in split_folders(root).values() if subfolders(root / name)]
        return f"{', '.join(f'{name}/' for name in splits)} with a folder for each class" if splits else None

    def load(self, root: Path, fold: int) -> VideoData:
        """Read the folders; there are no folds.

        Classes are the folders of all splits together, sorted by name. Where a class is named after a side or a
        direction of turning, nothing may be mirrored.
        """
        folders = split_folders(root)
        classes = tuple(sorted({name for folder in folders.values() for name in subfolders(root / folder)}))
        sides = note_on_sides(classes)
        listing = Listing()
        splits = {
            split: self._split(listing, root / folder, split, classes, mirror=not sides)
            for split, folder in folders.items()
        }
        return VideoData(root, self.name, self.recognise(root) or "", splits, notes=sides)

    def _split(self, listing: Listing, folder: Path, name: str, classes: tuple[str, ...], *, mirror: bool) -> Split:
        items, ignored = [], []
        for label, one in enumerate(classes):
            for path, is_video in listing.videos(str(folder / one)):
                if is_video:
                    items.append(Item(path, label))
                else:
                    ignored.append(path)
        return Split(name, tuple(items), classes, mirror, ignored=tuple(ignored))
