"""``--output`` and ``--force``: files that are written as a whole, and replace another only where that is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e3dnas.errors import E3DNASError

__all__ = ["check_output", "writing"]


def check_output(path: Path, *, force: bool) -> None:
    """Refuse a file that cannot be written, before the work for it is done.

    Raises:
        E3DNASError: it is there and ``force`` is not given, it is a folder, or its folder is not there.
    """
    with writing(path):
        is_folder, is_there, has_folder = path.is_dir(), path.exists(), path.parent.is_dir()
    if is_folder:
        raise E3DNASError(f"--output {path}: is a folder; name a file in it")
    if is_there and not force:
        raise E3DNASError(f"--output {path}: is there already; name a new file, or replace it with --force")
    if not has_folder:
        raise E3DNASError(f"--output {path}: there is no folder {path.parent}; make it first")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says of a file that cannot be written into an error of one line."""
    try:
        yield
    except OSError as error:
        raise E3DNASError(f"--output {path}: cannot be written: {error.strerror or error}") from None
