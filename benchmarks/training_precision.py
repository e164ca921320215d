"""What number formats, memory format and compilation are worth in training: E3D-S on the demo videos at 13 x 160 x 160.

python benchmarks/training_precision.py [--model e3d_s] [--updates 60] [--batch 64] [--videos 24]

Needs a GPU; without one it says so and ends with 2, and ``--device cpu`` tries the script itself with small numbers.
Every way trains with our own loop from the same weights on the same clips in the same order, the clips decoded
once and kept in memory, so that what is compared is the network: clips a second (median of reports after the first
ones, in which kernels are chosen and compiled), peak memory, and the loss, which must fall alike.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from measuring import keep, table

import e3dnas
from e3dnas.training import Options, TensorClips, train
from e3dnas.training.events import StepReport
from e3dnas.training.records import Silent
from e3dnas.video import ClipDataset, Sampling, TestTransform, load_videos, make_demo, normalise

WAYS: dict[str, dict[str, Any]] = {
    "fp32": {"amp": "no", "channels_last": False},
    "fp32, channels_last_3d": {"amp": "no", "channels_last": True},
    "bf16": {"amp": "bf16", "channels_last": False},
    "bf16, channels_last_3d": {"amp": "bf16", "channels_last": True},
    "bf16, compiled": {"amp": "bf16", "channels_last": False, "compile": True},
    "bf16, channels_last_3d, compiled": {"amp": "bf16", "channels_last": True, "compile": True},
}
EVERY = 5


class Heard(Silent):
    """Keeps the reports."""

    def __init__(self) -> None:
        self.steps: list[StepReport] = []

    def step(self, report: StepReport) -> None:
        """Keep a report."""
        self.steps.append(report)


def demo_clips(folder: Path, videos: int, frames: int, size: int) -> TensorClips:
    """Return the clips of the demo's training videos, in memory, scaled to ``size``."""
    make_demo(folder, train=videos, val=1, frames=2 * frames, size=64)
    split = load_videos(folder).train
    dataset = ClipDataset(split, Sampling("dense", frames, 2.0), TestTransform(size, size), clips=1)
    samples = [dataset[index] for index in range(len(dataset))]
    clips = normalise(torch.cat([sample.clip for sample in samples]), (0.45,) * 3, (0.225,) * 3)
    return TensorClips(clips, torch.tensor([item.label for item in split.items]), split.classes)


def measure(model: str, data: TensorClips, precision: dict[str, Any], asked: argparse.Namespace) -> Heard:
    """Train in one way."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    per_epoch = len(data.clips) // asked.batch
    recipe = {
        "epochs": -(-asked.updates // per_epoch), "batch": asked.batch, "precision": precision,
        "model": {"zero_init_last": True},
        "optimizer": {"name": "adamw", "lr": 0.002, "weight_decay": 0.02}, "schedule": {"warmup_epochs": 0},
    }  # fmt: skip
    heard = Heard()
    with tempfile.TemporaryDirectory() as folder:
        options = Options(device=asked.device, log_every=EVERY)
        train(model, data, out=Path(folder) / "run", recipe=recipe, options=options, listener=heard)
    return heard


def row(name: str, heard: Heard, base: float | None) -> list[str]:
    """Return what one way came to."""
    speed = statistics.median(step.clips_per_sec for step in heard.steps[len(heard.steps) // 2 :])
    memory = heard.steps[-1].gpu_gib
    losses = [heard.steps[i].loss for i in (0, len(heard.steps) // 2, -1)]
    return [
        name, f"{speed:.1f}", f"{speed / (base or speed):.2f}", "-" if memory is None else f"{memory:.2f}",
        " > ".join(f"{loss:.3f}" for loss in losses),
    ]  # fmt: skip


def main() -> None:
    """Measure and keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="e3d_s")
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--videos", type=int, default=24, help="of each of the eight classes")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--device", default="cuda")
    asked = parser.parse_args()
    if asked.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here: nothing measured, nothing written", file=sys.stderr)
        sys.exit(2)
    clip = e3dnas.load_architecture(asked.model).clip
    with tempfile.TemporaryDirectory() as folder:
        data = demo_clips(Path(folder) / "demo", asked.videos, clip.frames, clip.size)
    rows: list[list[str]] = []
    for name in asked.ways:
        heard = measure(asked.model, data, WAYS[name], asked)
        rows.append(row(name, heard, float(rows[0][1]) if rows else None))
        print(*rows[-1], sep="   ", flush=True)
    where = torch.cuda.get_device_name() if asked.device == "cuda" else "the CPU"
    told = (
        f"{asked.model}, {clip.frames} x {clip.size} x {clip.size}, batch {asked.batch}, on {where}, "
        f"cuDNN {torch.backends.cudnn.version()}; {asked.updates} updates or a little more.\n\n"
    )
    head = ("way", "clips/s", "over the first", "peak GiB", "loss: first, middle, last report")
    keep("training_precision", told + table(head, rows))


if __name__ == "__main__":
    main()
