"""Listeners: what writes steps.csv and TensorBoard's events, what passes everything on, and what stays silent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from e3dnas.training.events import EpochReport, Listener, StepReport
from e3dnas.training.folder import TrainingFolder

__all__ = ["All", "Records", "Silent"]


class Silent:
    """Does nothing with what it is told."""

    def note(self, text: str) -> None:
        """Take a sentence."""

    def step(self, report: StepReport) -> None:
        """Take a report of some updates."""

    def epoch(self, report: EpochReport) -> None:
        """Take the report of an epoch."""

    def testing(self, done: int, total: int) -> None:
        """Take how far validation is."""


class Records(Silent):
    """Writes steps.csv and, where tensorboard is installed, events; use it with ``with``.

    Args:
        folder: the folder of the training.
        update: updates that were made before; what is recorded of later ones is dropped.
    """

    def __init__(self, folder: TrainingFolder, update: int) -> None:
        self.folder = folder
        folder.cut_steps(update)
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        self._writer = SummaryWriter(str(folder.events), purge_step=update + 1 if update else None)

    @property
    def has_events(self) -> bool:
        """Whether events for TensorBoard are written."""
        return self._writer is not None

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *error: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def step(self, report: StepReport) -> None:
        """Write a row, and the curves."""
        self.folder.add_step(report.to_dict())
        if self._writer is not None:
            for key in ("loss", "top1", "lr", "clips_per_sec", "wait_share"):
                self._writer.add_scalar(f"train/{key}", getattr(report, key), report.update)

    def epoch(self, report: EpochReport) -> None:
        """Write the curves of the validation."""
        if self._writer is None:
            return
        for key in ("val_loss", "val_top1", "val_top5"):
            if report.row[key] is not None:
                self._writer.add_scalar(key.replace("_", "/", 1), report.row[key], report.row["update"])
        self._writer.flush()


class All:
    """Passes everything on to several listeners."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.listeners = listeners

    def note(self, text: str) -> None:
        """Pass a sentence on."""
        for one in self.listeners:
            one.note(text)

    def step(self, report: StepReport) -> None:
        """Pass a report of some updates on."""
        for one in self.listeners:
            one.step(report)

    def epoch(self, report: EpochReport) -> None:
        """Pass the report of an epoch on."""
        for one in self.listeners:
            one.epoch(report)

    def testing(self, done: int, total: int) -> None:
        """Pass on how far validation is."""
        for one in self.listeners:
            one.testing(done, total)
