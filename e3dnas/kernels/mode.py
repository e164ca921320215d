"""Whether the kernels may be used: the environment variable ``E3DNAS_KERNELS``."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Literal

import torch

from e3dnas.errors import E3DNASError

__all__ = ["Mode", "kernels_mode", "kernels_serve", "triton_serves"]

Mode = Literal["off", "auto", "ours"]

LOW = (torch.float32, torch.bfloat16, torch.float16)

MODES: dict[str, Mode] = {"": "auto", "0": "off", "1": "ours"}


def kernels_mode() -> Mode:
    """Return ``off`` (plain PyTorch everywhere), ``ours`` (the kernels, untimed), or ``auto`` (whichever is faster).

    Raises:
        E3DNASError: the variable is neither 0 nor 1.
    """
    chosen = os.environ.get("E3DNAS_KERNELS", "")
    if chosen not in MODES:
        raise E3DNASError(
            f"E3DNAS_KERNELS: must be 0 (PyTorch's convolutions only) or 1 (our kernels, without timing them), not "
            f"{chosen!r}; unset it to have the faster one of both"
        )
    return MODES[chosen]


def kernels_serve(device_type: str, dtype: torch.dtype) -> bool:
    """Return whether convolutions of such tensors are ours: in float32 on the CPU, on a GPU by the Triton kernels."""
    if kernels_mode() == "off":
        return False
    return dtype == torch.float32 if device_type == "cpu" else triton_serves(device_type, dtype)


def triton_serves(device_type: str, dtype: torch.dtype) -> bool:
    """Return whether the Triton kernels run on such tensors: on a GPU, up to float32, with triton installed.

    Triton comes with PyTorch's wheels for CUDA.

    Raises:
        E3DNASError: ``E3DNAS_KERNELS=1`` asks for them on a GPU, and triton is not installed.
    """
    if device_type != "cuda" or dtype not in LOW:
        return False
    installed = find_spec("triton") is not None
    if not installed and kernels_mode() == "ours":
        raise E3DNASError("E3DNAS_KERNELS: 1 asks for the Triton kernels, and triton is not installed; unset it")
    return installed
