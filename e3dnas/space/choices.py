"""What a field of a space may be declared as: one value, a list of values, or a range with a step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from e3dnas.arch.fields import Activation, Block, Shortcut, check_temporal_kernel, parse_kernel, parse_stride
from e3dnas.config import At, shown
from e3dnas.errors import nearest

__all__ = [
    "ActivationChoices", "BlockChoices", "Counts", "DepthChoices", "Fractions", "KernelChoices", "Pairs", "Ratios",
    "ShortcutChoices", "StrideChoices", "TemporalKernels", "Widths",
]  # fmt: skip

MAX_CHOICES = 10_000
RANGE_KEYS = ("min", "max", "step")

T = TypeVar("T")
Pairs = tuple[tuple[int, int], ...]


def _numbers(value: Any, *, low: float, high: float, whole: bool) -> tuple[Any, ...]:
    """Return the sorted choices of a number, a list of numbers, or ``{min, max, step}``."""
    if isinstance(value, dict):
        return _range(value, low, high, whole)
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise ValueError("the list of choices is empty; write at least one number")
    for i, one in enumerate(values):
        path = (i,) if isinstance(value, list | tuple) else ()
        _check_number(one, path, low, high, whole)
    return tuple(sorted({one if whole else float(one) for one in values}))


def _check_number(value: Any, path: tuple[str | int, ...], low: float, high: float, whole: bool) -> None:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        noun = "a whole number" if whole else "a number"
        raise At(path, f"must be {noun}, a list of them, or {{min: ..., max: ..., step: ...}}, not {shown(value)}")
    if not low <= value <= high:
        raise At(path, f"must be from {low:g} to {high:g}, not {shown(value)}")


def _range(value: dict[Any, Any], low: float, high: float, whole: bool) -> tuple[Any, ...]:
    for key in value:
        if key not in RANGE_KEYS:
            raise At((key,), f"unknown key {key!r}{nearest(str(key), RANGE_KEYS) or '.'} A range has: min, max, step")
    for key in ("min", "max"):
        if key not in value:
            raise ValueError(f"a range needs {key!r}; write {{min: ..., max: ..., step: ...}}")
        _check_number(value[key], (key,), low, high, whole)
    step = value.get("step", 1)
    _check_number(step, ("step",), 0, high, whole)
    if step <= 0:
        raise At(("step",), f"must be above 0, not {step}")
    if value["min"] > value["max"]:
        raise ValueError(f"the range is empty: min {value['min']} is above max {value['max']}; swap them")
    steps = (value["max"] - value["min"]) / step + 1e-9
    if steps >= MAX_CHOICES:
        raise ValueError(
            f"the range has {steps + 1:.0f} values, at most {MAX_CHOICES} can be searched; use a larger step"
        )
    values = tuple(value["min"] + i * step for i in range(int(steps) + 1))
    return values if whole else tuple(round(float(one), 9) for one in values)


def _pairs(value: Any, *, parse: Callable[[Any], tuple[int, int]]) -> Pairs:
    """Return the choices of a kernel or stride: one text, or a list of them."""
    if not isinstance(value, list | tuple):
        return (parse(value),)
    if not value:
        raise ValueError("the list of choices is empty; write at least one")
    if not isinstance(value[0], int):
        return tuple(dict.fromkeys(_at(i, parse, one) for i, one in enumerate(value)))
    return (parse(value),)


def _at(i: int, parse: Callable[[Any], T], value: Any) -> T:
    try:
        return parse(value)
    except ValueError as error:
        raise At((i,), str(error)) from None


def _names(value: Any, *, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the choices of a name: one, or a list of them."""
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise ValueError(f"the list of choices is empty; write at least one of {', '.join(known)}")
    for i, one in enumerate(values):
        if one not in known:
            path = (i,) if isinstance(value, list | tuple) else ()
            raise At(path, f"must be one of {', '.join(known)}, not {shown(one)}{nearest(str(one), known)}")
    return tuple(dict.fromkeys(values))


def _schema(item: dict[str, Any], ranged: bool = True) -> WithJsonSchema:
    numbers = {"type": "object", "properties": dict.fromkeys(RANGE_KEYS, item), "required": ["min", "max"],
               "additionalProperties": False}  # fmt: skip
    forms = [item, {"type": "array", "items": item, "minItems": 1}, *([numbers] if ranged else [])]
    return WithJsonSchema({"anyOf": forms})


def _whole(low: int, high: int) -> tuple[BeforeValidator, WithJsonSchema]:
    return (BeforeValidator(partial(_numbers, low=low, high=high, whole=True)),
            _schema({"type": "integer", "minimum": low, "maximum": high}))  # fmt: skip


def _real(low: float, high: float) -> tuple[BeforeValidator, WithJsonSchema]:
    return (BeforeValidator(partial(_numbers, low=low, high=high, whole=False)),
            _schema({"type": "number", "minimum": low, "maximum": high}))  # fmt: skip


def _named(literal: Any) -> tuple[BeforeValidator, WithJsonSchema]:
    known = get_args(literal)
    return BeforeValidator(partial(_names, known=known)), _schema({"type": "string", "enum": list(known)}, ranged=False)


_WIDTH, _DEPTH, _COUNT, _TEMPORAL = _whole(1, 65536), _whole(1, 1024), _whole(1, 1024), _whole(0, 31)
_RATIO, _FRACTION = _real(0.01, 64), _real(0, 1)
_BLOCK, _SHORTCUT, _ACTIVATION = _named(Block), _named(Shortcut), _named(Activation)


def _odd_or_none(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(check_temporal_kernel(size) for size in sizes)


_TEXT = _schema({"type": "string", "pattern": r"^\d+x\d+x\d+$"}, ranged=False)

Widths = Annotated[tuple[int, ...], _WIDTH[0], _WIDTH[1]]
DepthChoices = Annotated[tuple[int, ...], _DEPTH[0], _DEPTH[1]]
Counts = Annotated[tuple[int, ...], _COUNT[0], _COUNT[1]]
TemporalKernels = Annotated[tuple[int, ...], _TEMPORAL[0], _TEMPORAL[1], AfterValidator(_odd_or_none)]
Ratios = Annotated[tuple[float, ...], _RATIO[0], _RATIO[1]]
Fractions = Annotated[tuple[float, ...], _FRACTION[0], _FRACTION[1]]
BlockChoices = Annotated[tuple[str, ...], _BLOCK[0], _BLOCK[1]]
ShortcutChoices = Annotated[tuple[str, ...], _SHORTCUT[0], _SHORTCUT[1]]
ActivationChoices = Annotated[tuple[str, ...], _ACTIVATION[0], _ACTIVATION[1]]
KernelChoices = Annotated[Pairs, BeforeValidator(partial(_pairs, parse=parse_kernel)), _TEXT]
StrideChoices = Annotated[Pairs, BeforeValidator(partial(_pairs, parse=parse_stride)), _TEXT]
