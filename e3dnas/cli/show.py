"""``e3dnas show``: the stage table of a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["show"]


def show(
    source: Annotated[
        str, typer.Argument(help="A model's name, an architecture or structure file, an exported folder, or a run.")
    ],
    trial: Annotated[int | None, typer.Option(min=0, help="Of a run: this trial instead of the best.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="With clips of so many frames.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="With clips of so many pixels a side.")] = None,
    storage: Annotated[str | None, typer.Option(help="With --trial: the run's storage URL, if it has one.")] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the network to this file, too: .yaml, .json, or .txt for TinyNAS.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a network stage by stage: shapes, kernels, widths, and shares of cost and score."""
    from e3dnas.arch import load_architecture
    from e3dnas.cli.saving import save_new
    from e3dnas.cli.sources import network_of
    from e3dnas.measure.api import measure

    if trial is None:
        architecture = network_of(source, frames=frames, size=size)
    else:
        from e3dnas.search.reading import read_run

        chosen = read_run(Path(source), storage).trial(trial).architecture
        architecture = load_architecture(chosen, frames=frames, size=size)
    measures = measure(architecture)
    if save is not None:
        save_new(architecture, save)
    if as_json:
        typer.echo(json.dumps(measures, indent=2))
        return
    from e3dnas.report.console import make_console
    from e3dnas.report.on_machine import format_known
    from e3dnas.report.tables import format_network

    make_console(piped_width=140).print(format_network(measures))
    for line in format_known(source) if trial is None and frames is None and size is None else []:
        typer.echo(line)
