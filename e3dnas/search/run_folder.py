"""The folder of a run: the study, the space it was made from, the best network and the result."""

from __future__ import annotations

import json
import re
import stat
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.config import dump_yaml, read_document
from e3dnas.config.locking import locked
from e3dnas.config.writing import replace_text
from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["RunFolder"]

JOURNAL = "study.journal"
MEMBER = re.compile(r"[A-Za-z0-9_]+")
"""The folder of a member; none of a run's own has such a name."""
LEFT_BEHIND = re.compile(r"\.lock|study\.journal(\.lock)?|\..*\.new|old-\d+")
"""What a run has written that was killed before it wrote its space."""


class RunFolder:
    """``study.journal``, ``space.yaml``, ``best.yaml``, ``result.json`` under one path.

    The run of a family has a folder of this kind for every member, all with the family's journal.
    """

    def __init__(self, path: str | Path, journal: Path | None = None) -> None:
        self.path = Path(path)
        self.journal = journal or self.path / JOURNAL
        self.space = self.path / "space.yaml"
        self.best = self.path / "best.yaml"
        self.result = self.path / "result.json"

    def member(self, name: str) -> RunFolder:
        """Return the folder of a family's member; of an ordinary run, called "", this one."""
        return RunFolder(self.path / name, self.journal) if name else self

    def check(self, *, family: bool = False) -> None:
        """Refuse a path that is no run and holds something else.

        Raises:
            E3DNASError: it is a file, a folder with other things in it, or a run of the other kind: of a ``family``.
        """
        try:
            is_folder = stat.S_ISDIR(self.path.stat().st_mode)
            entries = list(self.path.iterdir()) if is_folder else []
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise E3DNASError(f"--out {self.path}: cannot be read: {error.strerror}") from None
        if not is_folder:
            raise E3DNASError(f"--out {self.path}: is a file; name a folder")
        if self.space not in entries and any(not LEFT_BEHIND.fullmatch(entry.name) for entry in entries):
            raise E3DNASError(
                f"--out {self.path}: holds other files and is no run of e3dnas; name a new or empty folder"
            )
        if self.space in entries and bool(self.members()) != family:
            there, wanted = ("a single space", "a family") if family else ("a family of spaces", "a single one")
            raise E3DNASError(f"--out {self.path}: holds the run of {there}, and this is {wanted}; name another folder")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder while a run writes to it.

        Raises:
            E3DNASError: another run holds it, or it cannot be written.
        """
        busy = f"--out {self.path}: another run is at work here; wait for it, or choose another --out"
        with ExitStack() as held:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                held.enter_context(locked(self.path / ".lock", busy))
            except OSError as error:
                raise E3DNASError(f"--out {self.path}: cannot be written: {error.strerror}") from None
            yield

    def members(self) -> list[str]:
        """Return the names of the family whose run this is; none where it is an ordinary run, or none at all."""
        try:
            family = read_document(self.space).data.get("family", {})
        except E3DNASError:
            return []
        return list(family) if isinstance(family, dict) else []

    def begun(self) -> list[RunFolder]:
        """Return the folders of a family's members that there are, those of earlier ones included."""
        if not self.members():
            return []
        folders = [self.member(path.name) for path in sorted(self.path.iterdir()) if MEMBER.fullmatch(path.name)]
        return [folder for folder in folders if folder.space.is_file() and not (folder.path / JOURNAL).exists()]

    def set_aside(self) -> Path | None:
        """Move an earlier run's files into ``old-N`` inside the folder and return it; None if there were none."""
        own = (self.journal, self.space, self.best, self.result, *(member.path for member in self.begun()))
        names = [p for p in own if p.exists()]
        if not names:
            return None
        number = 1 + max([int(p.name[4:]) for p in self.path.glob("old-*") if p.name[4:].isdigit()], default=0)
        old = self.path / f"old-{number}"
        old.mkdir()
        for path in names:
            path.rename(old / path.name)
        return old

    def write_space(self, data: Mapping[str, Any]) -> None:
        """Keep a copy of the space, so that the run can be read without the original."""
        self.path.mkdir(exist_ok=True)
        replace_text(self.space, dump_yaml(data))

    def write_outcome(self, result: Mapping[str, Any]) -> None:
        """Write result.json and, if there is one, the best network."""
        replace_text(self.result, json.dumps(result, indent=2) + "\n")
        if result.get("best"):
            replace_text(self.best, dump_yaml(result["best"]["architecture"]))
