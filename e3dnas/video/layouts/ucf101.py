"""UCF101: ``Class/v_*.avi``, and lists that divide them into training and test, three times over."""

from __future__ import annotations

from pathlib import Path

from e3dnas.errors import E3DNASError, nearest
from e3dnas.video.layouts.files import Listing, find_file, read_lines
from e3dnas.video.layouts.split import Item, Split, VideoData

__all__ = ["UCF101"]

FOLDERS = ("ucfTrainTestlist", "UCF101TrainTestSplits-RecognitionTask/ucfTrainTestlist", "annotations", "labels")
VIDEOS = ("", "UCF-101", "UCF101", "videos")


class UCF101:
    """``classInd.txt`` counts the classes from 1, ``trainlist01.txt`` has ``path number``, ``testlist01.txt`` paths."""

    name = "ucf101"
    title = "UCF101 lists"

    def recognise(self, root: Path) -> str | None:
        """Return its list of classes."""
        path = find_file(root, ("classInd.txt",), FOLDERS)
        return path.name if path else None

    def load(self, root: Path, fold: int) -> VideoData:
        """Read the lists of one fold.

        Raises:
            E3DNASError: there is no such fold, or a line is wrong.
        """
        index = find_file(root, ("classInd.txt",), FOLDERS)
        assert index is not None
        classes = _classes(index)
        numbers = {name: number for number, name in enumerate(classes)}
        folds = sorted(path.stem[-2:] for path in index.parent.glob("trainlist[0-9][0-9].txt"))
        if f"{fold:02d}" not in folds:
            raise E3DNASError(f"{index.parent}: has no trainlist{fold:02d}.txt; it has folds {', '.join(folds) or '-'}")
        listing, splits = Listing(), {}
        for split in ("train", "test"):
            path = index.parent / f"{split}list{fold:02d}.txt"
            entries = [_entry(line, where, numbers, index) for line, where in read_lines(path)]
            folder = _video_folder(listing, root, classes)
            items = [Item(f"{folder}/{one}", label) for one, label in entries]
            there = tuple(item for item in items if listing.has(item.path))
            missing = tuple(item.path for item in items if not listing.has(item.path))
            splits[split] = Split(split, there, classes, missing=missing)
        notes = (f"fold {fold} of {len(folds)}",)
        return VideoData(root, self.name, f"{index.name}, lists of fold {fold}", splits, notes=notes)


def _video_folder(listing: Listing, root: Path, classes: tuple[str, ...]) -> str:
    folders = [str(root / name) for name in VIDEOS] + [str(root.parent / name) for name in VIDEOS[1:]]
    return max(folders, key=lambda folder: len(listing.names(folder).keys() & set(classes)))


def _classes(path: Path) -> tuple[str, ...]:
    names: list[str] = []
    for line, where in read_lines(path):
        number, _, name = line.partition(" ")
        if number != str(len(names) + 1) or not name.strip():
            raise E3DNASError(f"{where}: must be '{len(names) + 1} NameOfClass', not {line[:60]!r}")
        if name.strip() in names:
            raise E3DNASError(f"{where}: class {name.strip()!r} stands there twice")
        names.append(name.strip())
    return tuple(names)


def _entry(line: str, where: str, numbers: dict[str, int], index: Path) -> tuple[str, int]:
    path, _, number = line.rpartition(" ") if line[-1].isdecimal() and " " in line else (line, "", "")
    name, slash, file = path.strip().replace("\\", "/").partition("/")
    if not slash or not file:
        raise E3DNASError(f"{where}: must be 'Class/video.avi', not {line[:60]!r}")
    if name not in numbers:
        raise E3DNASError(f"{where}: class {name!r} is not in {index.name}{nearest(name, numbers)}")
    if number and int(number) != numbers[name] + 1:
        raise E3DNASError(f"{where}: label {number} must be {numbers[name] + 1}, the number of {name} in {index.name}")
    return f"{name}/{file}", numbers[name]
