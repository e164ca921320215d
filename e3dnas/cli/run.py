"""``e3dnas run``: search a space."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from e3dnas.cli.outcome import Outcome

__all__ = ["run"]


def run(
    space: Annotated[str, typer.Argument(help="A space: a YAML file, or the name of a shipped one such as e3d.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the run.  [default: runs/<space>]")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Trials in all, instead of what the space says.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed, instead of what the space says.")] = None,
    sampler: Annotated[str | None, typer.Option(help="evolution, exact, nsgaii, random or tpe.")] = None,
    storage: Annotated[str | None, typer.Option(help="An Optuna storage URL, instead of a file in the folder.")] = None,
    study: Annotated[str | None, typer.Option(help="Name of the study.  [default: the space's name]")] = None,
    export_top: Annotated[int, typer.Option(min=0, help="Export so many of the best networks at the end.")] = 0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew; an earlier run is kept in old-N, in a storage as NAME-old-N.")
    ] = False,
    prove: Annotated[
        bool, typer.Option("--bound/--no-bound", help="Prove beside it how good a network can be.")
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Search a space for the best network within its budgets, or every space of a family.

    The same command again goes on where an earlier run stopped.
    """
    from e3dnas.report.console import make_console
    from e3dnas.report.live import FamilyView
    from e3dnas.search.api import overrides_of, search_family
    from e3dnas.space import load_family

    console = make_console(quiet=quiet or as_json)
    family = load_family(space, overrides_of(trials, seed, sampler))
    folder = out if out is not None else Path("runs") / family.name
    with FamilyView(console, family.members) as view:
        results = search_family(
            family, out=folder, storage=storage, study=study, top=max(10, export_top), fresh=fresh, on_trial=view,
            prove=prove, on_prepare=view.preparing,
        )  # fmt: skip
    outcome = Outcome(console, folder, family, results)
    exported = {member: outcome.export(member, export_top) for member in results}
    if as_json:
        typer.echo(json.dumps(outcome.to_dict(), indent=2))
    elif not quiet:
        outcome.print(exported)
    if not outcome.complete:
        raise typer.Exit(130)
