"""What ``thop`` counts, measured on meta tensors: shapes flow through the real modules, nothing is computed.

thop counts a convolution as its multiply-accumulates (biases not), BN in evaluation as 4 operations an element, an
average pool as one an output, and activations, sums and products not at all.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from e3dnas.arch import Architecture, Clip, Head, Stage, Stem
from e3dnas.models.blocks import Block, HeadConv, StemConv
from e3dnas.models.layers import Sum

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # thop still imports distutils
    from thop import profile as thop_profile
    from thop.vision.basic_hooks import count_normalization

__all__ = ["ModelCost", "ThopCost", "profile_architecture", "profile_model"]


@dataclass(frozen=True)
class ThopCost:
    """thop's operations and parameters, for one clip."""

    flops: int
    params: int


@dataclass(frozen=True)
class ModelCost:
    """thop's operations and parameters of a whole model, for one clip: backbone, and pooling to classifier apart."""

    flops: int
    params: int
    head_flops: int
    head_params: int


def profile_architecture(architecture: Architecture) -> ThopCost:
    """Return what thop counts for the backbone (stem to head convolution) of ``architecture`` on its own clip.

    Every kind of block is built and measured once and remembered, so that a search pays only for what is new.
    """
    clip = architecture.clip
    parts = [_profile_stem(architecture.stem, clip.channels, clip.frames, clip.size)]
    for stage in architecture.stages:
        parts += _profile_stage(stage, parts[-1])
    parts.append(_profile_head(architecture.head, *parts[-1].out))
    return ThopCost(sum(p.flops * p.repeat for p in parts), sum(p.params * p.repeat for p in parts))


def profile_model(model: nn.Module, clip: Clip) -> ModelCost:
    """Return what thop counts for one clip through ``model``, which keeps its weights, mode and buffers.

    Args:
        model: a model with ``forward_features`` and ``forward_head``, such as timm's.
        clip: the clip that is sent through.
    """
    ghost = _meta_copy(model)
    shape = (1, clip.channels, clip.frames, clip.size, clip.size)
    backbone = _measure(_Part(ghost, "forward_features"), shape)
    ghost = _meta_copy(model)  # thop leaves its counters behind
    head = _measure(_Part(ghost, "forward_head"), backbone.shape)
    return ModelCost(backbone.flops, backbone.params, head.flops, head.params)


@dataclass(frozen=True)
class _Measured:
    flops: int
    params: int
    shape: tuple[int, ...]
    repeat: int = 1

    @property
    def out(self) -> tuple[int, int, int]:
        """(channels, frames, size) of the output."""
        return self.shape[1], self.shape[2], self.shape[3]


class _Part(nn.Module):
    """One method of a model as a module, for thop calls modules only."""

    def __init__(self, model: nn.Module, method: str) -> None:
        super().__init__()
        self.model, self.method = model, method

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = getattr(self.model, self.method)(x)
        return y


@lru_cache(maxsize=4096)
def _profile_stem(stem: Stem, channels: int, frames: int, size: int) -> _Measured:
    with torch.device("meta"):
        module = StemConv(stem, channels)
    return _measure(_idle(module), (1, channels, frames, size, size))


@lru_cache(maxsize=4096)
def _profile_head(head: Head, channels: int, frames: int, size: int) -> _Measured:
    with torch.device("meta"):
        module = HeadConv(head, channels)
    return _measure(_idle(module), (1, channels, frames, size, size))


@lru_cache(maxsize=65536)
def _profile_block(stage: Stage, channels: int, frames: int, size: int, first: bool, squeezes: bool) -> _Measured:
    with torch.device("meta"):
        module = Block(stage, channels, first=first, squeezes=squeezes)
    return _measure(_idle(module), (1, channels, frames, size, size))


def _profile_stage(stage: Stage, before: _Measured) -> list[_Measured]:
    """Return the first block and, with their number, the later ones with and without squeeze-excitation."""
    key = stage.model_copy(update={"depth": 1, "se_every": 1})  # neither changes a block
    squeezed = -(-stage.depth // stage.se_every) - 1 if stage.squeeze else 0
    parts = [_profile_block(key, *before.out, first=True, squeezes=stage.squeeze > 0)]
    key = key.model_copy(update={"stride": (1, 1)})
    for squeezes, repeat in ((True, squeezed), (False, stage.depth - 1 - squeezed)):
        if repeat:
            one = _profile_block(key, *parts[0].out, first=False, squeezes=squeezes)
            parts.append(_Measured(one.flops, one.params, one.shape, repeat))
    return parts


def _measure(module: nn.Module, shape: tuple[int, ...]) -> _Measured:
    """Run thop on a module of meta tensors that is thrown away afterwards; ``shape`` is that of its input."""
    seen: list[tuple[int, ...]] = []
    module.register_forward_hook(_Recorder(seen))
    with torch.device("cpu"):  # thop's counters hold values, whatever device the caller has made the default
        clip = torch.empty(shape, device="meta")
        flops, params = thop_profile(module, (clip,), custom_ops={_IdleBatchNorm: count_normalization}, verbose=False)
    return _Measured(int(flops), int(params), seen[0])


def _idle(module: nn.Module) -> nn.Module:
    """Let what is slow on meta tensors pass its input on; a whole model is measured without that."""
    for part in module.modules():
        part.__class__ = IDLE.get(type(part), type(part))
    return module


class _IdleBatchNorm(nn.BatchNorm3d):
    """A BN that passes its input on."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class _IdleSum(nn.Module):
    """A sum that passes its first term on."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x


# PyTorch works these out on meta tensors in Python, slowly; thop needs the size of a BN, and nothing of the others.
IDLE: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm3d: _IdleBatchNorm,
    nn.ReLU: nn.Identity,
    nn.SiLU: nn.Identity,
    Sum: _IdleSum,
}


class _Recorder:
    """Notes the shape of a module's output."""

    def __init__(self, seen: list[tuple[int, ...]]) -> None:
        self.seen = seen

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.seen.append(tuple(output.shape))


def _meta_copy(model: nn.Module) -> nn.Module:
    """Return a copy of ``model`` on the meta device; no weight is copied."""
    ghosts: dict[int, object] = {}
    for parameter in model.parameters():
        ghosts[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device="meta"), parameter.requires_grad)
    for buffer in model.buffers():
        ghosts[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(model, ghosts)
