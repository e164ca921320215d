"""``e3dnas init``: a commented space to start from."""

from __future__ import annotations

import shlex
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from e3dnas.errors import E3DNASError

__all__ = ["init"]


def init(path: Annotated[Path, typer.Argument(help="The YAML file to write.")]) -> None:
    """Write a commented space to start from."""
    starter = (files("e3dnas") / "space" / "starter.yaml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter)
    except FileExistsError:
        raise E3DNASError(f"{path}: is there already; name a new file") from None
    except OSError as error:
        raise E3DNASError(f"{path}: cannot be written: {error.strerror}") from None
    typer.echo(f"written: {path}\nnext: e3dnas run {shlex.quote(str(path))}")
