"""``e3dnas dashboard``: the Optuna dashboard on a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["dashboard"]


def dashboard(
    run: Annotated[Path, typer.Argument(help="The folder of a run, of a family's too.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0: any free one.")] = 8080,
    storage: Annotated[str | None, typer.Option(help="The run's storage URL, if it has one.")] = None,
) -> None:
    """Open a run in the Optuna dashboard, on this machine only, with notes and pictures. Ctrl-C ends it.

    Of a family's run all members are there.
    """
    from e3dnas.report.dashboard.server import make_dashboard
    from e3dnas.search.reading import read_runs

    runs = list(read_runs(run, storage).values())
    folders = {one.study.study_name: one.folder.path for one in runs}
    server = make_dashboard(runs[0].study, port, folders=folders, url=storage)
    typer.echo(f"dashboard: http://127.0.0.1:{server.server_port}/dashboard/studies\nCtrl-C ends it")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        typer.echo("ended")
    finally:
        server.server_close()
