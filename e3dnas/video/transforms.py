"""From frames to the pixels of a clip: every frame of it is cropped, flipped and coloured alike.

Random choices are drawn from torch's global generator, as torchvision's transforms draw theirs; ``ClipDataset`` seeds
it for each item. Shapes: T frames, H x W pixels, C channels, V views, B clips of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from e3dnas.errors import E3DNASError

__all__ = ["MEAN", "STD", "TestTransform", "TrainTransform", "check_crops", "normalise"]

MEAN = (0.45, 0.45, 0.45)
STD = (0.225, 0.225, 0.225)


@dataclass(frozen=True)
class TrainTransform:
    """A random crop of random scale, flipped by chance, with augmentations.

    The crop is cut out of the stored frames and then scaled: the same as scaling the frames so that their short side is
    a random one of ``short_side`` and cropping then, but the pixels outside are never touched.

    Attributes:
        size: side of the clip, pixels.
        short_side: least and greatest length that the short side of the frames is scaled to, pixels; at least ``size``.
        flip: the chance that a clip is mirrored. 0 where labels depend on the side (``Split.mirror`` is False).
        colour: strength of random changes of brightness, contrast and saturation, each by a factor of up to 1 +- this;
            0 for none.
        randaugment: how many of RandAugment's operations a clip gets; 0 for none.
        magnitude: their strength, 0 .. 30.
        erasing: the chance that a box, the same in all frames, is filled with the mean colour.
    """

    size: int
    short_side: tuple[int, int]
    flip: float = 0.5
    colour: float = 0.0
    randaugment: int = 0
    magnitude: int = 9
    erasing: float = 0.0

    def __post_init__(self) -> None:
        least, most = self.short_side
        if not 0 < self.size <= least <= most:
            raise E3DNASError(f"short_side: must be two numbers from the size {self.size} up, not {least}, {most}")
        for name in ("flip", "erasing", "colour"):
            if not 0 <= getattr(self, name) <= 1:
                raise E3DNASError(f"{name}: must be 0 to 1, not {getattr(self, name)}")

    def __call__(self, frames: Tensor) -> Tensor:
        """Return a clip, uint8 (C, T, size, size), of frames, uint8 (T, H, W, C)."""
        from torchvision.transforms import v2
        from torchvision.transforms.v2 import functional as operate

        clip = self._crop(frames.permute(0, 3, 1, 2))
        if torch.rand(()) < self.flip:
            clip = operate.horizontal_flip(clip)
        if self.colour:
            clip = v2.ColorJitter(self.colour, self.colour, self.colour)(clip)
        if self.randaugment:
            clip = v2.RandAugment(self.randaugment, self.magnitude, fill=[round(255 * one) for one in MEAN])(clip)
        if self.erasing:
            clip = v2.RandomErasing(self.erasing, value=[round(255 * one) for one in MEAN])(clip)
        return clip.transpose(0, 1).contiguous()

    def _crop(self, frames: Tensor) -> Tensor:
        """Return (T, C, size, size) of (T, C, H, W)."""
        height, width = frames.shape[-2:]
        least, most = self.short_side
        # The side of the box in stored pixels; X3D draws the scale evenly between the inverse lengths' ends, most
        # recipes between the lengths, as here.
        short = int(torch.randint(least, most + 1, ()))
        box = min(max(round(self.size * min(height, width) / short), 1), height, width)
        top, left = (int(torch.randint(room - box + 1, ())) for room in (height, width))
        return _scaled(frames[..., top : top + box, left : left + box], self.size, self.size)


@dataclass(frozen=True)
class TestTransform:
    """The crops that a video is tested by.

    Attributes:
        size: side of the crops, pixels.
        short_side: length that the short side of the frames is scaled to, pixels; ``size`` if 0.
        crops: 1 for the one in the middle; 3 for one at each end of the long side, too; 2 for those at the ends alone.
    """

    __test__ = False  # to pytest the name looks like a test

    size: int
    short_side: int = 0
    crops: int = 1

    def __post_init__(self) -> None:
        check_crops(self.crops)
        if self.size < 1 or (self.short_side and self.short_side < self.size):
            raise E3DNASError(f"short_side: must be at least the size {self.size}, not {self.short_side}")

    def __call__(self, frames: Tensor) -> Tensor:
        """Return the crops, uint8 (crops, C, T, size, size), of frames, uint8 (T, H, W, C)."""
        height, width = frames.shape[1:3]
        scale = (self.short_side or self.size) / min(height, width)
        tall, wide = (max(round(scale * side), self.size) for side in (height, width))
        clip = _scaled(frames.permute(0, 3, 1, 2), tall, wide)
        views = []
        for place in {1: (1,), 2: (0, 2), 3: (0, 1, 2)}[self.crops]:
            # Halves of the room that is left beside the crop: along the long side by the place, else the middle.
            top = (tall - self.size) * (place if tall > wide else 1) // 2
            left = (wide - self.size) * (place if wide >= tall else 1) // 2
            views.append(clip[..., top : top + self.size, left : left + self.size].transpose(0, 1))
        return torch.stack(views)


def check_crops(crops: int) -> None:
    """Refuse a number of crops that has no meaning.

    Raises:
        E3DNASError: it is not 1, 2 or 3.
    """
    if crops not in (1, 2, 3):
        raise E3DNASError(f"crops: must be 1, 2 or 3, not {crops}")


def normalise(
    clips: Tensor, mean: tuple[float, ...] = MEAN, std: tuple[float, ...] = STD, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return clips as a network takes them: (value / 255 - mean) / std, on the device they are on.

    Args:
        clips: uint8 (..., C, T, H, W).
        mean: mean of each channel, of values 0 .. 1.
        std: standard deviation of each channel.
        dtype: of what is returned.
    """
    scale = torch.tensor([1 / (255 * one) for one in std], device=clips.device).view(-1, 1, 1, 1)
    shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)], device=clips.device).view(-1, 1, 1, 1)
    return torch.addcmul(shift, clips.float(), scale).to(dtype)


def _scaled(frames: Tensor, height: int, width: int) -> Tensor:
    """Return (T, C, height, width) of uint8 (T, C, H, W), averaging where frames get smaller."""
    from torchvision.transforms.v2 import functional as operate

    if tuple(frames.shape[-2:]) == (height, width):
        return frames
    return operate.resize(frames, [height, width], antialias=True)  # type: ignore[no-any-return]
