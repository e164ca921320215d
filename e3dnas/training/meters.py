"""Losses and hits of updates, read from the device and from the other processes only now and then.

Reading a number from a GPU waits for it, so results stay where they were computed until ``settle``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import Tensor

__all__ = ["Clock", "Meter", "NotFinite", "Settled", "TrainingFailed"]

T = TypeVar("T")
NamesOf = Callable[[Sequence[int]], list[str]]


class TrainingFailed(E3DNASError):
    """A training that cannot go on, though what it was given is right in form.

    Args:
        text: why.
        alone: whether this process may be the only one that knows, so that it must tell it whichever it is.
    """

    exit_code = 1

    def __init__(self, text: str, *, alone: bool = False) -> None:
        super().__init__(text)
        self.alone = alone


class NotFinite(TrainingFailed):
    """A loss or a weight is not finite."""


@dataclass
class Settled:
    """Sums over clips: loss, right ones, and how many; ``stop`` says that some process was asked to stop."""

    loss: float = 0.0
    hits: int = 0
    count: int = 0
    stop: bool = False

    def add(self, other: Settled) -> None:
        """Add another one's sums."""
        self.loss, self.hits, self.count = self.loss + other.loss, self.hits + other.hits, self.count + other.count

    @property
    def mean_loss(self) -> float:
        """Loss of a clip."""
        return self.loss / self.count if self.count else math.nan

    @property
    def top1(self) -> float:
        """Share of right ones."""
        return self.hits / self.count if self.count else math.nan


class Meter:
    """Collects the results of parts of updates.

    Args:
        accelerator: the processes whose results belong together.
    """

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self._pending: list[tuple[int, Sequence[int], Tensor]] = []

    def add(self, update: int, indices: Sequence[int], loss: Tensor, logits: Tensor, target: Tensor) -> None:
        """Take the result of a part of an update: of the clips ``indices``, the mean loss, logits (B, N) and target."""
        import torch

        labels = target.argmax(1) if target.ndim == 2 else target
        hits = (logits.detach().argmax(1) == labels).sum()
        count = len(labels)
        numbers = torch.stack([loss.detach().double() * count, hits.double(), hits.new_tensor(count).double()])
        self._pending.append((update, indices, numbers))

    def settle(self, names: NamesOf, *, stop: bool = False) -> Settled:
        """Return the sums of all processes since the last call.

        Args:
            names: gives the names of clips, for an error.
            stop: whether this process is asked to stop.

        Raises:
            NotFinite: a loss is not finite; says which update, process and clips.
        """
        import torch

        device = self._accelerator.device
        rows = [numbers for _, _, numbers in self._pending] + [
            torch.tensor([float(stop), 0.0, 0.0]).double().to(device)
        ]
        table = self._accelerator.gather(torch.stack(rows)).cpu().view(-1, len(rows), 3)  # process, part, number
        bad = ~torch.isfinite(table[:, :, 0])
        if bad.any():
            self._fail(bad, names)
        self._pending.clear()
        loss, hits, count = table[:, :-1].sum((0, 1)).tolist()
        return Settled(loss, int(hits), int(count), bool(table[:, -1, 0].any()))

    def _fail(self, bad: Tensor, names: NamesOf) -> None:
        from accelerate.utils import gather_object

        part = int(bad.any(0).nonzero()[0])  # the first one in time
        process = int(bad[:, part].nonzero()[0])
        update, indices, numbers = self._pending[part]
        shown = gather_object([(float(numbers[0] / numbers[2]), names(indices))])
        loss, clips = shown[process]
        raise NotFinite(f"the loss is {loss} at update {update}, in process {process}, of the clips {', '.join(clips)}")


@dataclass
class Clock:
    """Time between reports, and how much of it was spent waiting for clips."""

    waited: float = 0.0
    clips: int = 0
    start: float = field(default_factory=time.perf_counter)

    def timed(self, batches: Iterable[T]) -> Iterator[T]:
        """Yield the batches and count the time until each of them is there."""
        iterator = iter(batches)
        while True:
            before = time.perf_counter()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            self.waited += time.perf_counter() - before
            yield batch

    def read(self) -> tuple[float, float]:
        """Return (seconds, share of them spent waiting) since the last call, and start again."""
        now = time.perf_counter()
        seconds = max(now - self.start, 1e-9)
        share = min(self.waited / seconds, 1.0)
        self.start, self.waited = now, 0.0
        return seconds, share
