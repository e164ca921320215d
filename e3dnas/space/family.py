"""Several spaces in one file: a family, whose members say only what differs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from e3dnas.config import At, Document, Place, merge, shown
from e3dnas.config.document import KeyPath
from e3dnas.errors import E3DNASError
from e3dnas.space.declaration import checked_name
from e3dnas.space.loading import Source, compiled, load_space, overridden, read_source, without, yielding
from e3dnas.space.space import SearchSpace

__all__ = ["Family", "load_family"]

MEMBER_NAME = r"[A-Za-z0-9][A-Za-z0-9_]{0,49}"
"""Members have folders beside the files of their family's run, whose names hold a dot or a hyphen."""
RESERVED = ("export", "uploads")
"""Folders that a run has of its own."""
MAX_MEMBERS = 100


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


def load_family(source: Source | Family, overrides: Mapping[str, Any] | None = None) -> Family:
    """Return the spaces of a family; of an ordinary space, that one.

    Args:
        source: a family, or as for ``load_space``.
        overrides: laid over every member.

    Raises:
        E3DNASError: as for ``load_space``, in any member; two members are spaces of one name.
    """
    if isinstance(source, Family):
        source = source.members[""] if source.is_single else source
    document = source.document if isinstance(source, Family) else read_source(source)
    if isinstance(source, SearchSpace) or "family" not in document.data:
        space = load_space(source, overrides)  # type: ignore[arg-type]  # no family is left here
        return Family(space.name, {"": space}, space.document)
    name = _name(document)
    members: dict[str, SearchSpace] = {}
    for key, own in _members(document):
        one = merge(yielding(without(document, "family"), own.data), own)
        one = replace(one, data=one.data | {"name": own.data.get("name") or f"{name}_{key}"})
        members[key] = compiled(overridden(one, overrides))
        _refuse_equal_names(document, members, key)
    return Family(name, members, _overridden(document, overrides or {}))


def _name(document: Document) -> str:
    name = document.data.get("name") or "family"
    try:
        return checked_name(name)
    except (At, TypeError) as error:
        problem = str(error) if isinstance(error, At) else f"must be a text, not {shown(name)}"
        raise E3DNASError(f"{document.where(('name',))}: {problem}") from None


def _overridden(document: Document, overrides: Mapping[str, Any]) -> Document:
    """Lay data over the whole family, and over those of its members that have a say in the same."""
    members = {key: dict(overrides) for key, own in document.data["family"].items() if own.keys() & overrides.keys()}
    return overridden(overridden(document, overrides), {"family": members} if members else None)


def _members(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield name and own keys of every member of a family."""
    family = document.data["family"]
    if not isinstance(family, dict) or not family:
        raise E3DNASError(
            f"{document.where(('family',))}: must be a mapping of names to what differs, such as "
            f"s: {{budgets: {{flops: 2.0e+9}}}}, not {shown(family)}"
        )
    if len(family) > MAX_MEMBERS:
        raise E3DNASError(f"{document.where(('family',))}: must have at most {MAX_MEMBERS} members, not {len(family)}")
    for key, data in family.items():
        path: KeyPath = ("family", key)
        if not isinstance(key, str) or not re.fullmatch(MEMBER_NAME, key):
            raise E3DNASError(f"{document.where(path)}: must be up to 50 letters, digits and '_', not {shown(key)}")
        if key in RESERVED:
            raise E3DNASError(f"{document.where(path)}: a run has a folder called {key!r} for itself; rename it")
        if not isinstance(data, dict):
            raise E3DNASError(f"{document.where(path)}: must be a mapping of keys to values, not {shown(data)}")
        for wrong, problem in (("family", "has no family of its own"), ("extends", "extends nothing but the family")):
            if wrong in data:
                raise E3DNASError(f"{document.where((*path, wrong))}: a member of a family {problem}; delete this")
        places = {below: Place("", 0, (*path, *below)) for below in _paths(data)}  # of plain data
        places |= {place[2:]: at for place, at in document.places.items() if place[:2] == path and len(place) > 2}
        yield key, Document(document.file, data, places)


def _paths(data: Any) -> Iterator[KeyPath]:
    """Yield the path of everything in a mapping or list."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(data, list | dict):
        items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        yield (key,)
        yield from ((key, *below) for below in _paths(value))


def _refuse_equal_names(document: Document, members: Mapping[str, SearchSpace], key: str) -> None:
    """Refuse a member whose space is called as that of another one: their studies would be the same."""
    name = members[key].name
    for other, space in members.items():
        if other != key and space.name == name:
            said, by_default = (key, other) if document.data["family"][key].get("name") else (other, key)
            raise E3DNASError(
                f"{document.where(('family', said, 'name'))}: {name!r} is the name of member {by_default}, too; "
                "choose another"
            )
