"""Own videos without splits, ``class/*``: a fifth of each class is held out, by the names of its files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePath

from e3dnas.video.layouts.files import Listing, subfolders
from e3dnas.video.layouts.own import note_on_sides
from e3dnas.video.layouts.split import Item, Split, VideoData

__all__ = ["Unsplit"]

HELD_OUT = 5
"""One of so many videos is held out."""


class Unsplit:
    """A folder for each class, and nothing that says which videos to judge by."""

    name = "classes"
    title = "class/video, no splits"

    def recognise(self, root: Path) -> str | None:
        """Return the number of folders that hold a video, if there are at least two."""
        count = len(self._classes(Listing(), root))
        return f"{count} class folders, no splits" if count > 1 else None

    def _classes(self, listing: Listing, root: Path) -> tuple[str, ...]:
        return tuple(one for one in subfolders(root) if any(fits for _, fits in listing.videos(str(root / one))))

    def load(self, root: Path, fold: int) -> VideoData:
        """Read the folders; there are no folds.

        Of each class, the videos whose names have the lowest digests are held out, one in five but at least one. So the
        division stays the same on every machine, and where videos are added, little of it changes.
        """
        listing = Listing()
        classes = self._classes(listing, root)
        train, val, ignored = [], [], []
        for label, name in enumerate(classes):
            found = list(listing.videos(str(root / name)))
            ignored += [path for path, fits in found if not fits]
            paths = [path for path, fits in found if fits]
            held_out = set(sorted(paths, key=_digest)[: max(len(paths) // HELD_OUT, 1 if len(paths) > 1 else 0)])
            train += [Item(path, label) for path in paths if path not in held_out]
            val += [Item(path, label) for path in sorted(held_out)]
        sides = note_on_sides(classes)
        splits = {
            "train": Split("train", tuple(train), classes, not sides, ignored=tuple(ignored)),
            "val": Split("val", tuple(val), classes, not sides),
        }
        note = (
            f"one video in {HELD_OUT} of each class is held out as val; where several were cut from one recording, "
            "divide them yourself, as train/<class>/ and val/<class>/"
        )
        return VideoData(root, self.name, self.recognise(root) or "", splits, notes=(note, *sides))


def _digest(path: str) -> bytes:
    return hashlib.sha256(os.fsencode(PurePath(path).name)).digest()
