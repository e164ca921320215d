"""The genes of a space: every field with more than one choice, as an index into its values and an Optuna parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from e3dnas.arch.table import BLOCKS, Array

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["Field", "columns_of", "readable", "rounded_widths"]


@dataclass(frozen=True)
class Field:
    """One field of a network: its name (``stage2.out``) and the values it may take; a gene where there are several."""

    name: str
    values: tuple[Any, ...]

    @property
    def part(self) -> str:
        """``stem``, ``stage3``, ``head``."""
        return self.name.split(".")[0]

    @property
    def key(self) -> str:
        """The field's key in its part, such as ``out``."""
        return self.name.split(".")[1]

    @property
    def stepped(self) -> bool:
        """Whether the values are whole numbers at equal steps."""
        whole = all(type(value) is int for value in self.values)
        return whole and len({b - a for a, b in zip(self.values, self.values[1:], strict=False)}) == 1

    def distribution(self) -> BaseDistribution:
        """Return the Optuna distribution: integers at equal steps, otherwise categories in readable text."""
        from optuna.distributions import CategoricalDistribution, IntDistribution

        if self.stepped:
            return IntDistribution(self.values[0], self.values[-1], step=self.values[1] - self.values[0])
        return CategoricalDistribution([readable(value) for value in self.values])

    def index(self, value: Any) -> int:
        """Return the index of a value, given as it is or as its readable text.

        Raises:
            ValueError: it is none of the values.
        """
        for i, own in enumerate(self.values):
            if value in (own, readable(own)):
                return i
        raise ValueError(f"{self.name}: {value!r} is none of {', '.join(str(readable(v)) for v in self.values[:12])}")


def readable(value: Any) -> Any:
    """Return kernels and strides as text, everything else as it is."""
    return f"{value[0]}x{value[1]}x{value[1]}" if isinstance(value, tuple) else value


def columns_of(key: str, values: tuple[Any, ...]) -> dict[str, Array]:
    """Return the numeric columns of a field's values, by column name (see ``Columns``); none for activations."""
    if key in ("kernel", "stride"):
        pairs = np.array(values, float)
        return {f"{key}_t": pairs[:, 0], f"{key}_s": pairs[:, 1]}
    if key == "block":
        return {"block": np.array([BLOCKS.index(value) for value in values], float)}
    if key == "shortcut":
        return {"projection": np.array([value == "projection" for value in values], float)}
    if key in ("activation", "inner_activation"):
        return {}
    return {key: np.array(values, float)}


def rounded_widths(widths: Array, multiple: int) -> Array:
    """Return the nearest multiple, ties to the even one, never under one multiple (the published widths need this)."""
    return np.maximum(np.rint(widths / multiple), 1) * multiple
