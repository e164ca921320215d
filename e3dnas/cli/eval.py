"""``e3dnas eval``: test a trained network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e3dnas.cli.train import errors_once, is_main_process

if TYPE_CHECKING:
    from e3dnas.training import Evaluation

__all__ = ["evaluate"]

PICTURES = (".png", ".svg", ".pdf")


def evaluate(
    model: Annotated[str, typer.Argument(help="The folder of a training, the model in it, or an exported file.")],
    data: Annotated[Path, typer.Option(help="Folder of videos whose classes the network knows.")],
    clips: Annotated[
        int | None, typer.Option(min=1, help="Clips of a video.", show_default="as the recipe says")
    ] = None,
    crops: Annotated[
        int | None, typer.Option(min=1, max=3, help="Crops of each clip.", show_default="as the recipe says")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="train, val or test.", show_default="val, or test without one")
    ] = None,
    still: Annotated[
        bool, typer.Option("--still", help="Show one frame of each clip, repeated: what it tells without motion.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    amp: Annotated[str, typer.Option(help="auto (bf16 on a GPU that can), no, bf16 or fp16.")] = "auto",
    batch: Annotated[int, typer.Option(min=1, help="Clips computed at once.")] = 64,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that read.", show_default="the spare cores")
    ] = None,
    layout: Annotated[str | None, typer.Option(help="Layout of the data, where it is not recognised rightly.")] = None,
    fold: Annotated[int, typer.Option(min=1, help="Of UCF101: which division into training and test.")] = 1,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Draw which classes are taken for which: .png, .svg or .pdf.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the picture if it is there.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with every class and the confusion matrix.")
    ] = False,
) -> None:
    """Test a trained network on a folder of videos: top-1, top-5, every class, what is taken for what.

    Several GPUs: accelerate launch --no_python e3dnas eval ..., or torchrun --no-python e3dnas eval ...
    """
    from e3dnas.training import evaluate as run

    if output is not None:
        _check_picture(output, force)
    with errors_once(), _progress() as told:
        found = run(
            model, data, clips=clips, crops=crops, split=split, still=still, device=device, amp=amp, batch=batch,
            workers=workers, layout=layout, fold=fold, told=told,
        )  # fmt: skip
    if not is_main_process():
        return
    if output is not None:
        _draw(found, output)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
        return
    from e3dnas.report.console import make_console
    from e3dnas.training.tables import format_evaluation

    make_console(piped_width=120).print(format_evaluation(found))
    if output is not None:
        typer.echo(f"written: {output}")


def _check_picture(output: Path, force: bool) -> None:
    from e3dnas.cli.replacing import check_output
    from e3dnas.errors import E3DNASError

    if output.suffix not in PICTURES:
        raise E3DNASError(f"--output {output}: must end with {', '.join(PICTURES)}; write for example confusion.png")
    check_output(output, force=force)


def _draw(found: Evaluation, output: Path) -> None:
    from e3dnas.cli.replacing import writing
    from e3dnas.training.tables import plot_confusion

    title = f"{found.model}, {found.split}: top-1 {100 * found.tested.top1:.1f} % of {found.tested.count:,} videos"
    with writing(output):
        plot_confusion(found.tested.confusion, found.classes, title, output)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how many videos are done."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not (console.is_terminal and is_main_process())) as progress:
        task = progress.add_task("videos", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
