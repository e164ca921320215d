"""Running an exported file, whatever its format."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.arch import Architecture
from e3dnas.deploy.formats import FORMATS, check_installed, format_of
from e3dnas.deploy.metadata import Metadata
from e3dnas.deploy.options import Options, Run
from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["MODULES", "Deployed", "load"]

MODULES = {"onnx": "onnx_file", "openvino": "openvino_file", "torch-export": "torch_file"}
"""Where each format is written and read."""


@dataclass(frozen=True)
class Deployed:
    """An exported file, ready to run. Calls from several threads must take turns.

    Attributes:
        path: the file.
        format: ``onnx``, ``openvino`` or ``torch-export``.
        metadata: what it says of itself.
        options: how it is run.
    """

    path: Path
    format: str
    metadata: Metadata
    options: Options
    _run: Run = field(repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of the logits; empty: not known."""
        return self.metadata.classes

    @property
    def preprocessing(self) -> Mapping[str, Any] | None:
        """How clips are made of videos; None: not known."""
        return self.metadata.preprocessing

    @property
    def architecture(self) -> Architecture:
        """The network."""
        return self.metadata.architecture

    def predict(self, clips_BCTHW: Any) -> npt.NDArray[np.float32]:
        """Map clips to logits.

        Args:
            clips_BCTHW: prepared clips (B, C, T, H, W), B 1 or more, anything that NumPy can make an array of; computed
                in float32.

        Returns:
            float32 (B, N).

        Raises:
            E3DNASError: clips of another size than the file takes.
        """
        import numpy as np

        clips = np.require(clips_BCTHW, np.float32, ["C", "W"])  # PyTorch warns of arrays it could not write to
        clip = self.architecture.clip
        wanted = (clip.channels, clip.frames, clip.size, clip.size)
        if clips.shape[1:] != wanted or not len(clips):
            raise E3DNASError(f"{self.path}: takes clips (B, {', '.join(map(str, wanted))}), not {clips.shape}")
        logits: npt.NDArray[np.float32] = self._run(clips)
        return logits


def load(path: str | Path, *, device: str = "cpu", threads: int | None = None, precision: str = "f32") -> Deployed:
    """Return an exported file, ready to run; the ending of its name tells its format.

    No code in a file is run: ONNX and OpenVINO files hold none, and an archive of torch.export is looked through before
    (see ``e3dnas.deploy.archive``).

    Args:
        path: an .onnx, .xml (OpenVINO, its .bin beside it) or .pt2 (torch.export) file of ``e3dnas export``.
        device: ``cpu``, or ``cuda`` for torch.export and an ONNX Runtime that has it.
        threads: threads of one call; None: as the runtime thinks best. For torch.export it holds for the process.
        precision: ``f32``; or ``bf16``: faster where OpenVINO finds a CPU that has it, and with torch.export.

    Raises:
        E3DNASError: it is not there, no such file, or cannot be run so.
    """
    path = Path(path)
    found = format_of(path)
    if found is None:
        endings = ", ".join(f"{one.suffix} ({one.name})" for one in FORMATS.values())
        raise E3DNASError(f"{path}: must be an exported file: {endings}; `e3dnas export ... --format` writes them")
    options = Options(device, threads, precision)
    if not path.is_file():
        raise E3DNASError(f"{path}: no such file")
    check_installed(found)
    module = importlib.import_module(f"e3dnas.deploy.{MODULES[found.name]}")
    run, text = module.read(path, options)
    return Deployed(path, found.name, Metadata.from_text(text, path), options, run)
