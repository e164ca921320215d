"""Triton kernel: the weight gradient, first of two stages. Needs triton.

Shapes: x (B, T, H, W, C), dy (B, T, H_OUT, W_OUT, C), partial (CHUNKS, KT, K * K, C) in float32, all contiguous.

A program takes one tap in time, BLOCK_C channels and one chunk of the positions, holds the K x K sums of its threads in
registers while it walks, and adds them up over its threads at the end. The chunks are added by a second kernel,
PyTorch's sum over the first axis: which number is added to which depends on the sizes alone, so the same input gives
the same bits, which sums by atomics do not.
"""
# What follows is Triton's language, which types it by itself and has no (*tuple, element).
# mypy: ignore-errors
# ruff: noqa: RUF005

from __future__ import annotations

import triton
import triton.language as tl

from e3dnas.kernels.items import zeros

__all__ = ["correlate"]


@triton.jit
def correlate(
    x_ptr, dy_ptr, partial_ptr, total, share,
    C: tl.constexpr, T: tl.constexpr, H: tl.constexpr, W: tl.constexpr, H_OUT: tl.constexpr, W_OUT: tl.constexpr,
    KT: tl.constexpr, K: tl.constexpr, S: tl.constexpr,
    QW: tl.constexpr, BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr, LONG: tl.constexpr,
):  # fmt: skip
    """Write one row of ``partial``; of ``total`` groups of QW positions, ``share`` (of BLOCK_P) are a program's."""
    P: tl.constexpr = K // 2
    PT: tl.constexpr = KT // 2
    GROUPS_W: tl.constexpr = (W_OUT + QW - 1) // QW
    # The taps in time lie next to each other in the grid: they read the same frames, at the same time.
    a = tl.program_id(0) % KT
    block_c = tl.program_id(0) // KT
    chunk = tl.program_id(1)
    c = (block_c * BLOCK_C + tl.arange(0, BLOCK_C))[None, :]
    sums = zeros(K * K, BLOCK_P, BLOCK_C)
    start = chunk * share
    end = tl.minimum(start + share, total)
    while start < end:  # not range(): Triton 3.6's interpreter fails at it with NumPy 2.4
        item = start + tl.arange(0, BLOCK_P)
        live = item < total
        w = (item % GROUPS_W) * QW
        rest = item // GROUPS_W
        h = rest % H_OUT
        frame = rest // H_OUT
        t = frame % T + (a - PT)
        if LONG:
            frame = frame.to(tl.int64)
        dy_at = dy_ptr + (((frame * H_OUT + h) * W_OUT + w) * C)[:, None] + c
        x_at = x_ptr + ((((frame + (a - PT)) * H + h * S - P) * W + w * S - P) * C)[:, None] + c
        in_time = live & (t >= 0) & (t < T)
        dys = ()
        for q in tl.static_range(QW):
            inside = in_time & (w + q < W_OUT)
            dys = dys + (tl.load(dy_at + q * C, mask=inside[:, None] & (c < C), other=0.0).to(tl.float32),)
        for b in tl.static_range(K):
            in_row = in_time & (h * S + (b - P) >= 0) & (h * S + (b - P) < H)
            for j in tl.static_range((QW - 1) * S + K):
                inside = in_row
                if j < P:
                    inside = inside & (w * S + (j - P) >= 0)
                if (GROUPS_W - 1) * QW * S + j - P >= W:
                    inside = inside & (w * S + (j - P) < W)
                x = tl.load(x_at + (b * W + j) * C, mask=inside[:, None] & (c < C), other=0.0).to(tl.float32)
                new = ()
                for i in tl.static_range(K * K):
                    one = sums[i]
                    for q in tl.static_range(QW):
                        if i == b * K + j - q * S and j - q * S >= 0 and j - q * S < K:
                            one = tl.fma(x, dys[q], one)
                    new = new + (one,)
                sums = new
        start += BLOCK_P
    c = block_c * BLOCK_C + tl.arange(0, BLOCK_C)
    at = ((chunk * KT + a) * K * K) * C + c
    for i in tl.static_range(K * K):
        tl.store(partial_ptr + at + i * C, tl.sum(sums[i], axis=0), mask=c < C)
