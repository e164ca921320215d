"""From a checked declaration to the fields of a space, with the rules that can be settled once for the whole space."""

from __future__ import annotations

from typing import Any

from e3dnas.config import Document
from e3dnas.errors import E3DNASError
from e3dnas.space.declaration import Declaration, StageChoices
from e3dnas.space.genes import Field

__all__ = ["fields_of"]

STEM_KEYS = ("out", "kernel", "stride", "temporal_kernel", "activation")
STAGE_KEYS = (
    "block", "depth", "out", "bottleneck", "bottleneck_ratio", "kernel", "stride", "se", "se_every", "shortcut",
    "activation", "inner_activation",
)  # fmt: skip
HEAD_KEYS = ("out", "activation")


def fields_of(declaration: Declaration, document: Document) -> tuple[Field, ...]:
    """Return the fields of stem, stages and head, in this order.

    Widths that could only lead to a shrinking network are left out, and kernels that do not fit their map are shrunk.

    Raises:
        E3DNASError: no widths are left.
    """
    fields = [Field(f"stem.{key}", getattr(declaration.stem, key)) for key in STEM_KEYS]
    kernels = _fitting_kernels(declaration)
    for i, stage in enumerate(declaration.stages):
        fields += [Field(f"stage{i + 1}.{key}", values) for key, values in _stage_values(stage, kernels[i])]
    fields += [Field(f"head.{key}", getattr(declaration.head, key)) for key in HEAD_KEYS]
    return _with_reachable_widths(fields, document) if declaration.rules.widths_never_shrink else tuple(fields)


def _stage_values(stage: StageChoices, kernels: tuple[Any, ...]) -> list[tuple[str, tuple[Any, ...]]]:
    values = {key: getattr(stage, key) for key in STAGE_KEYS} | {"kernel": kernels}
    return [(key, value) for key, value in values.items() if value is not None]


def _fitting_kernels(declaration: Declaration) -> list[tuple[tuple[int, int], ...]]:
    """Shrink kernels as the authors' space does, at the smallest map that the strides let enter the stage."""
    size = -(-declaration.clip.size // max(stride for _, stride in declaration.stem.stride))
    fitted = []
    for stage in declaration.stages:
        kernels = [(kernel_t, _fit(kernel, size, declaration.rules.kernel_fit)) for kernel_t, kernel in stage.kernel]
        fitted.append(tuple(dict.fromkeys(kernels)))
        size = -(-size // max(stride for _, stride in stage.stride))
    return fitted


def _fit(kernel: int, size: int, factor: float) -> int:
    while kernel > 1 and factor * kernel > size:
        kernel -= 2
    return kernel


def _with_reachable_widths(fields: list[Field], document: Document) -> tuple[Field, ...]:
    """Leave out widths below every width before them, and above every width behind them."""
    outs = [i for i, field in enumerate(fields) if field.key == "out" and field.part != "head"]
    lowest = 0
    for k, i in enumerate(outs):
        reachable = tuple(value for value in fields[i].values if value >= lowest)
        if not reachable:
            path: tuple[str | int, ...] = ("stages", k - 1, "out")  # everything is wide enough for the stem
            raise E3DNASError(
                f"{document.where(path)}: the widest choice is {max(fields[i].values)}, but at least {lowest} channels "
                "enter and rules.widths_never_shrink is true; widen the choices or set it to false"
            )
        fields[i] = Field(fields[i].name, reachable)
        lowest = min(reachable)
    highest = max(fields[outs[-1]].values)
    for i in reversed(outs):
        fields[i] = Field(fields[i].name, tuple(value for value in fields[i].values if value <= highest))
        highest = max(fields[i].values)
    return tuple(fields)
