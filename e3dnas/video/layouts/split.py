"""What a data set is once its layout is read: splits of items with labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from e3dnas.errors import E3DNASError, nearest

__all__ = ["Item", "Layout", "Split", "VideoData", "sided"]

SIDES = re.compile(r"(?i)(?<![a-z])(left|right|(anti|counter)?[ _-]?clockwise)(?![a-z])")


class Item(NamedTuple):
    """One video of a split.

    Attributes:
        path: the file, or the folder of frames.
        label: its class, a position in ``Split.classes``.
    """

    path: str
    label: int


@dataclass(frozen=True)
class Split:
    """The videos of one split.

    Attributes:
        name: ``train``, ``val`` or ``test``.
        items: the videos, in the order that the layout lists them in.
        classes: names of the classes; the same for all splits of a data set.
        mirror: whether a video seen in a mirror keeps its label. Where it does not, nothing may be flipped.
        missing: videos that a list names and that are not there.
        ignored: files that lie among the videos and are none by their names.
    """

    name: str
    items: tuple[Item, ...]
    classes: tuple[str, ...]
    mirror: bool = True
    missing: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def counts(self) -> list[int]:
        """Return the videos of each class."""
        counted = [0] * len(self.classes)
        for item in self.items:
            counted[item.label] += 1
        return counted


@dataclass(frozen=True)
class VideoData:
    """A folder of videos with labels.

    Attributes:
        root: the folder.
        layout: the name of its layout.
        why: what it was recognised by, in one line.
        splits: its splits by name.
        sampling: how frames are usually chosen from such videos: ``dense`` or ``segment``.
        notes: what one should know, one line each.
    """

    root: Path
    layout: str
    why: str
    splits: dict[str, Split]
    sampling: str = "dense"
    notes: tuple[str, ...] = field(default=())

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return next(iter(self.splits.values())).classes

    @property
    def mirror(self) -> bool:
        """Whether videos may be flipped: no split forbids it, and no class is named after a side."""
        return all(split.mirror for split in self.splits.values()) and not sided(self.classes)

    def split(self, *names: str) -> Split:
        """Return the first of the named splits that there is.

        Raises:
            E3DNASError: there is none of them.
        """
        for name in names:
            if name in self.splits:
                return self.splits[name]
        wanted = " or ".join(names)
        raise E3DNASError(
            f"{self.root}: has no split {wanted}{nearest(names[0], self.splits)}. It has {', '.join(self.splits)}"
        )

    @property
    def train(self) -> Split:
        """The split to train on."""
        return self.split("train")

    @property
    def held_out(self) -> Split:
        """The split to judge a network by while it is trained: ``val``, or ``test`` where there is no ``val``."""
        return self.split("val", "test")

    def told(self) -> str:
        """Return in one line what was found."""
        parts = ", ".join(f"{name} {len(split.items):,}" for name, split in self.splits.items())
        return f"{self.layout} ({self.why}): {len(self.classes)} classes, {parts}"


class Layout(Protocol):
    """A way in which data sets lie on a disk."""

    name: str
    title: str

    def recognise(self, root: Path) -> str | None:
        """Return what in the folder shows that it has this layout, or None if it has not."""

    def load(self, root: Path, fold: int) -> VideoData:
        """Read the lists and folders; of a layout with several folds, this one.

        Raises:
            E3DNASError: a list is wrong, with its file and line.
        """


def sided(classes: Sequence[str]) -> list[str]:
    """Return the classes that are named after a side or a direction of turning, words run together (MoveLeft) too."""
    return [name for name in classes if SIDES.search(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))]
