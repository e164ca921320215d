"""``e3dnas schema``: the JSON Schema of space files."""

from __future__ import annotations

import json

import typer

__all__ = ["schema"]


def schema() -> None:
    """Print the JSON Schema of space files, for editors."""
    from e3dnas.space.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
