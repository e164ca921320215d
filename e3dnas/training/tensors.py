"""Clips that are held in memory: for what is small, and for what is no folder of videos."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from e3dnas.training.assembling import seed_for
from e3dnas.training.data import Batch, part_of_batch, updates_per_epoch

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from torch import Tensor

    from e3dnas.arch import Architecture
    from e3dnas.training.recipe import Recipe

__all__ = ["TensorClips", "TensorTest", "TensorTraining"]


class TensorClips:
    """Clips and labels to train and validate with; ``train(..., data=TensorClips(...))`` takes them as they are.

    Args:
        clips: (N, C, T, H, W), as the network takes them; nothing is changed in training.
        labels: (N,), whole numbers from 0.
        classes: names of the classes.
        held_out: clips and labels to validate with; None: nothing.
    """

    def __init__(
        self, clips: Tensor, labels: Tensor, classes: Sequence[str], held_out: tuple[Tensor, Tensor] | None = None
    ) -> None:
        self.clips, self.labels, self.classes, self.held_out = clips, labels, tuple(classes), held_out

    def told(self) -> str:
        """Return in one line what there is."""
        held_out = len(self.held_out[0]) if self.held_out else 0
        return f"in memory: {len(self.classes)} classes, train {len(self.clips):,}, val {held_out:,}"

    def digest(self) -> str:
        """Return what tells these labels from others."""
        return hashlib.sha256(self.labels.numpy().tobytes()).hexdigest()

    def for_training(self, recipe: Recipe, architecture: Architecture, accelerator: Accelerator) -> TensorTraining:
        """Return the batches of one process."""
        return TensorTraining(self, recipe, accelerator)


class TensorTest:
    """One process's share of clips to test with."""

    views = 1

    def __init__(
        self, clips: Tensor, labels: Tensor, classes: Sequence[str], batch: int, accelerator: Accelerator
    ) -> None:
        self.classes, self.most = classes, batch
        self.mine = list(range(accelerator.process_index, len(clips), accelerator.num_processes))
        self.clips, self.labels, self.share = clips, labels, len(self.mine)

    def batches(self) -> Iterator[Batch]:
        """Yield this process's clips."""
        for start in range(0, len(self.mine), self.most):
            some = self.mine[start : start + self.most]
            yield Batch(self.clips[some], self.labels[some], some)

    def prepare(self, batch: Batch, device: torch.device, memory_format: Any) -> tuple[Tensor, Tensor]:
        """Return clips and labels on the device."""
        return batch.clips.to(device, memory_format=memory_format), batch.labels.to(device)


class TensorTraining:
    """One process's share of clips to train with."""

    def __init__(self, data: TensorClips, recipe: Recipe, accelerator: Accelerator) -> None:
        self.data, self.recipe, self.accelerator, self.classes = data, recipe, accelerator, data.classes
        self.updates_per_epoch = updates_per_epoch(len(data.clips), recipe.batch)
        self.part = part_of_batch(recipe, accelerator.num_processes)
        self.notes: list[str] = []
        self.held_out = None
        if data.held_out is not None:
            self.held_out = TensorTest(*data.held_out, data.classes, self.part, accelerator)

    def train_batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """Yield this process's parts of the updates from ``start`` on."""
        import torch

        generator = torch.Generator().manual_seed(seed_for(self.recipe.seed, "order", epoch))
        order = torch.randperm(len(self.data.clips), generator=generator)
        rank, processes = self.accelerator.process_index, self.accelerator.num_processes
        for update in range(start, self.updates_per_epoch):
            whole = order[update * self.recipe.batch :][: self.recipe.batch]
            for part in whole.view(self.recipe.accumulate, processes, self.part)[:, rank]:
                yield Batch(self.data.clips[part], self.data.labels[part], part.tolist())

    def prepare(self, batch: Batch, device: torch.device, memory_format: Any, seed: int) -> tuple[Tensor, Tensor]:
        """Return clips and labels on the device."""
        return batch.clips.to(device, memory_format=memory_format), batch.labels.to(device)

    def names(self, indices: Sequence[int]) -> list[str]:
        """Return the numbers of the clips."""
        return [str(index) for index in indices]

    def broken(self) -> dict[str, str]:
        """Return nothing: there are no files."""
        return {}

    def recall(self, broken: Mapping[str, str]) -> None:
        """Do nothing, likewise."""
