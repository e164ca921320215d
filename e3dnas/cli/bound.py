"""``e3dnas bound``: how good a network of a space can be, with proof."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from e3dnas.bound import Bound, Front
    from e3dnas.space import SearchSpace

__all__ = ["bound"]

MEASURES_SHOWN = ("stentr", "homoentr", "flops", "conv_macs", "params", "layers", "activations")
SHOWN = 16
"""Networks of a front that are printed."""


def bound(
    space: Annotated[str, typer.Argument(help="A space: a YAML file, or the name of a shipped one such as e3d.")],
    within: Annotated[
        str | None, typer.Option(help="With --minimise: how much of the best score may be given up, such as 0.1%.")
    ] = None,
    minimise: Annotated[
        str | None, typer.Option(help="Of all networks within that, the one with the least params, flops, ...")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--front", help="The exact front of the score against the least flops, params, ...")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write the network found as an architecture file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prove how good a network of a space can be, and find the best one; of a family, for every member.

    Works where the score and all budgets are sums over layers, as all measures of the package are. A space with two
    objectives, or --front, gives the exact front: all best compromises.
    """
    from e3dnas.bound import Front
    from e3dnas.space import load_family

    _check_options(within, minimise, against)
    family = load_family(space)
    fronts = minimise is None and any(against or one.declaration.objectives for one in family.members.values())
    if save is not None and (fronts or not family.is_single):
        what = "a front has many networks" if family.is_single else "a family has several"
        raise E3DNASError(f"--save {save}: {what}; --json writes them all")
    found = {name: _solve(one, within, minimise, against) for name, one in family.members.items()}
    if save is not None:
        _save(found[""], save)
    if as_json:
        told: dict[str, Any] = {name: _told(one) for name, one in found.items()}
        typer.echo(json.dumps(told[""] if family.is_single else {"family": told}, indent=2))
        return
    for one in found.values():
        _print_front(one) if isinstance(one, Front) else _print(one, minimise is not None)


def _check_options(within: str | None, minimise: str | None, against: str | None) -> None:
    if (within is None) != (minimise is None):
        raise E3DNASError("--within and --minimise go together; write for example --within 0.1% --minimise params")
    if minimise is not None and against is not None:
        raise E3DNASError("--front and --minimise exclude one another; give one of them")
    _share(within or "0")


def _save(found: Bound | Front, path: Path) -> None:
    from e3dnas.arch import Architecture
    from e3dnas.cli.saving import save_new

    if isinstance(found.architecture, Architecture):
        save_new(found.architecture, path)


def _solve(space: SearchSpace, within: str | None, minimise: str | None, against: str | None) -> Bound | Front:
    from e3dnas.bound import bound as best
    from e3dnas.bound import front, least

    if minimise is not None:
        return least(space, minimise, _share(within))
    if against is not None:
        score = space.declaration.score.name
        if against == score:
            raise E3DNASError(f"--front {against}: is the score of {space.name}; name what it costs, such as flops")
        return front(space, {score: "maximize", against: "minimize"})
    return front(space) if space.declaration.objectives else best(space)


def _networks(found: Front, indices: Iterable[int]) -> list[dict[str, Any]]:
    """Return networks of a front with the ``values`` of their objectives and closed-form measures."""
    from e3dnas.measure.api import measure

    networks = []
    for i in indices:
        architecture = found.architecture(i)
        measures = {key: value for key, value in measure(architecture).items() if key in MEASURES_SHOWN}
        values = dict(zip(found.objectives, found.values[i].tolist(), strict=True))
        networks.append({"values": values} | measures | {"architecture": architecture.to_dict()})
    return networks


def _told(found: Bound | Front) -> dict[str, Any]:
    told = found.to_dict()
    if "front" in told:
        del told["genotypes"]
        told["front"] = _networks(found, range(len(told["front"])))  # type: ignore[arg-type]
    return told


def _print_front(found: Front) -> None:
    from e3dnas.report.console import make_console
    from e3dnas.report.tables import format_front

    console, count = make_console(), len(found.values)
    if count:
        shown = sorted({round(i * (count - 1) / (SHOWN - 1)) for i in range(SHOWN)}, reverse=True)  # evenly spread
        rows = [one | one["values"] for one in _networks(found, shown)]
        console.print(format_front(rows, list(found.objectives), count))
        proof = "exact: there is no other" if found.exact else "each proven, but there may be more"
        told = f"{count} {'network' if count == 1 else 'networks'} on the front ({proof})"
    else:
        told = f"no network within the budgets ({_none(found.exact)})"
    console.print(f"{found.space.name}: {told}, {found.seconds:.1f} s", soft_wrap=True)


def _none(proven: bool) -> str:
    return "proven: there is none" if proven else "none was found, none is excluded"


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
        console.print(
            f"{found.space}: no network within the budgets ({_none(found.exact)}), {found.seconds:.1f} s",
            soft_wrap=True,
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
        console.print(f"{key}: {value}", soft_wrap=True)
