"""YAML and JSON files as plain data that remembers which file and line each key came from."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

from e3dnas.errors import E3DNASError

__all__ = ["Document", "KeyPath", "Place", "dump_yaml", "merge", "path_text", "read_document"]

MAX_BYTES = 1 << 20
MAX_VALUES = 20_000
MAX_DEPTH = 32

KeyPath = tuple[str | int, ...]


class Place(NamedTuple):
    """Where a key stands: the file as the user named it, and the line counted from one."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Document:
    """A mapping read from ``file``, with the place of every key path in it."""

    file: str
    data: dict[str, Any]
    places: Mapping[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath) -> str:
        """Return ``file:line`` of ``path``, or of its nearest parent that stands in the file."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return str(self.places[path[:length]])
        return self.file


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
    text = _read_text(Path(path))
    try:
        loaded = _loader().load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = (error.problem or "a key stands twice").split(" with value")[0]
        raise E3DNASError(f"{file}:{line}: {what}; every key may stand once, so delete one of the two") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise E3DNASError(f"{file}:{mark.line + 1 if mark else 1}: not valid YAML: {error.problem}") from None
    except (YAMLError, ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise E3DNASError(f"{file}:1: not valid YAML: {reason}") from None
    if loaded is None:
        raise E3DNASError(f"{file}: the file is empty; write a mapping such as 'key: value'")
    if not isinstance(loaded, CommentedMap):
        raise E3DNASError(f"{file}:1: the top level must be a mapping ('key: value' lines), not a {_kind(loaded)}")
    places: dict[KeyPath, Place] = {(): Place(file, 1)}
    return Document(file, _Plain(file, places).convert(loaded, (), 1), places)


def merge(base: Document, over: Document) -> Document:
    """Lay ``over`` on ``base``: mappings merge key by key, everything else is replaced; places follow the values."""
    places = dict(base.places)

    def lay(low: dict[str, Any], high: dict[str, Any], path: KeyPath) -> dict[str, Any]:
        merged = dict(low)
        for key, value in high.items():
            here = (*path, key)
            if isinstance(value, dict) and isinstance(merged.get(key), dict):
                places[here] = over.places[here]
                merged[key] = lay(merged[key], value, here)
                continue
            for old in [p for p in places if p[: len(here)] == here]:
                del places[old]
            places.update({p: place for p, place in over.places.items() if p[: len(here)] == here})
            merged[key] = value
        return merged

    data = lay(base.data, over.data, ())
    places[()] = Place(over.file, 1)
    return Document(over.file, data, places)


def dump_yaml(data: Mapping[str, Any]) -> str:
    """Write plain data as YAML: mappings of scalars on one line inside lists, everything else in blocks."""
    out = io.StringIO()
    yaml = YAML(typ="rt")
    yaml.width = 200
    yaml.default_flow_style = None  # innermost collections in flow style
    yaml.dump(dict(data), out)
    return out.getvalue()


def _loader() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = False
    return yaml


def _read_text(path: Path) -> str:
    try:
        if path.is_dir():
            raise E3DNASError(f"{path}: is a directory; name a file in it")
        if path.stat().st_size > MAX_BYTES:
            raise E3DNASError(f"{path}: larger than {MAX_BYTES >> 20} MiB; this is not a file written for e3dnas")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise E3DNASError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise E3DNASError(f"{path}: not a text file in UTF-8") from None
    except OSError as error:
        raise E3DNASError(f"{path}: cannot be read: {error.strerror}") from None


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
        self.places[below] = Place(self.file, here)
        return self.convert(node[key], below, here)

    def _scalar(self, node: Any, path: KeyPath, line: int) -> Any:
        if isinstance(node, bool | ScalarBoolean):
            return bool(node)
        for plain in (int, float, str):
            if isinstance(node, plain):
                return plain(node)
        if node is None:
            return None
        raise self.fail(path, line, f"{str(node)!r} is a {type(node).__name__}; write a number, a text or true/false")
