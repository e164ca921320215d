"""``e3dnas bench``: how fast a network runs on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

__all__ = ["bench"]


def bench(
    model: Annotated[
        str,
        typer.Argument(help="A model's name, a folder, an architecture file, or an exported file (.onnx, .xml, .pt2)."),
    ],
    against: Annotated[
        list[str] | None, typer.Option(help="Another one, measured in turn with it; may be given several times.")
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="Training steps, without the optimiser.")] = False,
    device: Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu or cuda.")] = "auto",
    batch: Annotated[
        int | None, typer.Option(min=1, help="Clips of a step.", show_default="1 on a CPU, 64 on a GPU")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of a CPU.", show_default="as many as PyTorch takes")
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(help="float32 or bfloat16.", show_default="bfloat16 on a GPU that has it, else float32"),
    ] = None,
    compile: Annotated[
        bool | None,
        typer.Option(
            "--compile/--no-compile",
            help="Measure torch.compile, too; on a CPU it takes a minute or more to begin.",
            show_default="on a GPU alone",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long the ways take turns, all together.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Measure how fast a network runs here, in every way there is: in turns, in one run, on random clips and weights.

    PyTorch's modules contiguous and in channels_last_3d, our kernels, BN folded, torch.compile: milliseconds of a step,
    clips a second, memory, and the share of what this machine could do at best. Then where a step's time goes.
    """
    from e3dnas.bench import bench as run
    from e3dnas.bench.plan import make_plan

    plan = make_plan(device, batch, threads, dtype, train=train, compile=compile, seconds=seconds)
    with _progress() as told:
        found = run([model, *(against or [])], plan, told)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
        return
    from e3dnas.bench.tables import format_bench
    from e3dnas.report.console import make_console

    make_console(piped_width=140).print(format_bench(found))


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """Show on a terminal what is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda text, share: progress.update(task, description=text, completed=share)
