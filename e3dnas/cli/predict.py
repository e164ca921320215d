"""``e3dnas predict``: what a trained network sees in videos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from e3dnas.training import Prediction
    from e3dnas.training.prediction import Guess

__all__ = ["predict"]


def predict(
    model: Annotated[str, typer.Argument(help="The folder of a training, the model in it, or an exported file.")],
    videos: Annotated[list[Path], typer.Argument(help="Video files, or folders of frames.")],
    top: Annotated[int, typer.Option(min=1, help="Classes to tell.")] = 5,
    clips: Annotated[
        int | None, typer.Option(min=1, help="Clips of a video.", show_default="as the recipe says")
    ] = None,
    crops: Annotated[
        int | None, typer.Option(min=1, max=3, help="Crops of each clip.", show_default="as the recipe says")
    ] = None,
    window: Annotated[
        float | None,
        typer.Option(help="Seconds of a window that slides along each video; without it: the whole alone."),
    ] = None,
    stride: Annotated[
        float | None, typer.Option(help="Seconds from one window to the next.", show_default="half a window")
    ] = None,
    device: Annotated[str, typer.Option(help="auto (of an exported file: cpu), cpu or cuda.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell the most probable classes of videos; frames are prepared as in the network's training.

    Ends with 1 where a video cannot be read; the others are told.
    """
    from e3dnas.training import predict as run

    found = []
    for one in run(
        model, videos, top=top, clips=clips, crops=crops, window=window, stride=stride, device=device
    ):  # fmt: skip
        found.append(one)
        if not as_json:
            typer.echo(_text(one), nl=False)
    if as_json:
        typer.echo(json.dumps([one.to_dict() for one in found], indent=2))
    if any(one.problem for one in found):
        raise typer.Exit(1)


def _text(found: Prediction) -> str:
    if found.problem:
        return f"{found.path}: {found.problem}\n"
    lines = [f"{found.path}:", *(f"  {100 * guess.probability:5.1f} %  {guess.name}" for guess in found.guesses)]
    lines += [f"  {one.start:8.2f} to {one.end:.2f} s  {_brief(one.guesses)}" for one in found.windows]
    return "\n".join(lines) + "\n"


def _brief(guesses: tuple[Guess, ...]) -> str:
    return "   ".join(f"{100 * guess.probability:5.1f} %  {guess.name}" for guess in guesses[:2])
