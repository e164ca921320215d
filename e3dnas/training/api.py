"""Training from start to end, as one call."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.arch import Architecture
from e3dnas.training.events import Listener
from e3dnas.training.folder import TrainingFolder
from e3dnas.training.networks import find_network
from e3dnas.training.outcome import Options, TrainingResult
from e3dnas.training.recipe import Recipe
from e3dnas.training.recipes import load_recipe
from e3dnas.training.records import Silent

if TYPE_CHECKING:
    from e3dnas.training.tensors import TensorClips

__all__ = ["train"]


def train(
    model: str | Path | Architecture,
    data: str | Path | TensorClips,
    *,
    out: str | Path,
    recipe: str | Path | Mapping[str, Any] | Recipe = "default",
    overrides: Mapping[str, Any] | None = None,
    resume: bool = False,
    options: Options | None = None,
    listener: Listener | None = None,
) -> TrainingResult:
    """Train a network.

    Under ``accelerate launch`` or ``torchrun`` all processes call it; the result is the same in each.

    Args:
        model: a zoo name, a registered model, an architecture file, an exported folder, the folder of a search or of a
            training, or an architecture.
        data: a folder of videos, or clips in memory.
        out: the folder to write.
        recipe: a recipe file, the name of a shipped one, or plain data.
        overrides: plain data laid over the recipe.
        resume: go on with the training in ``out``, which must be the same.
        options: what changes no result.
        listener: is told how it goes, in the main process.

    Raises:
        E3DNASError: something given is wrong, or ``out`` holds a training and ``resume`` is not set.
        TrainingFailed: the loss is not finite, or too many files are broken.
    """
    from e3dnas.training.job import Job

    checked, folder = load_recipe(recipe, overrides), TrainingFolder(out)
    folder.check(resume=resume)
    source = find_network(model).for_clips(checked)
    job = Job(checked, folder, source, options or Options(), listener or Silent())
    with folder.locked() if job.is_main else nullcontext():
        if job.is_main:
            folder.check(resume=resume)
        return job.run(data, resume=resume)
