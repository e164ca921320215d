"""The live view of a training: bars in a terminal, plain lines when the output goes elsewhere."""

from __future__ import annotations

from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from e3dnas.training.events import EpochReport, StepReport

__all__ = ["TrainingView", "epoch_line", "step_line"]

PLAIN_SECONDS = 30.0
SHOWN_BROKEN = 5


class TrainingView:
    """Shows how a training goes; use it with ``with``.

    Args:
        console: where to.
        every: seconds between two plain lines of steps; every epoch has a line of its own.
    """

    def __init__(self, console: Console, every: float = PLAIN_SECONDS) -> None:
        self.console, self.every = console, every
        self._told_broken: set[str] = set()
        self._quiet_for = 0.0
        self._progress: Progress | None = None
        self._epoch_bar: TaskID | None = None
        self._test_bar: TaskID | None = None
        if console.is_terminal:
            self._progress = Progress(
                SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24),
                TextColumn("{task.fields[told]}"), console=console, transient=True,
            )  # fmt: skip

    def __enter__(self) -> TrainingView:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def note(self, text: str) -> None:
        """Show a sentence."""
        self.console.print(text, soft_wrap=True)

    def step(self, report: StepReport) -> None:
        """Show a report of some updates."""
        if self._progress is not None:
            self._show_bar(self._progress, report)
            return
        self._quiet_for += report.seconds
        if self._quiet_for >= self.every:
            self._quiet_for = 0.0
            self.console.print(step_line(report), soft_wrap=True)

    def epoch(self, report: EpochReport) -> None:
        """Show an epoch, and the files that have turned out to be broken in it."""
        if self._progress is not None and self._test_bar is not None:
            self._progress.update(self._test_bar, visible=False)
        self._quiet_for = 0.0
        self.console.print(epoch_line(report), soft_wrap=True)
        new = {path: why for path, why in report.broken.items() if path not in self._told_broken}
        if not new:
            return
        self._told_broken |= set(new)
        files = "1 file" if len(report.broken) == 1 else f"{len(report.broken)} files"
        self.console.print(f"  {files} cannot be used; new in this epoch:", soft_wrap=True)
        for path, why in list(new.items())[:SHOWN_BROKEN]:
            self.console.print(f"    {path}: {why}", soft_wrap=True)
        if len(new) > SHOWN_BROKEN:
            more = f"    and {len(new) - SHOWN_BROKEN} more; all are in checkpoints/last/progress.json"
            self.console.print(more, soft_wrap=True)

    def testing(self, done: int, total: int) -> None:
        """Show how far validation is."""
        if self._progress is None:
            return
        if self._test_bar is None:
            self._test_bar = self._progress.add_task("validation", total=total, told="")
        told = f"{done}/{total} videos"
        self._progress.update(self._test_bar, completed=done, total=total, told=told, visible=True)

    def _show_bar(self, progress: Progress, report: StepReport) -> None:
        per_epoch = report.updates // report.epochs
        described = f"epoch {report.epoch}/{report.epochs}"
        if self._epoch_bar is None:
            self._epoch_bar = progress.add_task(described, total=per_epoch, told="")
        done = report.update - (report.epoch - 1) * per_epoch
        told = f"step {report.update}/{report.updates}  " + "  ".join(_told(report))
        progress.update(self._epoch_bar, description=described, completed=done, told=told)


def step_line(report: StepReport) -> str:
    """Return a report as one plain line."""
    return "  ".join(
        [f"epoch {report.epoch}/{report.epochs}", f"step {report.update}/{report.updates}", *_told(report)]
    )


def epoch_line(report: EpochReport) -> str:
    """Return an epoch as one plain line."""
    row = report.row
    parts = [f"epoch {row['epoch']}/{report.epochs} done", f"loss {row['train_loss']:.4f}"]
    parts.append(f"top-1 {100 * row['train_top1']:.1f} %")
    if row["val_top1"] is not None:
        parts.append(f"validation: loss {row['val_loss']:.4f}  top-1 {100 * row['val_top1']:.1f} %")
        parts.append(f"top-5 {100 * row['val_top5']:.1f} %")
    parts.append(str(timedelta(seconds=round(row["seconds"]))))
    return "  ".join(parts) + ("  (best)" if report.best else "")


def _told(report: StepReport) -> list[str]:
    parts = [
        f"loss {report.loss:.4f}", f"top-1 {100 * report.top1:.1f} %", f"lr {report.lr:.3g}",
        f"{report.clips_per_sec:.1f} clips/s", f"waits {100 * report.wait_share:.0f} %",
        f"to go {timedelta(seconds=round(report.seconds_left))}",
    ]  # fmt: skip
    return parts if report.gpu_gib is None else [*parts, f"GPU {report.gpu_gib:.1f} GiB"]
