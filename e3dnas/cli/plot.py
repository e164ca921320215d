"""``e3dnas plot``: one figure of a run, for a screen or for paper, or its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from e3dnas.search.reading import Run

__all__ = ["plot"]

FORMS = {"network": (".svg", ".html")}
"""What a figure can be written as; all the others as ``ANY``."""
ANY = (".png", ".svg", ".pdf", ".html", ".csv")


def plot(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The file to write: .png, .svg, .pdf, .html, or .csv for the numbers."),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            help="history, tradeoff, stages, importances, front or network.  [default: history, of several "
            "objectives front]"
        ),
    ] = None,
    trial: Annotated[int | None, typer.Option(min=0, help="Of stages and network: this trial, not the best.")] = None,
    storage: Annotated[str | None, typer.Option(help="The run's storage URL, if it has one.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write one figure of a run to a file.

    history: the score over trials; tradeoff: the score against its cost; stages: shares by stage of the best network;
    importances: which choices matter; front: the front of several objectives; network: a picture of the best network.
    """
    from e3dnas.cli.replacing import check_output, writing
    from e3dnas.report.runs.figures import check_kind
    from e3dnas.search.reading import read_run

    if kind is not None:
        check_kind(kind, trial)
    opened = read_run(run, storage)
    kind = kind or ("front" if len(opened.space.declaration.goals) > 1 else "history")
    check_kind(kind, trial)
    if output.suffix.lower() not in (forms := FORMS.get(kind, ANY)):
        raise E3DNASError(
            f"--output {output}: --kind {kind} is written as {', '.join(forms)}; choose one of these endings"
        )
    check_output(output, force=force)
    with writing(output):
        note = _write(opened, kind, trial, output)
    typer.echo(f"written: {output}" + (f"\n{note}" if note else ""))


def _write(run: Run, kind: str, trial: int | None, path: Path) -> str:
    """Write the figure; returns what one must know to read it."""
    from e3dnas.report.runs.figures import make_chart, network_page, network_picture

    form = path.suffix.lower()
    if kind == "network":
        path.write_text((network_picture if form == ".svg" else network_page)(run, trial), encoding="utf-8")
        return ""
    chart = make_chart(run, kind, trial)
    if form == ".csv":
        path.write_text(chart.table().to_csv(), encoding="utf-8")
    elif form == ".html":
        from e3dnas.report.charts.boxes import chart_page

        path.write_text(chart_page(chart, run.space.name), encoding="utf-8")
    else:
        from e3dnas.report.charts.printed import save_image

        save_image(chart, path)
    return chart.note
