"""Giving an exported folder a name that timm knows from then on, for this user."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from e3dnas.arch import load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.models.registry import check_free, register_user_model
from e3dnas.models.user_models import NAME, home

__all__ = ["check_name", "register_folder"]

FILES = ("config.json", "architecture.yaml", "README.md", "model.safetensors")


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
    target = home() / "models" / name
    if not target.exists() or not source.samefile(target):
        _copy(source, target)
    register_user_model(name, target)
    return target


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
    check_free(name)
    target = home() / "models" / name
    if target.exists() and not replace:
        raise E3DNASError(f"{name}: a model of this name is registered already ({target}); pick another or replace it")


def _check_exported(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise E3DNASError(f"{folder}: no config.json in it; give a folder written by 'e3dnas export'")
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
