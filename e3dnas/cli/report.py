"""``e3dnas report``: a run told in one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["report"]


def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run, of a family's too.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write.  [default: <run>/report.html]")
    ] = None,
    storage: Annotated[str | None, typer.Option(help="The run's storage URL, if it has one.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write one page with all there is to tell of a run: figures, tables, the best network, how to make it again.

    The page needs nothing but itself. An earlier report in the run's folder is replaced.
    """
    from e3dnas.cli.replacing import check_output, writing
    from e3dnas.report.console import make_console
    from e3dnas.report.runs.page import format_report
    from e3dnas.search.reading import read_runs
    from e3dnas.search.run_folder import RunFolder

    runs = read_runs(run, storage)
    own = run / "report.html"
    path = own if output is None else output
    check_output(path, force=force or path.resolve() == own.resolve())
    with make_console().status("solving for the exact front and drawing ..."):
        page = format_report(runs, RunFolder(run).space)
    with writing(path):
        path.write_text(page, encoding="utf-8")
    typer.echo(f"written: {path}")
