"""Something-Something V2: one video file for each id, json lists of ids and templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from e3dnas.errors import E3DNASError, nearest
from e3dnas.video.layouts.files import Listing, find_file
from e3dnas.video.layouts.something_v1 import media_folder
from e3dnas.video.layouts.split import Item, Split, VideoData

__all__ = ["SomethingV2"]

LISTS = {
    "train": ("something-something-v2-train.json", "train.json"),
    "val": ("something-something-v2-validation.json", "validation.json"),
}
LABELS = ("something-something-v2-labels.json", "labels.json")
FOLDERS = ("annotations", "labels")
ENDINGS = (".webm", ".mp4")
SPACE = re.compile(r"[\s,]*")


class SomethingV2:
    """Objects with ``id`` and ``template``; the labels file maps a template without brackets to its number."""

    name = "something-v2"
    title = "Something-Something V2"

    def recognise(self, root: Path) -> str | None:
        """Return its list of labels, if a list of videos is there, too."""
        labels = find_file(root, LABELS, FOLDERS)
        lists = [path for names in LISTS.values() if (path := find_file(root, names, FOLDERS))]
        return f"{labels.name}, {', '.join(path.name for path in lists)}" if labels and lists else None

    def load(self, root: Path, fold: int) -> VideoData:
        """Read the lists; there are no folds. The test list has no labels and is not read.

        Raises:
            E3DNASError: a list is no JSON, an object has no id or template, or a template has no number.
        """
        labels = find_file(root, LABELS, FOLDERS)
        assert labels is not None
        classes = _classes(labels)
        numbers = {name: number for number, name in enumerate(classes)}
        listing, splits = Listing(), {}
        for split, names in LISTS.items():
            if (path := find_file(root, names, FOLDERS)) is None:
                continue
            entries = [_entry(value, where, numbers, labels) for value, where in _objects(path)]
            folder = media_folder(listing, root, [one for one, _ in entries], ENDINGS)
            files = listing.names(folder)
            named = [(next((one + end for end in ENDINGS if one + end in files), one), label) for one, label in entries]
            there = tuple(Item(f"{folder}/{name}", label) for name, label in named if name in files)
            missing = tuple(f"{folder}/{name}{ENDINGS[0]}" for name, _ in named if name not in files)
            splits[split] = Split(split, there, classes, mirror=False, missing=missing)
        notes = ("labels tell left from right: videos are not flipped",)
        return VideoData(root, self.name, self.recognise(root) or "", splits, "segment", notes)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise E3DNASError(f"{path}: is no UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise E3DNASError(f"{path}: cannot be read: {error.strerror}") from None


def _classes(path: Path) -> tuple[str, ...]:
    try:
        named = json.loads(_read(path))
    except json.JSONDecodeError as error:
        raise E3DNASError(f"{path}:{error.lineno}: is no JSON: {error.msg}") from None
    if not isinstance(named, dict):
        raise E3DNASError(f'{path}: must be one object, {{"label": "0", ...}}')
    if sorted(map(str, named.values())) != sorted(map(str, range(len(named)))):
        raise E3DNASError(f"{path}: must give each label a number, 0 to {len(named) - 1}, each once")
    return tuple(sorted(named, key=lambda name: int(named[name])))


def _objects(path: Path) -> Iterator[tuple[Any, str]]:
    """Yield the objects of a list one by one, each with its place, ``file:line``."""
    text, decoder = _read(path), json.JSONDecoder()
    place, line, counted = SPACE.match(text).end(), 1, 0  # type: ignore[union-attr]
    if text[place : place + 1] != "[":
        raise E3DNASError(f"{path}: must be one list of objects, [{{...}}, ...]")
    place = SPACE.match(text, place + 1).end()  # type: ignore[union-attr]
    while text[place : place + 1] != "]":
        try:
            value, end = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise E3DNASError(f"{path}:{error.lineno}: is no JSON: {error.msg}") from None
        line, counted = line + text.count("\n", counted, place), place
        yield value, f"{path}:{line}"
        place = SPACE.match(text, end).end()  # type: ignore[union-attr]


def _entry(value: Any, where: str, numbers: dict[str, int], labels: Path) -> tuple[str, int]:
    if not isinstance(value, dict) or not {"id", "template"} <= value.keys():
        raise E3DNASError(f"{where}: must be an object with 'id' and 'template', not {json.dumps(value)[:60]}")
    one, label = str(value["id"]), str(value["template"]).replace("[", "").replace("]", "")
    if not one or "/" in one:
        raise E3DNASError(f"{where}: id {one!r} is no name of a video")
    if label not in numbers:
        raise E3DNASError(f"{where}: template {value['template']!r} is not in {labels.name}{nearest(label, numbers)}")
    return one, numbers[label]
