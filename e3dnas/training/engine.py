"""The loop: updates, validation after every epoch, checkpoints, and an orderly stop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from e3dnas.training.assembling import seed_for
from e3dnas.training.events import EpochReport, Listener, StepReport
from e3dnas.training.meters import Clock, Meter, NotFinite, Settled
from e3dnas.training.state import Parts, Progress
from e3dnas.training.testing import Tested, run_test

if TYPE_CHECKING:
    from e3dnas.training.data import Batch, TrainingData
    from e3dnas.training.folder import TrainingFolder
    from e3dnas.training.stopping import StopAsked

__all__ = ["Engine"]


class Engine:
    """Trains until the last epoch of the recipe, or until it is asked to stop.

    Args:
        parts: network, optimiser and the rest.
        data: the clips.
        folder: where checkpoints and metrics are kept.
        listener: is told how it goes, in the main process.
        stop: says whether to stop after the update that runs.
        log_every: updates between two reports.
        save_every: updates between two checkpoints, besides those at the end of epochs; None: only those.
    """

    def __init__(
        self, parts: Parts, data: TrainingData, folder: TrainingFolder, listener: Listener, stop: StopAsked, *,
        log_every: int = 10, save_every: int | None = None,
    ) -> None:  # fmt: skip
        self.parts, self.data, self.folder, self.listener, self.stop = parts, data, folder, listener, stop
        self.recipe, self.accelerator = parts.recipe, parts.accelerator
        self.log_every, self.save_every = log_every, save_every
        self.progress = Progress()
        self.meter, self.clock = Meter(parts.accelerator), Clock()
        self._since = time.perf_counter()
        self._part, self._reported, self._stopping, self._lr = 0, 0, False, parts.lr

    @property
    def updates(self) -> int:
        """Updates in all."""
        return self.recipe.epochs * self.data.updates_per_epoch

    def begin(self) -> None:
        """Write the first checkpoint, so that a run killed early goes on from the same weights."""
        self._save(best=False)

    def resume(self) -> bool:
        """Go back to the last checkpoint; returns whether there was one."""
        checkpoint = self.folder.checkpoints.load()
        if checkpoint is not None:
            self.progress = self.parts.restore(checkpoint)
            self.data.recall(self.progress.broken)
            self._reported = self.progress.update
        return checkpoint is not None

    def run(self) -> bool:
        """Train; returns whether the last epoch has ended, and not before it a process was asked to stop.

        Raises:
            NotFinite: the loss or the weights are not finite; the checkpoint before that stays.
            TrainingFailed: too many files are broken.
        """
        self._since = time.perf_counter()
        try:
            while self.progress.epoch < self.recipe.epochs and not self._stopping:
                self._train_epoch()
                if self.progress.position == self.data.updates_per_epoch:
                    self._end_epoch()
        except NotFinite as failure:
            raise NotFinite(f"{failure}; {self._advice()}", alone=failure.alone) from None
        return self.progress.epoch == self.recipe.epochs

    def _train_epoch(self) -> None:
        """Make the updates that are left of an epoch, or those until it is asked to stop."""
        progress = self.progress
        self.parts.train_mode()
        self.clock.read()
        for batch in self.clock.timed(self.data.train_batches(progress.epoch, progress.position)):
            with self.accelerator.accumulate(self.parts.model):
                self._compute(batch)
            self._part += 1
            if self.accelerator.sync_gradients:
                self._part = 0
                self._after_update()
            if self._stopping:
                return

    def _compute(self, batch: Batch) -> None:
        """Compute one part of an update: forward, backward and, with the last part, the optimiser's step."""
        import torch

        parts, update = self.parts, self.progress.update + 1
        # Dropout, drop path and mixing draw from here: the same whatever came before, and others in every process.
        seed = seed_for(self.recipe.seed, "update", update, self._part, self.accelerator.process_index)
        torch.manual_seed(seed)
        clips, target = self.data.prepare(batch, self.accelerator.device, parts.memory_format, seed)
        logits = parts.model(clips)
        loss = parts.loss(logits, target)
        self.accelerator.backward(loss)
        if self.recipe.clip_grad is not None and self.accelerator.sync_gradients:
            self.accelerator.clip_grad_norm_(parts.model.parameters(), self.recipe.clip_grad)
        parts.optimizer.step()
        parts.optimizer.zero_grad()
        self.meter.add(update, batch.indices, loss, logits, target)
        self.clock.clips += len(target)

    def _after_update(self) -> None:
        """Count an update, and do what is due after it."""
        progress, parts = self.progress, self.parts
        progress.update += 1
        progress.position += 1
        if parts.ema is not None:
            parts.ema.update(parts.network, step=progress.update)
        self._lr = parts.lr
        parts.schedule.step_update(progress.update)
        last = progress.position == self.data.updates_per_epoch
        save = self.save_every is not None and progress.update % self.save_every == 0
        alone_and_asked = self.accelerator.num_processes == 1 and self.stop.asked
        if not (save or last or alone_and_asked or progress.update % self.log_every == 0):
            return
        settled = self.meter.settle(self.data.names, stop=self.stop.asked)
        progress.seen.add(settled)
        self._stopping = settled.stop
        self._report(settled)
        if (save or settled.stop) and not last:  # the last one is followed by that of the epoch
            self._save(best=False)

    def _report(self, settled: Settled) -> None:
        seconds, wait = self.clock.read()
        done = max(self.progress.update - self._reported, 1)
        self._reported = self.progress.update
        self.listener.step(StepReport(
            update=self.progress.update, updates=self.updates, epoch=self.progress.epoch + 1, epochs=self.recipe.epochs,
            loss=settled.mean_loss, top1=settled.top1, lr=self._lr, clips_per_sec=settled.count / seconds,
            wait_share=wait, seconds=seconds, gpu_gib=self._gpu_gib(),
            seconds_left=(self.updates - self.progress.update) * seconds / done,
        ))  # fmt: skip

    def _end_epoch(self) -> None:
        """Validate, write the epoch's row and a checkpoint."""
        progress = self.progress
        tested = self._validate()
        progress.broken = self.data.broken()
        best = tested is not None and _better(tested, progress.best)
        progress.epoch += 1
        progress.position = 0
        if tested is not None and best:
            progress.best = {"top1": tested.top1, "loss": tested.loss, "top5": tested.top5, "epoch": progress.epoch}
        row = self._row(tested)
        progress.rows.append(row)
        progress.seen = Settled()
        self._save(best=best or tested is None)
        if self.accelerator.is_main_process:
            self.folder.write_metrics(progress.rows)
        self.listener.epoch(EpochReport(row, self.recipe.epochs, best, progress.broken))

    def _validate(self) -> Tested | None:
        held_out, parts = self.data.held_out, self.parts
        if held_out is None:
            return None
        return run_test(parts.judged, held_out, self.accelerator, parts.memory_format, self.listener.testing)

    def _row(self, tested: Tested | None) -> dict[str, Any]:
        progress = self.progress
        return {
            "epoch": progress.epoch,
            "update": progress.update,
            "lr": self._lr,
            "train_loss": progress.seen.mean_loss,
            "train_top1": progress.seen.top1,
            "val_loss": tested and tested.loss,
            "val_top1": tested and tested.top1,
            "val_top5": tested and tested.top5,
            "broken": len(progress.broken),
            "seconds": round(self._seconds(), 3),
        }

    def _seconds(self) -> float:
        """Return the time spent, and count it as such."""
        now = time.perf_counter()
        self.progress.seconds += now - self._since
        self._since = now
        return self.progress.seconds

    def _save(self, *, best: bool) -> None:
        """Write a checkpoint, in the main process; the others have the same weights."""
        self._seconds()
        checkpoint = self.parts.snapshot(self.progress)
        if self.accelerator.is_main_process:
            self.folder.checkpoints.save(checkpoint, best=best)

    def _advice(self) -> str:
        last = self.folder.checkpoints.folder / "last"
        return (
            f"the checkpoint before it is kept ({last}). Try a lower optimizer.lr, a clip_grad such as 5, or "
            "precision.amp=no, in another folder"
        )

    def _gpu_gib(self) -> float | None:
        import torch

        device = self.accelerator.device
        return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None


def _better(tested: Tested, best: Mapping[str, Any]) -> bool:
    """Whether a test beats the best so far: more right, or as many with less loss."""
    return not best or (tested.top1, -tested.loss) > (best["top1"], -best["loss"])
