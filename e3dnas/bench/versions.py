"""What ran: versions of everything that a time depends on, and the names of processor and GPU."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from e3dnas.machine.setting import SWITCHES, Setting, fingerprint

__all__ = ["versions"]

PACKAGES = {"ONNX Runtime": "onnxruntime", "OpenVINO": "openvino"}


def versions(device: str, runtimes: Iterable[str] = ()) -> dict[str, str]:
    """Return what ran, by name.

    Args:
        device: ``cpu`` or ``cuda``.
        runtimes: what else than PyTorch ran networks, as ``Subject.runtime`` has it.
    """
    import torch

    found = {"python": platform.python_version(), "torch": torch.__version__}
    wanted = ["timm", *(PACKAGES[one] for one in runtimes if one in PACKAGES)]
    if device == "cuda":
        cudnn: Any = torch.backends.cudnn
        found |= {"CUDA": str(torch.version.cuda), "cuDNN": str(cudnn.version()), "driver": _driver()}
        found["GPU"] = torch.cuda.get_device_name()
        wanted.append("triton")
    found |= {name: _version(name) for name in wanted}
    found["CPU"] = str(fingerprint(Setting())["hardware"])
    return found | {name: os.environ[name] for name in (*SWITCHES, "OMP_NUM_THREADS") if name in os.environ}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _driver() -> str:
    """Return the version of the GPU's driver."""
    ask = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.split("\n")[0].strip() or "unknown"
