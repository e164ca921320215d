"""Where and how a network is to run: device, clips at once, threads, number format; and what that means here.

Nothing here loads torch, but for the name of a GPU.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from e3dnas.errors import E3DNASError
from e3dnas.space.declaration import Budget

__all__ = ["CLASSES", "Setting", "check_here", "digest", "fingerprint"]

CLASSES = 400
"""Classes of the networks that are measured: those of Kinetics-400, timm's default here."""
MEASURED_CODE = ("machine", "kernels", "models/blocks.py", "models/head.py", "models/layers.py", "models/network.py")
"""What a unit's time depends on: with any of it changed the kept times are another table's."""
SWITCHES = ("E3DNAS_KERNELS", "ONEDNN_MAX_CPU_ISA", "OMP_WAIT_POLICY")
"""Environment variables that change how the same code runs."""


@dataclass(frozen=True)
class Setting:
    """How a network runs: ``batch`` clips at once on ``device``, with so many ``threads`` of a CPU, in ``dtype``."""

    device: str = "cpu"
    batch: int = 1
    threads: int = 1
    dtype: str = "float32"

    @classmethod
    def of(cls, budget: Budget | None) -> Setting:
        """Return the setting that a budget names, defaults filled in."""
        given = {} if budget is None else budget.setting
        return cls(**given)

    @property
    def text(self) -> str:
        """The setting in words."""
        where = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        clips = "1 clip" if self.batch == 1 else f"{self.batch} clips"
        return f"{clips} at once, {self.dtype}, {self.device}" + (f", {where}" if self.device == "cpu" else "")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; ``threads`` says nothing of a GPU."""
        told = asdict(self)
        if self.device != "cpu":
            told.pop("threads")
        return told


def check_here(setting: Setting) -> None:
    """Refuse a setting that this machine does not have.

    Raises:
        E3DNASError: there is no such device here, or it has fewer threads.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if setting.device == "cpu":
        if setting.threads > cores:
            raise E3DNASError(f"threads: {setting.threads} is more than the {cores} that this machine has; write fewer")
        return
    import torch

    if not torch.cuda.is_available():
        raise E3DNASError(
            "device: there is no CUDA device on this machine; write cpu, or search where the networks are to run"
        )


def fingerprint(setting: Setting) -> dict[str, Any]:
    """Return all that a measured time depends on: tables with different ones are kept apart."""
    return {
        **setting.to_dict(),
        "hardware": _hardware(setting.device),
        "torch": version("torch"),
        "code": _code(),
        **{name: os.environ[name] for name in SWITCHES if name in os.environ},
    }


def digest(data: Mapping[str, Any]) -> str:
    """Return twelve letters that stand for plain data."""
    return sha256(repr(sorted(data.items())).encode()).hexdigest()[:12]


def _hardware(device: str) -> str:
    if device == "cpu":
        info = Path("/proc/cpuinfo")
        found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
        return f"{found.group(1).strip() if found else platform.machine()}, {os.cpu_count()} cores"
    import torch

    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, cuDNN {cudnn}"


@cache
def _code() -> str:
    """Return what stands for the code that is measured and the code that measures."""
    spec = find_spec("e3dnas")
    assert spec is not None
    assert spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0])
    files = [path for part in MEASURED_CODE for path in _files(root / part)]
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path] if path.is_file() else []
