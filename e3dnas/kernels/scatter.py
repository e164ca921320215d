"""Triton kernel: the input gradient of a convolution of spatial stride 2. Needs triton.

Shapes: dy (B, T, H_OUT, W_OUT, C), w (taps, C) in float32, dx (B, T, H, W, C), all contiguous.

Which taps reach a pixel of dx depends on whether its row and column are even, so a thread owns two rows and QW
columns, from an even pixel on, of VEC channels: all choices are made when it is compiled, none when it runs. Its
programs are laid out as those of ``gather``.
"""
# What follows is Triton's language, which types it by itself and has no (*tuple, element).
# mypy: ignore-errors
# ruff: noqa: RUF005

from __future__ import annotations

import triton
import triton.language as tl

from e3dnas.kernels.items import located, zeros

__all__ = ["scatter"]


@triton.jit
def scatter(
    dy_ptr, w_ptr, dx_ptr, total,
    C: tl.constexpr, T: tl.constexpr, H: tl.constexpr, W: tl.constexpr, H_OUT: tl.constexpr, W_OUT: tl.constexpr,
    KT: tl.constexpr, K: tl.constexpr, VEC: tl.constexpr, QW: tl.constexpr, ROWS: tl.constexpr, LONG: tl.constexpr,
):  # fmt: skip
    """Write dx; ``total`` items of 2 x QW pixels of VEC channels, ROWS of them a program; QW is even."""
    P: tl.constexpr = K // 2
    PT: tl.constexpr = KT // 2
    GROUPS_W: tl.constexpr = (W + QW - 1) // QW
    # dx at 2 g + r gathers dy at g + m through tap r + P - 2 m: these are the m for r of 0 and 1, or of 0 to QW - 1.
    FIRST: tl.constexpr = -(P // 2)
    ROWS_DY: tl.constexpr = (1 + P) // 2 - FIRST + 1
    COLUMNS_DY: tl.constexpr = (QW - 1 + P) // 2 - FIRST + 1
    c, w, h, frame = located(total, C, VEC, GROUPS_W, H_OUT, ROWS)
    w = w * (QW // 2)
    t = frame % T
    if LONG:
        frame = frame.to(tl.int64)
    lane = tl.arange(0, VEC)[None, :]
    dy_ptr += ((((frame - PT) * H_OUT + h + FIRST) * W_OUT + w + FIRST) * C + c)[:, None] + lane
    dx_ptr += (((frame * H + 2 * h) * W + 2 * w) * C + c)[:, None] + lane
    w_ptr += c[:, None] + lane
    sums = zeros(2 * QW, ROWS, VEC)
    for a in tl.static_range(KT):
        in_time = (t + (a - PT) >= 0) & (t + (a - PT) < T)
        for i in tl.static_range(ROWS_DY):
            in_row = in_time & (h + (i + FIRST) >= 0) & (h + (i + FIRST) < H_OUT)
            taps = ()
            for r in tl.static_range(2):
                for d in tl.static_range(K):
                    if r + P - 2 * (i + FIRST) >= 0 and r + P - 2 * (i + FIRST) < K:
                        tap = ((KT - 1 - a) * K + r + P - 2 * (i + FIRST)) * K + d
                        taps = taps + (tl.load(w_ptr + tap * C),)
                    else:
                        taps = taps + (0.0,)
            for j in tl.static_range(COLUMNS_DY):
                inside = in_row & (w + (j + FIRST) >= 0) & (w + (j + FIRST) < W_OUT)
                dy = tl.load(dy_ptr + ((a * H_OUT + i) * W_OUT + j) * C, mask=inside[:, None], other=0.0).to(tl.float32)
                new = ()
                for r in tl.static_range(2):
                    for q in tl.static_range(QW):
                        if (
                            r + P - 2 * (i + FIRST) >= 0
                            and r + P - 2 * (i + FIRST) < K
                            and q + P - 2 * (j + FIRST) >= 0
                            and q + P - 2 * (j + FIRST) < K
                        ):
                            tap = taps[r * K + q + P - 2 * (j + FIRST)]
                            new = new + (tl.fma(dy, tap, sums[r * QW + q]),)
                        else:
                            new = new + (sums[r * QW + q],)
                sums = new
    for r in tl.static_range(2):
        for q in tl.static_range(QW):
            inside = (2 * h + r < H) & (2 * w + q < W)
            dx = sums[r * QW + q].to(dx_ptr.dtype.element_ty)
            tl.store(dx_ptr + (r * W + q) * C, dx, mask=inside[:, None])
