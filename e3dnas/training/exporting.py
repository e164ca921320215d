"""A trained network as a folder for timm: weights, class names, preprocessing, metrics and a model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.errors import E3DNASError
from e3dnas.training.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor

    from e3dnas.arch import Architecture

__all__ = ["export_trained", "push_to_hub"]


def export_trained(
    folder: Path,
    architecture: Architecture,
    weights: Mapping[str, Tensor],
    classes: Sequence[str],
    prepared: Preprocessing,
    record: Mapping[str, Any],
) -> Path:
    """Write a trained network as a folder that ``timm.create_model('local-dir:FOLDER', pretrained=True)`` rebuilds.

    An earlier one is replaced when the new one is whole.

    Args:
        folder: the folder.
        architecture: the network, for the clips it was trained on.
        weights: its state dict.
        classes: names of the classes, in the order of the logits.
        prepared: how its clips are made; kept in config.json under ``e3dnas``.
        record: ``metrics``, ``recipe``, ``data`` and whatever else is known of the training, as plain data.
    """
    from e3dnas.models.export import export_folder

    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    fresh = beside / folder.name
    kept = {"preprocessing": prepared.to_dict(), "training": dict(record)}
    try:
        export_folder(
            architecture, fresh, architecture.name or folder.name, record=kept, state_dict=weights,
            num_classes=len(classes),
        )  # fmt: skip
        config = json.loads((fresh / "config.json").read_text(encoding="utf-8"))
        config["label_names"] = list(classes)  # timm's key
        cfg = config["pretrained_cfg"]
        cfg |= {"mean": prepared.mean, "std": prepared.std, "crop_pct": prepared.size / prepared.short_side}
        (fresh / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        card = _FRONT + (fresh / "README.md").read_text(encoding="utf-8") + _card(classes, prepared, record)
        (fresh / "README.md").write_text(card, encoding="utf-8")
        if folder.exists():
            folder.rename(beside / "old")
        fresh.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def push_to_hub(folder: Path, repo: str) -> str:
    """Hand a trained network to timm's function for the Hugging Face hub; returns the address.

    Args:
        folder: a folder written by ``export_trained``.
        repo: ``user/name``.

    Raises:
        E3DNASError: the hub refuses it, or cannot be reached.
    """
    import timm

    import e3dnas.models.registry  # noqa: F401 - registers the models

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    model = timm.create_model(f"local-dir:{folder}", pretrained=True)
    try:
        where = timm.models.push_to_hf_hub(
            model, repo, model_config={key: config[key] for key in ("label_names", "e3dnas")},
            model_args=config["model_args"], task_name="video-classification", safe_serialization=True,
        )  # fmt: skip
    except Exception as error:  # the hub's own errors, and those of whichever HTTP library its client uses
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise E3DNASError(
            f"--push-to-hub {repo}: {problem}; {folder} holds the model, and the same command with --resume tries again"
        ) from None
    return str(where)


_FRONT = """---
license: apache-2.0
library_name: timm
pipeline_tag: video-classification
tags:
- video-classification
- timm
- e3dnas
---
"""


def _card(classes: Sequence[str], prepared: Preprocessing, record: Mapping[str, Any]) -> str:
    """Return what the model card says beyond that of an untrained network."""
    metrics, recipe = record.get("metrics", {}), record.get("recipe", {})
    rows = {"trained on": record.get("data_told", "")}
    if metrics:
        rows["validation"] = (
            f"top-1 {100 * metrics['top1']:.2f} %, top-5 {100 * metrics['top5']:.2f} %, one view, "
            f"epoch {metrics['epoch']}"
        )
    rows |= {
        "recipe": f"{recipe.get('name', '')}: {recipe.get('epochs', '')} epochs, batch {recipe.get('batch', '')}",
        "frames": f"{prepared.frames} of a video, " + _sampling(prepared),
        "frame": f"short side scaled to {prepared.short_side}, centre crop of {prepared.size} x {prepared.size} pixels",
        "values": f"(value / 255 - {prepared.mean[0]:g}) / {prepared.std[0]:g}",
    }
    table = "".join(f"| {key} | {value} |\n" for key, value in rows.items())
    names = ", ".join(str(one) for one in classes[:50]) + (", ..." if len(classes) > 50 else "")
    return f"""
## Training and use

| | |
|---|---|
{table}
Classes ({len(classes)}): {names}

```bash
e3dnas predict FOLDER video.mp4    # prepares frames as the table says
```

The whole recipe is in `config.json` under `e3dnas`.
"""


def _sampling(prepared: Preprocessing) -> str:
    if prepared.kind == "segment":
        return "one of each equal segment"
    rate = f" of a video at {prepared.fps:g} frames a second" if prepared.fps else ""
    return f"one every {prepared.every:g} frames{rate}"
