"""Something-Something V1: a folder of frames for each video, csv lists of ids and labels."""

from __future__ import annotations

from pathlib import Path

from e3dnas.errors import E3DNASError, nearest
from e3dnas.video.layouts.files import Listing, find_file, read_lines
from e3dnas.video.layouts.split import Item, Split, VideoData

__all__ = ["SomethingV1", "media_folder"]

LISTS = {"train": "something-something-v1-train.csv", "val": "something-something-v1-validation.csv"}
LABELS = "something-something-v1-labels.csv"
FOLDERS = ("annotations", "labels")


class SomethingV1:
    """Lines ``id;label``, frames in ``<id>/00001.jpg``; classes are the labels' lines, sorted."""

    name = "something-v1"
    title = "Something-Something V1"

    def recognise(self, root: Path) -> str | None:
        """Return its list of labels."""
        path = find_file(root, (LABELS,), FOLDERS)
        return path.name if path else None

    def load(self, root: Path, fold: int) -> VideoData:
        """Read the lists; there are no folds. The test list has no labels and is not read.

        Raises:
            E3DNASError: a line has no label, or one that is not in the list of labels.
        """
        labels = find_file(root, (LABELS,), FOLDERS)
        assert labels is not None
        classes = tuple(sorted(line for line, _ in read_lines(labels)))
        numbers = {name: number for number, name in enumerate(classes)}
        listing, splits = Listing(), {}
        for split, name in LISTS.items():
            if (path := find_file(root, (name,), FOLDERS)) is None:
                continue
            entries = [_entry(line, where, numbers, labels) for line, where in read_lines(path)]
            folder = media_folder(listing, root, [one for one, _ in entries], ("",))
            items = [Item(f"{folder}/{one}", label) for one, label in entries]
            there = tuple(item for item in items if listing.has(item.path))
            missing = tuple(item.path for item in items if not listing.has(item.path))
            splits[split] = Split(split, there, classes, mirror=False, missing=missing)
        if not splits:
            raise E3DNASError(f"{root}: has {labels.name} but no {LISTS['train']}; put the lists beside it")
        notes = ("labels tell left from right: videos are not flipped",)
        return VideoData(root, self.name, labels.name, splits, "segment", notes)


def _entry(line: str, where: str, numbers: dict[str, int], labels: Path) -> tuple[str, int]:
    one, separator, label = line.partition(";")
    if not separator or not one.strip() or "/" in one:
        raise E3DNASError(f"{where}: must be 'id;label', not {line[:60]!r}")
    if (label := label.strip()) not in numbers:
        raise E3DNASError(f"{where}: label {label!r} is not in {labels.name}{nearest(label, numbers)}")
    return one.strip(), numbers[label]


def media_folder(listing: Listing, root: Path, ids: list[str], endings: tuple[str, ...]) -> str:
    """Return the folder that the videos lie in: the data set's own, or the one below it that has most of the first.

    Args:
        listing: what lies where.
        root: the folder of the data set.
        ids: names of videos without endings.
        endings: of the files; an empty one for folders of frames.
    """
    below = [f"{root}/{name}" for name, is_folder in listing.names(str(root)).items() if is_folder]
    below = [one for one in below if one.rpartition("/")[2] not in ids[:1000]]

    def held(folder: str) -> int:
        names = listing.names(folder)
        return sum(any(one + ending in names for ending in endings) for one in ids[:1000])

    return max([str(root), *below], key=held)
