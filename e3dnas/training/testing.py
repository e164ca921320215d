"""How good a network is on clips with labels: every clip counted once, whatever the number of processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e3dnas.errors import E3DNASError
from e3dnas.training.meters import Clock

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import Tensor, nn

    from e3dnas.training.data import TestData

__all__ = ["Tested", "run_test", "view_probabilities"]

TOP = 5


@dataclass(frozen=True)
class Tested:
    """The result of a test.

    Attributes:
        loss: mean negative log of the probability of the right class.
        top1: share of videos whose most probable class is right.
        top5: share whose right class is among the five most probable; all where there are at most five classes.
        count: videos.
        confusion: (N, N) counts, rows the right class, columns the predicted one.
        seconds: wall time.
        clips_per_sec: views computed a second, of all processes together.
        wait_share: share of the time in which the network waited for clips.
    """

    __test__ = False  # to pytest the name looks like a test

    loss: float
    top1: float
    top5: float
    count: int
    confusion: Tensor
    seconds: float
    clips_per_sec: float
    wait_share: float


def view_probabilities(model: nn.Module, clips: Tensor, views: int, most: int = 64) -> Tensor:
    """Return probabilities (B, N), averaged over the views of each video.

    Args:
        model: gives logits (B, N).
        clips: (B * views, C, T, H, W).
        views: views of each video.
        most: clips computed at once.
    """
    import torch

    logits = torch.cat([model(some) for some in torch.split(clips, most)]).float()
    return logits.softmax(1).view(-1, views, logits.shape[1]).mean(1)


def run_test(
    model: nn.Module,
    data: TestData,
    accelerator: Accelerator,
    memory_format: Any,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> Tested:
    """Test a network on this process's share of the videos, and add up what all processes found.

    Args:
        model: the bare network; its mode is left as it was.
        data: the videos.
        accelerator: the processes.
        memory_format: of the clips.
        told: is called with the videos of this process that are done, and how many there are.

    Raises:
        E3DNASError: not one of the videos could be read.
    """
    import torch

    device, classes = accelerator.device, len(data.classes)
    confusion = torch.zeros(classes, classes, dtype=torch.float64, device=device)
    sums = torch.zeros(3, dtype=torch.float64, device=device)  # loss, right in the top 5, views
    was_training, done, clock = model.training, 0, Clock()
    model.eval()
    try:
        with torch.inference_mode(), accelerator.autocast():
            for batch in clock.timed(data.batches()):
                clips, labels = data.prepare(batch, device, memory_format)
                probabilities = view_probabilities(model, clips, data.views, data.most)
                _count(probabilities, labels, confusion, sums)
                sums[2] += len(clips)
                done += len(labels)
                told(done, data.share)
    finally:
        model.train(was_training)
    confusion, sums = accelerator.reduce(confusion), accelerator.reduce(sums)
    if not confusion.any():
        raise E3DNASError("data: not one of the videos to test with could be read; `e3dnas data check` says why")
    return _result(confusion.cpu(), sums.cpu(), *clock.read())


def _count(probabilities: Tensor, labels: Tensor, confusion: Tensor, sums: Tensor) -> None:
    import torch

    ranked = probabilities.topk(min(TOP, probabilities.shape[1]), 1).indices
    ones = torch.ones_like(labels, dtype=confusion.dtype)
    confusion.index_put_((labels, ranked[:, 0]), ones, accumulate=True)
    right = probabilities.gather(1, labels[:, None]).clamp_min(torch.finfo(torch.float32).tiny)
    sums[0] -= right.double().log().sum()
    sums[1] += (ranked == labels[:, None]).any(1).sum()


def _result(confusion: Tensor, sums: Tensor, seconds: float, wait: float) -> Tested:
    count = int(confusion.sum())
    loss, top5, views = sums.tolist()
    whole = max(count, 1)
    return Tested(
        loss=loss / whole, top1=float(confusion.diagonal().sum()) / whole, top5=top5 / whole, count=count,
        confusion=confusion.long(), seconds=seconds, clips_per_sec=views / seconds, wait_share=wait,
    )  # fmt: skip
