"""``e3dnas export``: networks of a run as folders for timm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from e3dnas.search.reading import Run
    from e3dnas.search.result import Found

__all__ = ["export"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def export(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    name: Annotated[str, typer.Option(help="Name of the model; with --top the rank is added.")],
    trial: Annotated[int | None, typer.Option(min=0, help="Export this trial.")] = None,
    best: Annotated[bool, typer.Option("--best", help="Export the best network (the default).")] = False,
    top: Annotated[
        int | None, typer.Option(min=1, help="Export so many of the best networks, or of a front, spread over it.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Folder to write.  [default: <run>/export/<name>]")] = None,
    register: Annotated[
        bool, typer.Option("--register", help="Make timm.create_model(NAME) work for this user from now on.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier export wrote.")] = False,
    storage: Annotated[str | None, typer.Option(help="The run's storage URL, if it has one.")] = None,
) -> None:
    """Export networks of a run as folders that timm.create_model('local-dir:FOLDER') rebuilds."""
    if sum((trial is not None, best, top is not None)) > 1:
        raise E3DNASError("--trial, --best and --top exclude one another; give one of them")
    if not NAME.fullmatch(name):
        raise E3DNASError(f"--name {name!r}: must be letters, digits, '.', '_' and '-'; it is the name of a folder too")
    from e3dnas.models.export import export_folder
    from e3dnas.models.registering import check_name, register_folder
    from e3dnas.search.reading import read_run
    from e3dnas.search.record import search_record

    opened = read_run(run, storage)
    found = _chosen(opened, trial, top or 1)
    many = top is not None
    names = [f"{name}_{rank}" if many else name for rank in range(1, len(found) + 1)]
    if register:
        for one in names:
            check_name(one, replace=overwrite)
    result = opened.summary(top=1)
    for one, network in zip(names, found, strict=True):
        target = (to / one if many else to) if to is not None else run / "export" / one
        export_folder(network.architecture, target, one, record=search_record(result, network), overwrite=overwrite)
        typer.echo(f"exported: {target}")
        if register:
            register_folder(target, one, replace=overwrite)
            typer.echo(f"registered: {one}")
        load = one if register else f"local-dir:{target}"
        typer.echo(f"load it in Python: import e3dnas, timm; timm.create_model({load!r})")


def _chosen(run: Run, trial: int | None, count: int) -> list[Found]:
    if trial is not None:
        return [run.trial(trial)]
    found = run.summary(top=count).spread(count)
    if not found:
        raise E3DNASError(f"{run.folder.path}: no network within the budgets has been found yet; run more --trials")
    return found
