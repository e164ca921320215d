"""What the training loop costs: clips a second of it against the bare model on the same tensors.

python benchmarks/training_overhead.py [--updates 8] [--rounds 8] [--batch 16] [--model tiny]

Both do the same arithmetic: forward, cross entropy, backward, SGD. The bare one is a Python loop of six lines; ours
adds seeds, schedule, meters, reports, steps.csv and TensorBoard. They take turns, ``updates`` at a time, so that other
work on the machine meets both alike; time is that of the process's own threads, and on the wall beside it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from measuring import keep, table

import e3dnas
from e3dnas.training import Options, TensorClips, train
from e3dnas.training.assembling import make_optimizer
from e3dnas.training.events import StepReport
from e3dnas.training.recipes import load_recipe
from e3dnas.training.records import Silent

Times = tuple[float, float]


def times() -> Times:
    """Return (CPU seconds, wall seconds)."""
    return time.process_time(), time.perf_counter()


class TakingTurns(Silent):
    """After every report of our loop, lets the bare one make as many updates."""

    def __init__(self, bare: Callable[[], None]) -> None:
        self.bare = bare
        self.ours: list[Times] = []
        self.theirs: list[Times] = []
        self._left: Times | None = None

    def step(self, report: StepReport) -> None:
        """Note how long ours took, and take the other's time."""
        entered = times()
        if self._left is not None:
            self.ours.append((entered[0] - self._left[0], entered[1] - self._left[1]))
        before = times()
        self.bare()
        after = times()
        if self._left is not None:
            self.theirs.append((after[0] - before[0], after[1] - before[1]))
        self._left = times()


def bare_loop(data: TensorClips, architecture: e3dnas.Architecture, recipe: dict, updates: int) -> Callable[[], None]:
    """Return a function that makes ``updates`` updates as plainly as PyTorch can."""
    model = e3dnas.create_model(architecture, num_classes=len(data.classes)).train()
    checked = load_recipe(recipe)
    optimizer, loss = make_optimizer(model, checked), torch.nn.CrossEntropyLoss()

    def run() -> None:
        for number in range(updates):
            some = slice(number * checked.batch, (number + 1) * checked.batch)
            loss(model(data.clips[some]), data.labels[some]).backward()
            optimizer.step()
            optimizer.zero_grad()

    return run


def main() -> None:
    """Measure and keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--updates", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--model", default="tiny", help="a space whose best network is trained, or a network")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    if asked.model == "tiny":
        architecture = e3dnas.search("tiny", trials=20).best.architecture
    else:
        architecture = e3dnas.load_architecture(asked.model)
    clip, count = architecture.clip, asked.updates * asked.batch
    data = TensorClips(
        torch.randn(count, clip.channels, clip.frames, clip.size, clip.size), torch.arange(count) % 8,
        [str(number) for number in range(8)],
    )  # fmt: skip
    recipe = {"epochs": asked.rounds + 1, "batch": asked.batch, "optimizer": {"lr": 0.01}}
    turns = TakingTurns(bare_loop(data, architecture, recipe, asked.updates))
    with tempfile.TemporaryDirectory() as folder:
        options = Options(device="cpu", log_every=asked.updates)
        train(architecture, data, out=Path(folder) / "run", recipe=recipe, options=options, listener=turns)
    rows = []
    for place, what in enumerate(("CPU time", "wall time")):
        ours, theirs = (count / statistics.median(one[place] for one in found) for found in (turns.ours, turns.theirs))
        ratios = [t[place] / o[place] for o, t in zip(turns.ours, turns.theirs, strict=True)]
        rows.append((what, f"{theirs:.1f}", f"{ours:.1f}", f"{100 * statistics.median(ratios):.1f} %"))
    told = (
        f"{asked.rounds} rounds of {asked.updates} updates of {asked.batch} clips, {asked.threads} threads, "
        f"{clip.frames} x {clip.size} x {clip.size} ({asked.model}); medians over rounds; an epoch's checkpoint falls "
        "into every round of ours.\n\n"
    )
    keep("training_overhead", told + table(("", "bare, clips/s", "ours, clips/s", "ours / bare"), rows))


if __name__ == "__main__":
    main()
