"""Mixup and CutMix for batches of clips, on the device the batch is on.

timm's CutMix mixes the labels of (B, C, T, H, W) and no pixels. torchvision's is right where it is told that it has
videos: it works on the last two axes, and takes the labels' share from the box it has cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from e3dnas.errors import E3DNASError

__all__ = ["Mixer"]


@dataclass(frozen=True)
class Mixer:
    """Mixes each clip of a batch with its neighbour, by one share for the batch, and its label likewise.

    Attributes:
        classes: how many there are.
        mixup: alpha of the Beta distribution that mixup's share is drawn from; 0 for no mixup.
        cutmix: that of CutMix, which puts a box of the other clip, the same in all frames, into each; 0 for none.
        chance: the chance that a batch is mixed at all.
        smoothing: share of every label that is spread evenly over all classes.
    """

    classes: int
    mixup: float = 0.0
    cutmix: float = 0.0
    chance: float = 1.0
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        for name, most in (("mixup", 1e3), ("cutmix", 1e3), ("chance", 1.0), ("smoothing", 1.0)):
            if not 0 <= getattr(self, name) <= most:
                raise E3DNASError(f"{name}: must be 0 to {most:g}, not {getattr(self, name)}")

    def __call__(self, clips: Tensor, labels: Tensor, seed: int | None = None) -> tuple[Tensor, Tensor]:
        """Return mixed clips and their targets.

        Args:
            clips: float (B, C, T, H, W); with B = 1 they come back as they are.
            labels: int64 (B,).
            seed: decides what is drawn; without it torch's global generator on the CPU does, and goes on.

        Returns:
            Clips like those given, and targets, float (B, classes), each adding up to 1.
        """
        if seed is None:
            return self._mixed(clips, labels)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._mixed(clips, labels)

    def _mixed(self, clips: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        targets = torch.nn.functional.one_hot(labels, self.classes).to(torch.float32)
        mix = self._drawn()
        if mix is not None and len(clips) > 1:
            from torchvision import tv_tensors

            clips, targets = mix(tv_tensors.Video(clips), targets)
            clips = clips.as_subclass(Tensor)
        return clips, targets * (1 - self.smoothing) + self.smoothing / self.classes

    def _drawn(self) -> Any:
        """Return what this batch is mixed by, or None."""
        from torchvision.transforms import v2

        kinds: list[Any] = [v2.MixUp(alpha=self.mixup)] if self.mixup else []
        kinds += [v2.CutMix(alpha=self.cutmix)] if self.cutmix else []
        if not kinds or torch.rand(()) >= self.chance:
            return None
        return kinds[int(torch.randint(len(kinds), ()))]
