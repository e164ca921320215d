"""Files that one process holds at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e3dnas.errors import E3DNASError

__all__ = ["locked"]


@contextmanager
def locked(path: Path, busy: str | None = None) -> Iterator[None]:
    """Hold a file, made if it is not there; the kernel frees it when its holder dies.

    Args:
        path: the file; on a local file system.
        busy: what is said where another process holds it. Without it, waits for its turn.

    Raises:
        E3DNASError: another process holds it.
        OSError: it cannot be made.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    _held.add(lock)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            raise E3DNASError(busy or "") from None
        yield
    finally:
        if lock in _held:  # a forked process has let go of it already
            _held.remove(lock)
            os.close(lock)


_held: set[int] = set()


def _release() -> None:
    """Let go of locks in a process that was forked: one that reads clips must not hold them when its parent is dead."""
    for lock in _held:
        os.close(lock)
    _held.clear()


os.register_at_fork(after_in_child=_release)
