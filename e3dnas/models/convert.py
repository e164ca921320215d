"""Weights from elsewhere: the state dicts of the authors' ``Cnn3DNet``, and stems for other numbers of channels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from e3dnas.arch import Architecture
from e3dnas.errors import E3DNASError, nearest
from e3dnas.models.network import E3D, with_channels

__all__ = ["adapt_stem", "checkpoint_filter", "convert_cnn3dnet"]

WRAPPERS = ("state_dict", "model", "model_state")
CLASSIFIER = {"fc_linear.0": "head.hidden", "fc_linear.3": "head.fc"}
CONV = re.compile(r"block_list\.(\d+)\.(conv|bn)1\.(\w+)")
BLOCK = re.compile(r"block_list\.(\d+)\.block_list\.(\d+)\.conv(\d)\.(conv|bn)1\.(\w+)")


def convert_cnn3dnet(state_dict: Mapping[str, Any], architecture: Architecture) -> dict[str, Tensor]:
    """Return the weights of the authors' network under the names of ours.

    Args:
        state_dict: of a ``Cnn3DNet`` of the authors' public code (arXiv 2303.02693), with or without its classifier,
            also below a key ``state_dict`` and with names that begin with ``module.``.
        architecture: the same network as a spec, as ``load_architecture`` reads it from ``best_structure.txt``.

    Raises:
        E3DNASError: a name is not one of that network's, or names or shapes are not those of the architecture.
    """
    found = _unwrap(state_dict)
    converted = {_rename(name, len(architecture.stages)): value for name, value in found.items()}
    classes = converted.get("head.fc.weight")
    with torch.device("meta"):
        expected = E3D(architecture, 1 if classes is None else len(classes)).state_dict()
    if classes is None:
        expected = {name: value for name, value in expected.items() if not name.startswith("head.")}
    _compare(converted, expected)
    return converted


def adapt_stem(weight: Tensor, channels: int) -> Tensor:
    """Return the stem's weight (out, C, k_t, k, k) for clips of another number of channels.

    One channel gets the sum over the old ones; more get the old ones in turn, scaled so that the sum keeps its size
    (timm's rule for images).
    """
    old = weight.shape[1]
    if channels == old:
        return weight
    if channels == 1:
        return weight.sum(1, keepdim=True)
    repeated = weight.repeat(1, -(-channels // old), 1, 1, 1)[:, :channels]
    return repeated * (old / channels)


def checkpoint_filter(state_dict: Mapping[str, Any], model: nn.Module) -> dict[str, Any]:
    """Return a checkpoint as ``model`` takes it: unwrapped, renamed from the authors' names, with a fitting stem.

    What the checkpoint holds for a head that the model does not have is left out.
    """
    assert isinstance(model, E3D)
    found = _unwrap(state_dict)
    if any(name.startswith("block_list.") for name in found):
        stem = found.get("block_list.0.conv1.weight")
        channels = stem.shape[1] if isinstance(stem, Tensor) and stem.ndim == 5 else model.in_chans
        found = convert_cnn3dnet(found, with_channels(model.arch, channels))
    own = model.state_dict()
    found = {name: value for name, value in found.items() if not name.startswith("head.") or name in own}
    weight = found.get("stem.conv.weight")
    if weight is not None and weight.ndim == 5:
        found["stem.conv.weight"] = adapt_stem(weight, model.in_chans)
    return found


def _unwrap(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    for key in WRAPPERS:
        if isinstance(state_dict.get(key), Mapping):
            return _unwrap(state_dict[key])
    return {name.removeprefix("module."): value for name, value in state_dict.items()}


def _rename(name: str, stages: int) -> str:
    if match := BLOCK.fullmatch(name):
        stage, block, conv, kind, rest = match.groups()
        return f"stages.{int(stage) - 1}.blocks.{block}.{kind}{conv}.{rest}"
    if match := CONV.fullmatch(name):
        index, kind, rest = match.groups()
        place = {0: "stem", stages + 1: "final"}.get(int(index))
        if place:
            return f"{place}.{kind}.{rest}"
    layer, _, rest = name.rpartition(".")
    if layer in CLASSIFIER:
        return f"{CLASSIFIER[layer]}.{rest}"
    raise E3DNASError(
        f"weights: {name!r} has no place in a Cnn3DNet of {stages} super blocks; expected names like "
        f"'block_list.0.conv1.weight', 'block_list.1.block_list.0.conv1.conv1.weight', 'fc_linear.0.weight'"
    )


def _compare(converted: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    for name, value in converted.items():
        if name not in expected:
            raise E3DNASError(f"weights: the architecture has no {name!r}{nearest(name, expected)}")
        shape, wanted = tuple(value.shape), tuple(expected[name].shape)
        if shape != wanted:
            raise E3DNASError(
                f"weights: {name!r} has shape {shape}, but the architecture has {wanted}; "
                "give the architecture that the weights belong to"
            )
    missing = [name for name in expected if name not in converted and not name.endswith("num_batches_tracked")]
    if missing:
        raise E3DNASError(f"weights: {missing[0]!r} and {len(missing) - 1} others of the architecture are missing")
