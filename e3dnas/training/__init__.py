"""Training of a network on videos: recipe, loop, checkpoints, evaluation, prediction.

The road: ``load_recipe`` reads what is wanted; ``train`` makes network, data and optimiser of it and runs the engine,
which writes checkpoints into the folder of the training and, at the end, the trained network as a folder for timm;
``evaluate`` and ``predict`` take that folder. Names are imported when first used: reading a recipe loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e3dnas.training.api import train
    from e3dnas.training.evaluation import Evaluation, evaluate
    from e3dnas.training.meters import TrainingFailed
    from e3dnas.training.outcome import Options, TrainingResult
    from e3dnas.training.prediction import Prediction, predict
    from e3dnas.training.recipe import Recipe
    from e3dnas.training.recipes import load_recipe, parse_settings, shipped_recipes
    from e3dnas.training.tensors import TensorClips

__all__ = [
    "Evaluation", "Options", "Prediction", "Recipe", "TensorClips", "TrainingFailed", "TrainingResult", "evaluate",
    "load_recipe", "parse_settings", "predict", "shipped_recipes", "train",
]  # fmt: skip

_HOMES = {
    "Evaluation": "evaluation", "Options": "outcome", "Prediction": "prediction", "Recipe": "recipe",
    "TensorClips": "tensors", "TrainingFailed": "meters", "TrainingResult": "outcome", "evaluate": "evaluation",
    "load_recipe": "recipes", "parse_settings": "recipes", "predict": "prediction", "shipped_recipes": "recipes",
    "train": "api",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
