"""Models that a user has registered under a name of their own, as folders on disk. Importing this needs no torch.

A registered model is a copy of an exported folder, kept at ``<home>/models/<name>``. The home is the user's data
folder, or what the environment variable ``E3DNAS_HOME`` says.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from pathlib import Path

from e3dnas.errors import E3DNASError, nearest

__all__ = ["check_name", "home", "register_folder", "registered_models", "unregister"]

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
FILES = ("config.json", "architecture.yaml", "README.md", "model.safetensors")


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


def register_folder(folder: str | Path, name: str, *, replace: bool = False) -> Path:
    """Register an exported folder, so that ``timm.create_model(name)`` works after ``import e3dnas``, from now on.

    Args:
        folder: a folder written by the export; it is copied.
        name: lower-case letters, digits and underscores, beginning with a letter; no name that timm knows.
        replace: take the place of a model registered under the same name.

    Returns:
        The folder of the copy.

    Raises:
        E3DNASError: the name is not allowed or taken, or the folder holds no exported model.
    """
    source = Path(folder)
    check_name(name, replace=replace)
    _check_exported(source)
    from e3dnas.models.registry import register_user_model  # imports torch and timm

    target = home() / "models" / name
    if not target.exists() or not source.samefile(target):
        _copy(source, target)
    register_user_model(name, target)
    return target


def unregister(name: str) -> None:
    """Delete the copy of a registered model; a running process knows it until its end.

    Raises:
        E3DNASError: no model of this name is registered.
    """
    known = registered_models()
    if name not in known:
        raise E3DNASError(f"{name}: no model of this name is registered{nearest(name, known)}")
    shutil.rmtree(known[name])


def check_name(name: str, *, replace: bool = False) -> None:
    """Refuse a name under which no model can be registered.

    Raises:
        E3DNASError: the name is not allowed, timm has it, or (without ``replace``) the user has it.
    """
    if not NAME.fullmatch(name):
        raise E3DNASError(
            f"name: must be lower-case letters, digits and underscores, beginning with a letter, at most 64 of them, "
            f"not {name!r}; write for example my_e3d"
        )
    from e3dnas.models.registry import check_free  # imports torch and timm

    check_free(name)
    target = home() / "models" / name
    if target.exists() and not replace:
        raise E3DNASError(f"{name}: a model of this name is registered already ({target}); pick another or replace it")


def _check_exported(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise E3DNASError(f"{folder}: no config.json in it; give a folder written by 'e3dnas export'")
    from e3dnas.arch import load_architecture

    load_architecture(folder)


def _copy(source: Path, target: Path) -> None:
    """Copy the files of an exported folder; the target appears at once and whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mark = uuid.uuid4().hex
    fresh, old = target.with_name(f".{mark}.new"), target.with_name(f".{mark}.old")
    try:
        fresh.mkdir()
        for name in FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, fresh / name)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
