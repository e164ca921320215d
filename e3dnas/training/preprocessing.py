"""How frames of a video become input of a network: kept with the trained network, so that it cannot be another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from e3dnas.training.networks import NetworkSource
    from e3dnas.training.recipe import Recipe
    from e3dnas.training.recipe_data import Augmentation
    from e3dnas.video import Sampling, TestTransform, TrainTransform

__all__ = ["Preprocessing"]


@dataclass(frozen=True)
class Preprocessing:
    """Everything between a video file and the network.

    Attributes:
        frames: frames of a clip.
        size: pixels a side of a clip.
        kind: ``dense`` or ``segment``.
        every: dense: frames from one to the next.
        fps: dense: frames a second that ``every`` is meant for; None: any.
        short_side: pixels that the short side of a frame is scaled to in tests.
        mean: mean of each channel, of values 0 .. 1.
        std: standard deviation of each channel.
        still: whether one frame of each clip is shown, repeated.
    """

    frames: int
    size: int
    kind: str
    every: float
    fps: float | None
    short_side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    still: bool = False

    @classmethod
    def of(cls, recipe: Recipe, source: NetworkSource, usual: str) -> Preprocessing:
        """Return what a recipe and a network ask for; ``usual`` is the sampling that is usual for the data.

        Raises:
            E3DNASError: the network does not take RGB.
        """
        clip, spec = source.architecture.clip, recipe.clip
        if clip.channels != 3:
            raise E3DNASError(f"{source.name}: takes clips of {clip.channels} channels, and videos have 3")
        mean, std = source.normalisation
        short_side = round(spec.short_side * clip.size)
        return cls(
            clip.frames, clip.size, spec.sampling or usual, spec.every, spec.fps, short_side, mean, std, spec.still
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str) -> Preprocessing:
        """Return what ``to_dict`` has made plain data of.

        Raises:
            E3DNASError: it is something else; ``where`` says what.
        """
        try:
            return cls(**{**data, "mean": tuple(data["mean"]), "std": tuple(data["std"])})
        except (TypeError, KeyError) as error:
            raise E3DNASError(
                f"{where}: does not say how clips are made ({error}); train it with `e3dnas train`"
            ) from None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @property
    def sampling(self) -> Sampling:
        """How frames are chosen."""
        from e3dnas.video import Sampling

        return Sampling(self.kind, self.frames, self.every, self.fps)

    def train_transform(self, augment: Augmentation, mirror: bool) -> TrainTransform:
        """Return the transform of training clips; ``mirror`` says whether the data allow flips."""
        from e3dnas.video import TrainTransform

        flip = mirror if augment.flip is None else augment.flip
        low, high = (max(round(side * self.size), self.size) for side in augment.short_side)
        return TrainTransform(
            self.size, (low, high), 0.5 if flip else 0.0, augment.colour, augment.randaugment, augment.magnitude,
            augment.erase,
        )  # fmt: skip

    def test_transform(self, crops: int) -> TestTransform:
        """Return the transform of test clips."""
        from e3dnas.video import TestTransform

        return TestTransform(self.size, self.short_side, crops)

    def to_input(self, clips: Tensor, device: torch.device, memory_format: Any) -> Tensor:
        """Return clips, uint8 (B, C, T, H, W), as the network takes them, on the device."""
        from e3dnas.video import normalise

        clips = clips.to(device, non_blocking=True, memory_format=memory_format)
        if self.still:
            middle = clips.shape[2] // 2
            clips = clips[:, :, middle : middle + 1].expand_as(clips)
        return normalise(clips, self.mean, self.std)
