"""The small values an architecture is made of: kernels, strides, names, and the limits that keep numbers exact."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from e3dnas.config import shown

__all__ = [
    "Activation", "Block", "Kernel", "Shortcut", "Spec", "Stride", "TemporalKernel", "Width", "check_temporal_kernel",
    "parse_kernel", "parse_stride",
]  # fmt: skip

Block = Literal["depthwise", "dense", "factorised"]
Activation = Literal["relu", "silu"]
Shortcut = Literal["identity", "projection"]

Width = Annotated[int, Field(ge=1, le=65536)]
"""A number of channels."""

MAX_KERNEL, MAX_STRIDE = 31, 16


class Spec(BaseModel):
    """Base of everything declared in a file: frozen, strict about types, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def check_temporal_kernel(size: int) -> int:
    """Return the frames of a temporal convolution; they are odd, or 0 for none."""
    if size and size % 2 == 0:
        raise ValueError(f"must be odd, or 0 for none, not {size}")
    return size


def parse_kernel(value: Any) -> tuple[int, int]:
    """Return (k_t, k) of ``'3x5x5'``, ``[3, 5]`` or ``[3, 5, 5]``; both are odd, from 1 to 31."""
    kernel = _pair(value, "kernel", "1x3x3")
    if any(size % 2 == 0 or not 1 <= size <= MAX_KERNEL for size in kernel):
        raise ValueError(
            f"kernel sizes must be odd, from 1 to {MAX_KERNEL}, not {shown(value)}; write for example 1x3x3"
        )
    return kernel


def parse_stride(value: Any) -> tuple[int, int]:
    """Return (temporal, spatial) of ``'1x2x2'``, ``[1, 2]`` or ``[1, 2, 2]``; both from 1 to 16."""
    stride = _pair(value, "stride", "1x2x2")
    if any(not 1 <= size <= MAX_STRIDE for size in stride):
        raise ValueError(f"strides must be from 1 to {MAX_STRIDE}, not {shown(value)}; write for example 1x2x2")
    return stride


def _pair(value: Any, what: str, example: str) -> tuple[int, int]:
    parts: list[Any] = []
    if isinstance(value, str) and re.fullmatch(r"\d{1,4}(x\d{1,4}){2}", value):
        parts = [int(part) for part in value.split("x")]
    elif isinstance(value, list | tuple):
        parts = list(value)
    if len(parts) == 2:
        parts.append(parts[1])
    if len(parts) != 3 or any(type(part) is not int for part in parts):
        raise ValueError(f"a {what} is time x height x width, written like {example}, not {shown(value)}")
    if parts[1] != parts[2]:
        raise ValueError(f"a {what} must be as high as wide, not {shown(value)}; write for example {example}")
    return parts[0], parts[1]


def _pair_text(pair: tuple[int, int]) -> str:
    return f"{pair[0]}x{pair[1]}x{pair[1]}"


_PATTERN = WithJsonSchema({"type": "string", "pattern": r"^\d+x\d+x\d+$"})
TemporalKernel = Annotated[int, Field(ge=0, le=MAX_KERNEL), AfterValidator(check_temporal_kernel)]
"""Frames of a depthwise temporal convolution, 0 for none."""
Kernel = Annotated[tuple[int, int], BeforeValidator(parse_kernel), PlainSerializer(_pair_text), _PATTERN]
"""(k_t, k): frames, and pixels in height and width; written ``1x3x3``."""
Stride = Annotated[tuple[int, int], BeforeValidator(parse_stride), PlainSerializer(_pair_text), _PATTERN]
"""(temporal, spatial) stride; written ``1x2x2``."""
