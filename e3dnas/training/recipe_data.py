"""The part of a recipe that concerns clips: which frames, which changes, which views, how they are read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from e3dnas.arch.fields import Spec
from e3dnas.config import At

__all__ = ["Augmentation", "ClipSampling", "Loader", "Views"]

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ClipSampling(Spec):
    """Which frames of a video make a clip, and the size of the clip."""

    frames: int | None = Field(default=None, ge=1, le=4096, description="frames of a clip; none: the network's own")
    size: int | None = Field(
        default=None, ge=8, le=8192, description="pixels a side of a clip; none: the network's own"
    )
    sampling: Literal["dense", "segment"] | None = Field(
        default=None,
        description="dense: frames at equal distance; segment: one frame of each equal part of the video; none: as is "
        "usual for the layout of the data",
    )
    every: float = Field(default=2, gt=0, le=1000, description="dense: from one frame of a clip to the next, in frames")
    fps: float | None = Field(
        default=None,
        gt=0,
        le=1000,
        description="dense: frames a second that 'every' is meant for, so that clips last equally long; none: any",
    )
    still: bool = Field(
        default=False, description="show one frame of each clip, repeated: what can be told without seeing any motion"
    )
    short_side: float = Field(
        default=1.15, ge=1.0, le=4.0, description="short side that a frame is resized to in tests, over the size"
    )


class Augmentation(Spec):
    """Changes of the clips in training."""

    short_side: tuple[float, float] = Field(
        default=(1.15, 1.45), strict=False, description="range of the short side a frame is resized to, over the size"
    )
    flip: bool | None = Field(
        default=None, description="mirror half of the clips; none: unless the data say that labels depend on the side"
    )
    colour: Share = Field(default=0.0, description="strength of random brightness, contrast and saturation")
    randaugment: int = Field(default=0, ge=0, le=8, description="operations of RandAugment for a clip, 0: none")
    magnitude: int = Field(default=9, ge=0, le=30, description="strength of RandAugment, 0 to 30")
    erase: Share = Field(default=0.0, description="share of clips from which a box is erased")
    mixup: float = Field(default=0.0, ge=0.0, description="alpha of mixup, 0: none")
    cutmix: float = Field(default=0.0, ge=0.0, description="alpha of CutMix, 0: none")
    mix_share: Share = Field(default=1.0, description="share of batches that are mixed, where mixup or CutMix is on")

    @model_validator(mode="after")
    def _range(self) -> Augmentation:
        low, high = self.short_side
        if not 1.0 <= low <= high:
            raise At(("short_side",), f"must be two numbers from 1 up, the lower first, not [{low:g}, {high:g}]")
        return self


class Views(Spec):
    """The views of a video whose probabilities are averaged."""

    clips: int = Field(default=1, ge=1, le=100, description="clips over the length of a video")
    crops: Literal[1, 2, 3] = Field(
        default=1, description="crops of a clip: 1 in the centre, 2 at the ends of the longer side, or 3"
    )

    @property
    def count(self) -> int:
        """Views of a video."""
        return self.clips * self.crops


class Loader(Spec):
    """How files are read."""

    workers: int | None = Field(
        default=None,
        ge=0,
        le=256,
        description="processes that read clips; none: on a GPU the spare cores, to 8; else one for every four cores",
    )
    reader: Literal["pyav", "torchcodec"] = Field(default="pyav", description="what decodes video files")
    max_broken: Share = Field(default=0.05, description="share of files that may be broken before training stops")
