"""From a YAML file (and the files it extends) to a checked space."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from e3dnas.config import Document, check, exists, merge, read_document, shown
from e3dnas.errors import E3DNASError, nearest
from e3dnas.space.declaration import Declaration
from e3dnas.space.space import SearchSpace

__all__ = ["Source", "compiled", "load_space", "overridden", "read_source", "shipped_spaces", "without", "yielding"]

Source = str | Path | Mapping[str, Any] | SearchSpace


def shipped_spaces() -> dict[str, Path]:
    """Return name and file of every space that ships with the package."""
    inside = Path(str(files("e3dnas").joinpath("spaces")))
    folder = inside if inside.is_dir() else Path(str(files("e3dnas"))).parent / "spaces"  # a checkout
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_space(source: Source, overrides: Mapping[str, Any] | None = None) -> SearchSpace:
    """Return a search space.

    Args:
        source: a YAML file, the name of a shipped space (``e3d``), or plain data.
        overrides: plain data laid over it, such as ``{"search": {"trials": 50}}``.

    Raises:
        E3DNASError: a problem in a file (told with file, line and key path), a space that holds no network, a family.
    """
    document = overridden(read_source(source), overrides)
    if "family" in document.data:
        raise E3DNASError(
            f"{document.where(('family',))}: this is a family of spaces, and one space is wanted here; "
            "`e3dnas run` and `e3dnas bound` take it, as load_family does"
        )
    return compiled(document)


def read_source(source: Source) -> Document:
    """Return the document of a space, with the files it extends; a file without a name has its own."""
    if isinstance(source, SearchSpace):
        return source.document
    if isinstance(source, Mapping):
        return _extended(Document("", dict(source)), Path(), ())
    path = _find(source)
    document = _extended(read_document(path), path.parent, (path.resolve(),))
    if not document.data.get("name"):
        name = re.sub("[^A-Za-z0-9._-]+", "-", path.stem).strip(".-_") or "space"
        document = replace(document, data=document.data | {"name": name})
    return document


def overridden(document: Document, overrides: Mapping[str, Any] | None) -> Document:
    """Return a document with plain data laid over it; what ought to be a mapping and is none stays, to be told."""
    laid = {key: value for key, value in (overrides or {}).items()
            if not isinstance(value, Mapping) or isinstance(document.data.get(key, {}), dict)}  # fmt: skip
    return merge(document, Document("", laid)) if laid else document


def _find(source: str | Path) -> Path:
    path, shipped = Path(source), shipped_spaces()
    there = exists(path)
    if str(source) in shipped and not (there and path.is_file()):
        return shipped[str(source)]
    if there:
        return path
    raise E3DNASError(
        f"{source}: neither a file nor a shipped space ({', '.join(shipped)}){nearest(str(source), shipped)}"
    )


def _extended(document: Document, folder: Path, chain: tuple[Path, ...]) -> Document:
    """Return a document laid over the one it extends; ``chain`` holds the files that led here."""
    if "extends" not in document.data:
        return document
    base = document.data["extends"]
    where = document.where(("extends",))
    if not isinstance(base, str):
        raise E3DNASError(f"{where}: must be a file or the name of a shipped space, not {shown(base)}")
    found = _base(base, folder, where)
    if found.resolve() in chain:
        raise E3DNASError(f"{where}: {base} leads back to this file, and a space cannot extend itself; name another")
    below = _extended(read_document(found), found.parent, (*chain, found.resolve()))
    return merge(yielding(below, document.data), without(document, "extends"))


def _base(base: str, folder: Path, where: str) -> Path:
    """Return the file that ``extends: base`` means: one in ``folder``, otherwise a shipped space."""
    shipped = shipped_spaces()
    name = base.removesuffix(".yaml")
    if exists(folder / base) and (name not in shipped or (folder / base).is_file()):
        return folder / base
    if name in shipped:
        return shipped[name]
    raise E3DNASError(
        f"{where}: {base!r} is neither a file beside this one nor a shipped space ({', '.join(shipped)})"
        f"{nearest(base, shipped)}"
    )


def without(document: Document, key: str) -> Document:
    """Return a document without one of its keys."""
    return replace(document, data={k: v for k, v in document.data.items() if k != key})


def yielding(base: Document, over: Mapping[str, Any]) -> Document:
    """Return ``base`` without the default bottleneck that one of the other form in ``over`` takes the place of."""
    low, high = base.data.get("stage_defaults"), over.get("stage_defaults")
    if not isinstance(low, dict) or not isinstance(high, Mapping):
        return base
    return replace(base, data=base.data | {"stage_defaults": _unsaid(low, high)})


def compiled(document: Document) -> SearchSpace:
    """Check the data, ``stage_defaults`` laid under every stage, and return the space."""
    data = dict(document.data)
    defaults, stages = data.get("stage_defaults"), data.get("stages")
    places = dict(document.places)
    if isinstance(defaults, dict) and isinstance(stages, list):
        data["stages"] = [_with_defaults(defaults, stage) for stage in stages]
        inherited = {p[1:]: place for p, place in places.items() if p[:1] == ("stage_defaults",) and len(p) > 1}
        for i, stage in enumerate(stages):
            if isinstance(stage, dict):
                places |= {("stages", i, *p): at for p, at in inherited.items() if p[0] not in stage}
    return SearchSpace(check(Declaration, Document(document.file, data, places)), document)


def _with_defaults(defaults: dict[str, Any], stage: Any) -> Any:
    return _unsaid(defaults, stage) | stage if isinstance(stage, dict) else stage


def _unsaid(defaults: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults but for the form of the bottleneck that ``over`` does not use."""
    other = {"bottleneck": "bottleneck_ratio", "bottleneck_ratio": "bottleneck"}
    return {key: value for key, value in defaults.items() if other.get(key) not in over}
