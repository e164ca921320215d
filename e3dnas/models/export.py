"""Writing a network as a folder that ``timm.create_model('local-dir:FOLDER')`` rebuilds."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from e3dnas.arch import Architecture
from e3dnas.arch.loading import save_architecture
from e3dnas.errors import E3DNASError, nearest
from e3dnas.measure import cost
from e3dnas.models.network import E3D
from e3dnas.models.profile import ModelCost, profile_model
from e3dnas.models.registry import default_cfg

__all__ = ["FILES", "export_folder"]

FILES = frozenset({"config.json", "architecture.yaml", "README.md", "model.safetensors"})


def export_folder(
    architecture: Architecture,
    folder: str | Path,
    name: str,
    *,
    record: Mapping[str, Any],
    state_dict: Mapping[str, Tensor] | None = None,
    num_classes: int = 400,
    overwrite: bool = False,
) -> Path:
    """Write a network as a folder for timm: config.json, architecture.yaml, README.md and, if given, its weights.

    The whole network is built and measured with thop once more; the numbers go into the record.

    Args:
        architecture: the network; it is written under ``name``.
        folder: the folder to write; it appears at once and whole.
        name: the name of the network.
        record: where it comes from (the search, the space, the seed ...), as plain data; kept in config.json.
        state_dict: weights of an ``E3D`` of this architecture; none: no weights are written.
        num_classes: classes of the classifier.
        overwrite: take the place of an exported folder.

    Returns:
        The folder.

    Raises:
        E3DNASError: the folder exists and is not to be, or not safe to be, overwritten; the weights are not this
            network's; the record is not plain data.
    """
    target = Path(folder)
    _check_target(target, overwrite)
    architecture = architecture.model_copy(update={"name": name})
    with torch.device("meta"):
        model = E3D(architecture, num_classes)
    if state_dict is not None:
        _check_weights(state_dict, model.state_dict())
    measured = _measure(model)
    config = _config(model, {**record, "measured": measured})
    fresh = target.absolute().with_name(f".{target.absolute().name}.{uuid.uuid4().hex}.new")
    try:
        fresh.mkdir(parents=True)
        (fresh / "config.json").write_text(config, encoding="utf-8")
        save_architecture(architecture, fresh / "architecture.yaml")
        readme = _readme(architecture, target.name, measured, num_classes, state_dict is not None)
        (fresh / "README.md").write_text(readme, encoding="utf-8")
        if state_dict is not None:
            tensors = {key: value.detach().cpu().contiguous() for key, value in state_dict.items()}
            save_file(tensors, fresh / "model.safetensors", metadata={"format": "pt"})
        _put(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def _check_target(target: Path, overwrite: bool) -> None:
    if target.exists() and not target.is_dir():
        raise E3DNASError(f"{target}: is a file; name a folder")
    present = {entry.name for entry in target.iterdir()} if target.is_dir() else set()
    if present and not overwrite:
        raise E3DNASError(f"{target}: exists and is not empty; name another folder, or overwrite it on purpose")
    foreign = sorted(present - FILES)
    if foreign:
        raise E3DNASError(
            f"{target}: will not be overwritten, for it holds {foreign[0]!r}, which no export has written; "
            "name another folder"
        )


def _check_weights(state_dict: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    for key in sorted(set(state_dict) ^ set(expected)):
        if key in expected:
            raise E3DNASError(f"state_dict: {key!r} of the architecture is missing")
        raise E3DNASError(f"state_dict: the architecture has no {key!r}{nearest(key, expected)}")
    for key, value in state_dict.items():
        if value.shape != expected[key].shape:
            raise E3DNASError(
                f"state_dict: {key!r} has shape {tuple(value.shape)}, the architecture {tuple(expected[key].shape)}"
            )


def _measure(model: E3D) -> dict[str, int]:
    """Return thop's numbers for the whole network, which must be those that the layer table gives."""
    found: ModelCost = profile_model(model, model.arch.clip)
    table = model.arch.table()
    closed = int(cost.flops(table)[0]), int(cost.params(table)[0])
    assert (found.flops, found.params) == closed, f"thop counts {found}, the layer table {closed}"
    return {
        "flops": found.flops,
        "conv_macs": int(cost.conv_macs(table)[0]),
        "params": found.params,
        "head_flops": found.head_flops,
        "head_params": found.head_params,
    }


def _config(model: E3D, record: Mapping[str, Any]) -> str:
    """Return config.json as timm reads it; it keeps and ignores the key ``e3dnas``."""
    cfg = default_cfg(model.arch) | {"num_classes": model.num_classes}
    config = {
        "architecture": "e3d",
        "num_classes": model.num_classes,
        "num_features": model.num_features,
        "global_pool": "avg",
        "model_args": {"arch": model.arch.to_dict()},
        "pretrained_cfg": cfg,
        "e3dnas": record,
    }
    try:
        return json.dumps(config, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise E3DNASError(f"record: must be plain data (numbers, texts, lists, mappings): {error}") from None


def _readme(
    architecture: Architecture, folder: str, measured: Mapping[str, int], num_classes: int, weights: bool
) -> str:
    clip = architecture.clip
    with_weights = ", pretrained=True" if weights else ""
    return f"""# {architecture.name}

A 3D CNN for video, found with e3dnas by the method of [arXiv 2303.02693](https://arxiv.org/abs/2303.02693).

```python
import e3dnas  # registers the models with timm; must come before create_model
import timm

model = timm.create_model("local-dir:{folder}"{with_weights})
```

`local-dir:` takes the path of this folder. {_about_weights(weights)}

| | |
|---|---|
| clip | {clip.frames} frames of {clip.size} x {clip.size} pixels, {clip.channels} channels: input (B, {clip.channels}, {clip.frames}, {clip.size}, {clip.size}) |
| normalisation | mean 0.45, std 0.225, of values from 0 to 1 |
| operations of the backbone for a clip, as `thop` counts them | {measured["flops"]:,} |
| multiply-accumulates of its convolutions (the papers' "FLOPs") | {measured["conv_macs"]:,} |
| parameters of the backbone | {measured["params"]:,} |
| operations of pooling and classifier, as `thop` counts them | {measured["head_flops"]:,} |
| parameters of the classifier, {num_classes} classes | {measured["head_params"]:,} |

`num_classes=...` gives it a new classifier. `config.json` tells under `e3dnas` where the network comes from.
"""  # noqa: E501


def _about_weights(weights: bool) -> str:
    if weights:
        return "The weights are in `model.safetensors`; `pretrained=False` starts from random ones."
    return "It has no weights: the network is a design, to be trained."


def _put(fresh: Path, target: Path) -> None:
    """Move a finished folder to its place, the old one out of the way first."""
    if not target.exists():
        fresh.rename(target)
        return
    old = fresh.with_suffix(".old")
    target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old)
