"""What ``e3dnas run`` says and exports at its end."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from e3dnas.search.result import SearchResult
    from e3dnas.space import Family

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """The results of a run by member; that of an ordinary space is called ""."""

    console: Console
    folder: Path
    family: Family
    results: Mapping[str, SearchResult]

    @property
    def complete(self) -> bool:
        """Whether every member has all its trials."""
        return self.results.keys() == self.family.members.keys() and all(one.complete for one in self.results.values())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data as in result.json."""
        if self.family.is_single:
            return self.results[""].to_dict()
        return {"family": {member: result.to_dict() for member, result in self.results.items()}}

    def export(self, member: str, count: int) -> list[Path]:
        """Write ``count`` of the best networks, or so many spread over the front, as timm folders.

        One of an earlier export is replaced; one in which somebody has put weights or other files stays as it is.
        """
        result = self.results[member]
        if not count or not result.top or not result.complete:
            return []
        from e3dnas.models.export import export_folder
        from e3dnas.search.record import search_record

        names = [(found, f"{result.space}_{rank}") for rank, found in enumerate(result.spread(count), start=1)]
        folder = self.folder / member / "export"
        written = []
        for found, name in names:
            if _is_used(folder / name):
                self.console.print(f"left as it is, for more than an export is in it: {folder / name}", style="yellow")
                continue
            record = search_record(result, found)
            written.append(export_folder(found.architecture, folder / name, name, record=record, overwrite=True))
        return written

    def print(self, exported: Mapping[str, list[Path]]) -> None:
        """Print what was found, what it cost and what to do next."""
        for member, result in self.results.items():
            if member:
                self.console.print(f"\n{result.space}", style="bold", soft_wrap=True)
            self._print_networks(result)
            self._print_figures(result, self.folder / member)
            for path in exported[member]:
                typer.echo(f"exported: {path}")
        self._print_family()
        if not self.complete:
            self.console.print("stopped; the same command goes on from here", style="yellow")
            return
        found = [(member, result) for member, result in self.results.items() if result.best]
        if len(found) < len(self.results):
            self.console.print(
                "no network within the budgets was found; try more --trials, or wider budgets", style="yellow"
            )
        for member, result in found:
            name = "my_" + re.sub("[^a-z0-9]+", "_", result.space.lower())
            typer.echo(f"next: e3dnas export {shlex.quote(str(self.folder / member))} --name {name} --register")
        if found:
            typer.echo(f"      e3dnas report {shlex.quote(str(self.folder))}")

    def _print_networks(self, result: SearchResult) -> None:
        from e3dnas.measure.api import measure
        from e3dnas.report.tables import format_front, format_network, format_top

        if result.best is None:
            return
        top = [result.told(found) for found in result.spread(12 if result.front else 5)]
        objectives = list(result.objectives)
        if result.front:
            rows = [one | one["values"] for one in top]
            self.console.print(format_front(rows, objectives, len(result.front)))
            return
        self.console.print(format_top(top, objectives[0]))
        self.console.print()
        self.console.print(format_network(measure(result.best.architecture)))

    def _print_figures(self, result: SearchResult, folder: Path) -> None:
        from e3dnas.report.numbers import format_gap, format_seconds
        from e3dnas.report.on_machine import format_on_machine

        trials = f"{result.trials} {'trial' if result.trials == 1 else 'trials'}"
        failed = f", {result.failed} failed ({result.failure})" if result.failed else ""
        typer.echo(
            f"\n{trials}{failed}, {result.candidates:,} candidates looked at, "
            f"{format_seconds(result.seconds)}, seed {result.seed}"
        )
        if result.share is not None and result.exact is not None:
            typer.echo(
                f"{100 * result.share:.2f} % of the exact front's hypervolume ({len(result.exact.values)} networks)"
            )
        elif result.gap is not None:
            typer.echo(
                f"gap to the proven optimum: {format_gap(result.gap)} (no network here scores above {result.bound:.4f})"
            )
        elif result.unbounded:
            typer.echo(f"no {'exact front' if len(result.objectives) > 1 else 'bound'}: {result.unbounded}")
        for line in format_on_machine(result.on_machine):
            typer.echo(line)
        typer.echo(f"written: {folder}/result.json" + (f", {folder}/best.yaml" if result.best else ""))

    def _print_family(self) -> None:
        from e3dnas.report.tables import format_family

        if not self.family.is_single:
            self.console.print()
            self.console.print(format_family(self.results))


def _is_used(folder: Path) -> bool:
    """Return whether a folder holds anything but what an export of a design writes."""
    from e3dnas.models.export import FILES

    design = FILES - {"model.safetensors"}
    return folder.is_dir() and any(entry.name not in design for entry in folder.iterdir())
