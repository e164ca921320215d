"""The ways to run a network by PyTorch, each as a step that can be made again and again. Needs torch.

Without training a step is a forward pass, weights and clips in the element type. With training it is forward, cross
entropy and backward from no gradients, in bfloat16 by autocast with weights in float32, as ``e3dnas train`` does it;
the optimiser is not in it. Weights and clips are random: zeros would be faster than videos are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from e3dnas.arch import Architecture
from e3dnas.bench.clock import kernels_set
from e3dnas.bench.plan import Plan
from e3dnas.bench.roofline import FOLDED, FUSED, PLAIN
from e3dnas.kernels.mode import triton_serves
from e3dnas.machine.setting import CLASSES
from e3dnas.models.folding import fold_batchnorm
from e3dnas.models.network import E3D

__all__ = [
    "CONTIGUOUS", "LAST", "OURS", "Runner", "compiled", "eager", "folded", "kernels_serve", "precision", "random_clips",
]  # fmt: skip

CONTIGUOUS, LAST, OURS = "eager, contiguous", "eager, channels_last_3d", "our kernels, channels_last_3d"
FORMATS = {False: torch.contiguous_format, True: torch.channels_last_3d}
ON, OFF = None, "0"
"""``E3DNAS_KERNELS`` with our kernels wherever they are the faster ones, and with PyTorch's alone."""


@dataclass(frozen=True)
class Runner:
    """A way to run a network.

    Attributes:
        name: of the way.
        level: which floor it is held against.
        model: what is called.
        network: the module whose weights it has; the same, unless it is compiled.
        clips_BCTHW: what it is given.
        kernels: ``E3DNAS_KERNELS`` meanwhile; None: not set.
        plan: how it is run.
    """

    name: str
    level: str
    model: Callable[[Tensor], Tensor]
    network: nn.Module
    clips_BCTHW: Tensor
    kernels: str | None
    plan: Plan

    @property
    def last(self) -> bool:
        """Whether it is in channels_last_3d."""
        return self.clips_BCTHW.is_contiguous(memory_format=torch.channels_last_3d)

    @property
    def own_bytes(self) -> int:
        """Bytes of weights, running statistics and clips."""
        own = (*self.network.parameters(), *self.network.buffers(), self.clips_BCTHW)
        return sum(one.numel() * one.element_size() for one in own)

    def __call__(self) -> None:
        """Make one step."""
        with kernels_set(self.kernels), precision(self.plan):
            logits = self.model(self.clips_BCTHW)
            if not self.plan.train:
                return
            labels = torch.arange(len(logits), device=logits.device) % logits.shape[1]
            loss = F.cross_entropy(logits, labels)
        with kernels_set(self.kernels):
            loss.backward()  # type: ignore[no-untyped-call]
        self.network.zero_grad(set_to_none=True)


@contextmanager
def precision(plan: Plan) -> Iterator[None]:
    """Set gradients and autocast as a plan has them."""
    half = plan.train and plan.dtype != "float32"
    with torch.set_grad_enabled(plan.train), torch.autocast(plan.device, plan.torch_dtype) if half else nullcontext():
        yield


def kernels_serve(plan: Plan) -> bool:
    """Return whether our kernels have something to do: see ``e3dnas.kernels.depthwise_conv3d``."""
    if plan.device == "cuda":
        return triton_serves("cuda", plan.torch_dtype)
    return plan.dtype == "float32"


def random_clips(architecture: Architecture, plan: Plan, seed: int = 0) -> Tensor:
    """Return clips (B, C, T, H, W) of normal random numbers, float32 on the CPU."""
    clip = architecture.clip
    shape = (plan.batch, clip.channels, clip.frames, clip.size, clip.size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def eager(architecture: Architecture, plan: Plan, *, last: bool, ours: bool = False) -> Runner:
    """Return PyTorch's modules as they are, contiguous or in channels_last_3d, without or with our kernels."""
    model = _network(architecture, plan, last)
    name = OURS if ours else LAST if last else CONTIGUOUS
    return Runner(name, PLAIN, model, model, _clips(architecture, plan, last), ON if ours else OFF, plan)


def folded(architecture: Architecture, plan: Plan, *, last: bool, ours: bool = False) -> Runner:
    """Return the network with its BN folded into the convolutions; it cannot be trained."""
    model: nn.Module = fold_batchnorm(_network(architecture, plan, last))
    model = model.to(memory_format=FORMATS[last])
    name = f"BN folded, {'our kernels, ' if ours else ''}{_format(last)}"
    return Runner(name, FOLDED, model, model, _clips(architecture, plan, last), ON if ours else OFF, plan)


def compiled(architecture: Architecture, plan: Plan, *, last: bool, ours: bool = False) -> Runner:
    """Return the network through torch.compile, its forward as one graph; it is compiled by the first steps."""
    model = _network(architecture, plan, last)

    def inductor(graph: Any, example: Any) -> Any:
        from torch._inductor.compile_fx import compile_fx

        return compile_fx(graph, example)

    # A backend of its own: what is compiled for one is not taken for the other, which a switch of ours tells apart and
    # nothing that PyTorch looks at.
    fast: Callable[[Tensor], Tensor] = torch.compile(model, backend=inductor, fullgraph=True, dynamic=False)
    name = f"compiled, {'our kernels, ' if ours else ''}{_format(last)}"
    return Runner(name, FUSED, fast, model, _clips(architecture, plan, last), ON if ours else OFF, plan)


def _format(last: bool) -> str:
    return "channels_last_3d" if last else "contiguous"


def _network(architecture: Architecture, plan: Plan, last: bool) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = E3D(architecture, CLASSES).train(plan.train)
    dtype = torch.float32 if plan.train else plan.torch_dtype
    found: nn.Module = model.to(plan.device, dtype, memory_format=FORMATS[last])  # type: ignore[call-overload]
    return found


def _clips(architecture: Architecture, plan: Plan, last: bool) -> Tensor:
    dtype = torch.float32 if plan.train else plan.torch_dtype
    return random_clips(architecture, plan).to(plan.device, dtype).contiguous(memory_format=FORMATS[last])
