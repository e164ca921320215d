"""YAML and JSON files as plain data that remembers which file and line each key came from."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

from e3dnas.config.guard import MAX_DEPTH, MAX_VALUES, guarded_yaml
from e3dnas.errors import E3DNASError

__all__ = ["Document", "KeyPath", "Place", "dump_yaml", "exists", "merge", "path_text", "read_document", "read_text"]

MAX_BYTES = 1 << 20

KeyPath = tuple[str | int, ...]


class Place(NamedTuple):
    """Where a key stands: the file as the user named it, the line counted from one, and the key path in that file.

    Plain data stands in no file: ``file`` is empty.
    """

    file: str
    line: int
    path: KeyPath = ()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else ""


@dataclass(frozen=True)
class Document:
    """A mapping read from ``file``, with the place of every key path in it."""

    file: str
    data: dict[str, Any]
    places: Mapping[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath) -> str:
        """Return ``file:line`` of ``path``, or of its nearest parent that stands in a file; empty for plain data."""
        known = self._nearest(path)
        return str(self.places[known]) if known is not None else self.file

    def where(self, path: KeyPath) -> str:
        """Return ``file:line: key.path`` of ``path``, the key path as it is written there (values may be inherited)."""
        known = self._nearest(path)
        written = path if known is None else (*self.places[known].path, *path[len(known) :])
        return ": ".join(part for part in (self.place(path), path_text(written)) if part)

    @contextmanager
    def telling(self, *path: str | int) -> Iterator[None]:
        """Give errors that are raised inside the place of ``path``."""
        try:
            yield
        except E3DNASError as error:
            raise E3DNASError(f"{self.where(path)}: {error}") from error.__cause__

    def _nearest(self, path: KeyPath) -> KeyPath | None:
        return next((path[:n] for n in range(len(path), -1, -1) if path[:n] in self.places), None)


def path_text(path: Sequence[str | int]) -> str:
    """Write a key path as people read it: ``('stages', 1, 'kernel')`` is ``stages[1].kernel``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def read_document(path: str | Path) -> Document:
    """Read one YAML or JSON file whose top level is a mapping.

    Raises:
        E3DNASError: the file is missing, a directory, empty, too large, not UTF-8, not valid YAML, not a mapping,
            has a key twice, a tag, a key that is no text, or aliases that expand without end.
    """
    file = str(path)
    text = read_text(Path(path))
    try:
        loaded = guarded_yaml().load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = (error.problem or "a key stands twice").split(" with value")[0]
        raise E3DNASError(f"{file}:{line}: {what}; every key may stand once, so delete one of the two") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise E3DNASError(f"{file}:{mark.line + 1 if mark else 1}: not valid YAML: {error.problem}") from None
    except (YAMLError, ValueError) as error:
        raise E3DNASError(f"{file}:1: not valid YAML: {str(error).splitlines()[0]}") from None
    if loaded is None:
        raise E3DNASError(f"{file}: the file is empty; write a mapping such as 'key: value'")
    if not isinstance(loaded, CommentedMap):
        raise E3DNASError(f"{file}:1: the top level must be a mapping ('key: value' lines), not a {_kind(loaded)}")
    places: dict[KeyPath, Place] = {(): Place(file, 1)}
    return Document(file, _Plain(file, places).convert(loaded, (), 1), places)


def merge(base: Document, over: Document) -> Document:
    """Lay ``over`` on ``base``: mappings merge key by key, everything else is replaced; places follow the values."""
    places = dict(base.places)

    def lay(low: dict[str, Any], high: Mapping[str, Any], path: KeyPath) -> dict[str, Any]:
        merged = dict(low)
        for key, value in high.items():
            here = (*path, key)
            old = merged.get(key)
            if isinstance(value, Mapping) and isinstance(old, dict):
                places.update({here: over.places[here]} if here in over.places else {})
                merged[key] = lay(old, value, here)
                continue
            for below in [p for p in places if p[: len(here)] == here]:
                del places[below]
            places[here] = Place("", 0, here)  # of plain data
            places.update({p: place for p, place in over.places.items() if p[: len(here)] == here})
            merged[key] = value
        return merged

    data = lay(base.data, over.data, ())
    if over.file:
        places[()] = Place(over.file, 1)
    return Document(over.file or base.file, data, places)


def dump_yaml(data: Mapping[str, Any]) -> str:
    """Write plain data as YAML: mappings of scalars on one line inside lists, everything else in blocks."""
    out = io.StringIO()
    yaml = YAML(typ="rt")
    yaml.width = 200
    yaml.default_flow_style = None  # innermost collections in flow style
    yaml.dump(dict(data), out)
    return out.getvalue()


def exists(path: Path) -> bool:
    """Return whether there is something at ``path``; a name that no file could have is no error."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def read_text(path: Path) -> str:
    """Return the text of a file that somebody wrote.

    Raises:
        E3DNASError: it is missing, a directory, unreadable, larger than ``MAX_BYTES`` or not UTF-8.
    """
    try:
        if path.is_dir():
            raise E3DNASError(f"{path}: is a directory; name a file in it")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise E3DNASError(f"{path}: no such file") from None
    except OSError as error:
        raise E3DNASError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise E3DNASError(f"{path}: larger than {MAX_BYTES >> 20} MiB; this is not a file written for e3dnas")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise E3DNASError(f"{path}: not a text file in UTF-8") from None


def _kind(value: object) -> str:
    return "list" if isinstance(value, list) else "single value"


class _Plain:
    """Turns ruamel's commented nodes into plain Python, noting places and refusing what a config must not hold."""

    def __init__(self, file: str, places: dict[KeyPath, Place]) -> None:
        self.file, self.places, self.count = file, places, 0

    def fail(self, path: KeyPath, line: int, problem: str) -> E3DNASError:
        where = f"{path_text(path)}: " if path else ""
        return E3DNASError(f"{self.file}:{line}: {where}{problem}")

    def convert(self, node: Any, path: KeyPath, line: int) -> Any:
        self.count += 1
        if self.count > MAX_VALUES or len(path) > MAX_DEPTH:
            limit = f"{MAX_VALUES} values" if len(path) <= MAX_DEPTH else f"{MAX_DEPTH} levels"
            raise self.fail((), line, f"expands to more than {limit}; anchors and aliases must not multiply")
        if isinstance(node, CommentedMap):
            return {key: self._child(node, key, path, line) for key in node}
        if isinstance(node, CommentedSeq):
            return [self._child(node, i, path, line) for i in range(len(node))]
        return self._scalar(node, path, line)

    def _child(self, node: Any, key: Any, path: KeyPath, line: int) -> Any:
        if isinstance(node, CommentedMap):
            if not isinstance(key, str):
                raise self.fail(path, line, f"key {key!r} is no text; write it in quotes")
            key = str(key)
        position = node.lc.data.get(key) if node.lc.data else None
        below = (*path, key)
        here = position[0] + 1 if position else line
        self.places[below] = Place(self.file, here, below)
        return self.convert(node[key], below, here)

    def _scalar(self, node: Any, path: KeyPath, line: int) -> Any:
        if isinstance(node, bool | ScalarBoolean):
            return bool(node)
        if isinstance(node, str):  # JSON writes what is beyond 16 bits as a pair of surrogates
            return str(node).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        for number in (int, float):
            if isinstance(node, number):
                return number(node)
        if node is None:
            return None
        raise self.fail(path, line, f"{str(node)!r} is a {type(node).__name__}; to mean a text, write it in quotes")
