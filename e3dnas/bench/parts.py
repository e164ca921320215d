"""Where a step goes, part by part: stem, stages, head convolution, pooling with classifier. Needs torch.

Every part runs alone on what enters it in the whole network; the times add up to about a step, less what parts gain
from one another. With training a part is run forward and backward, from random gradients of its output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from e3dnas.arch import Architecture
from e3dnas.bench.clock import Clock, kernels_set
from e3dnas.bench.rounds import Timing, in_turns, timing
from e3dnas.bench.ways import Runner, precision
from e3dnas.machine.setting import CLASSES
from e3dnas.measure.api import measure

__all__ = ["Part", "flops_of_parts", "measured_parts", "modules_of"]


@dataclass(frozen=True)
class Part:
    """A part of a network.

    Attributes:
        name: ``stem``, ``stage1`` ..., ``head``, ``classifier``.
        timing: its steps.
        share: of the sum of all parts' medians.
        flops_share: of all parts' operations, as thop counts them.
    """

    name: str
    timing: Timing
    share: float
    flops_share: float


def modules_of(network: Any) -> dict[str, nn.Module]:
    """Return the parts of an ``E3D`` by name; one after the other they are the network."""
    stages = {f"stage{number}": stage for number, stage in enumerate(network.stages, start=1)}
    return {"stem": network.stem, **stages, "head": network.final, "classifier": network.head}


def flops_of_parts(architecture: Architecture) -> dict[str, float]:
    """Return the operations of each part for one clip as thop counts them; of the classifier its products alone."""
    flops = {stage["name"]: float(stage["flops"]) for stage in measure(architecture)["stages"]}
    width, hidden = architecture.head.out, architecture.head.hidden
    return {**flops, "classifier": float(width * hidden + (hidden or width) * CLASSES)}


def measured_parts(
    runner: Runner, architecture: Architecture, seconds: float, told: Callable[[float], None] | None = None
) -> list[Part]:
    """Return the parts of a network, measured in turns.

    Args:
        runner: the way they run; not a compiled one.
        architecture: the network's.
        seconds: how long, all together.
        told: told which share of it is done.
    """
    clock = Clock(runner.plan)
    with kernels_set(runner.kernels):
        steps = _steps(runner)
        for step in steps.values():
            step()  # libraries choose and prepare their kernels
        takes = {name: (lambda step=step: clock(step)) for name, step in steps.items()}
        found = {name: timing(times) for name, times in in_turns(takes, seconds, told).items()}
    flops = flops_of_parts(architecture)
    whole, operations = sum(one.median for one in found.values()), sum(flops.values())
    return [Part(name, one, one.median / whole, flops[name] / operations) for name, one in found.items()]


def _steps(runner: Runner) -> dict[str, Callable[[], None]]:
    x, steps = runner.clips_BCTHW, {}
    for name, module in modules_of(runner.network).items():
        given = x.detach().requires_grad_(runner.plan.train and name != "stem")
        with torch.no_grad(), precision(runner.plan):
            x = module(given).detach()
        steps[name] = _step(module, given, x, runner)
    return steps


def _step(module: nn.Module, given: Tensor, out: Tensor, runner: Runner) -> Callable[[], None]:
    gradient = torch.randn_like(out) if runner.plan.train else None

    def run() -> None:
        with precision(runner.plan):
            y = module(given)
        if gradient is not None:
            y.backward(gradient)
            module.zero_grad(set_to_none=True)
            given.grad = None

    return run
