"""How good a trained network is on a data set, by the field's protocol: views averaged, every video counted once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.training.assembling import make_accelerator
from e3dnas.training.testing import Tested, run_test
from e3dnas.training.trained import find_trained
from e3dnas.training.videos import VideoTest, held_out_split, leaving_cores

if TYPE_CHECKING:
    from e3dnas.video import Split, VideoData

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        model: the trained network's folder.
        data: what the videos are, in one line.
        split: the split's name.
        views: ``(clips, crops)`` of each video.
        still: whether one frame of each clip was shown, repeated.
        classes: names of the classes.
        tested: the numbers.
        broken: videos that could not be read, and why; they count nowhere.
        processes: processes that did it.
    """

    model: str
    data: str
    split: str
    views: tuple[int, int]
    still: bool
    classes: tuple[str, ...]
    tested: Tested
    broken: dict[str, str]
    processes: int

    @property
    def per_class(self) -> list[dict[str, Any]]:
        """A row a class: ``class``, ``videos``, ``right`` (share, None without videos), ``taken_for`` and ``times``."""
        rows = []
        for label, counts in enumerate(self.tested.confusion.tolist()):
            videos, hits = sum(counts), counts[label]
            wrong = [0 if other == label else count for other, count in enumerate(counts)]
            most = max(wrong)
            other = self.classes[wrong.index(most)] if most else None
            rows.append(
                {"class": self.classes[label], "videos": videos, "right": hits / videos if videos else None,
                 "taken_for": other, "times": most}
            )  # fmt: skip
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        tested = self.tested
        return {
            "model": self.model, "data": self.data, "split": self.split, "clips": self.views[0], "crops": self.views[1],
            "still": self.still, "videos": tested.count, "top1": tested.top1, "top5": tested.top5, "loss": tested.loss,
            "seconds": round(tested.seconds, 3), "clips_per_sec": round(tested.clips_per_sec, 3),
            "wait_share": round(tested.wait_share, 4), "processes": self.processes, "broken": self.broken,
            "classes": list(self.classes), "per_class": self.per_class, "confusion": tested.confusion.tolist(),
        }  # fmt: skip


def evaluate(
    model: str | Path,
    data: str | Path,
    *,
    clips: int | None = None,
    crops: int | None = None,
    split: str | None = None,
    still: bool = False,
    device: str = "auto",
    amp: str = "auto",
    batch: int = 64,
    workers: int | None = None,
    layout: str | None = None,
    fold: int = 1,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Test a trained network on a data set.

    Under ``accelerate launch`` or ``torchrun`` all processes call it; the result is the same in each.

    Args:
        model: the folder of a training, the model in it, or an exported file.
        data: a folder of videos whose classes the network knows, by name.
        clips: clips over the length of a video; None: as the recipe of the training says.
        crops: crops of each clip, 1, 2 or 3; None: likewise.
        split: the split; None: ``val``, or ``test`` where there is no ``val``.
        still: show one frame of each clip, repeated: what the network tells without motion.
        device: ``auto``, ``cpu`` or ``cuda``.
        amp: ``auto`` (bf16 on a GPU that can), ``no``, ``bf16`` or ``fp16``.
        batch: clips computed at once.
        workers: processes that read videos; None: as there are spare cores.
        layout: layout of the data; None: recognised.
        fold: of data with several divisions into training and test, this one.
        told: is called with the videos of this process that are done, and how many there are.

    Raises:
        E3DNASError: there is no trained network, no such split, or a class that the network does not know.
    """
    from accelerate.utils import gather_object

    from e3dnas.video import load_videos

    trained = find_trained(model).with_views(clips, crops, still=still)
    videos = load_videos(data, layout=layout, fold=fold)
    chosen = trained.own_labels(_split(videos, split))
    accelerator = make_accelerator(device, amp)
    memory_format = _memory_format(accelerator.device.type)
    network = trained.load().to(accelerator.device).to(memory_format=memory_format)
    test = VideoTest(chosen, trained.prepared, trained.views, accelerator, most=batch, workers=workers)
    with leaving_cores(workers, accelerator):
        tested = run_test(network, test, accelerator, memory_format, told)
    broken: dict[str, str] = {}
    for found in gather_object([test.broken]):
        broken |= found
    return Evaluation(
        str(model), f"{data}: {videos.told()}", chosen.name, (trained.views.clips, trained.views.crops),
        trained.prepared.still, trained.classes, tested, dict(sorted(broken.items())), accelerator.num_processes,
    )  # fmt: skip


def _split(videos: VideoData, name: str | None) -> Split:
    found = held_out_split(videos) if name is None else None
    return found if found is not None else videos.split(*([name] if name else ["val", "test"]))


def _memory_format(device: str) -> Any:
    import torch

    return torch.channels_last_3d if device == "cuda" else torch.preserve_format
