"""``e3dnas export``: networks of a run as folders for timm, and any network as one file for another runtime."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from e3dnas.arch import Architecture
    from e3dnas.search.reading import Run
    from e3dnas.search.result import Found

__all__ = ["export"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="The folder of a run; for a file also a training, an exported folder, a model's name, an architecture."
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the model; with --top the rank is added. For a file: its name.")
    ] = None,
    format: Annotated[str, typer.Option(help="timm (a folder), or one file: onnx, openvino or torch-export.")] = "timm",
    trial: Annotated[int | None, typer.Option(min=0, help="Export this trial.")] = None,
    best: Annotated[bool, typer.Option("--best", help="Export the best network (the default).")] = False,
    top: Annotated[
        int | None, typer.Option(min=1, help="Export so many of the best networks, or of a front, spread over it.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            help="Folder or file to write.  [default: <run>/export/<name>; of a file: ./<name> and its ending]"
        ),
    ] = None,
    register: Annotated[
        bool, typer.Option("--register", help="Make timm.create_model(NAME) work for this user from now on.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of a file: seed of the weights of a network that has none.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier export wrote.")] = False,
    storage: Annotated[str | None, typer.Option(help="The run's storage URL, if it has one.")] = None,
) -> None:
    """Export networks: of a run as folders that timm.create_model('local-dir:FOLDER') rebuilds, or any one as a file.

    A file (onnx, openvino, torch-export) holds the network with batch norms folded, for any number of clips, with what
    its training knows of classes and clips. It is compared with PyTorch before it appears; `predict` takes it.
    """
    if sum((trial is not None, best, top is not None)) > 1:
        raise E3DNASError("--trial, --best and --top exclude one another; give one of them")
    if format == "timm" and name is None:
        raise typer.BadParameter("Missing option '--name', which --format timm needs.")
    if name is not None and not NAME.fullmatch(name):
        raise E3DNASError(f"--name {name!r}: must be letters, digits, '.', '_' and '-'; it is the name of a folder too")
    if format != "timm":
        if top is not None or register:
            given = "--top" if top is not None else "--register"
            raise E3DNASError(f"{given}: is for --format timm; a file holds one network, and timm does not know it")
        _as_file(source, format, name, trial, to, seed, overwrite, storage)
        return
    assert name is not None
    _as_folders(Path(source), name, trial, top, to, register, overwrite, storage)


def _as_folders(
    run: Path,
    name: str,
    trial: int | None,
    top: int | None,
    to: Path | None,
    register: bool,
    overwrite: bool,
    storage: str | None,
) -> None:
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


def _as_file(
    source: str,
    format: str,
    name: str | None,
    trial: int | None,
    to: Path | None,
    seed: int,
    overwrite: bool,
    storage: str | None,
) -> None:
    from e3dnas.deploy.formats import FORMATS
    from e3dnas.errors import nearest

    if format not in FORMATS:
        known = ("timm", *FORMATS)
        raise E3DNASError(f"--format {format!r}: must be one of {', '.join(known)}{nearest(format, known)}")
    suffix = FORMATS[format].suffix
    path = to if to is not None else Path((name or _name_of(source, trial)) + suffix)
    from e3dnas.training.exported import export_network

    network: str | Architecture = source
    if trial is not None or storage is not None:
        from e3dnas.search.reading import read_run

        network = _chosen(read_run(source, storage), trial, 1)[0].architecture
    written, drawn = export_network(network, path, format, seed=seed, overwrite=overwrite)
    if drawn is not None:
        typer.echo(f"warning: {source} has no weights; those in the file are random (seed {drawn})", err=True)
    typer.echo(f"exported: {written.path} ({written.format}, {written.bytes / 1e6:.1f} MB)")
    typer.echo(
        f"checked: logits of random clips, batch 1 and 2, deviate from PyTorch by at most {written.deviation:.1e} "
        f"(largest logit {written.scale:.2g})"
    )
    typer.echo(f"load it in Python: import e3dnas.deploy; e3dnas.deploy.load({str(written.path)!r}).predict(clips)")


def _name_of(source: str, trial: int | None) -> str:
    """Return a name for a file: that of the model, file or folder; of a training, not of the model in it."""
    path = Path(source).absolute()
    if path.name == "model" and (path.parent / "recipe.yaml").is_file():
        path = path.parent
    stem = path.name if path.is_dir() else path.stem
    return stem if trial is None else f"{stem}_{trial}"
