"""Kinetics with csv lists: ``train.csv``, ``val.csv``, ``test.csv``, a line ``path label`` for each video."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from e3dnas.errors import E3DNASError
from e3dnas.video.layouts.files import Listing, find_file, read_lines
from e3dnas.video.layouts.split import Item, Split, VideoData

__all__ = ["Kinetics"]

LISTS = {
    "train": ("train.csv",), "val": ("val.csv", "validation.csv", "validate.csv"), "test": ("test.csv",),
}  # fmt: skip
FOLDERS = ("annotations", "labels")
NAMES = ("classes.txt", "kinetics_classnames.json", "classids.json", "class_names.json")
LINE = re.compile(r"(?P<path>.*\S)[\s,]+(?P<label>-?\d+)")


class Kinetics:
    """Lists as SlowFast and PySlowFast's relatives read them; paths are relative to the folder, or absolute."""

    name = "kinetics"
    title = "csv lists: path label"

    def recognise(self, root: Path) -> str | None:
        """Return the lists that have a path and a number in one of their first lines."""
        found = [path.name for path in self._lists(root).values() if self._fits(path)]
        return f"{', '.join(found)} with lines 'path label'" if found else None

    def _lists(self, root: Path) -> dict[str, Path]:
        found = {split: find_file(root, names, FOLDERS) for split, names in LISTS.items()}
        return {split: path for split, path in found.items() if path is not None}

    def _fits(self, path: Path) -> bool:
        with path.open("rb") as file:
            first = [file.readline(4096).decode(errors="replace").strip() for _ in range(5)]
        return any(LINE.fullmatch(line) for line in first)  # a line that is wrong is told when all are read

    def load(self, root: Path, fold: int) -> VideoData:
        """Read the lists; there are no folds.

        Classes are named by ``classes.txt`` (a name a line), by a json of names and numbers (``classids.json``), or by
        the folders that their videos lie in, where each class has one of its own.

        Raises:
            E3DNASError: a line has no label, or one that no class has.
        """
        listing = Listing()
        names, source = self._names(root)
        read = {split: self._read(path, root, names, source) for split, path in self._lists(root).items()}
        classes = names or _names_of_folders([item for items in read.values() for item in items])
        splits = {}
        for split, items in read.items():
            there = [item for item in items if listing.has(item.path)]
            missing = tuple(item.path for item in items if not listing.has(item.path))
            splits[split] = Split(split, tuple(there), classes, missing=missing)
        return VideoData(root, self.name, self.recognise(root) or "", splits)

    def _read(self, path: Path, root: Path, names: tuple[str, ...], source: Path | None) -> list[Item]:
        items = []
        for line, where in read_lines(path):
            parts = LINE.fullmatch(line)
            if parts is None:
                raise E3DNASError(f"{where}: must be 'path label' with a number at the end, not {line[:60]!r}")
            label = int(parts["label"])
            if label < 0 or (names and label >= len(names)):
                known = f"0 to {len(names) - 1}, as {source} has {len(names)} classes" if names else "0 or more"
                raise E3DNASError(f"{where}: label {label} must be {known}")
            items.append(Item(str(root / parts["path"]), label))
        return items

    def _names(self, root: Path) -> tuple[tuple[str, ...], Path | None]:
        path = find_file(root, NAMES, FOLDERS)
        if path is None:
            return (), None
        if path.suffix == ".txt":
            return tuple(line for line, _ in read_lines(path)), path
        try:
            named = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            line = getattr(error, "lineno", 1)
            raise E3DNASError(f"{path}:{line}: is no JSON: {getattr(error, 'msg', error)}") from None
        # Some of these files have a second pair of quotes in their keys: {"\"abseiling\"": 0, ...}.
        numbers = {str(k).strip('"'): v for k, v in named.items()} if isinstance(named, Mapping) else None
        if numbers is None or sorted(map(str, numbers.values())) != sorted(map(str, range(len(numbers)))):
            raise E3DNASError(f"{path}: must give each class's name a number, 0, 1, 2, ..., each once")
        return tuple(sorted(numbers, key=lambda name: int(numbers[name]))), path


def _names_of_folders(items: list[Item]) -> tuple[str, ...]:
    """Return names for classes that nothing names: of their folders where these tell them apart, else numbers."""
    highest = max((item.label for item in items), default=-1)
    if highest >= 1_000_000:
        raise E3DNASError(f"label {highest} is too high to be the number of a class; count classes from 0")
    folders: dict[int, set[str]] = {label: set() for label in range(highest + 1)}
    for item in items:
        folders[item.label].add(Path(item.path).parent.name)
    named = {label: next(iter(names)) for label, names in folders.items() if len(names) == 1}
    if len(set(named.values())) == len(named) and all(len(names) <= 1 for names in folders.values()):
        return tuple(named.get(label, f"class {label}") for label in folders)
    return tuple(f"class {label}" for label in folders)
