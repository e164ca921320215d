"""``e3dnas``: the commands, and one clear line for every error a user can cause."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from e3dnas.cli.bench import bench
from e3dnas.cli.bound import bound
from e3dnas.cli.compare import compare
from e3dnas.cli.dashboard import dashboard
from e3dnas.cli.data import app as data
from e3dnas.cli.eval import evaluate
from e3dnas.cli.export import export
from e3dnas.cli.init import init
from e3dnas.cli.models import models
from e3dnas.cli.plot import plot
from e3dnas.cli.predict import predict
from e3dnas.cli.report import report
from e3dnas.cli.run import run
from e3dnas.cli.schema import schema
from e3dnas.cli.show import show
from e3dnas.cli.train import train
from e3dnas.errors import E3DNASError

__all__ = ["app", "main"]

app = typer.Typer(
    name="e3dnas",
    help="Design a video CNN for a compute budget in seconds, without training.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for command in (
    run, bound, show, compare, export, report, plot, train, evaluate, predict, bench, models, dashboard, init, schema,
):  # fmt: skip
    app.command("eval" if command is evaluate else None)(command)
app.add_typer(data)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"e3dnas {version('e3dnas')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Design a video CNN for a compute budget in seconds, without training."""


def main() -> None:
    """Run the command line; errors of the user end with their exit code and no traceback."""
    try:
        app()
    except E3DNASError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe has gone
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that may not be entered, a name that is too long
        if error.strerror is None:
            raise
        print(f"error: {': '.join(str(one) for one in (error.filename, error.strerror) if one)}", file=sys.stderr)
        sys.exit(2)
