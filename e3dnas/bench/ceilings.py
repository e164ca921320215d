"""What the device can do, measured now: bytes copied a second, and matrix products. Needs torch.

No constants of a data sheet: a machine that is shared, throttled or slow is so for the network as well. The best of
several goes counts, for these are ceilings.
"""

from __future__ import annotations

import torch

from e3dnas.bench.clock import Clock
from e3dnas.bench.plan import Plan
from e3dnas.bench.roofline import Ceilings

__all__ = ["measured_ceilings"]

COPIED = {"cpu": 2**28, "cuda": 2**30}
"""Bytes that are copied, far more than caches hold."""
SIDE = {"cpu": 1024, "cuda": 8192}
"""Rows and columns of the matrices."""
GOES = 7


def measured_ceilings(plan: Plan) -> Ceilings:
    """Return the copy bandwidth and the rate of matrix products in the plan's element type, on random numbers.

    float32 products may use TF32 on a GPU, as PyTorch's convolutions do.
    """
    found = Ceilings(_copied(plan), _multiplied(plan))
    if plan.device == "cuda":
        torch.cuda.empty_cache()
    return found


def _copied(plan: Plan) -> float:
    clock = Clock(plan)
    source = torch.rand(COPIED[plan.device] // 4, device=plan.device)
    target = torch.empty_like(source)
    least = min(clock(lambda: target.copy_(source)) for _ in range(GOES))
    return 1e3 * 2 * COPIED[plan.device] / least


def _multiplied(plan: Plan) -> float:
    clock, side = Clock(plan), SIDE[plan.device]
    left, right = (torch.randn(side, side, device=plan.device).to(plan.torch_dtype) for _ in range(2))
    precision = torch.get_float32_matmul_precision()
    if torch.backends.cudnn.allow_tf32:
        torch.set_float32_matmul_precision("high")
    try:
        least = min(clock(lambda: left @ right) for _ in range(GOES))
    finally:
        torch.set_float32_matmul_precision(precision)
    return 1e3 * 2 * side**3 / least
