"""Kinetics as it is handed out: lists ``label,youtube_id,time_start,time_end,split``, videos named by id and times."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from e3dnas.errors import E3DNASError, nearest
from e3dnas.video.layouts.files import Listing, find_file, read_lines
from e3dnas.video.layouts.split import Item, Split, VideoData

__all__ = ["KineticsOfficial"]

LISTS = {"train": ("train.csv",), "val": ("val.csv", "validate.csv", "validation.csv"), "test": ("test.csv",)}
FOLDERS = ("annotations", "labels")
COLUMNS = ("label", "youtube_id", "time_start", "time_end")


class _Entry(NamedTuple):
    label: str
    file: str
    where: str


class KineticsOfficial:
    """Videos ``<split>/<id>_000010_000020.mp4``, or in a folder for each class below it; Kinetics-400 to -700."""

    name = "kinetics-official"
    title = "Kinetics' own lists: label,youtube_id,time_start,time_end"

    def recognise(self, root: Path) -> str | None:
        """Return the lists that have the columns."""
        found = [path.name for path in self._lists(root).values()]
        return f"{', '.join(found)} with the columns {', '.join(COLUMNS)}" if found else None

    def _lists(self, root: Path) -> dict[str, Path]:
        found = {split: find_file(root, names, FOLDERS) for split, names in LISTS.items()}
        return {split: path for split, path in found.items() if path is not None and _has_columns(path)}

    def load(self, root: Path, fold: int) -> VideoData:
        """Read the lists; there are no folds. Classes are the labels, sorted. A list without labels is not read.

        Raises:
            E3DNASError: a line is wrong, or a split has a label that the training split has not.
        """
        read = {split: list(_entries(path)) for split, path in self._lists(root).items()}
        read = {split: entries for split, entries in read.items() if any(one.label for one in entries)}
        known = read.get("train") or [one for entries in read.values() for one in entries]
        classes = tuple(sorted({one.label for one in known}))
        listing = Listing()
        splits = {name: _split(listing, root, name, entries, classes) for name, entries in read.items()}
        if not splits:
            raise E3DNASError(f"{root}: its lists name no labels; put train.csv and val.csv beside them")
        return VideoData(root, self.name, self.recognise(root) or "", splits)


def _has_columns(path: Path) -> bool:
    with path.open("rb") as file:
        header = file.readline(4096).decode(errors="replace").removeprefix("\ufeff")
    return {"youtube_id", "time_start", "time_end"} <= {name.strip().strip('"') for name in header.split(",")}


def _entries(path: Path) -> Iterator[_Entry]:
    (header, _), *lines = read_lines(path)
    names = [name.strip() for name in next(csv.reader([header]))]
    for line, where in lines:
        row = dict(zip(names, next(csv.reader([line])), strict=False))
        try:
            start, end = round(float(row["time_start"])), round(float(row["time_end"]))
            yield _Entry(row.get("label", "").strip(), f"{row['youtube_id'].strip()}_{start:06d}_{end:06d}", where)
        except (KeyError, ValueError):
            raise E3DNASError(f"{where}: must be {','.join(names)}, with times in seconds, not {line[:60]!r}") from None


def _split(listing: Listing, root: Path, name: str, entries: list[_Entry], classes: tuple[str, ...]) -> Split:
    numbers = {label: number for number, label in enumerate(classes)}
    there, missing = [], []
    for one in entries:
        if one.label not in numbers:
            raise E3DNASError(f"{one.where}: label {one.label!r} is not in train.csv{nearest(one.label, numbers)}")
        path = _find(listing, str(root / name), one)
        if path is None:
            missing.append(f"{root / name}/{one.file}.mp4")
        else:
            there.append(Item(path, numbers[one.label]))
    return Split(name, tuple(there), classes, missing=tuple(missing))


def _find(listing: Listing, folder: str, entry: _Entry) -> str | None:
    """Return where a video lies: in the folder of its split, or in that of its class below it."""
    for place in (folder, f"{folder}/{entry.label}", f"{folder}/{entry.label.replace(' ', '_')}"):
        for ending in (".mp4", ".mkv", ".webm"):
            if listing.has(path := f"{place}/{entry.file}{ending}"):
                return path
    return None
