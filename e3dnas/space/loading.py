"""From a YAML file (and the files it extends) to a checked space."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from e3dnas.config import Document, check, exists, merge, read_document, shown
from e3dnas.errors import E3DNASError, nearest
from e3dnas.space.declaration import Declaration
from e3dnas.space.space import SearchSpace

__all__ = ["Family", "load_family", "load_space", "shipped_spaces"]

MEMBER_NAME = r"[A-Za-z0-9][A-Za-z0-9_]{0,49}"
"""Members have folders beside the files of their family's run, whose names hold a dot or a hyphen."""
Source = str | Path | Mapping[str, Any] | SearchSpace


def shipped_spaces() -> dict[str, Path]:
    """Return name and file of every space that ships with the package."""
    inside = Path(str(files("e3dnas").joinpath("spaces")))
    folder = inside if inside.is_dir() else Path(str(files("e3dnas"))).parent / "spaces"  # a checkout
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


@dataclass(frozen=True)
class Family:
    """The members of a family by name, each a space of its own; an ordinary space is the only member, called ""."""

    name: str
    members: Mapping[str, SearchSpace]
    document: Document

    @property
    def is_single(self) -> bool:
        """Whether it is an ordinary space."""
        return list(self.members) == [""]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that ``load_family`` takes back."""
        return dict(self.document.data)


def load_space(source: Source, overrides: Mapping[str, Any] | None = None) -> SearchSpace:
    """Return a search space.

    Args:
        source: a YAML file, the name of a shipped space (``e3d``), or plain data.
        overrides: plain data laid over it, such as ``{"search": {"trials": 50}}``.

    Raises:
        E3DNASError: a problem in a file (told with file, line and key path), a space that holds no network, a family.
    """
    document = _overridden(_read(source), overrides)
    if document.data.get("family"):
        raise E3DNASError(
            f"{document.where(('family',))}: this is a family of spaces, and one space is wanted here; "
            "`e3dnas run` and `e3dnas bound` take it, as load_family does"
        )
    return SearchSpace(_declaration(document), document)


def load_family(source: Source, overrides: Mapping[str, Any] | None = None) -> Family:
    """Return the spaces of a family; of an ordinary space, that one.

    Args:
        source: as for ``load_space``.
        overrides: laid over every member.

    Raises:
        E3DNASError: as for ``load_space``, in any member.
    """
    document = _read(source)
    if "family" not in document.data:
        space = load_space(source, overrides)
        return Family(space.name, {"": space}, space.document)
    name = document.data.get("name") or "family"
    members = {}
    for key, member in _members(document):
        space_name = member.data.get("name", f"{name}_{key}")
        one = merge(_yielding(_without(document, "family"), member.data), member)
        one = _overridden(replace(one, data=one.data | {"name": space_name}), overrides)
        members[key] = SearchSpace(_declaration(one), one)
    return Family(name, members, _overridden(document, overrides))


def _members(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield name and own keys of every member of a family."""
    family = document.data["family"]
    if not isinstance(family, dict) or not family:
        raise E3DNASError(
            f"{document.where(('family',))}: must be a mapping of names to what differs, such as "
            f"s: {{budgets: {{flops: 2.0e+9}}}}, not {shown(family)}"
        )
    for key, data in family.items():
        path = ("family", key)
        if not re.fullmatch(MEMBER_NAME, key):
            raise E3DNASError(f"{document.where(path)}: must be letters, digits and '_', not {key!r}")
        if not isinstance(data, dict):
            raise E3DNASError(f"{document.where(path)}: must be a mapping of keys to values, not {shown(data)}")
        if "family" in data:
            raise E3DNASError(f"{document.where((*path, 'family'))}: a member of a family has no family of its own")
        places = {place[2:]: at for place, at in document.places.items() if place[:2] == path and len(place) > 2}
        yield key, Document(document.file, data, places)


def _read(source: Source) -> Document:
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


def _overridden(document: Document, overrides: Mapping[str, Any] | None) -> Document:
    return merge(document, Document("", dict(overrides))) if overrides else document


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
    return merge(_yielding(below, document.data), _without(document, "extends"))


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


def _without(document: Document, key: str) -> Document:
    return replace(document, data={k: v for k, v in document.data.items() if k != key})


def _yielding(base: Document, over: Mapping[str, Any]) -> Document:
    """Return ``base`` without the default bottleneck that one of the other form in ``over`` takes the place of."""
    low, high = base.data.get("stage_defaults"), over.get("stage_defaults")
    if not isinstance(low, dict) or not isinstance(high, Mapping):
        return base
    return replace(base, data=base.data | {"stage_defaults": _unsaid(low, high)})


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
    return _unsaid(defaults, stage) | stage if isinstance(stage, dict) else stage


def _unsaid(defaults: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults but for the form of the bottleneck that ``over`` does not use."""
    other = {"bottleneck": "bottleneck_ratio", "bottleneck_ratio": "bottleneck"}
    return {key: value for key, value in defaults.items() if other.get(key) not in over}
