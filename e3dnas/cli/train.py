"""``e3dnas train``: train a network on videos."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from e3dnas.arch import Architecture
    from e3dnas.training import TrainingResult

__all__ = ["errors_once", "is_main_process", "train"]

LOST = ("Connection closed by peer", "Connection reset by peer", "remote process exited")
"""What gloo and NCCL say in a process when another one has ended."""


def train(
    model: Annotated[
        str,
        typer.Argument(help="A model's name, an architecture file, an exported folder, or a run (its best network)."),
    ],
    data: Annotated[Path, typer.Option(help="Folder of videos; its layout is recognised.")],
    recipe: Annotated[str, typer.Option(help="A recipe file, or the name of a shipped one.")] = "default",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set one key of the recipe; repeatable.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the training.", show_default="runs/<model>_trained")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in the folder.")] = False,
    trial: Annotated[int | None, typer.Option(min=0, help="Of a run: this trial instead of the best.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    save_every: Annotated[
        int | None, typer.Option(min=1, help="Updates between checkpoints, besides those after every epoch.")
    ] = None,
    log_every: Annotated[int, typer.Option(min=1, help="Updates between reports.")] = 10,
    layout: Annotated[str | None, typer.Option(help="Layout of the data, where it is not recognised rightly.")] = None,
    fold: Annotated[int, typer.Option(min=1, help="Of UCF101: which division into training and test.")] = 1,
    push_to_hub: Annotated[
        str | None, typer.Option(metavar="USER/NAME", help="Hand the trained model to the Hugging Face hub.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Train a network on a folder of videos, and write it as a folder for timm.

    Several GPUs or machines: accelerate launch --no_python e3dnas train ..., or torchrun --no-python e3dnas train ...
    """
    from e3dnas.report.console import make_console
    from e3dnas.training import Options, parse_settings
    from e3dnas.training import train as run
    from e3dnas.training.view import TrainingView

    with errors_once():
        network, name = _network(model, trial)
        folder = out if out is not None else Path("runs") / f"{name}_trained"
        with TrainingView(make_console(quiet=quiet or as_json or not is_main_process())) as view:
            result = run(
                network, data, out=folder, recipe=recipe, overrides=parse_settings(settings or []), resume=resume,
                options=Options(device, log_every, save_every, layout, fold), listener=view,
            )  # fmt: skip
        pushed = _push(result, push_to_hub) if push_to_hub and is_main_process() else ""
    if as_json and is_main_process():
        plain = {**result.to_dict(), "pushed_to": pushed or None}
        typer.echo(json.dumps(plain, indent=2))
    elif not quiet and is_main_process():
        _print(result, data, pushed)
    if not result.complete:
        raise typer.Exit(130)


def is_main_process() -> bool:
    """Return whether this is the process that prints, of those that torchrun or accelerate have started."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def errors_once() -> Iterator[None]:
    """Let one of several processes tell an error that all of them meet, and part in order where there is none."""
    try:
        yield
    except E3DNASError as error:
        if is_main_process() or getattr(error, "alone", False):
            raise
        raise typer.Exit(error.exit_code) from None
    except RuntimeError as error:
        if _has_others() and any(sign in str(error) for sign in LOST):
            raise typer.Exit(1) from None  # that one says why
        raise
    if _has_others():
        sys.modules["torch"].distributed.destroy_process_group()


def _has_others() -> bool:
    """Whether this is one of several processes that know of each other."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.distributed.is_available() and bool(torch.distributed.is_initialized())


def _network(model: str, trial: int | None) -> tuple[str | Architecture, str]:
    """Return what to train, and a name for its folder."""
    name = re.sub("[^A-Za-z0-9._-]+", "-", Path(model).stem).strip(".-_") or "network"
    if trial is None:
        return model, name
    from e3dnas.search.reading import read_run

    return read_run(Path(model)).trial(trial).architecture, f"{name}_{trial}"


def _push(result: TrainingResult, repo: str) -> str:
    from e3dnas.training.exporting import push_to_hub

    return push_to_hub(result.model, repo) if result.model is not None else ""


def _print(result: TrainingResult, data: Path, pushed: str) -> None:
    """Print what has come of it, and what to do next."""
    from datetime import timedelta

    took = timedelta(seconds=round(result.seconds))
    if not result.complete:
        typer.echo(f"stopped after {result.epochs} epochs, {took}; the same command with --resume goes on from here")
        return
    if result.best:
        best = result.best
        typer.echo(
            f"\nbest: epoch {best['epoch']}, validation top-1 {100 * best['top1']:.2f} %, "
            f"top-5 {100 * best['top5']:.2f} %; {took} in all"
        )
    typer.echo(f"written: {result.model}, {result.folder}/metrics.csv, {result.folder}/curves.png")
    if pushed:
        typer.echo(f"pushed: {pushed}")
    folder = shlex.quote(str(result.folder))
    typer.echo(f"next: e3dnas eval {folder} --data {shlex.quote(str(data))}")
    typer.echo(f"      e3dnas predict {folder} video.mp4")
