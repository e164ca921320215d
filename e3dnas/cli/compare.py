"""``e3dnas compare``: networks side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from e3dnas.errors import E3DNASError

__all__ = ["compare"]


def compare(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="A B...", help="Two or more: model names, architecture or structure files, exported folders, runs."
        ),
    ],
    frames: Annotated[int | None, typer.Option(min=1, help="All with clips of so many frames.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="All with clips of so many pixels a side.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures and tables to this new file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Compare networks: measures with the ratio to the first one, and the stages side by side."""
    if len(sources) < 2:
        raise E3DNASError(f"compare {sources[0]}: needs two networks or more; name another, such as e3d_s")
    from e3dnas.cli.sources import network_of
    from e3dnas.measure.api import measure
    from e3dnas.report.networks.comparison import compare_networks

    networks = [measure(network_of(source, frames=frames, size=size)) for source in sources]
    comparison = compare_networks(sources, networks)
    if html is not None:
        from e3dnas.report.pages import write_page

        write_page(html, comparison.page())
    if as_json:
        typer.echo(json.dumps(comparison.to_list(), indent=2))
        return
    from e3dnas.report.console import make_console

    console = make_console(piped_width=140)
    console.print(comparison.format(console.width))
    if html is not None:
        typer.echo(f"written: {html}")
