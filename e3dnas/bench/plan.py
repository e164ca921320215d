"""What is asked for: device, clips at once, threads, element type; checked against this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e3dnas.errors import E3DNASError, nearest
from e3dnas.machine.setting import Setting, check_here

if TYPE_CHECKING:
    import torch

__all__ = ["DTYPES", "Plan", "make_plan"]

DEVICES = ("auto", "cpu", "cuda")
DTYPES = {"float32": 4, "bfloat16": 2}
"""Element types, and the bytes of an element."""
GPU_BATCH = 64
"""With fewer clips the launches of E3D-S take longer than its kernels."""


@dataclass(frozen=True)
class Plan:
    """How networks are run and for how long.

    Attributes:
        device: ``cpu`` or ``cuda``.
        batch: clips of a step.
        threads: threads of a CPU.
        dtype: ``float32`` or ``bfloat16``.
        train: a step is forward, cross entropy and backward instead of forward alone.
        compile: whether torch.compile is one of the ways.
        seconds: how long the ways are measured, all together.
    """

    device: str = "cpu"
    batch: int = 1
    threads: int = 1
    dtype: str = "float32"
    train: bool = False
    compile: bool = False
    seconds: float = 10.0

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return DTYPES[self.dtype]

    @property
    def torch_dtype(self) -> torch.dtype:
        """The element type as PyTorch has it."""
        import torch

        dtype: torch.dtype = getattr(torch, self.dtype)
        return dtype

    @property
    def setting(self) -> Setting:
        """What ``e3dnas.machine`` calls it."""
        return Setting(self.device, self.batch, self.threads, self.dtype)


def make_plan(
    device: str = "auto",
    batch: int | None = None,
    threads: int | None = None,
    dtype: str | None = None,
    *,
    train: bool = False,
    compile: bool | None = None,
    seconds: float = 10.0,
) -> Plan:
    """Return the plan, with what is not given as it suits the device.

    Args:
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
        batch: clips of a step; None: 1 on a CPU, 64 on a GPU.
        threads: threads of a CPU; None: as many as PyTorch takes.
        dtype: ``float32`` or ``bfloat16``; None: bfloat16 on a GPU that has it, else float32.
        train: measure training steps.
        compile: measure torch.compile; None: on a GPU alone, for on a CPU it costs a minute and more.
        seconds: how long the ways are measured, all together.

    Raises:
        E3DNASError: there is no such device, element type or number of threads.
    """
    import torch

    if device not in DEVICES:
        raise E3DNASError(f"--device: must be one of {', '.join(DEVICES)}, not {device!r}{nearest(device, DEVICES)}")
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if device == "cuda" and not on_gpu:
        raise E3DNASError("--device cuda: PyTorch finds no GPU here; write cpu")
    if dtype is None:
        dtype = "bfloat16" if on_gpu and torch.cuda.is_bf16_supported() else "float32"
    if dtype not in DTYPES:
        raise E3DNASError(f"--dtype: must be {' or '.join(DTYPES)}, not {dtype!r}{nearest(dtype, DTYPES)}")
    if not seconds > 0:
        raise E3DNASError(f"--seconds: must be above 0, not {seconds:g}; write for example 10")
    plan = Plan(
        "cuda" if on_gpu else "cpu", batch or (GPU_BATCH if on_gpu else 1), threads or torch.get_num_threads(), dtype,
        train, on_gpu if compile is None else compile, seconds,
    )  # fmt: skip
    if threads is not None:
        try:
            check_here(Setting("cpu", 1, threads))
        except E3DNASError as error:
            raise E3DNASError(f"--{error}") from None
    return plan
