"""The videos of a folder, as a training and a test need them.

What a process reads follows from the recipe's seed, the epoch and the position of an item in its split; how many
processes and workers read makes no difference.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from e3dnas.errors import E3DNASError
from e3dnas.training.data import Batch, part_of_batch, updates_per_epoch
from e3dnas.training.meters import TrainingFailed
from e3dnas.training.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from torch import Tensor

    from e3dnas.training.recipe import Recipe
    from e3dnas.training.recipe_data import Views
    from e3dnas.video import BrokenVideo, ClipOrder, Split, VideoData

__all__ = ["VideoTest", "VideoTraining", "data_digest", "held_out_split", "leaving_cores", "worker_count"]

MOST_WORKERS = 8


class VideoTest:
    """One process's share of a split to test with; each video counts once.

    Args:
        split: the videos.
        prepared: how their pixels are made.
        views: the views of a video.
        accelerator: the processes.
        most: clips to compute at once.
        workers: processes that read.
        reader: what decodes files.
    """

    def __init__(
        self, split: Split, prepared: Preprocessing, views: Views, accelerator: Accelerator, *, most: int,
        workers: int | None = None, reader: str = "pyav",
    ) -> None:  # fmt: skip
        from e3dnas.video import ClipDataset, ClipOrder

        self.classes, self.prepared, self.views, self.most = split.classes, prepared, views.count, most
        self.split = split
        self.broken: dict[str, str] = {}
        dataset = ClipDataset(
            split, prepared.sampling, prepared.test_transform(views.crops), clips=views.clips, reader=reader
        )
        rank, world = accelerator.process_index, accelerator.num_processes
        order = ClipOrder(len(dataset), shuffle=False, rank=rank, world=world, even=False)
        self.share = len(order)
        self._loader = _loader(dataset, order, max(most // self.views, 1), workers, accelerator)

    def batches(self) -> Iterator[Batch]:
        """Yield this process's videos; those that cannot be read are left out and noted in ``broken``."""
        for found in self._loader if self.share else ():
            self.broken |= {one.path: one.reason for one in found.broken}
            if len(found.labels):
                yield Batch(found.clips.flatten(0, 1), found.labels, found.indices.tolist())

    def prepare(self, batch: Batch, device: torch.device, memory_format: Any) -> tuple[Tensor, Tensor]:
        """Return input of the network and labels on the device."""
        return self.prepared.to_input(batch.clips, device, memory_format), batch.labels.to(device)


class VideoTraining:
    """One process's share of a folder's videos to train with.

    Args:
        data: the folder.
        recipe: the recipe.
        prepared: how pixels are made.
        accelerator: the processes.

    Raises:
        E3DNASError: there are fewer videos than an update takes, or the batch cannot be divided.
    """

    def __init__(self, data: VideoData, recipe: Recipe, prepared: Preprocessing, accelerator: Accelerator) -> None:
        from e3dnas.video import BrokenReport, ClipDataset, ClipOrder, Mixer

        split = data.train
        self.classes, self.recipe, self.prepared, self.split = split.classes, recipe, prepared, split
        self.accelerator, world = accelerator, accelerator.num_processes
        self.updates_per_epoch = updates_per_epoch(len(split.items), recipe.batch)
        self.part = part_of_batch(recipe, world)
        transform = prepared.train_transform(recipe.augment, data.mirror)
        dataset = ClipDataset(split, prepared.sampling, transform, seed=recipe.seed, reader=recipe.loader.reader)
        self._order = ClipOrder(len(dataset), seed=recipe.seed, rank=accelerator.process_index, world=world)
        self._draws = _Draws(self._order)
        self._loader = _loader(dataset, self._draws, self.part, recipe.loader.workers, accelerator)
        self._report = BrokenReport(len(dataset), recipe.loader.max_broken)
        augment = recipe.augment
        self._mixer = None
        if augment.mixup or augment.cutmix:
            self._mixer = Mixer(len(self.classes), augment.mixup, augment.cutmix, augment.mix_share)
        self.notes = _notes(data, recipe, prepared)
        self.held_out: VideoTest | None = None
        if (held_out := held_out_split(data)) is not None:
            from e3dnas.training.recipe_data import Views

            self.held_out = VideoTest(
                held_out, prepared, Views(), accelerator, most=max(self.part, 1), workers=recipe.loader.workers,
                reader=recipe.loader.reader,
            )  # fmt: skip

    def train_batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """Yield this process's parts of the updates from ``start`` on."""
        left = self.updates_per_epoch - start
        self._order.load_state_dict(self._order.state_dict() | {"epoch": epoch, "done": start * self.recipe.batch})
        self._draws.count = left * self.recipe.accumulate * self.part
        for found in self._loader:
            self._count(found.broken)
            yield Batch(found.clips, found.labels, found.indices.tolist())

    def _count(self, broken: Sequence[BrokenVideo]) -> None:
        try:
            self._report.add(broken)
        except E3DNASError as error:  # another process may have met none of them
            raise TrainingFailed(str(error), alone=True) from None

    def prepare(self, batch: Batch, device: torch.device, memory_format: Any, seed: int) -> tuple[Tensor, Tensor]:
        """Return input and target on the device, mixed if the recipe wants it."""
        clips = self.prepared.to_input(batch.clips, device, memory_format)
        labels = batch.labels.to(device, non_blocking=True)
        return (clips, labels) if self._mixer is None else self._mixer(clips, labels, seed)

    def names(self, indices: Sequence[int]) -> list[str]:
        """Return the paths of videos."""
        return [self.split.items[index].path for index in indices]

    def broken(self) -> dict[str, str]:
        """Return the files that could not be read so far, of all processes, and why; those of validation, too."""
        from accelerate.utils import gather_object

        held_out = self.held_out.broken if self.held_out else {}
        found: dict[str, str] = {}
        for reasons in gather_object([self._report.reasons | held_out]):
            found |= reasons
        return dict(sorted(found.items()))

    def recall(self, broken: Mapping[str, str]) -> None:
        """Count files that an earlier run could not read."""
        own = {item.path for item in self.split.items}
        self._report.load_state_dict({"reasons": {path: why for path, why in broken.items() if path in own}})


class _Draws:
    """The next ``count`` items of an order: whole updates, and nothing that would be read in vain."""

    def __init__(self, order: ClipOrder) -> None:
        self.order, self.count = order, 0

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self.order), self.count)

    def __len__(self) -> int:
        return self.count


def held_out_split(data: VideoData) -> Split | None:
    """Return the split to validate with: ``val``, or ``test`` where there is no ``val``; None: there is neither."""
    found = (data.splits.get(name) for name in ("val", "test"))
    return next((split for split in found if split is not None and split.items), None)


def _notes(data: VideoData, recipe: Recipe, prepared: Preprocessing) -> list[str]:
    """Return what one should know of the data before training on them."""
    notes = list(data.notes)
    if missing := len(data.train.missing):
        notes.append(
            f"{missing} videos that the lists of the training split name are not there, e.g. {data.train.missing[0]}"
        )
    held_out = held_out_split(data)
    notes.append(
        f"validation: split {held_out.name}" if held_out else "validation: none, for there is no split val or test"
    )
    if recipe.augment.flip is None and not data.mirror:
        notes.append("flips: off, for labels depend on the side")
    if recipe.clip.sampling is None:
        notes.append(f"sampling: {prepared.kind}, as is usual for this layout")
    return notes


def worker_count(wanted: int | None, accelerator: Accelerator) -> int:
    """Return how many processes read clips for each training process.

    Without a number, on a GPU the cores that are left, at most 8; on the CPU, where computing takes most of the time,
    one for every four cores, and none beside a single core.
    """
    if wanted is not None:
        return wanted
    cores = _cores(accelerator)
    if accelerator.device.type != "cpu":
        return max(0, min(cores - 1, MOST_WORKERS))
    return min(max(1, cores // 4), MOST_WORKERS) if cores > 1 else 0


@contextmanager
def leaving_cores(workers: int | None, accelerator: Accelerator) -> Iterator[None]:
    """Let PyTorch compute on the cores that those processes leave; more threads than cores wait for one another."""
    import torch

    before = torch.get_num_threads()
    cores = _cores(accelerator)
    torch.set_num_threads(max(1, min(before, cores - worker_count(workers, accelerator))))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _cores(accelerator: Accelerator) -> int:
    """Return the cores that each of the processes of this machine has."""
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", accelerator.num_processes))
    return len(os.sched_getaffinity(0)) // processes


def data_digest(data: VideoData) -> str:
    """Return what tells these videos and labels from others; where the folder lies does not count."""
    digest = hashlib.sha256()
    for name, split in sorted(data.splits.items()):
        for path, label in split.items:
            line = f"{name}\0{os.path.relpath(path, data.root)}\0{split.classes[label]}\n"
            digest.update(os.fsencode(line))  # names of files need not be UTF-8
    return digest.hexdigest()


def _loader(dataset: Any, sampler: Any, batch: int, workers: int | None, accelerator: Accelerator) -> Any:
    from torch.utils.data import DataLoader

    from e3dnas.video import collate_clips

    count = worker_count(workers, accelerator)
    return DataLoader(
        dataset, batch_size=batch, sampler=sampler, num_workers=count, collate_fn=collate_clips,
        pin_memory=accelerator.device.type == "cuda", persistent_workers=count > 0,
    )  # fmt: skip
