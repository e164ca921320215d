"""A network written as one file for another runtime, with what its training knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from e3dnas.training.networks import NetworkSource, find_network, load_weights
from e3dnas.training.trained import seen_in_training

if TYPE_CHECKING:
    from torch import nn

    from e3dnas.arch import Architecture
    from e3dnas.deploy import Exported

__all__ = ["export_network"]


def export_network(
    source: str | Path | Architecture, path: str | Path, format: str, *, seed: int = 0, overwrite: bool = False
) -> tuple[Exported, int | None]:
    """Write a network as one file for another runtime, with what its training knows of classes and clips.

    Args:
        source: whatever ``find_network`` takes: the folder of a training, an exported folder, a run, an architecture
            file, a model's name, an architecture.
        path: the file.
        format: ``onnx``, ``openvino`` or ``torch-export``.
        seed: of the weights, where the network has none.
        overwrite: take the place of a file that is there.

    Returns:
        What was written, and the seed that its weights were drawn with, None where it is trained.

    Raises:
        E3DNASError: there is no such network, or see ``e3dnas.deploy.export``.
    """
    from e3dnas.deploy import export
    from e3dnas.deploy.exporting import check_target
    from e3dnas.deploy.formats import check_format, check_installed

    wanted = check_format(format)
    check_target(Path(path), wanted, overwrite=overwrite)
    check_installed(wanted, writing=True)
    found = find_network(source)
    drawn = seed if found.weights is None else None
    preprocessing, views = seen_in_training(found)
    written = export(
        _network(found, seed), path, format, classes=found.classes, preprocessing=preprocessing, views=views,
        random_seed=drawn, overwrite=overwrite,
    )  # fmt: skip
    return written, drawn


def _network(source: NetworkSource, seed: int) -> nn.Module:
    import torch

    import e3dnas.models.build

    classes = len(source.classes) or int((source.config or {}).get("num_classes", 400))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = e3dnas.models.build.create_model(source.architecture, num_classes=classes)
    if source.weights is not None:
        load_weights(model, source.weights)
    return model
