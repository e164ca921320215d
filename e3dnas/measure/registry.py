"""The measures a space may name: those of the package, and a user's own by import path.

A measure is a function whose first parameter says what it looks at:

- ``table``: ``def my_score(table: LayerTable, **options) -> array of shape (N,)``: analytic, vectorised over N
  networks. The search screens whole broods with it.
- ``model``: ``def my_score(model: torch.nn.Module, **options) -> float``: gets the backbone and classifier as a timm
  model on the CPU in evaluation mode (``model.arch.clip`` says what it takes). Called once a trial.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from e3dnas.arch.table import Array, LayerTable
from e3dnas.config import shown
from e3dnas.errors import E3DNASError, nearest
from e3dnas.measure.cost import activations, conv_macs, flops, layers, params
from e3dnas.measure.entropy import homoentr, stentr

__all__ = ["MEASURES", "Measure", "measure_table", "resolve"]

MEASURES: dict[str, Callable[[LayerTable], Array]] = {
    "stentr": stentr, "homoentr": homoentr, "flops": flops, "conv_macs": conv_macs, "params": params,
    "layers": layers, "activations": activations,
}  # fmt: skip
COUNTS = frozenset({"flops", "conv_macs", "params", "layers", "activations"})


@dataclass(frozen=True)
class Measure:
    """A named measure ready to be taken; ``looks_at`` is ``table`` or ``model``."""

    name: str
    function: Callable[..., Any]
    looks_at: Literal["table", "model"]
    options: Mapping[str, Any] = field(default_factory=dict)

    def of_table(self, table: LayerTable) -> Array:
        """Return the measure of N networks, shape (N,); what is not finite is passed on.

        Raises:
            E3DNASError: the function gave another shape or no numbers.
        """
        given = self.function(table, **self.options)
        try:
            values = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            raise E3DNASError(f"score {self.name}: must return numbers, not {shown(given)}") from None
        if values.shape != (table.shape[0],) and not (values.ndim == 0 and table.shape[0] == 1):
            raise E3DNASError(
                f"score {self.name}: must return one number for each of the {table.shape[0]} networks, "
                f"not an array of shape {values.shape}"
            )
        return np.broadcast_to(values, (table.shape[0],))

    def of_model(self, model: Any) -> float:
        """Return the measure of one model.

        Raises:
            E3DNASError: the function gave no number.
        """
        value = self.function(model, **self.options)
        try:
            return float(value.detach() if hasattr(value, "detach") else value)
        except (TypeError, ValueError):
            raise E3DNASError(f"score {self.name}: must return one number, not {shown(value)}") from None


def measure_table(table: LayerTable) -> dict[str, Array]:
    """Return all measures of the package for N networks, each of shape (N,)."""
    return {name: np.broadcast_to(function(table), (table.shape[0],)) for name, function in MEASURES.items()}


def resolve(name: str, options: Mapping[str, Any] | None = None, folder: Path | None = None) -> Measure:
    """Return the measure called ``name``: one of the package's, or ``package.module:function``.

    Args:
        name: the name.
        options: keyword arguments of the function.
        folder: looked in for ``module`` too, after the import path (a score that lies beside the space).

    Raises:
        E3DNASError: no such measure, module or function; a wrong first parameter; options it does not take.
    """
    function = MEASURES.get(name) or _import(name, folder)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise E3DNASError(f"score {name}: is not a function") from None
    first = next(iter(signature.parameters), None)
    if first not in ("table", "model"):
        raise E3DNASError(
            f"score {name}: its first parameter must be called 'table' (a layer table of many networks) or 'model' "
            f"(one torch module), not {first!r}"
        )
    try:
        signature.bind(None, **(options or {}))
    except TypeError as error:
        raise E3DNASError(f"score {name}: {error}; it takes {signature}") from None
    return Measure(name, function, "table" if first == "table" else "model", dict(options or {}))


def _import(name: str, folder: Path | None) -> Callable[..., Any]:
    module_name, separator, attribute = name.partition(":")
    if not separator:
        raise E3DNASError(
            f"unknown measure {name!r}{nearest(name, MEASURES) or '.'} Known: {', '.join(MEASURES)}, or your own as "
            "package.module:function"
        )
    try:
        module = _import_beside(module_name, folder)
    except Exception as error:  # the module is the user's: anything can be wrong with it
        raise E3DNASError(f"score {name}: cannot import {module_name!r}: {type(error).__name__}: {error}") from error
    function = getattr(module, attribute, None)
    if not callable(function):
        near = nearest(attribute, [own for own in dir(module) if callable(getattr(module, own))])
        raise E3DNASError(f"score {name}: {module_name!r} has no function {attribute!r}{near}")
    found: Callable[..., Any] = function
    return found


def _import_beside(module_name: str, folder: Path | None) -> Any:
    """Import with the space's folder and the current one at the end of the import path."""
    before = list(sys.path)
    sys.path.extend(str(place.resolve()) for place in (folder, Path.cwd()) if place is not None)
    importlib.invalidate_caches()  # it may have been written a moment ago
    try:
        return importlib.import_module(module_name)
    finally:
        sys.path[:] = before
