"""The spec of one concrete network: clip, stem, stages, head (ICLR 2023, arXiv 2303.02693, section 4 and table 1)."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field, Strict, field_serializer, field_validator, model_validator

from e3dnas.arch.expand import expand
from e3dnas.arch.fields import Activation, Block, Kernel, Shortcut, Spec, Stride, TemporalKernel, Width
from e3dnas.arch.table import BLOCKS, STAGE_FIELDS, Columns, LayerTable
from e3dnas.config import At, check, shown

__all__ = ["Architecture", "Clip", "Head", "Stage", "Stem"]

MAX_MACS = 2**53
"""Costs are counted in float64, as thop does; beyond this they would no longer be exact."""


class Clip(Spec):
    """The input: ``frames`` x ``size`` x ``size`` pixels of ``channels`` channels."""

    frames: int = Field(default=13, ge=1, le=4096, description="frames of a clip")
    size: int = Field(default=160, ge=1, le=8192, description="height and width of a clip in pixels")
    channels: Width = Field(default=3, description="channels of the input, 3 for RGB")


class Stem(Spec):
    """The first convolution, with BN and activation."""

    out: Width = Field(description="channels out")
    kernel: Kernel = Field(default=(1, 3), description="kernel, time x height x width")
    stride: Stride = Field(default=(1, 2), description="stride, time x height x width")
    temporal_kernel: TemporalKernel = Field(
        default=0, description="frames of a depthwise temporal convolution before the BN (X3D: 5), 0: none"
    )
    activation: Activation = Field(default="relu", description="activation after the BN")


class Stage(Spec):
    """``depth`` equal residual bottleneck blocks; the first one strides and changes the width.

    ``depthwise`` (the paper's): 1x1x1 to ``bottleneck``, depthwise ``kernel``, 1x1x1 to ``out``. ``dense``: the middle
    convolution is dense (3D ResNet bottleneck). ``factorised``: it is a dense 1 x k x k followed by a dense
    k_t x 1 x 1 ((2+1)D, arXiv 1711.11248). Every convolution has a BN.
    """

    block: Block = Field(default="depthwise", description="kind of block")
    depth: int = Field(ge=1, le=1024, description="number of blocks")
    out: Width = Field(description="channels out of every block")
    bottleneck: Width = Field(description="channels inside a block")
    kernel: Kernel = Field(default=(3, 3), description="kernel of the middle convolution, time x height x width")
    stride: Stride = Field(default=(1, 1), description="stride of the first block, time x height x width")
    se: float = Field(
        default=0.0, ge=0.0, le=1.0, description="squeeze-excitation: squeezed width over bottleneck, 0: none"
    )
    se_every: int = Field(default=1, ge=1, le=1024, description="every n-th block squeezes, the first one included")
    shortcut: Shortcut = Field(
        default="identity",
        description="identity: only where the width stays, average-pooled where the block strides; "
        "projection: a strided 1x1x1 convolution with BN where the width or the size changes",
    )
    activation: Activation = Field(default="relu", description="activation after the first convolution and the sum")
    inner_activation: Activation | None = Field(
        default=None, description="activation after the middle convolution; none: as 'activation'"
    )

    @property
    def squeeze(self) -> int:
        """Channels of the squeezed vector, 0 for none: ``se`` x bottleneck to a multiple of 8, as in X3D."""
        return squeeze_width(self.bottleneck, self.se)


class Head(Spec):
    """A 1x1x1 convolution with BN and activation, then pooling, a hidden layer and the classifier."""

    out: Width = Field(default=512, description="channels out of the head convolution")
    activation: Activation = Field(default="relu", description="activation after the BN")
    hidden: int = Field(default=2048, ge=0, le=65536, description="width of the layer before the classifier, 0: none")
    hidden_activation: Activation = Field(default="silu", description="activation of that layer")


class Architecture(Spec):
    """A whole network, as read from ``architecture.yaml``; equal specs are equal networks."""

    name: str = Field(default="", max_length=255, description="name of the network")
    clip: Clip = Field(default_factory=Clip, description="the clip the network is made for")
    stem: Stem = Field(description="the first convolution")
    stages: Annotated[tuple[Stage, ...], Strict(False), Field(min_length=1, max_length=64)] = Field(
        description="the stages, from the stem on"
    )
    head: Head = Field(default_factory=Head, description="what follows the last stage")

    @field_validator("name")
    @classmethod
    def _one_line(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError(f"must be one line of printable text, not {shown(name)}")
        return name

    @model_validator(mode="after")
    def _countable(self) -> Architecture:
        table = self.table()
        macs = float((table.macs * table.repeat).sum())
        if macs >= MAX_MACS:
            raise At((), f"the network has {macs:.3g} multiply-accumulates; at most {MAX_MACS:.3g} can be counted")
        return self

    @field_serializer("stages", mode="wrap")
    def _sparse_stages(self, stages: Any, handler: Any) -> Any:
        return [{k: v for k, v in stage.items() if v is not None} for stage in handler(stages)]

    def columns(self) -> Columns:
        """Return the numbers of this network as a population of one."""
        fields = [
            {
                "block": BLOCKS.index(stage.block),
                "depth": stage.depth,
                "out": stage.out,
                "bottleneck": stage.bottleneck,
                "kernel_t": stage.kernel[0],
                "kernel_s": stage.kernel[1],
                "stride_t": stage.stride[0],
                "stride_s": stage.stride[1],
                "squeeze": stage.squeeze,
                "se_every": stage.se_every,
                "projection": stage.shortcut == "projection",
            }
            for stage in self.stages
        ]
        stem = self.stem
        return Columns(
            clip=(self.clip.frames, self.clip.size, self.clip.channels),
            stem={
                "out": np.array([stem.out], float),
                "kernel_t": np.array([stem.kernel[0]], float),
                "kernel_s": np.array([stem.kernel[1]], float),
                "stride_t": np.array([stem.stride[0]], float),
                "stride_s": np.array([stem.stride[1]], float),
                "temporal_kernel": np.array([stem.temporal_kernel], float),
            },
            stages={key: np.array([[field[key] for field in fields]], float) for key in STAGE_FIELDS},
            head={"out": np.array([self.head.out], float)},
        )

    def table(self) -> LayerTable:
        """Return the layer table of this network, without the rows that do not occur in it."""
        return expand(self.columns()).only_used()

    def with_clip(self, frames: int | None = None, size: int | None = None) -> Architecture:
        """Return the same network for another clip: ``frames`` and ``size`` in pixels, where given.

        Raises:
            E3DNASError: there is no such clip.
        """
        data = self.to_dict()
        data["clip"] |= {k: v for k, v in (("frames", frames), ("size", size)) if v is not None}
        return check(Architecture, data)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that ``Architecture.model_validate`` and every reader of files takes back."""
        return self.model_dump(mode="json")


def squeeze_width(bottleneck: int, se: float) -> int:
    """Return the squeezed width of X3D: ``bottleneck * se`` to the nearest 8, at least 8, never 10 % too low."""
    if se == 0:
        return 0
    width = bottleneck * se
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * width else rounded
