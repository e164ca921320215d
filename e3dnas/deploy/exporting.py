"""Writing a network as one file, compared with PyTorch before it appears."""

from __future__ import annotations

import copy
import importlib
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.deploy.formats import Format, check_format, check_installed
from e3dnas.deploy.metadata import Metadata
from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from torch import nn

    from e3dnas.models import E3D

__all__ = ["TOLERANCE", "Exported", "check_target", "export"]

TOLERANCE = 1e-4
"""Largest deviation from PyTorch as a share of the largest logit; the order of sums in fp32 makes less than a tenth."""

BATCHES = (1, 2)


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path: the file.
        format: its format.
        deviation: largest absolute difference of a logit from PyTorch's, over the batches 1 and 2.
        scale: largest absolute logit of PyTorch's.
        bytes: size, of both files where there are two.
    """

    path: Path
    format: str
    deviation: float
    scale: float
    bytes: int


def export(
    model: nn.Module,
    path: str | Path,
    format: str,
    *,
    classes: Sequence[str] = (),
    preprocessing: Mapping[str, Any] | None = None,
    views: Mapping[str, int] | None = None,
    random_seed: int | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a network as one file for another runtime: batch norms folded, any number of clips, fp32.

    The file is loaded again and compared with PyTorch on random clips, batch 1 and 2. It appears whole or not at all.

    Args:
        model: an ``E3D`` of this package; it is left as it is.
        path: the file; its ending must be that of the format.
        format: ``onnx``, ``openvino`` or ``torch-export``.
        classes: names of the classes in the order of the logits.
        preprocessing: how clips are made of videos, as plain data; kept in the file.
        views: ``clips`` and ``crops`` of a video, likewise.
        random_seed: the seed that the weights were drawn with, where they are not trained; likewise.
        overwrite: take the place of a file that is there.

    Raises:
        E3DNASError: a package is missing, the file is there or cannot be written, the number of classes is not the
            network's, or what was written deviates from PyTorch by more than 1e-4 of the largest logit.
    """
    from e3dnas.deploy.preparing import plain, random_clips
    from e3dnas.models.network import E3D as Network

    path, wanted = Path(path), check_format(format)
    check_target(path, wanted, overwrite=overwrite)
    check_installed(wanted, writing=True)
    if not isinstance(model, Network):
        raise E3DNASError(f"model: must be an E3D, not {type(model).__name__}; make it with e3dnas.create_model")
    if classes and len(classes) != model.num_classes:
        raise E3DNASError(f"classes: {len(classes)} names for a network of {model.num_classes} classes")
    metadata = Metadata(model.arch, tuple(classes), preprocessing, dict(views or {}), random_seed)
    fresh = path.absolute().with_name(f".{path.name}.{uuid.uuid4().hex}.new")
    try:
        fresh.mkdir()
        module = importlib.import_module(f"e3dnas.deploy.{_home(wanted)}")
        module.write(plain(model), random_clips(model.arch.clip, max(BATCHES)), metadata, fresh / path.name)
        deviation, scale = _compare(model, fresh / path.name)
        if not deviation <= TOLERANCE * scale:  # also where one of them is no number
            raise E3DNASError(
                f"{path}: not written: {wanted.name} deviates from PyTorch by {deviation:.2g} where the largest logit "
                f"is {scale:.2g}, and more than {TOLERANCE:g} of that is no rounding; try another --format"
            )
        return Exported(path, wanted.name, deviation, scale, _put(wanted, fresh / path.name, path))
    except OSError as error:
        raise E3DNASError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def check_target(path: Path, wanted: Format, *, overwrite: bool) -> None:
    """Refuse a file that cannot be, or is not to be, written, before the work for it is done.

    Raises:
        E3DNASError: what is wrong with it.
    """
    if path.suffix != wanted.suffix:
        raise E3DNASError(
            f"{path}: a file for {wanted.name} must end with {wanted.suffix}; write {path.stem}{wanted.suffix}"
        )
    for file in wanted.files(path):
        if file.is_dir():
            raise E3DNASError(f"{file}: is a folder; name a file in it")
        if file.exists() and not overwrite:
            raise E3DNASError(f"{file}: is there already; name another file, or replace it with --overwrite")
    if not path.absolute().parent.is_dir():
        raise E3DNASError(f"{path}: there is no folder {path.parent}; make it first")


def _home(wanted: Format) -> str:
    from e3dnas.deploy.runtime import MODULES

    return MODULES[wanted.name]


def _compare(model: E3D, file: Path) -> tuple[float, float]:
    """Return the largest deviation of a file's logits from the network's, and the largest logit."""
    import numpy as np
    import torch

    from e3dnas.deploy.preparing import random_clips
    from e3dnas.deploy.runtime import load

    reference, deployed = copy.deepcopy(model).cpu().float().eval(), load(file)
    deviations, scales = [], []
    for seed, batch in enumerate(BATCHES, start=1):
        clips = random_clips(model.arch.clip, batch, seed)
        with torch.inference_mode():
            expected = reference(clips).numpy()
        deviations.append(np.abs(deployed.predict(clips) - expected).max())
        scales.append(np.abs(expected).max())
    return float(np.max(deviations)), float(np.max(scales))  # np.max, unlike max, passes on what is no number


def _put(wanted: Format, fresh: Path, path: Path) -> int:
    """Move the finished files to their place, and return their size; the one that is named comes last."""
    size = 0
    for file, target in zip(wanted.files(fresh), wanted.files(path), strict=True):
        size += file.stat().st_size
        file.replace(target)
    return size
