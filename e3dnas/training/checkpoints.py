"""Checkpoints that are there as a whole or not at all, and are read without running code that is in them.

A checkpoint is a folder ``step-000120``: weights in safetensors, the optimiser's tensors in a file that
``torch.load(weights_only=True)`` reads, the rest in JSON. It is written under another name, synced and renamed, and
then the link ``last`` (or ``best``) is moved to it; so after a kill at any moment the links lead to whole checkpoints.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.config.writing import replace_text
from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Checkpoint", "Checkpoints"]

Weights = Mapping[str, "Tensor"]


@dataclass(frozen=True)
class Checkpoint:
    """What a training needs to go on as if it had not stopped.

    Attributes:
        update: updates made so far.
        model: the network's weights and BN statistics.
        ema: their moving average; None: there is none.
        tensors: states of the optimiser and the loss scaler: containers of tensors and plain data.
        progress: everything else, as plain data.
    """

    update: int
    model: Weights
    ema: Weights | None
    tensors: Mapping[str, Any]
    progress: Mapping[str, Any] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of a run, under ``folder``; of older ones only the best is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, checkpoint: Checkpoint, *, best: bool) -> None:
        """Write a checkpoint as the last one, with ``best`` as the best one too, and drop those not needed any more.

        Raises:
            E3DNASError: it cannot be written; the last one stays.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._drop(".*.new")
            place = self.folder / f"step-{checkpoint.update:08d}"
            if (
                place.is_dir() and self._target("last") != place.name
            ):  # of a run that was killed before it moved the link
                shutil.rmtree(place)
            if not place.is_dir():  # the end of an epoch may follow a step that has written it
                fresh = place.with_name(f".{place.name}.new")
                fresh.mkdir()
                _write(checkpoint, fresh)
                fresh.rename(place)
            else:
                replace_text(place / "progress.json", _progress_text(checkpoint))
            _sync(self.folder)
            # The best one first: killed in between, the epoch is done again, and is the best one again.
            for name in ("best", "last") if best else ("last",):
                self._point(name, place.name)
            self._drop("step-*", keep={self._target("last"), self._target("best")})
        except OSError as error:
            raise E3DNASError(f"{self.folder}: the checkpoint cannot be written: {error.strerror or error}") from None

    def load(self, name: str = "last") -> Checkpoint | None:
        """Return the last (or ``best``) checkpoint; None if there is none yet.

        Raises:
            E3DNASError: it cannot be read.
        """
        import pickle

        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        place = self.folder / name
        if not place.is_dir():
            return None
        try:
            progress = json.loads((place / "progress.json").read_text(encoding="utf-8"))
            ema = place / "ema.safetensors"
            return Checkpoint(
                update=progress.pop("update"),
                model=load_file(place / "model.safetensors"),
                ema=load_file(ema) if ema.is_file() else None,
                tensors=torch.load(place / "optimizer.pt", map_location="cpu", weights_only=True),
                progress=progress,
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, pickle.UnpicklingError) as error:
            problem = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise E3DNASError(f"{place}: cannot be read as a checkpoint: {problem}") from None

    def _point(self, name: str, target: str) -> None:
        """Move the link ``name`` to ``target`` at once."""
        fresh = self.folder / f".{name}.new"
        fresh.symlink_to(target)
        fresh.replace(self.folder / name)
        _sync(self.folder)

    def _target(self, name: str) -> str:
        link = self.folder / name
        return str(link.readlink()) if link.is_symlink() else ""

    def _drop(self, pattern: str, keep: set[str] | None = None) -> None:
        for path in self.folder.glob(pattern):
            if path.is_symlink():
                path.unlink()
            elif path.name not in (keep or set()):
                shutil.rmtree(path)


def _write(checkpoint: Checkpoint, folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    def plain(weights: Weights) -> dict[str, Tensor]:
        # channels_last_3d is no layout that safetensors knows.
        return {key: value.detach().cpu().contiguous() for key, value in weights.items()}

    save_file(plain(checkpoint.model), folder / "model.safetensors", metadata={"format": "pt"})
    if checkpoint.ema is not None:
        save_file(plain(checkpoint.ema), folder / "ema.safetensors", metadata={"format": "pt"})
    torch.save(dict(checkpoint.tensors), folder / "optimizer.pt")
    (folder / "progress.json").write_text(_progress_text(checkpoint), encoding="utf-8")
    for path in [*folder.iterdir(), folder]:
        _sync(path)


def _progress_text(checkpoint: Checkpoint) -> str:
    return json.dumps({"update": checkpoint.update, **checkpoint.progress}, indent=1) + "\n"


def _sync(path: Path) -> None:
    """Have the kernel write a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
