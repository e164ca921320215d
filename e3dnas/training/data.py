"""What a training needs of its data; the videos of a folder give it (``e3dnas.training.videos``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from e3dnas.training.recipe import Recipe

__all__ = ["Batch", "TestData", "TrainingData", "part_of_batch", "updates_per_epoch"]


@dataclass(frozen=True)
class Batch:
    """Some clips of one process.

    Attributes:
        clips: (B, C, T, H, W), or (B * views, C, T, H, W) in a test.
        labels: (B,).
        indices: which items of the split they are.
    """

    clips: Tensor
    labels: Tensor
    indices: Sequence[int]


class TestData(Protocol):
    """Videos with labels to test with.

    Attributes:
        views: clips of a video whose probabilities are averaged.
        most: clips to compute at once.
        share: videos that this process looks at; all processes together look at each once.
    """

    views: int
    most: int
    share: int

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes."""

    def batches(self) -> Iterator[Batch]:
        """Yield this process's videos."""

    def prepare(self, batch: Batch, device: torch.device, memory_format: Any) -> tuple[Tensor, Tensor]:
        """Return input of the network (B * views, C, T, H, W) and labels (B,), on the device."""


class TrainingData(Protocol):
    """Clips with labels to train with.

    Attributes:
        updates_per_epoch: updates that an epoch has clips for; what is left over waits for another epoch.
        notes: what one should know of them, a sentence each.
    """

    updates_per_epoch: int
    notes: list[str]

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes."""

    @property
    def held_out(self) -> TestData | None:
        """What to validate with; None: nothing."""

    def train_batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """Yield this process's parts of the updates of an epoch, from the update ``start`` on.

        Every update has the same number of parts, all of the same size. Which clips they hold follows from the recipe's
        seed and the epoch alone.
        """

    def prepare(self, batch: Batch, device: torch.device, memory_format: Any, seed: int) -> tuple[Tensor, Tensor]:
        """Return input of the network (B, C, T, H, W) and target on the device.

        The target is labels (B,) or, of mixed clips, shares of classes (B, N); ``seed`` decides what is mixed.
        """

    def names(self, indices: Sequence[int]) -> list[str]:
        """Return what the clips are called, for an error."""

    def broken(self) -> dict[str, str]:
        """Return the files that could not be used so far, of all processes, and why; all of them must call it."""

    def recall(self, broken: Mapping[str, str]) -> None:
        """Count files that an earlier run could not use."""


def updates_per_epoch(items: int, batch: int) -> int:
    """Return how many updates an epoch has clips for.

    Raises:
        E3DNASError: there are not even enough for one.
    """
    if items < batch:
        raise E3DNASError(
            f"batch: an update takes {batch} clips, and there are {items} to train on; write a smaller batch"
        )
    return items // batch


def part_of_batch(recipe: Recipe, processes: int) -> int:
    """Return the clips that one process computes at once.

    Raises:
        E3DNASError: the batch cannot be divided so.
    """
    parts = recipe.accumulate * processes
    if recipe.batch % parts:
        raise E3DNASError(
            f"batch: {recipe.batch} clips cannot be divided among {processes} processes in {recipe.accumulate} parts; "
            f"write a multiple of {parts}"
        )
    return recipe.batch // parts
