"""A network, clips and listeners small enough to train in a second; imported by tests and by processes they start."""

import torch

from e3dnas.arch import load_architecture
from e3dnas.training import Options, TensorClips, train
from e3dnas.training.records import Silent

ARCHITECTURE = {
    "name": "small",
    "clip": {"frames": 4, "size": 16},
    "stem": {"out": 8},
    "stages": [
        {"depth": 2, "out": 8, "bottleneck": 16, "stride": "1x2x2"},
        {"depth": 1, "out": 16, "bottleneck": 16, "stride": "1x2x2"},
    ],
    "head": {"out": 16, "hidden": 8},
}
# Everything that draws random numbers or keeps a state is on.
RECIPE = {
    "epochs": 3,
    "batch": 8,
    "accumulate": 2,
    "label_smoothing": 0.1,
    "clip_grad": 1.0,
    "model": {"drop": 0.2, "drop_path": 0.2},
    "optimizer": {"lr": 0.05},
    "schedule": {"warmup_epochs": 1},
    "ema": {"decay": 0.9},
    "precision": {"deterministic": True},
}


def architecture():
    return load_architecture(ARCHITECTURE)


def clips(count=44, held_out=10, classes=3):
    """Clips whose mean tells the class: easy to learn."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count + held_out) % classes
    pixels = torch.randn(len(labels), 3, 4, 16, 16, generator=generator) + labels.view(-1, 1, 1, 1, 1)
    names = [f"class {number}" for number in range(classes)]
    return TensorClips(pixels[:count], labels[:count], names, (pixels[count:], labels[count:]))


class Heard(Silent):
    """Keeps what it is told."""

    def __init__(self):
        self.notes, self.steps, self.epochs = [], [], []

    def note(self, text):
        self.notes.append(text)

    def step(self, report):
        self.steps.append(report)

    def epoch(self, report):
        self.epochs.append(report)


def run(
    out, *, recipe=RECIPE, data=None, listener=None, network=None, log_every=1, save_every=2, device="cpu", **given
):
    """Train the small network on the small clips."""
    return train(
        network or architecture(), data or clips(), out=out, recipe=recipe, listener=listener,
        options=Options(device=device, log_every=log_every, save_every=save_every), **given,
    )  # fmt: skip
