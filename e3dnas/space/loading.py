"""From a YAML file (and the files it extends) to a checked space."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from e3dnas.config import Document, check, read_document
from e3dnas.config.document import merge
from e3dnas.errors import E3DNASError, nearest
from e3dnas.space.declaration import Declaration
from e3dnas.space.space import SearchSpace

__all__ = ["load_space", "shipped_spaces"]

MAX_EXTENDS = 16


def shipped_spaces() -> dict[str, Path]:
    """Return name and file of every space that ships with the package."""
    inside = Path(str(files("e3dnas").joinpath("spaces")))
    folder = inside if inside.is_dir() else Path(str(files("e3dnas"))).parent / "spaces"  # a checkout
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_space(
    source: str | Path | Mapping[str, Any] | SearchSpace, overrides: Mapping[str, Any] | None = None
) -> SearchSpace:
    """Return a search space.

    Args:
        source: a YAML file, the name of a shipped space (``e3d``), or plain data.
        overrides: plain data laid over it, such as ``{"search": {"trials": 50}}``.

    Raises:
        E3DNASError: a problem in a file (told with file, line and key path), or a space that holds no network.
    """
    if isinstance(source, SearchSpace):
        source = source.to_dict()
    if isinstance(source, Mapping):
        document = Document("", dict(source))
    else:
        path = _find(source)
        document = _extended(path, ())
        if not document.data.get("name"):
            document.data["name"] = re.sub("[^A-Za-z0-9._-]+", "-", path.stem).strip(".-_") or "space"
    if overrides:
        document = _overlaid(document, overrides)
    return SearchSpace(_declaration(document), document)


def _find(source: str | Path) -> Path:
    path = Path(source)
    if path.exists():
        return path
    shipped = shipped_spaces()
    if str(source) in shipped:
        return shipped[str(source)]
    raise E3DNASError(
        f"{source}: neither a file nor a shipped space ({', '.join(shipped)}){nearest(str(source), shipped)}"
    )


def _extended(path: Path, chain: tuple[Path, ...]) -> Document:
    """Read a file, laid over the one it extends."""
    document = read_document(path)
    if "extends" not in document.data:
        return document
    base = document.data["extends"]
    where = f"{document.place(('extends',))}: extends"
    if not isinstance(base, str):
        raise E3DNASError(f"{where}: must be a file or the name of a shipped space, not {base!r}")
    if path.resolve() in chain or len(chain) >= MAX_EXTENDS:
        raise E3DNASError(f"{where}: {base} leads back to {path.name}; a space cannot extend itself")
    beside = path.parent / base
    shipped = shipped_spaces()
    if beside.is_file():
        found = beside
    elif base.removesuffix(".yaml") in shipped:
        found = shipped[base.removesuffix(".yaml")]
    else:
        known = f"neither a file beside {path.name} nor a shipped space ({', '.join(shipped)})"
        raise E3DNASError(f"{where}: {base!r} is {known}{nearest(base, shipped)}")
    merged = merge(_extended(found, (*chain, path.resolve())), document)
    return Document(merged.file, {k: v for k, v in merged.data.items() if k != "extends"}, merged.places)


def _overlaid(document: Document, overrides: Mapping[str, Any]) -> Document:
    def lay(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
        both = dict(low)
        for key, value in high.items():
            old = both.get(key)
            both[key] = lay(old, value) if isinstance(value, Mapping) and isinstance(old, Mapping) else value
        return both

    return Document(document.file, lay(document.data, overrides), document.places)


def _declaration(document: Document) -> Declaration:
    """Check the data, ``stage_defaults`` laid under every stage."""
    data = dict(document.data)
    defaults, stages = data.get("stage_defaults"), data.get("stages")
    places = dict(document.places)
    if isinstance(defaults, dict) and isinstance(stages, list):
        data["stages"] = [_with_defaults(defaults, stage) for stage in stages]
        inherited = {p[1:]: place for p, place in places.items() if p[:1] == ("stage_defaults",) and len(p) > 1}
        for i, stage in enumerate(stages):
            if isinstance(stage, dict):
                places |= {("stages", i, *p): at for p, at in inherited.items() if p[0] not in stage}
    return check(Declaration, Document(document.file, data, places))


def _with_defaults(defaults: dict[str, Any], stage: Any) -> Any:
    if not isinstance(stage, dict):
        return stage
    other = {"bottleneck": "bottleneck_ratio", "bottleneck_ratio": "bottleneck"}
    kept = {key: value for key, value in defaults.items() if other.get(key) not in stage}
    return kept | stage
