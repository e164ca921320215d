"""``e3dnas bound``: how good a network of a space can be, with proof."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from e3dnas.bound import Bound

__all__ = ["bound"]


def bound(
    space: Annotated[str, typer.Argument(help="A space: a YAML file, or the name of a shipped one such as e3d.")],
    within: Annotated[
        str | None, typer.Option(help="With --minimise: how much of the best score may be given up, such as 0.1%.")
    ] = None,
    minimise: Annotated[
        str | None, typer.Option(help="Of all networks within that, the one with the least params, flops, ...")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write the network found as an architecture file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prove how good a network of a space can be, and find the best one.

    Works where the score and all budgets are sums over layers, as all measures of the package are.
    """
    from e3dnas.bound import bound as solve
    from e3dnas.bound import least
    from e3dnas.cli.saving import save_new

    if (within is None) != (minimise is None):
        raise E3DNASError("--within and --minimise go together; write for example --within 0.1% --minimise params")
    found = solve(space) if minimise is None else least(space, minimise, _share(within))
    if save is not None and found.architecture is not None:
        save_new(found.architecture, save)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _print(found, minimise is not None)


def _share(text: str | None) -> float:
    """Return a share written as ``0.1%`` or ``0.001``."""
    written = (text or "").strip()
    try:
        share = float(written.removesuffix("%")) / (100 if written.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise E3DNASError(f"--within {text}: must be a share such as 0.1% or 0.001")
    return share


def _print(found: Bound, minimised: bool) -> None:
    from e3dnas.measure.api import measure
    from e3dnas.report.console import make_console
    from e3dnas.report.tables import format_network

    console = make_console()
    if found.architecture is None:
        problem = "proven: there is none" if found.exact else "none was found, none is excluded"
        console.print(
            f"{found.space}: no network within the budgets ({problem}), {found.seconds:.1f} s", highlight=False
        )
        return
    console.print(format_network(measure(found.architecture)))
    told: dict[str, Any] = {
        "least possible" if minimised else "proven bound": f"{found.measure} {found.upper:.10g}",
        "found": f"{found.measure} {found.score:.10g}",
        "gap": "0, proven the best" if found.exact else f"{100 * (found.gap or 0.0):.4f} %",
        "time": f"{found.seconds:.1f} s",
    }
    for key, value in told.items():
        console.print(f"{key}: {value}", highlight=False)
