"""The default storage: Optuna's journal file, made fast enough for hundreds of small trials a second and kill-proof.

Optuna's own file backend locks, appends and syncs once for each of a trial's thirty or so records, and after a kill in
the wrong moment waits half a minute for the lock or cannot read a half-written line. ``GroupedJournal`` writes the
records that only concern a running trial together with the next record that others must see; ``KernelLock`` is freed by
the kernel when its holder dies, and mends a torn last line. The file stays a plain Optuna journal: the dashboard and
``JournalFileBackend`` read it.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalFileOpenLock

from e3dnas.search.study import telling

__all__ = ["GroupedJournal", "KernelLock", "open_journal"]

TRIAL_LOCAL = frozenset({5, 7, 8, 9})
"""Optuna's operation codes for a running trial's parameters, intermediate values and attributes."""


class KernelLock(JournalFileOpenLock):
    """An exclusive ``flock`` beside the journal; local file systems only."""

    def __init__(self, path: str) -> None:
        self._journal, self._held = path, -1

    def acquire(self) -> bool:
        """Wait for the lock, and cut off what a killed writer left of its last line."""
        self._held = os.open(f"{self._journal}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(self._held, fcntl.LOCK_EX)
        _cut_torn_line(self._journal)
        return True

    def release(self) -> None:
        """Free the lock."""
        held, self._held = self._held, -1
        os.close(held)


def _cut_torn_line(path: str) -> None:
    with Path(path).open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        keep = end
        while keep > 0:
            start = max(0, keep - 65536)
            file.seek(start)
            newline = file.read(keep - start).rfind(b"\n")
            if newline >= 0:
                keep = start + newline + 1
                break
            keep = start
        if keep < end:
            file.truncate(keep)


class GroupedJournal(BaseJournalBackend):
    """A journal file whose trial-local records wait for the next record that others must see.

    A storage reads strictly forward, so the position is kept here; own records are handed back at once, and passed over
    when they come by in the file.
    """

    def __init__(self, path: str) -> None:
        self._file = JournalFileBackend(path, lock_obj=KernelLock(path))
        self._position = 0
        self._waiting: list[dict[str, Any]] = []
        self._unread: list[dict[str, Any]] = []
        self._replayed: Counter[str] = Counter()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Keep trial-local records waiting; write them all with the first record of another kind."""
        if all(log["op_code"] in TRIAL_LOCAL for log in logs):
            self._waiting += logs
            self._unread += logs
            return
        self._replayed.update(log["worker_id"] for log in self._waiting)
        batch, self._waiting = [*self._waiting, *logs], []
        self._file.append_logs(batch)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the records not yet read, own waiting ones first."""
        if self._unread:
            unread, self._unread = self._unread, []
            yield from unread
            return
        for log in self._file.read_logs(self._position):
            self._position += 1
            worker = log["worker_id"]
            if log["op_code"] in TRIAL_LOCAL and self._replayed[worker]:
                self._replayed[worker] -= 1
                continue
            yield log


def open_journal(path: Path) -> JournalStorage:
    """Open (or create) the journal at ``path``, mending a line torn by a kill.

    Raises:
        E3DNASError: it cannot be written, or is damaged.
    """
    with telling(f"{path}: cannot be opened"):
        path.touch()
        lock = KernelLock(str(path))
        lock.acquire()
        lock.release()
        return JournalStorage(GroupedJournal(str(path)))
