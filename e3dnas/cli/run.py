"""``e3dnas run``: search a space."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from e3dnas.search.result import SearchResult

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
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew; an earlier run is kept in old-N.")] = False,
    prove: Annotated[
        bool, typer.Option("--bound/--no-bound", help="Prove beside it how good a network can be.")
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Search a space for the best network within its budgets.

    The same command again goes on where an earlier run stopped.
    """
    from e3dnas.report.console import make_console
    from e3dnas.report.live import SearchView
    from e3dnas.search.api import search
    from e3dnas.space import load_space

    console = make_console(quiet=quiet or as_json)
    given = {"trials": trials, "seed": seed, "sampler": sampler}
    loaded = load_space(space, {"search": {key: value for key, value in given.items() if value is not None}})
    folder = out if out is not None else Path("runs") / loaded.name
    declaration = loaded.declaration
    budgets = {name: budget.model_dump() for name, budget in declaration.budgets.items()}
    with SearchView(console, loaded.name, declaration.score.name, budgets) as view:
        result = search(
            space, out=folder, trials=trials, seed=seed, sampler=sampler, storage=storage, study=study,
            top=max(10, export_top), fresh=fresh, on_trial=view, prove=prove,
        )  # fmt: skip
    exported = _export(result, folder, export_top)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2))
    elif not quiet:
        _print_outcome(console, result, folder, declaration.score.name, exported)
    if not result.complete:
        raise typer.Exit(130)


def _export(result: SearchResult, folder: Path, count: int) -> list[Path]:
    if not count or not result.top or not result.complete:
        return []
    from e3dnas.models.export import export_folder
    from e3dnas.search.record import search_record

    names = [(found, f"{result.space}_{rank}") for rank, found in enumerate(result.top[:count], start=1)]
    return [
        export_folder(
            found.architecture, folder / "export" / name, name, record=search_record(result, found), overwrite=True
        )
        for found, name in names
    ]


def _print_outcome(console: Console, result: SearchResult, folder: Path, score: str, exported: list[Path]) -> None:
    from e3dnas.measure.api import measure
    from e3dnas.report.numbers import format_gap, format_seconds
    from e3dnas.report.tables import format_network, format_top

    if result.best is not None:
        top: list[dict[str, Any]] = [{"trial": f.trial, "score": f.score, **f.measures} for f in result.top[:5]]
        console.print(format_top(top, score))
        console.print()
        console.print(format_network(measure(result.best.architecture)))
    trials = f"{result.trials} {'trial' if result.trials == 1 else 'trials'}"
    failed = f", {result.failed} failed ({result.failure})" if result.failed else ""
    typer.echo(
        f"\n{trials}{failed}, {result.candidates:,} candidates looked at, "
        f"{format_seconds(result.seconds)}, seed {result.seed}"
    )
    if result.gap is not None:
        typer.echo(
            f"gap to the proven optimum: {format_gap(result.gap)} (no network here scores above {result.bound:.4f})"
        )
    elif result.unbounded:
        typer.echo(f"no bound: {result.unbounded}")
    typer.echo(f"written: {folder}/result.json" + (f", {folder}/best.yaml" if result.best else ""))
    for path in exported:
        typer.echo(f"exported: {path}")
    if not result.complete:
        console.print("stopped; the same command goes on from here", style="yellow")
    elif result.best is None:
        console.print("no network within the budgets was found; try more --trials, or wider budgets", style="yellow")
    else:
        name = "my_" + re.sub("[^a-z0-9]+", "_", result.space.lower())
        typer.echo(f"next: e3dnas export {shlex.quote(str(folder))} --name {name} --register")
