"""Which kernel, tile and grid serve a convolution: a rule of its sizes and element size. Needs triton.

The same description is launched on a GPU, run by Triton's interpreter in the tests, and compiled ahead of time for a
look at its machine code (``e3dnas.kernels.machine_code``). Tiles are few and follow from the shape, so nothing is tuned
and every run of a shape adds up in the same order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from e3dnas.kernels.correlate import correlate
from e3dnas.kernels.gather import gather
from e3dnas.kernels.geometry import Geometry
from e3dnas.kernels.scatter import scatter

__all__ = ["Launch", "forward_launch", "input_grad_launch", "weight_grad_launch"]

WARPS = 4
THREADS = 32 * WARPS

PROGRAMS = 1024
"""Programs that a weight gradient is cut into, about: some 8 for each of the 132 multiprocessors of an H200."""


@dataclass(frozen=True)
class Launch:
    """A kernel and all it is launched with but the tensors."""

    kernel: Any
    grid: tuple[int, ...]
    numbers: tuple[int, ...]
    """Arguments after the tensors."""
    constants: dict[str, int]
    outputs: float
    """Elements that a thread writes; of a weight gradient, outputs that it accounts for in a round of its loop."""
    chunks: int = 1
    """Parts of a weight gradient that are added afterwards."""
    rounds: int = 0
    """Rounds of a weight gradient's loop."""


def forward_launch(geometry: Geometry, itemsize: int, *, flip: bool = False) -> Launch:
    """Return the launch of the forward pass, with ``flip`` that of the input gradient at stride 1.

    Args:
        geometry: the sizes.
        itemsize: bytes of an element of x and y.
        flip: turn the weight round.
    """
    vec = _vector(geometry.channels, itemsize)
    columns = _columns(geometry)
    # Two frames a thread halve the widening and loading of x, where the sums still fit in registers.
    frames = 2 if vec <= 4 and geometry.kernel_t > 1 and geometry.frames > 1 else 1
    groups = -(-geometry.frames // frames) * -(-geometry.width_out // columns)
    total = geometry.clips * groups * geometry.height_out * (geometry.channels // vec)
    constants = _sizes(geometry) | {"S": geometry.stride, "FLIP": int(flip)}
    constants |= {"VEC": vec, "QT": frames, "QW": columns, "ROWS": THREADS, "LONG": int(geometry.is_long)}
    return Launch(gather, (-(-total // THREADS),), (total,), constants, vec * frames * columns)


def input_grad_launch(geometry: Geometry, itemsize: int) -> Launch:
    """Return the launch of the input gradient; its first tensor is dy, its last dx."""
    if geometry.stride == 1:
        return forward_launch(geometry, itemsize, flip=True)
    vec = _vector(geometry.channels, itemsize)
    columns = 4 if geometry.width % 4 in (0, 3) else 2
    items = geometry.height_out * -(-geometry.width // columns) * (geometry.channels // vec)
    total = geometry.clips * geometry.frames * items
    constants = _sizes(geometry) | {"VEC": vec, "QW": columns, "ROWS": THREADS, "LONG": int(geometry.is_long)}
    return Launch(scatter, (-(-total // THREADS),), (total,), constants, vec * 2 * columns)


def weight_grad_launch(geometry: Geometry, itemsize: int) -> Launch:
    """Return the launch of the weight gradient's first stage; the tensors are x, dy and the partial sums."""
    # K x K sums of 8 channels fit in the registers of a thread for K = 3, of 4 channels for K = 5.
    held = min(16 // itemsize, 8 if geometry.kernel <= 3 else 4 if geometry.kernel <= 5 else 1)
    block_c = 64 if geometry.channels % 64 == 0 else 32
    while block_c > max(held, 1) and block_c >= 2 * geometry.channels:
        block_c //= 2
    block_p = THREADS * held // block_c
    columns = _columns(geometry)
    total = geometry.clips * geometry.frames * geometry.height_out * -(-geometry.width_out // columns)
    across = -(-geometry.channels // block_c) * geometry.kernel_t
    rounds = -(-total // block_p)
    share = -(-rounds // max(1, min(PROGRAMS // across, rounds // 8))) * block_p
    chunks = -(-total // share)
    constants = _sizes(geometry) | {"S": geometry.stride, "QW": columns}
    constants |= {"BLOCK_P": block_p, "BLOCK_C": block_c, "LONG": int(geometry.is_long)}
    outputs = held * columns / geometry.kernel_t
    return Launch(correlate, (across, chunks), (total, share), constants, outputs, chunks, share // block_p)


def _sizes(geometry: Geometry) -> dict[str, int]:
    return {
        "C": geometry.channels, "T": geometry.frames, "H": geometry.height, "W": geometry.width,
        "H_OUT": geometry.height_out, "W_OUT": geometry.width_out, "KT": geometry.kernel_t, "K": geometry.kernel,
    }  # fmt: skip


def _vector(channels: int, itemsize: int) -> int:
    """Return how many channels a thread loads at once: at most 16 bytes, and a divisor of all channels."""
    vec = 16 // itemsize
    while channels % vec:
        vec //= 2
    return vec


def _columns(geometry: Geometry) -> int:
    """Return the columns of a thread: many share what is loaded, but those past the end of a row are idle."""

    def cost(columns: int) -> int:
        loaded = (columns - 1) * geometry.stride + geometry.kernel
        # Of one kernel row: a product for each output, two instructions for each element that is loaded and widened.
        return -(-geometry.width_out // columns) * (columns * geometry.kernel + 2 * loaded)

    return min((5, 4, 2), key=cost)
