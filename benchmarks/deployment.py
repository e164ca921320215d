"""How fast a network runs on a CPU by every path there is, and how far each is from PyTorch.

python benchmarks/deployment.py [--all] [--rounds 10] [--threads 1 2]

One clip at a time; PyTorch's own convolutions (E3DNAS_KERNELS=0). The paths take turns, a forward pass each, so that
other work on the machine meets all alike; a speed-up is that of the fastest passes against eager fp32 of the same run.
With one thread the time is the process's CPU time, with more it is the wall's. torch.compile takes a minute or more
before it starts; --no-compile leaves it out. Every file is written by ``e3dnas.deploy.export`` and run by
``e3dnas.deploy.load``.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import timm
import torch
from measuring import keep, table

from e3dnas.deploy import FORMATS, export, load
from e3dnas.deploy.preparing import capture, quiet, random_clips
from e3dnas.errors import E3DNASError
from e3dnas.models.folding import fold_batchnorm

Path_ = Callable[[np.ndarray], np.ndarray]
WARM_UP = 2
SLOW = 5
"""What takes so many times as long as eager is timed once: bf16 that the CPU does not have."""
COLUMNS = ("path", "fastest, ms", "median, ms", "speed-up", "deviation")


def of_torch(model: torch.nn.Module, *, last: bool = False, half: bool = False) -> Path_:
    """Return a path through PyTorch: ``last`` in channels_last_3d, ``half`` in bf16 by autocast."""
    layout = torch.channels_last_3d if last else torch.contiguous_format
    model = copy.deepcopy(model).to(memory_format=layout)

    def run(clips: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            return model(torch.from_numpy(clips).to(memory_format=layout)).float().numpy()

    return run


def pure_half(model: torch.nn.Module) -> Path_:
    """Return a path whose weights are bf16, too."""
    model = copy.deepcopy(model).to(torch.bfloat16, memory_format=torch.channels_last_3d)

    def run(clips: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(clips).to(torch.bfloat16, memory_format=torch.channels_last_3d)
        with torch.inference_mode():
            return model(given).float().numpy()

    return run


def compiled(model: torch.nn.Module, *, half: bool = False) -> Path_:
    """Return torch.compile's path, with weights taken for constants; ``half``: in bf16 by autocast.

    Without this freezing oneDNN's own layouts are not used. One process cannot measure both: the second would be served
    by the graph of the first.
    """
    import torch._inductor.config as config

    model = copy.deepcopy(model).to(memory_format=torch.channels_last_3d).requires_grad_(False)
    fast = torch.compile(model)

    def run(clips: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(clips).to(memory_format=torch.channels_last_3d)
        with torch.no_grad(), config.patch(freezing=True), torch.autocast("cpu", torch.bfloat16, enabled=half):
            return fast(given).float().numpy()

    return run


def has_half() -> bool:
    """Return whether the CPU has bf16 arithmetic."""
    found = Path("/proc/cpuinfo")
    return found.exists() and any(name in found.read_text() for name in ("avx512_bf16", "amx_bf16"))


def onnx_3d(model: torch.nn.Module, example: torch.Tensor, file: Path, threads: int) -> Path_:
    """Return ONNX Runtime's path for the network as it is, with its 3-D convolutions."""
    import onnxruntime

    with quiet():
        torch.onnx.export(capture(fold_batchnorm(model), example), dynamo=True, opset_version=18, verbose=False).save(
            file
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda clips: session.run(None, {session.get_inputs()[0].name: clips})[0]


def paths(model: torch.nn.Module, folder: Path, threads: int, compile: bool) -> Iterator[tuple[str, Path_ | str]]:
    """Yield every path by name, or why there is none."""
    folded = fold_batchnorm(model)
    yield "eager fp32", of_torch(model)
    yield "eager fp32, channels_last_3d", of_torch(model, last=True)
    yield "eager bf16 (autocast), channels_last_3d", of_torch(model, last=True, half=True)
    yield "BN folded, fp32", of_torch(folded)
    yield "BN folded, fp32, channels_last_3d", of_torch(folded, last=True)
    yield "BN folded, bf16 weights, channels_last_3d", pure_half(folded)
    if compile:
        yield "torch.compile + freezing, channels_last_3d", compiled(model)
        if has_half():
            yield "torch.compile + freezing, bf16 (autocast), channels_last_3d", compiled(model, half=True)
    files = {name: folder / f"net{one.suffix}" for name, one in FORMATS.items()}
    for name, file in files.items():
        if not file.exists():
            export(model, file, name)
    yield "torch.export file", load(files["torch-export"], threads=threads).predict
    yield (
        "ONNX Runtime, 3-D convolutions",
        onnx_3d(model, random_clips(model.arch.clip, 2), folder / "plain.onnx", threads),
    )
    yield "ONNX Runtime, our file (2-D convolutions)", load(files["onnx"], threads=threads).predict
    yield "OpenVINO fp32", load(files["openvino"], threads=threads).predict
    try:
        yield "OpenVINO bf16", load(files["openvino"], threads=threads, precision="bf16").predict
    except E3DNASError as error:
        yield "OpenVINO bf16", str(error)


def measure(name: str, threads: int, rounds: int, compile: bool, folder: Path) -> str:
    """Return a table of one network with so many threads."""
    torch.set_num_threads(threads)
    model = network(name)
    clock = time.process_time if threads == 1 else time.perf_counter
    clips = random_clips(model.arch.clip, 1, 7).numpy()
    found = dict(paths(model, folder, threads, compile))
    exact = copy.deepcopy(model).double()(torch.from_numpy(clips).double()).detach().numpy()
    largest = float(np.abs(exact).max())
    ready = {path: run for path, run in found.items() if callable(run)}
    deviation = {path: float(np.abs(run(clips) - exact).max()) / largest for path, run in ready.items()}
    times: dict[str, list[float]] = {path: [] for path in ready}
    for turn in range(rounds + WARM_UP):
        for path, run in ready.items():
            if turn > WARM_UP and times[path][0] > SLOW * times["eager fp32"][0]:
                continue
            before = clock()
            run(clips)
            if turn >= WARM_UP:
                times[path].append(1e3 * (clock() - before))
    eager = min(times["eager fp32"])
    rows = []
    for path, run in found.items():
        if isinstance(run, str):
            rows.append((path, run, "", "", ""))
            continue
        least = min(times[path])
        rows.append(
            (path, f"{least:.1f}", f"{statistics.median(times[path]):.1f}", f"{eager / least:.2f}",
             f"{deviation[path]:.1e}")
        )  # fmt: skip
    what = "CPU time of the process" if threads == 1 else "wall time"
    return f"### {name}, {threads} {'thread' if threads == 1 else 'threads'} ({what})\n\n{table(COLUMNS, rows)}\n"


def network(name: str) -> torch.nn.Module:
    """Return a network of the zoo with random weights."""
    torch.manual_seed(0)
    return timm.create_model(name, num_classes=174).eval()


def agreement(name: str) -> list[tuple[str, str, str, str]]:
    """Return how far each format of a network is from PyTorch, as ``export`` finds it at batch 1 and 2."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for one in FORMATS.values():
            made = export(network(name), Path(folder) / f"net{one.suffix}", one.name)
            rows.append((name, one.name, f"{made.deviation:.1e}", f"{made.deviation / made.scale:.1e}"))
    return rows


def main() -> None:
    """Measure and keep the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true", help="e3d_m and e3d_l, too")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)  # one table, in a process of its own
    asked = parser.parse_args()
    if asked.part:
        with tempfile.TemporaryDirectory() as folder:
            name, threads = asked.part[0], int(asked.part[1])
            print(measure(name, threads, asked.rounds, not asked.no_compile, Path(folder)))
        return
    names, parts = ["e3d_s", *(["e3d_m", "e3d_l"] if asked.all else [])], []
    for name in names:
        for threads in asked.threads:
            # OpenMP takes its threads when it starts; those that wait must not spin on a machine that others use.
            # Eager is PyTorch as it comes, without the package's own kernels.
            around = os.environ | {
                "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE", "E3DNAS_KERNELS": "0",
            }  # fmt: skip
            again = [sys.executable, *sys.argv, "--part", name, str(threads)]
            done = subprocess.run(again, env=around, stdout=subprocess.PIPE, text=True, check=True)
            print(done.stdout)
            parts.append(done.stdout)
    torch.set_num_threads(1)
    rows = [row for name in ("e3d_s", "e3d_m", "e3d_l") for row in agreement(name)]
    agreed = table(("network", "format", "deviation", "of the largest logit"), rows)
    packages = ", ".join(f"{one} {version(one)}" for one in ("onnx", "onnxscript", "onnxruntime", "openvino"))
    told = (
        f"{packages}. {asked.rounds} rounds, one clip, fp32 unless said; speed-up of the fastest pass over eager fp32 "
        "of the same run; the deviation is that of the logits from PyTorch in double precision, as a share of the "
        "largest.\n\n"
    )
    checked = f"### Every format against PyTorch, batch 1 and 2, random clips\n\n{agreed}"
    keep("deployment", told + "\n".join(parts) + checked)


if __name__ == "__main__":
    main()
