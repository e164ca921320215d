"""What the Triton kernels share: which item a thread does, and sums that start at zero. Needs triton."""
# What follows is Triton's language, which types it by itself and has no (*tuple, element).
# mypy: ignore-errors
# ruff: noqa: RUF005

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["located", "zeros"]


@triton.jit
def located(total, C: tl.constexpr, VEC: tl.constexpr, WIDTH: tl.constexpr, HEIGHT: tl.constexpr, ROWS: tl.constexpr):
    """Return (first channel, column, row, what remains) of the items of this program, ROWS of ``total``.

    Items are numbered with the channels (VEC at a time) fastest, then WIDTH columns, HEIGHT rows, and the rest.
    """
    # Those past the end do the last item again: they write what is written already, and need no mask.
    item = tl.minimum(tl.program_id(0) * ROWS + tl.arange(0, ROWS), total - 1)
    rest = item // (C // VEC)
    return (item % (C // VEC)) * VEC, rest % WIDTH, rest // WIDTH % HEIGHT, rest // WIDTH // HEIGHT


@triton.jit
def zeros(COUNT: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Return COUNT sums of (ROWS, COLUMNS)."""
    sums = ()
    for _ in tl.static_range(COUNT):
        sums = sums + (tl.zeros((ROWS, COLUMNS), tl.float32),)
    return sums
