"""The structure files of the paper's public code (TinyNAS, ``best_structure.txt``): Python literals, read safely.

A file holds ``{'best_structures': [[block, ...], ...], 'space_arch': 'Cnn3DNet'}`` or the list of blocks alone. It does
not say which clip the network is made for.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from e3dnas.arch.architecture import Architecture
from e3dnas.config import check, shown
from e3dnas.errors import E3DNASError, nearest

__all__ = ["from_tinynas", "parse_tinynas", "to_tinynas"]

CONV, BLOCK, INNER = "Conv3DKXBNRELU", "SuperRes3DK1DWK1", "Res3DK1DWK1"
KEYS = {CONV: {"in", "out", "s", "kt", "k"}, BLOCK: {"in", "out", "s", "kt", "k", "L", "btn"}}
ACTIVATIONS = {"relu": "relu", "swish": "silu"}


def parse_tinynas(text: str, file: str = "structure") -> list[list[Mapping[str, Any]]]:
    """Return the structures, best first, of the text of a structure file.

    Raises:
        E3DNASError: the text is no literal of the form above. Nothing in it is ever executed.
    """
    try:
        literal = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
        line = getattr(error, "lineno", None) or 1
        raise E3DNASError(f"{file}:{line}: not a Python literal as the authors' code writes it") from None
    found = literal.get("best_structures") if isinstance(literal, dict) else literal
    if isinstance(found, list) and found and isinstance(found[0], dict):
        found = [found]
    if not isinstance(found, list) or not found or not all(_is_structure(one) for one in found):
        raise E3DNASError(
            f"{file}: holds no structure; expected {{'best_structures': [[{{'class': '{CONV}', 'in': 3, ...}}, ...]]}}"
        )
    return found


def _is_structure(value: object) -> bool:
    return isinstance(value, list) and len(value) >= 3 and all(isinstance(block, dict) for block in value)


def from_tinynas(structure: Sequence[Mapping[str, Any]], *, frames: int = 13, size: int = 160, name: str = "",
                 file: str = "structure") -> Architecture:  # fmt: skip
    """Return the network of one structure: stem, super blocks and head convolution, for a clip that you name.

    Raises:
        E3DNASError: a block of another kind, a key missing or unknown, widths that do not follow one another, or a
            head that is not a 1x1x1 convolution of stride 1.
    """
    blocks = [_checked(block, i, file) for i, block in enumerate(structure)]
    for i, (before, after) in enumerate(pairwise(blocks), start=1):
        if before["out"] != after["in"]:
            raise E3DNASError(f"{file}: block {i}: 'in' is {after['in']}, but block {i - 1} gives {before['out']}")
    stem, *stages, head = blocks
    for i, expected in ((0, CONV), *((i, BLOCK) for i in range(1, len(blocks) - 1)), (len(blocks) - 1, CONV)):
        if blocks[i]["class"] != expected:
            raise E3DNASError(f"{file}: block {i}: 'class' must be {expected}, not {blocks[i]['class']}")
    if (head["kt"], head["k"], head["s"]) != (1, 1, 1):
        raise E3DNASError(f"{file}: block {len(blocks) - 1}: the last convolution must be 1x1x1 of stride 1")
    data = {
        "name": name,
        "clip": {"frames": frames, "size": size, "channels": stem["in"]},
        "stem": {"out": stem["out"], **_kernel_and_stride(stem), "activation": stem["act"]},
        "stages": [
            {"depth": stage["L"], "out": stage["out"], "bottleneck": stage["btn"], **_kernel_and_stride(stage),
             "activation": stage["act"]}
            for stage in stages
        ],
        "head": {"out": head["out"], "activation": head["act"]},
    }  # fmt: skip
    return check(Architecture, data, name=file)


def _kernel_and_stride(block: Mapping[str, Any]) -> dict[str, Any]:
    return {"kernel": (block["kt"], block["k"]), "stride": (1, block["s"])}


def _checked(block: Mapping[str, Any], i: int, file: str) -> dict[str, Any]:
    kind = block.get("class")
    if not isinstance(kind, str) or kind not in KEYS:
        near = nearest(str(kind), KEYS)
        raise E3DNASError(f"{file}: block {i}: 'class' must be {CONV} or {BLOCK}, not {shown(kind)}{near}")
    full: dict[str, Any] = {"s": 1, "act": "relu", "g": 1, "inner_class": INNER} | dict(block)
    for key in sorted(KEYS[kind] - set(full)):
        raise E3DNASError(f"{file}: block {i}: key {key!r} is missing")
    for key in sorted(map(str, set(full) - KEYS[kind] - {"class", "act", "g", "inner_class", "p"})):
        raise E3DNASError(f"{file}: block {i}: key {key!r} is not supported{nearest(key, KEYS[kind])}")
    if not _numbers(full, KEYS[kind]):
        raise E3DNASError(f"{file}: block {i}: every one of {', '.join(sorted(KEYS[kind]))} must be a whole number")
    padding = ((full["kt"] - 1) // 2, (full["k"] - 1) // 2, (full["k"] - 1) // 2)
    if full["g"] != 1 or full["inner_class"] != INNER or full.get("p", padding) != padding:
        raise E3DNASError(f"{file}: block {i}: only 'g': 1, 'inner_class': '{INNER}' and full padding are supported")
    act = ACTIVATIONS.get(str(full["act"]))
    if act is None:
        raise E3DNASError(f"{file}: block {i}: 'act' must be relu or swish, not {shown(full['act'])}")
    return full | {"act": act}


def _numbers(block: Mapping[str, Any], keys: Any) -> bool:
    return all(type(block.get(key)) is int for key in keys)


def to_tinynas(architecture: Architecture) -> str:
    """Return the text of a structure file; the clip and the hidden layer are not in it.

    Raises:
        E3DNASError: the network has something that the authors' blocks cannot express.
    """
    stem, head = architecture.stem, architecture.head
    if stem.stride[0] != 1 or stem.temporal_kernel:
        raise E3DNASError("stem: temporal stride and temporal convolution have no place in a TinyNAS structure")
    blocks = [_block(CONV, architecture.clip.channels, stem.out, stem.kernel, stem.stride, stem.activation)]
    width = stem.out
    for i, stage in enumerate(architecture.stages):
        plain = stage.block == "depthwise" and not stage.se and stage.shortcut == "identity" and stage.stride[0] == 1
        if not plain or stage.inner_activation not in (None, stage.activation):
            raise E3DNASError(
                f"stages[{i}]: a TinyNAS structure holds depthwise blocks with identity shortcuts, one activation, "
                "no squeeze-excitation and no temporal stride only"
            )
        block = _block(BLOCK, width, stage.out, stage.kernel, stage.stride, stage.activation)
        blocks.append(block | {"L": stage.depth, "btn": stage.bottleneck, "inner_class": INNER})
        width = stage.out
    blocks.append(_block(CONV, width, head.out, (1, 1), (1, 1), head.activation))
    return repr({"best_structures": [blocks], "space_arch": "Cnn3DNet"}) + "\n"


def _block(kind: str, c_in: int, c_out: int, kernel: tuple[int, int], stride: tuple[int, int],
           activation: str) -> dict[str, Any]:  # fmt: skip
    block = {"class": kind, "in": c_in, "out": c_out, "s": stride[1], "kt": kernel[0], "k": kernel[1]}
    return block if activation == "relu" else block | {"act": "swish"}
