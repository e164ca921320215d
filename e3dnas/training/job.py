"""One training in one process: everything is made, run, and brought to its end."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.errors import E3DNASError
from e3dnas.training.assembling import make_accelerator, seed_for, set_deterministic
from e3dnas.training.engine import Engine
from e3dnas.training.events import Listener
from e3dnas.training.networks import build_network
from e3dnas.training.outcome import Options, TrainingResult
from e3dnas.training.preprocessing import Preprocessing
from e3dnas.training.records import All, Records, Silent
from e3dnas.training.state import Parts
from e3dnas.training.stopping import StopAsked
from e3dnas.training.tensors import TensorClips
from e3dnas.training.videos import VideoTraining, data_digest, leaving_cores

if TYPE_CHECKING:
    from e3dnas.training.data import TrainingData
    from e3dnas.training.folder import TrainingFolder
    from e3dnas.training.networks import NetworkSource
    from e3dnas.training.recipe import Recipe

__all__ = ["Job"]


class Job:
    """A training as one process sees it.

    Args:
        recipe: the recipe.
        folder: the folder that the main process writes.
        source: the network, for the clips of the recipe.
        options: what changes no result.
        listener: is told how it goes, in the main process.
    """

    def __init__(
        self, recipe: Recipe, folder: TrainingFolder, source: NetworkSource, options: Options, listener: Listener
    ) -> None:
        self.recipe, self.folder, self.source, self.options = recipe, folder, source, options
        set_deterministic(recipe.precision.deterministic)
        self.accelerator = make_accelerator(options.device, recipe.precision.amp, recipe.accumulate)
        self.is_main: bool = self.accelerator.is_main_process
        self.accelerator.wait_for_everyone()  # until all have seen that the folder is free
        self.listener = listener if self.is_main else Silent()
        self.facts: dict[str, Any] = {}
        self._had_ended = False

    def run(self, data: str | Path | TensorClips, *, resume: bool) -> TrainingResult:
        """Train, and write the trained network once the last epoch has ended."""
        clips = self._load(data)
        parts = self._parts(clips)
        if self.is_main:
            self._write_start(resume)
        stop = StopAsked()
        with stop.held(), leaving_cores(self._workers(data), self.accelerator), ExitStack() as stack:
            engine = Engine(
                parts, clips, self.folder, self.listener, stop, log_every=self.options.log_every,
                save_every=self.options.save_every,
            )  # fmt: skip
            self._begin(engine, resume)
            if self.is_main:
                records = stack.enter_context(Records(self.folder, engine.progress.update))
                engine.listener = All([records, self.listener])
                if not records.has_events:
                    self.listener.note("no events for TensorBoard: it is not installed (pip install tensorboard)")
            complete = engine.run()
        return self._end(engine, complete)

    def _workers(self, data: str | Path | TensorClips) -> int | None:
        return 0 if isinstance(data, TensorClips) else self.recipe.loader.workers

    def _load(self, data: str | Path | TensorClips) -> TrainingData:
        """Return the data, with their facts and notes."""
        if isinstance(data, TensorClips):
            self._prepared, self._told, digest = None, data.told(), data.digest()
            found: TrainingData = data.for_training(self.recipe, self.source.architecture, self.accelerator)
        else:
            from e3dnas.video import load_videos

            videos = load_videos(data, layout=self.options.layout, fold=self.options.fold)
            self._prepared = Preprocessing.of(self.recipe, self.source, videos.sampling)
            self._told, digest = f"{data}: {videos.told()}", data_digest(videos)
            found = VideoTraining(videos, self.recipe, self._prepared, self.accelerator)
        self.facts |= {"data": str(data) if isinstance(data, str | Path) else "memory", "data_told": self._told}
        self.facts |= {"data_digest": digest, "classes": list(found.classes)}
        self.listener.note(f"data: {self._told}")
        for note in found.notes:
            self.listener.note(note)
        return found

    def _parts(self, data: TrainingData) -> Parts:
        """Build the network and what trains it, and say how."""
        import torch

        torch.manual_seed(seed_for(self.recipe.seed, "weights"))
        network, origin = build_network(self.source, self.recipe, data.classes)
        clip = self.source.architecture.clip
        self.listener.note(f"network: {self.source.name}, clips of {clip.frames} x {clip.size} x {clip.size}, {origin}")
        self.listener.note(self._told_batch())
        self.listener.note(self._told_rate())
        self.listener.note(
            f"recipe: {self.recipe.name}, {self.recipe.epochs} epochs of {data.updates_per_epoch} updates"
        )
        self.facts |= {"network": self.source.name, "weights": origin, "processes": self.accelerator.num_processes}
        self.facts |= {"device": str(self.accelerator.device), "mixed_precision": self.accelerator.mixed_precision}
        return Parts(network, self.recipe, self.accelerator, data.updates_per_epoch)

    def _told_batch(self) -> str:
        processes, parts, batch = self.accelerator.num_processes, self.recipe.accumulate, self.recipe.batch
        device, precision = self.accelerator.device.type, self.accelerator.mixed_precision
        numbers = "fp32" if precision == "no" else precision
        told = f"batch: {batch} clips an update"
        if processes > 1 or parts > 1:
            told += f" = {processes} processes x {parts} parts x {batch // (processes * parts)} clips"
        return f"{told}, on {device} in {numbers}"

    def _told_rate(self) -> str:
        wanted, lr = self.recipe.optimizer, self.recipe.lr
        if wanted.lr_batch is None or wanted.lr_batch == self.recipe.batch:
            return f"learning rate: {lr:g} ({wanted.name}), not scaled"
        return (
            f"learning rate: {lr:g} ({wanted.name}) = {wanted.lr:g} x {self.recipe.batch} / {wanted.lr_batch}, scaled "
            "linearly with the batch"
        )

    def _write_start(self, resume: bool) -> None:
        if resume:
            self.folder.check_same(self.source.architecture, self.recipe, self.facts)
            self.folder.write_copies()
        else:
            self.folder.write_start(self.source.architecture, self.recipe, self.facts)

    def _begin(self, engine: Engine, resume: bool) -> None:
        """Go on from the last checkpoint, or write the first one."""
        found = resume and engine.resume()
        self._check_agreement(engine.progress.update if found else -1)
        if not found:
            engine.begin()
            return
        at = engine.progress
        self._had_ended = at.epoch == self.recipe.epochs
        self.listener.note(f"resumed: after update {at.update} of {engine.updates}, in epoch {at.epoch + 1}")
        before, now = self.folder.read_facts()["processes"], self.accelerator.num_processes
        if before != now:
            self.listener.note(f"begun with {before} processes, now {now}: the result will not be the same to the bit")

    def _check_agreement(self, update: int) -> None:
        """Raise an E3DNASError if other processes have found another checkpoint."""
        from accelerate.utils import gather_object

        if len(set(gather_object([update]))) > 1:
            raise E3DNASError(
                f"--out {self.folder.path}: the processes find different checkpoints in it; name a folder that all "
                "machines share"
            )

    def _end(self, engine: Engine, complete: bool) -> TrainingResult:
        """Write the curves and the trained network."""
        progress, model = engine.progress, None
        if complete:
            if self.is_main:
                self._write_end(engine)
            self.accelerator.wait_for_everyone()
            model = self.folder.model if self.folder.model.is_dir() else None
        return TrainingResult(
            folder=self.folder.path, complete=complete, epochs=progress.epoch, best=progress.best,
            seconds=progress.seconds, broken=progress.broken, model=model,
        )  # fmt: skip

    def _write_end(self, engine: Engine) -> None:
        from e3dnas.training.curves import plot_curves
        from e3dnas.training.exporting import export_trained

        progress = engine.progress
        plot_curves(progress.rows, f"{self.source.name}, recipe {self.recipe.name}", self.folder.curves)
        if self._had_ended and self.folder.model.is_dir():  # it may hold what others have put there meanwhile
            return
        best = self.folder.checkpoints.load("best")
        if self._prepared is None or best is None:  # clips in memory say nothing of how clips are made
            return
        record = {key: self.facts[key] for key in ("data", "data_told", "weights", "network")}
        record |= {"metrics": progress.best, "recipe": self.recipe.model_dump(mode="json")}
        record |= {"versions": self.folder.read_facts()["versions"], "seconds": round(progress.seconds, 1)}
        export_trained(
            self.folder.model, self.source.architecture, best.ema or best.model, engine.data.classes, self._prepared,
            record,
        )  # fmt: skip
