"""``--save``: a network to a file that is not there yet."""

from __future__ import annotations

from pathlib import Path

from e3dnas.arch import Architecture
from e3dnas.arch.loading import save_architecture
from e3dnas.errors import E3DNASError

__all__ = ["save_new"]


def save_new(architecture: Architecture, path: Path) -> None:
    """Write a network to a new file.

    Raises:
        E3DNASError: the file is there, or cannot be written.
    """
    if path.exists():
        raise E3DNASError(f"--save {path}: is there already; name a new file")
    try:
        save_architecture(architecture, path)
    except OSError as error:
        raise E3DNASError(f"--save {path}: cannot be written: {error.strerror}") from None
