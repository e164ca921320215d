"""Triton kernel: every output gathers its taps. The forward pass; at stride 1, with the weight turned round, its
input gradient too. Needs triton; imported only where there is one.

Shapes: x (B, T, H, W, C), w (taps, C) in float32, y (B, T, H_OUT, W_OUT, C), all contiguous, which is what PyTorch
calls channels_last_3d.

A thread owns VEC neighbouring channels, 16 bytes of them, and QT x QW neighbouring outputs, all accumulated in float32
registers: a column of x is loaded and widened once and used for all outputs it touches. A program is a run of ROWS
such threads along (clip, frames, row, columns, channels) flattened, so neither small maps nor odd channel counts leave
lanes idle. All sizes but the number of clips are compile-time constants: divisions become multiplications, and offsets
parts of the instructions.
"""
# What follows is Triton's language, which types it by itself and has no (*tuple, element).
# mypy: ignore-errors
# ruff: noqa: RUF005

from __future__ import annotations

import triton
import triton.language as tl

from e3dnas.kernels.items import located, zeros

__all__ = ["gather"]


@triton.jit
def gather(
    x_ptr, w_ptr, y_ptr, total,
    C: tl.constexpr, T: tl.constexpr, H: tl.constexpr, W: tl.constexpr, H_OUT: tl.constexpr, W_OUT: tl.constexpr,
    KT: tl.constexpr, K: tl.constexpr, S: tl.constexpr, FLIP: tl.constexpr,
    VEC: tl.constexpr, QT: tl.constexpr, QW: tl.constexpr, ROWS: tl.constexpr, LONG: tl.constexpr,
):  # fmt: skip
    """Write y; ``total`` items of QT x QW outputs of VEC channels, ROWS of them a program."""
    P: tl.constexpr = K // 2
    PT: tl.constexpr = KT // 2
    GROUPS_W: tl.constexpr = (W_OUT + QW - 1) // QW
    GROUPS_T: tl.constexpr = (T + QT - 1) // QT
    c, w, h, rest = located(total, C, VEC, GROUPS_W, H_OUT, ROWS)
    w = w * QW
    t = (rest % GROUPS_T) * QT
    clip = rest // GROUPS_T
    if LONG:
        clip = clip.to(tl.int64)
    lane = tl.arange(0, VEC)[None, :]
    # Base addresses once: every offset from here on is a constant that the machine code holds in the instruction.
    x_ptr += ((((clip * T + t - PT) * H + h * S - P) * W + w * S - P) * C + c)[:, None] + lane
    y_ptr += ((((clip * T + t) * H_OUT + h) * W_OUT + w) * C + c)[:, None] + lane
    w_ptr += c[:, None] + lane
    sums = zeros(QT * QW, ROWS, VEC)
    for a in tl.static_range(QT + KT - 1):  # frames, then rows, then columns of x around the outputs
        in_time = (t + (a - PT) >= 0) & (t + (a - PT) < T)
        for b in tl.static_range(K):
            in_row = in_time & (h * S + (b - P) >= 0) & (h * S + (b - P) < H)
            taps = ()
            for e in tl.static_range(KT):
                for d in tl.static_range(K):
                    tap = (e * K + b) * K + d
                    if a - e >= 0 and a - e < QT:
                        taps = taps + (tl.load(w_ptr + (KT * K * K - 1 - tap if FLIP else tap) * C),)
                    else:
                        taps = taps + (0.0,)  # keeps the places of the others
            for j in tl.static_range((QW - 1) * S + K):
                inside = in_row
                if j < P:
                    inside = inside & (w * S + (j - P) >= 0)
                if (GROUPS_W - 1) * QW * S + j - P >= W:
                    inside = inside & (w * S + (j - P) < W)
                x = tl.load(x_ptr + ((a * H + b) * W + j) * C, mask=inside[:, None], other=0.0).to(tl.float32)
                new = ()
                for p in tl.static_range(QT):
                    for q in tl.static_range(QW):
                        if j - q * S >= 0 and j - q * S < K and a - p >= 0 and a - p < KT:
                            new = new + (tl.fma(x, taps[(a - p) * K + j - q * S], sums[p * QW + q]),)
                        else:
                            new = new + (sums[p * QW + q],)
                sums = new
    for p in tl.static_range(QT):
        for q in tl.static_range(QW):
            inside = (t + p < T) & (w + q < W_OUT)
            y = sums[p * QW + q].to(y_ptr.dtype.element_ty)
            tl.store(y_ptr + (p * H_OUT * W_OUT + q) * C, y, mask=inside[:, None])
