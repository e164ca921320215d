"""The network that is trained: from what a user names to a module with its classifier and weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.arch import Architecture, load_architecture
from e3dnas.config import exists
from e3dnas.errors import E3DNASError
from e3dnas.models.user_models import registered_models

if TYPE_CHECKING:
    from torch import nn

    from e3dnas.training.recipe import Recipe

__all__ = [
    "NetworkSource",
    "build_network",
    "find_network",
    "load_weights",
    "prepare_batch_norm",
    "set_training",
]

CLASSIFIER = "head.fc."


@dataclass(frozen=True)
class NetworkSource:
    """A network as it was named.

    Attributes:
        name: what it is called.
        architecture: its spec.
        weights: a safetensors file of its weights; None: it has none.
        classes: names of the classes that its weights tell apart, in order; empty: not known.
        config: config.json of the folder it comes from; None: it comes from elsewhere.
        folder: that folder.
    """

    name: str
    architecture: Architecture
    weights: Path | None = None
    classes: tuple[str, ...] = ()
    config: dict[str, Any] | None = None
    folder: Path | None = None

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel, of values 0 .. 1, that its weights are made for."""
        cfg = (self.config or {}).get("pretrained_cfg", {})
        channels = self.architecture.clip.channels
        mean, std = cfg.get("mean", (0.45,) * channels), cfg.get("std", (0.225,) * channels)
        return tuple(float(one) for one in mean), tuple(float(one) for one in std)

    def for_clips(self, recipe: Recipe) -> NetworkSource:
        """Return it for clips of the frames and size that the recipe names, if it names any."""
        frames, size = recipe.clip.frames, recipe.clip.size
        return replace(self, architecture=load_architecture(self.architecture, frames=frames, size=size))


def find_network(source: str | Path | Architecture) -> NetworkSource:
    """Return the network that is meant by a name, file or folder.

    Args:
        source: a zoo name, a registered model's name, an architecture file, an exported folder, the folder of a search
            (its best network) or of a training (the trained network), or an architecture.

    Raises:
        E3DNASError: there is no such network.
    """
    if isinstance(source, Architecture):
        return NetworkSource(source.name or "network", source)
    path = registered_models().get(str(source), Path(source))
    if exists(path / "model" / "config.json"):  # the folder of a training
        path = path / "model"
    elif exists(path / "checkpoints"):
        raise E3DNASError(f"{path}: the training has not ended; go on with it by e3dnas train ... --resume")
    architecture = load_architecture(path if exists(path) else source)
    name = architecture.name or path.name
    if not exists(path / "config.json"):
        return NetworkSource(name, architecture)
    weights, config = path / "model.safetensors", _read_config(path / "config.json")
    classes = tuple(str(one) for one in config.get("label_names", ()))
    return NetworkSource(name, architecture, weights if weights.is_file() else None, classes, config, path)


def build_network(source: NetworkSource, recipe: Recipe, classes: Sequence[str]) -> tuple[nn.Module, str]:
    """Return the network, and where its weights come from in a few words.

    The classifier keeps its weights where the classes are the same in the same order; where they are not known, where
    their number is.
    """
    import e3dnas.models.build

    options = recipe.model
    model: nn.Module = e3dnas.models.build.create_model(
        source.architecture, num_classes=len(classes), drop_rate=options.drop, drop_path_rate=options.drop_path,
        zero_init_last=options.zero_init_last,
    )  # fmt: skip
    if options.grad_checkpointing:
        model.set_grad_checkpointing(True)  # type: ignore[operator]
    if source.weights is None or not options.weights:
        return model, "random weights"
    same = tuple(classes) == source.classes if source.classes else None
    kept = load_weights(model, source.weights, classifier=same)
    return model, f"weights of {source.weights}" + ("" if kept else ", with a new classifier")


def load_weights(model: nn.Module, file: Path, *, classifier: bool | None = True) -> bool:
    """Load a safetensors file into a model.

    Args:
        model: the model.
        file: the file.
        classifier: whether to load the classifier's weights, too; None: if their shape is right.

    Returns:
        Whether the classifier's weights were loaded.

    Raises:
        E3DNASError: the file cannot be read, or its weights are another network's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(file)
    except (OSError, SafetensorError) as error:
        raise E3DNASError(f"{file}: cannot be read as safetensors: {error}") from None
    expected = model.state_dict()
    fits = all(found[k].shape == v.shape for k, v in expected.items() if k.startswith(CLASSIFIER) and k in found)
    kept = fits if classifier is None else classifier
    if not kept:
        found |= {key: value for key, value in expected.items() if key.startswith(CLASSIFIER)}
    wrong = [k for k in expected if k not in found or found[k].shape != expected[k].shape] + sorted(
        {*found} - {*expected}
    )
    if wrong:
        raise E3DNASError(f"{file}: its weights are not those of this network: {wrong[0]!r} does not fit")
    model.load_state_dict(found)
    return kept


def prepare_batch_norm(model: nn.Module, kind: str, *, device: str, processes: int) -> nn.Module:
    """Return the model with its BN as the recipe wants it; ``set_training`` does the rest.

    Raises:
        E3DNASError: synchronised BN is asked for where there is no GPU.
    """
    from torch import nn
    from torch.nn.modules.batchnorm import _BatchNorm

    if kind == "sync" and processes > 1:
        if device != "cuda":
            raise E3DNASError("model.batch_norm: sync needs GPUs; write frozen, or train for statistics per process")
        synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return synchronised
    if kind == "frozen":
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.requires_grad_(False)
    return model


def set_training(model: nn.Module, kind: str) -> None:
    """Put the model into training mode; frozen BN stays in the other."""
    from torch.nn.modules.batchnorm import _BatchNorm

    model.train()
    if kind == "frozen":
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise E3DNASError(f"{file}: cannot be read as JSON: {error}") from None
    return config if isinstance(config, dict) else {}
