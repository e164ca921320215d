"""Checking plain data against a pydantic model, with every problem told as: place, key path, rule, value, remedy."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from e3dnas.config.document import Document, KeyPath
from e3dnas.errors import E3DNASError, nearest

__all__ = ["At", "check", "shown"]

Model = TypeVar("Model", bound=BaseModel)
MAX_SHOWN = 5


class At(ValueError):
    """A rule between several fields is broken: raised inside a model's validator, told at ``path`` below the model."""

    def __init__(self, path: KeyPath, problem: str) -> None:
        super().__init__(problem)
        self.path = path


def check(model: type[Model], source: Document | Mapping[str, Any], name: str = "") -> Model:
    """Return ``source`` as a ``model``.

    Args:
        model: the pydantic model class to build.
        source: a document (problems are told with file and line) or plain data (told by key path alone).
        name: what plain data is called in an error.

    Raises:
        E3DNASError: one line a problem, at most five of them.
    """
    document = source if isinstance(source, Document) else Document(name, dict(source))
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise E3DNASError(_report(model, document, error)) from None


def _report(model: type[BaseModel], document: Document, error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    wrong = [p["loc"] for p in problems]
    # Items that are wrong do not count as items: a list is then said to be too short as well.
    problems = [p for p in problems if p["type"] != "too_short" or not any(len(x) > len(p["loc"]) for x in wrong)]
    # A mistake in what several stages inherit is one mistake.
    lines = list(dict.fromkeys(_line(model, document, problem) for problem in problems))
    if len(lines) > MAX_SHOWN:
        lines[MAX_SHOWN:] = [f"... and {len(lines) - MAX_SHOWN} more problems"]
    return "\n".join(lines)


def _line(model: type[BaseModel], document: Document, problem: Any) -> str:
    path: KeyPath = tuple(problem["loc"])
    raised = problem.get("ctx", {}).get("error")
    if isinstance(raised, At):
        path += raised.path
    where = document.where(path)
    return f"{where}: {_problem(model, path, problem)}" if where else _problem(model, path, problem)


def _problem(model: type[BaseModel], path: KeyPath, problem: Any) -> str:
    kind, value = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        return f"unknown key {path[-1]!r}{nearest(str(path[-1]), known) or '.'} Known: {', '.join(known)}"
    if kind == "missing":
        return f"missing; write {path[-1]}: ..."
    if kind == "literal_error":
        choices = [part.strip().strip("'") for part in problem["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return f"must be one of {', '.join(choices)}, not {shown(value)}{nearest(str(value), choices)}"
    if kind in ("value_error", "assertion_error"):
        return str(problem["ctx"]["error"])
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"must be a mapping of keys to values, not {shown(value)}"
    if kind == "tuple_type":
        return f"must be a list, not {shown(value)}"
    if kind in ("too_short", "too_long"):
        least = kind == "too_short"
        limit = problem["ctx"]["min_length" if least else "max_length"]
        return f"must have at {'least' if least else 'most'} {limit} of them, not {problem['ctx']['actual_length']}"
    message = problem["msg"].replace("Input should be", "must be")
    return f"{message}, not {shown(value)}"


def shown(value: object) -> str:
    """Return a value as an error shows it: short, whatever it is."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number too long to write"
    return text if len(text) <= 60 else text[:57] + "..."


def _keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the keys that the model knows at ``path``, following nested models, tuples, dicts and unions."""
    here: list[Any] = [model]
    for part in path:
        here = [inner for one in here for inner in _step(one, part)]
    return sorted({key for one in here if _is_model(one) for key in one.model_fields})


def _step(annotation: Any, part: str | int) -> list[Any]:
    if _is_model(annotation):
        found = annotation.model_fields.get(str(part))
        return _unwrap(found.annotation) if found else []
    arguments = [a for a in typing.get_args(annotation) if a is not Ellipsis]
    return [inner for a in arguments[-1:] for inner in _unwrap(a)]


def _unwrap(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _unwrap(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [inner for a in typing.get_args(annotation) for inner in _unwrap(a)]
    return [annotation]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
