"""How a file is run: device, threads, precision. And the errors of runtimes in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e3dnas.errors import E3DNASError

__all__ = ["Options", "Run", "reading"]

Run = Callable[[Any], Any]
"""Maps clips, float32 (B, C, T, H, W), to logits (B, N), both NumPy."""

DEVICES = ("cpu", "cuda")
PRECISIONS = ("f32", "bf16")


@dataclass(frozen=True)
class Options:
    """How a file is run.

    Attributes:
        device: ``cpu`` or ``cuda``.
        threads: threads of one call; None: as the runtime thinks best.
        precision: ``f32``, or ``bf16`` where hardware and runtime have it: faster, and logits differ a little.
    """

    device: str = "cpu"
    threads: int | None = None
    precision: str = "f32"

    def __post_init__(self) -> None:
        for name, value, known in (("device", self.device, DEVICES), ("precision", self.precision, PRECISIONS)):
            if value not in known:
                raise E3DNASError(f"{name}: must be {' or '.join(known)}, not {value!r}")
        if self.threads is not None and self.threads < 1:
            raise E3DNASError(f"threads: must be 1 or more, not {self.threads}")


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a runtime says of a file it cannot use into an error of one line."""
    try:
        yield
    except E3DNASError:
        raise
    except Exception as error:  # each runtime has errors of its own
        said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise E3DNASError(f"{path}: cannot be read as {what}: {said[:300]}") from None
