"""Which implementation serves a convolution on a GPU: measured at its first use, remembered for the process.

PyTorch in its own layout (its native kernels), PyTorch in channels_last_3d (cuDNN), and the Triton kernels are timed on
the real tensors, conversions of the memory format included. Nothing is timed while a CUDA graph is captured, nor in
PyTorch's deterministic mode: there the Triton kernels are taken, which give the same bits every time.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor

from e3dnas.kernels.mode import kernels_mode

__all__ = ["OURS", "choices", "fastest", "forget"]

OURS = "triton"

LAUNCHES = 3
"""Timed launches of each implementation, after one that is not timed."""

cuda: Any = torch.cuda
_chosen: dict[Hashable, str] = {}


def choices() -> dict[Hashable, str]:
    """Return a copy of what was chosen in this process, by (direction, sizes, element type, device)."""
    return dict(_chosen)


def forget() -> None:
    """Forget what was measured, so that the next use of a convolution measures again."""
    _chosen.clear()


def fastest(key: Hashable, ways: dict[str, Callable[[], Tensor]]) -> Tensor:
    """Return the result of the way chosen for ``key``, which is measured where it is not known yet.

    Args:
        key: what the choice holds for.
        ways: name to implementation; ``OURS`` is one of them.
    """
    if kernels_mode() == "ours" or torch.are_deterministic_algorithms_enabled():
        return ways[OURS]()
    if key not in _chosen:
        if torch.cuda.is_current_stream_capturing():
            return ways[OURS]()
        milliseconds = {name: _milliseconds(name, way) for name, way in ways.items()}
        best = min(milliseconds, key=lambda name: milliseconds[name])
        if milliseconds[best] == float("inf"):
            return ways["contiguous"]()  # says what is wrong
        _chosen[key] = best
    return ways[_chosen[key]]()


def _milliseconds(name: str, way: Callable[[], Tensor]) -> float:
    """Return the milliseconds of one launch; infinity for a way that does not work here."""
    try:
        way()
        start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
        start.record()
        for _ in range(LAUNCHES):
            way()
        end.record()
        end.synchronize()
    except Exception as error:  # too little memory, no such kernel in cuDNN; triton lets errors of many kinds through
        if name == OURS and not isinstance(error, torch.OutOfMemoryError):
            told = "e3dnas: the Triton kernels do not work here, PyTorch's convolutions are used"
            warnings.warn(f"{told}: {error}", stacklevel=2)
        return float("inf")
    return float(start.elapsed_time(end)) / LAUNCHES
