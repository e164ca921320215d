"""The depthwise operator on a GPU: right, repeatable, and how fast at each shape of a network. Part of gpu.py.

Ours is called as it is, whatever ``e3dnas.kernels`` would choose: the Triton kernels on a GPU; on a CPU what serves
there, which only tries this script.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from e3dnas.arch import Architecture
from e3dnas.bench.clock import Clock
from e3dnas.bench.plan import Plan
from e3dnas.bench.profiling import top_kernels
from e3dnas.bench.roofline import Ceilings
from e3dnas.bench.rounds import in_turns, timing
from e3dnas.kernels.aten import aten_backward, aten_forward
from e3dnas.kernels.geometry import Geometry
from e3dnas.kernels.layout import as_channels_last
from e3dnas.kernels.operator import backward_op, forward_op

DIRECTIONS = ("forward", "input gradient", "weight gradient")
NATIVE, CUDNN, OURS = "native, contiguous", "cuDNN, channels_last_3d", "ours"
BELOW = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3}
"""Relative L2 error against float64 (goal G9)."""
FLUSH = 2**28
"""Bytes of inputs that are gone through in turn, so that none is found in a cache."""
SECONDS = 1.2
"""For one direction of one shape, all ways together."""


@dataclass(frozen=True)
class Timed:
    """One way in one direction at one shape: milliseconds of a launch, share of the memory roofline, kernel."""

    geometry: Geometry
    times: int
    direction: str
    way: str
    ms: float
    share: float
    kernel: str


def shapes(architecture: Architecture, batch: int) -> Counter[Geometry]:
    """Return the depthwise convolutions of a network with how often each occurs."""
    from e3dnas.models.network import E3D

    found: Counter[Geometry] = Counter()

    def note(conv: nn.Conv3d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found[Geometry.of(inputs[0].shape, conv.weight.shape, conv.stride[1])] += 1

    clip = architecture.clip
    with torch.device("meta"), torch.no_grad():
        model = E3D(architecture).eval()
        for module in model.modules():
            if isinstance(module, nn.Conv3d) and module.groups > 1:
                module.register_forward_hook(note)
        model(torch.empty(batch, clip.channels, clip.frames, clip.size, clip.size))
    return found


def passes(device: str) -> dict[str, Callable[[Tensor, Tensor, Tensor, int], Tensor | None]]:
    """Return our three directions as functions of (dy, x, weight, stride)."""
    if device == "cuda":
        from e3dnas.kernels.running import triton_forward, triton_input_grad, triton_weight_grad

        return {
            "forward": lambda dy, x, weight, stride: triton_forward(x, weight, stride),
            "input gradient": triton_input_grad,
            "weight gradient": triton_weight_grad,
        }
    return {
        "forward": lambda dy, x, weight, stride: forward_op(x, weight, stride),
        "input gradient": lambda dy, x, weight, stride: backward_op(dy, x, weight, stride, True, False)[0],
        "weight gradient": lambda dy, x, weight, stride: backward_op(dy, x, weight, stride, False, True)[1],
    }


def torch_pass(direction: str) -> Callable[[Tensor, Tensor, Tensor, int], Tensor | None]:
    """Return a direction by PyTorch's convolution, in the memory format of what it is given."""
    if direction == "forward":
        return lambda dy, x, weight, stride: aten_forward(x, weight, stride)
    which = DIRECTIONS.index(direction) - 1
    return lambda dy, x, weight, stride: aten_backward(dy, x, weight, stride, which == 0, which == 1)[which]


def random_tensors(geometry: Geometry, dtype: torch.dtype, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return fresh random dy, x and weight, in channels_last_3d."""
    sides = geometry.kernel_t, geometry.kernel, geometry.kernel
    dy, x = (as_channels_last(torch.randn(s, device=device).to(dtype)) for s in (geometry.y_shape, geometry.x_shape))
    return dy, x, torch.randn(geometry.channels, 1, *sides, device=device).to(dtype)


def correctness(geometries: list[Geometry], device: str) -> Iterator[tuple[str, str, float, bool]]:
    """Yield type, direction, greatest relative error over all shapes, and whether the second run gave the same bits."""
    ours = passes(device)
    for dtype in BELOW if device == "cuda" else (torch.float32,):
        worst, same = dict.fromkeys(DIRECTIONS, 0.0), dict.fromkeys(DIRECTIONS, True)
        for geometry in geometries:
            dy, x, weight = random_tensors(geometry, dtype, device)
            x64, weight64 = x.double().requires_grad_(), weight.double().requires_grad_()
            y64 = F.conv3d(x64, weight64, None, geometry.strides, geometry.padding, groups=geometry.channels)
            expected = y64.detach(), *torch.autograd.grad(y64, (x64, weight64), dy.double())
            for direction, wanted in zip(DIRECTIONS, expected, strict=True):
                found, again = (ours[direction](dy, x, weight, geometry.stride) for _ in range(2))
                assert found is not None
                assert again is not None
                error = float((found.double() - wanted).norm() / wanted.norm())
                worst[direction] = error if math.isnan(error) else max(worst[direction], error)
                same[direction] &= torch.equal(found, again)
        for direction in DIRECTIONS:
            yield str(dtype).removeprefix("torch."), direction, worst[direction], same[direction]


def speeds(counted: Counter[Geometry], plan: Plan, ceilings: Ceilings) -> Iterator[Timed]:
    """Yield every way in every direction at every shape, ways in turns."""
    for geometry, times in counted.items():
        sets = [random_tensors(geometry, plan.torch_dtype, plan.device)]
        size = sum(one.numel() * one.element_size() for one in sets[0])
        sets += [random_tensors(geometry, plan.torch_dtype, plan.device) for _ in range(min(15, FLUSH // size))]
        plain = [(dy.contiguous(), x.contiguous(), weight) for dy, x, weight in sets]
        for direction in DIRECTIONS:
            ways = {
                NATIVE: (torch_pass(direction), plain),
                CUDNN: (torch_pass(direction), sets),
                OURS: (passes(plan.device)[direction], sets),
            }
            yield from _timed(geometry, times, direction, ways, plan, ceilings)


def shape_table(found: Sequence[Timed]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Return a row a shape and direction with all ways, and the names of the columns."""
    ways = (NATIVE, CUDNN, OURS)
    of = {(one.geometry, one.direction, one.way): one for one in found}
    rows = []
    for g, times in dict.fromkeys((one.geometry, one.times) for one in found):
        shape = f"{g.channels} x {g.frames} x {g.height} x {g.width}, {g.kernel_t}x{g.kernel}x{g.kernel}, {g.stride}"
        for direction in DIRECTIONS:
            mine = [of.get((g, direction, way)) for way in ways]
            told = [f"{1e3 * one.ms:.1f} ({100 * one.share:.1f} %)" if one else "-" for one in mine]
            kernels = " / ".join(one.kernel[:32] if one else "-" for one in mine)
            rows.append((shape, str(times), direction, *told, f"`{kernels}`"))
    columns = "C x T x H x W, k, s", "in the network", "direction", *(f"{way}: us (of the roofline)" for way in ways)
    return rows, (*columns, "kernels")


def _timed(geometry, times, direction, ways, plan, ceilings) -> Iterator[Timed]:
    clock = Clock(plan)

    def through(way) -> Callable[[], None]:
        call, inputs = ways[way]

        def run() -> None:
            for dy, x, weight in inputs:
                call(dy, x, weight, geometry.stride)

        return run

    runs = {way: through(way) for way in ways}
    for run in runs.values():
        run()
        run()
    takes = {way: (lambda run=run: clock(run)) for way, run in runs.items()}
    found = in_turns(takes, SECONDS if plan.device == "cuda" else 0.05)
    elements = math.prod(geometry.x_shape) + math.prod(geometry.y_shape)
    least = 1e3 * elements * plan.itemsize / ceilings.copy
    for way, steps in found.items():
        ms = timing(steps).median / len(ways[way][1])
        names = top_kernels(runs[way], plan.device)
        yield Timed(geometry, times, direction, way, ms, least / ms, names[0].name if names else "-")
