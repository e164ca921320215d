"""The peak memory of one pass, measured: PyTorch's allocator on a GPU, the tensors that live at once on a CPU."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from e3dnas.arch import Architecture
from e3dnas.machine.setting import Setting
from e3dnas.models.network import E3D

__all__ = ["measured_peak"]

MIB = 2**20


def measured_peak(architecture: Architecture, setting: Setting) -> float:
    """Return the most memory in MiB that weights, clips and maps of one pass take together.

    On a GPU it is what PyTorch's allocator gave out. On a CPU it is the sum of all tensors that live at once, which
    follows from their shapes, so that nothing is computed for it: libraries' own workspaces are not in it.
    """
    dtype: torch.dtype = getattr(torch, setting.dtype)
    clip = architecture.clip
    shape = (setting.batch, clip.channels, clip.frames, clip.size, clip.size)
    if setting.device == "cpu":
        with torch.device("meta"), torch.no_grad():
            return _living(E3D(architecture).eval().to(dtype), torch.empty(shape, dtype=dtype))
    with torch.no_grad():
        before = torch.cuda.memory_allocated()
        model = E3D(architecture).eval().to(setting.device, dtype)
        x_BCTHW = torch.randn(shape, device=setting.device, dtype=dtype)
        model(x_BCTHW)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        model(x_BCTHW)
        torch.cuda.synchronize()
        return float(torch.cuda.max_memory_allocated() - before) / MIB


def _living(model: nn.Module, x_BCTHW: torch.Tensor) -> float:
    with _Living() as living:
        for tensor in (*model.parameters(), *model.buffers(), x_BCTHW):
            living.see(tensor)
        model(x_BCTHW)
    return float(living.peak / MIB)


class _Living(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the bytes of all storages that live at once; ``peak`` is the most there were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._seen: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def see(self, tensor: torch.Tensor) -> None:
        """Count a tensor's storage, until it is freed."""
        storage = tensor.untyped_storage()
        if storage in self._seen:
            return
        self._seen.add(storage)
        size = storage.nbytes()
        weakref.finalize(storage, self._free, size)
        self.now += size
        self.peak = max(self.peak, self.now)

    def _free(self, size: int) -> None:
        self.now -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count what it returns."""
        out = func(*args, **(kwargs or {}))
        for one in tree_iter(out):
            if isinstance(one, torch.Tensor):
                self.see(one)
        return out
