"""Models that a user has registered under a name of their own, as folders on disk. Importing this needs no torch.

A registered model is a copy of an exported folder, kept at ``<home>/models/<name>``. The home is the user's data
folder, or what the environment variable ``E3DNAS_HOME`` says.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from e3dnas.errors import E3DNASError, nearest

__all__ = ["NAME", "home", "registered_models", "unregister"]

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""What a registered model may be called."""


def home() -> Path:
    """Return the folder in which the package keeps what a user has registered; it need not exist."""
    chosen = os.environ.get("E3DNAS_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_data_dir

    return Path(user_data_dir("e3dnas"))


def registered_models() -> dict[str, Path]:
    """Return the folders of the registered models by name, sorted; whether they can be loaded is not looked at."""
    folder = home() / "models"
    if not folder.is_dir():
        return {}
    return {entry.name: entry for entry in sorted(folder.iterdir()) if NAME.fullmatch(entry.name) and entry.is_dir()}


def unregister(name: str) -> None:
    """Delete the copy of a registered model; a running process knows it until its end.

    Raises:
        E3DNASError: no model of this name is registered.
    """
    known = registered_models()
    if name not in known:
        raise E3DNASError(f"{name}: no model of this name is registered{nearest(name, known)}")
    shutil.rmtree(known[name])
