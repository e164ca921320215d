"""What a training tells while it runs, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

__all__ = ["EpochReport", "Listener", "StepReport"]


@dataclass(frozen=True)
class StepReport:
    """How it stands after some updates.

    Attributes:
        update: updates so far, of ``updates`` in all.
        updates: see there.
        epoch: the epoch that is running, from 1, of ``epochs``.
        epochs: see there.
        loss: mean loss of the clips since the last report.
        top1: share of these clips that were classified right; of mixed clips, as the larger part.
        lr: the learning rate of the last of these updates, of the layer that learns fastest.
        clips_per_sec: clips a second, of all processes together.
        wait_share: share of the time in which the network waited for clips.
        seconds: seconds since the last report.
        seconds_left: seconds to the end at this pace, tests not counted.
        gpu_gib: highest memory used on the GPU so far, in GiB; None without a GPU.
    """

    update: int
    updates: int
    epoch: int
    epochs: int
    loss: float
    top1: float
    lr: float
    clips_per_sec: float
    wait_share: float
    seconds: float
    seconds_left: float
    gpu_gib: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for steps.csv."""
        return asdict(self)


@dataclass(frozen=True)
class EpochReport:
    """An epoch that has ended.

    Attributes:
        row: its row of metrics.csv: ``epoch``, ``update``, ``lr``, ``train_loss``, ``train_top1``, ``val_loss``,
            ``val_top1``, ``val_top5`` (None where there is nothing to validate with), ``broken``, ``seconds``.
        epochs: epochs in all.
        best: whether no epoch before it was better.
        broken: files that could not be used, and why.
    """

    row: Mapping[str, Any]
    epochs: int
    best: bool
    broken: Mapping[str, str]


class Listener(Protocol):
    """Is told what happens, in the main process only."""

    def note(self, text: str) -> None:
        """Take a sentence worth saying once."""

    def step(self, report: StepReport) -> None:
        """Take a report of some updates."""

    def epoch(self, report: EpochReport) -> None:
        """Take the report of an epoch."""

    def testing(self, done: int, total: int) -> None:
        """Take how many of the validation clips have been looked at."""
