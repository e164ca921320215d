"""``e3dnas models``: what timm.create_model can build."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

__all__ = ["models"]


def models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the models there are: the zoo's, and those that this user registered."""
    from e3dnas.arch.loading import zoo_names
    from e3dnas.models.user_models import registered_models

    listed = [_entry(name, name, "zoo") for name in zoo_names()]
    listed += [_entry(name, folder, str(folder)) for name, folder in registered_models().items()]
    if as_json:
        typer.echo(json.dumps(listed, indent=2))
        return
    from e3dnas.report.console import make_console
    from e3dnas.report.tables import format_models

    make_console(piped_width=160).print(format_models(listed))
    typer.echo("build one: import e3dnas, timm; timm.create_model('e3d_s')")


def _entry(name: str, source: Any, origin: str) -> dict[str, Any]:
    from e3dnas.errors import E3DNASError
    from e3dnas.measure.api import measure

    try:
        measures = measure(source)
    except E3DNASError as error:
        return {"name": name, "from": origin, "problem": str(error)}
    return {key: value for key, value in measures.items() if key != "stages"} | {"name": name, "from": origin}
