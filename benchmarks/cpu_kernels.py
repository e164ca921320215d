"""Training and inference on one CPU thread: the convolutions of ``e3dnas.kernels`` against nn.Conv3d, and by shape.

python benchmarks/cpu_kernels.py [--models e3d_s x3d_s] [--batches 1 4] [--rounds 7]

A training step is forward, cross entropy and backward; inference is forward without gradients. The ways take turns, so
that other work on the machine meets all alike; time is that of the process's own threads, and a ratio is one of
neighbouring steps. Plain is ``E3DNAS_KERNELS=0``.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from measuring import keep, table
from torch import Tensor

import e3dnas
from e3dnas.kernels import depthwise_conv3d

LAST = torch.channels_last_3d

# C, T, H = W, k_t, k, stride: those of E3D-S, a 5x1x1 as in the stem of X3D, and a wide kernel.
SHAPES = [
    (32, 13, 80, 1, 5, 2), (32, 13, 40, 1, 5, 1), (96, 13, 40, 3, 3, 2), (96, 13, 20, 3, 3, 1), (176, 13, 20, 3, 3, 2),
    (176, 13, 10, 3, 3, 1), (384, 13, 10, 3, 3, 2), (384, 13, 5, 3, 3, 1), (24, 13, 80, 5, 1, 1), (96, 13, 20, 3, 5, 1),
]  # fmt: skip


def seconds(run: Callable[[], object], kernels: str) -> float:
    """Return the CPU seconds of one run with ``E3DNAS_KERNELS`` set so; empty is the default."""
    os.environ["E3DNAS_KERNELS"] = kernels
    start = time.process_time()
    run()
    return time.process_time() - start


def in_turns(ways: dict[str, tuple[Callable[[], object], str]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each way in each round, after one that is not counted."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, (run, kernels) in ways.items():
            took = seconds(run, kernels)
            if number:
                found[name].append(took)
    return found


def told(found: dict[str, list[float]], first: str) -> list[tuple[str, str, str, str]]:
    """Return a row a way: least and median milliseconds, median ratio to the way called ``first``."""
    rows = []
    for name, took in found.items():
        ratio = statistics.median(a / b for a, b in zip(found[first], took, strict=True))
        rows.append((name, f"{1e3 * min(took):.1f}", f"{1e3 * statistics.median(took):.1f}", f"{ratio:.2f}"))
    return rows


def step(model: torch.nn.Module, clips: Tensor) -> Callable[[], None]:
    """Return a function that makes one step, of training where the network is in training mode."""
    if not model.training:
        return torch.no_grad()(lambda: model(clips))
    labels = torch.zeros(len(clips), dtype=torch.long)

    def run() -> None:
        F.cross_entropy(model(clips), labels).backward()
        model.zero_grad()

    return run


def network_ways(name: str, batch: int, *, train: bool) -> dict[str, tuple[Callable[[], object], str]]:
    """Return the ways to train a network, or to run it."""
    model = e3dnas.create_model(name, num_classes=174).train(train)
    clip = model.arch.clip
    clips = torch.randn(batch, clip.channels, clip.frames, clip.size, clip.size)
    last = clips.contiguous(memory_format=LAST)
    return {
        "nn.Conv3d": (step(model, clips), "0"),
        "nn.Conv3d, channels_last_3d": (step(model, last), "0"),
        "e3dnas.kernels": (step(model, clips), ""),
    }


def shape_ways(shape: tuple[int, ...]) -> dict[str, tuple[Callable[[], object], str]]:
    """Return the ways to run one depthwise convolution forward and backward, batch 2."""
    channels, frames, size, kernel_t, kernel, stride = shape
    x = torch.randn(2, channels, frames, size, size)
    weight = torch.randn(channels, 1, kernel_t, kernel, kernel, requires_grad=True)
    last = x.contiguous(memory_format=LAST).requires_grad_()
    x.requires_grad_()

    def both(x: Tensor) -> Callable[[], object]:
        def run() -> object:
            y = depthwise_conv3d(x, weight, stride=stride)
            return torch.autograd.grad(y, (x, weight), torch.ones_like(y))

        return run

    return {"plain": (both(x), "0"), "plain, last": (both(last), "0"), "ours": (both(last), "")}


def main() -> None:
    """Measure and keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", nargs="+", default=["e3d_s", "x3d_s"])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    text = f"{asked.threads} thread, medians of {asked.rounds} interleaved rounds, CPU time of the process.\n"
    for name, train, batch in itertools.product(asked.models, (True, False), asked.batches):
        rows = told(in_turns(network_ways(name, batch, train=train), asked.rounds), "nn.Conv3d")
        part = f"\n{'A training step' if train else 'Inference'} of {name}, batch {batch}:\n\n"
        part += table(("way", "least ms", "median ms", "times faster"), rows) + "\n"
        print(part, flush=True)
        text += part
    rows = []
    for shape in SHAPES:
        found = in_turns(shape_ways(shape), asked.rounds)
        channels, frames, size, kernel_t, kernel, stride = shape
        best = statistics.median(
            min(a, b) / c for a, b, c in zip(found["plain"], found["plain, last"], found["ours"], strict=True)
        )
        least = [f"{1e3 * min(took):.2f}" for took in found.values()]
        rows.append(
            (f"{channels} x {frames} x {size} x {size}", f"{kernel_t}x{kernel}x{kernel}", stride, *least, f"{best:.2f}")
        )
    text += (
        "\nOne depthwise convolution, forward and both gradients, batch 2, float32, least ms, ours on channels_last_3d:"
    )
    text += "\n\n"
    columns = "shape", "k", "s", "nn.Conv3d", "channels_last_3d", "ours", "times faster than the better"
    keep("cpu_kernels", text + table(columns, rows))


if __name__ == "__main__":
    main()
