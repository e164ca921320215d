"""What goes into a training beside the recipe, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Options", "TrainingResult"]


@dataclass(frozen=True)
class Options:
    """What changes no result.

    Attributes:
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
        log_every: updates between two reports.
        save_every: updates between two checkpoints, besides those at the end of epochs; None: only those.
        layout: layout of the data; None: recognised.
        fold: of data with several divisions into training and test, this one.
    """

    device: str = "auto"
    log_every: int = 10
    save_every: int | None = None
    layout: str | None = None
    fold: int = 1


@dataclass(frozen=True)
class TrainingResult:
    """What a training has come to.

    Attributes:
        folder: its folder.
        complete: whether the last epoch has ended.
        epochs: epochs that have ended.
        best: validation of the best epoch: ``top1``, ``top5``, ``loss``, ``epoch``; empty without validation.
        seconds: time spent, of all runs together.
        broken: files that could not be used, and why.
        model: the trained network as a folder for timm; None while it is not complete.
    """

    folder: Path
    complete: bool
    epochs: int
    best: Mapping[str, Any]
    seconds: float
    broken: Mapping[str, str] = field(default_factory=dict)
    model: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        paths = {"folder": str(self.folder), "model": self.model and str(self.model)}
        return {**asdict(self), **paths}
