"""``e3dnas data``: look at the videos of a data set, or make a small one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(name="data", help="Look at the videos of a data set, or make a small one.", no_args_is_help=True)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="The folder of a data set.")],
    layout: Annotated[
        str | None,
        typer.Option(
            help="Its layout: folders, classes, kinetics, kinetics-official, something-v1, something-v2, ucf101.  "
            "[default: recognised]"
        ),
    ] = None,
    fold: Annotated[int, typer.Option(min=1, help="Of UCF101: which division into training and test.")] = 1,
    full: Annotated[bool, typer.Option("--full", help="Decode every frame, not three of each video.")] = False,
    reader: Annotated[str, typer.Option(help="What decodes files: pyav or torchcodec.")] = "pyav",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Videos to look at side by side.  [default: as many as processors]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with all files by name.")] = False,
) -> None:
    """Open every video of a data set and tell what is there and what is broken, missing or without examples.

    Ends with 0 if all is well, with 1 if something should be put right, with 2 if the folder cannot be read as a data
    set at all.
    """
    from e3dnas.video.checking import check_videos
    from e3dnas.video.layouts import load_videos

    data = load_videos(path, layout=layout, fold=fold)
    with _progress("videos looked at") as progress:
        found = check_videos(data, full=full, workers=workers, reader=reader, progress=progress)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        from e3dnas.report.console import make_console
        from e3dnas.report.data_tables import format_check

        make_console(piped_width=140).print(format_check(found))
    if found.problems:
        raise typer.Exit(1)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="The folder to write; must not be there or be empty.")],
    classes: Annotated[
        str | None,
        typer.Option(
            help="Motions, with commas between: move_right, move_left, move_up, move_down, turn_clockwise, "
            "turn_counterclockwise, grow, shrink.  [default: all]"
        ),
    ] = None,
    train: Annotated[int, typer.Option(help="Videos of each class to train on.")] = 60,
    val: Annotated[int, typer.Option(help="Videos of each class to judge by.")] = 15,
    frames: Annotated[int, typer.Option(help="Frames of each video.")] = 32,
    size: Annotated[int, typer.Option(help="Height and width in pixels, even.")] = 64,
    seed: Annotated[int, typer.Option(help="Decides all that is random.")] = 0,
) -> None:
    """Write a small data set: handwritten digits whose class is how they move, so that time matters.

    A single frame does not tell the class: which digit it is, where, how large and how turned is the same for all.
    """
    from e3dnas.video.demo import make_demo
    from e3dnas.video.digits import MOTIONS

    chosen = MOTIONS if classes is None else tuple(name.strip() for name in classes.split(","))
    with _progress("videos written") as progress:
        counts = make_demo(
            folder, classes=chosen, train=train, val=val, frames=frames, size=size, seed=seed, progress=progress
        )
    typer.echo(f"written: {folder} ({len(chosen)} classes, {', '.join(f'{k} {v}' for k, v in counts.items())})")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how far work is, on the errors' side, so that what is printed stays clean."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
