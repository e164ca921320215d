"""All that needs a GPU, in one script of at most nine minutes: the depthwise operator, and whole networks.

python benchmarks/gpu.py [--minutes 9]
python benchmarks/gpu.py --device cpu --quick      tries the script itself with tiny sizes; writes nothing

In order of worth: what is here and what it can do; the operator against float64, twice; every depthwise shape of E3D-S
at 64 clips in bfloat16; E3D-S and X3D-S in training and inference with 64 clips; E3D-S compiled; the same with 8 clips;
what number formats are worth in training (training_precision.py). What time does not allow for is left out and said.
The verdicts G1 to G6 are goals set before anything was measured. X3D-S is this package's own spec of it.

Eager is the faster one of PyTorch's contiguous and channels_last_3d with cudnn.benchmark, our kernels turned off; ways
that are compared take turns. Inference has weights in bfloat16, training autocast. Without a GPU it ends with 2. The
tests that need one are run by ``pytest -m gpu``. All but the number formats needs of this package's dependencies NumPy,
torch, timm, pydantic, ruamel.yaml, rich and wrapt alone, where E3DNAS_HOME names any folder; the package may be a
checkout on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from gpu_networks import Measured, measured
from gpu_operator import BELOW, Timed, correctness, shape_table, shapes, speeds
from gpu_verdicts import network_verdicts, operator_verdicts
from measuring import keep, table

from e3dnas.arch import load_architecture
from e3dnas.bench.ceilings import measured_ceilings
from e3dnas.bench.clock import ready
from e3dnas.bench.plan import Plan
from e3dnas.bench.roofline import Ceilings
from e3dnas.bench.versions import versions

MODELS = ("e3d_s", "x3d_s")
UPDATES = 20
"""Of a training in each number format."""


class TimeIsUp(BaseException):
    """The minutes are over; no exception that whatever is running just then may take for its own."""


class Job:
    """What is measured, with what was found so far: sections of text, and figures for the verdicts."""

    def __init__(self, device: str, quick: bool) -> None:
        self.device, self.quick = device, quick
        small = {"frames": 4, "size": 32} if quick else {}
        self.networks = {name: load_architecture(name, **small) for name in MODELS}
        self.batches = (2,) if quick else (64, 8)
        self.dtype = "bfloat16" if device == "cuda" else "float32"
        self.ceilings = Ceilings(1.0, 1.0)
        self.sections: list[str] = []
        self.shapes: list[Timed] = []
        self.rows: list[Measured] = []

    def plan(self, batch: int, *, train: bool = False, compile: bool = False) -> Plan:
        """Return a plan for some clips."""
        seconds = 0.1 if self.quick else 8.0
        return Plan(self.device, batch, torch.get_num_threads(), self.dtype, train, compile, seconds)

    def say(self, title: str, text: str) -> None:
        """Add a section."""
        self.sections.append(f"## {title}\n\n{text}")
        print(f"\n{self.sections[-1]}", file=sys.stderr, flush=True)

    def here(self) -> None:
        """Versions and ceilings."""
        self.ceilings = measured_ceilings(self.plan(1))
        told = [f"{name} {value}" for name, value in versions(self.device).items()]
        rates = f"copy {self.ceilings.copy / 1e9:,.0f} GB/s, {self.dtype} products {self.ceilings.matmul / 1e12:.4g} T"
        self.say("What is here", f"{', '.join(told)}; measured: {rates}FLOP/s")

    def operator_right(self) -> None:
        """The operator against float64."""
        geometries = list(shapes(self.networks["e3d_s"], 2)) + list(shapes(self.networks["x3d_s"], 2))
        rows = []
        for dtype, direction, error, same in correctness(geometries, self.device):
            right = error <= BELOW[getattr(torch, dtype)] and same
            rows.append((dtype, direction, f"{error:.1e}", "yes" if same else "NO", "ok" if right else "WRONG"))
        columns = "type", "direction", "greatest relative error", "same bits twice", ""
        self.say(f"The operator against float64, {len(geometries)} shapes", table(columns, rows))

    def operator_fast(self) -> None:
        """Every depthwise shape of E3D-S."""
        batch = self.batches[0]
        counted = shapes(self.networks["e3d_s"], batch)
        try:
            for one in speeds(counted, self.plan(batch), self.ceilings):
                self.shapes.append(one)
        finally:
            rows, columns = shape_table(self.shapes)
            self.say(f"Depthwise convolutions of E3D-S, {batch} clips, {self.dtype}", table(columns, rows))

    def compare(self, title: str, names: tuple[str, ...], batch: int, *, train: bool, compile: bool = False) -> None:
        """Networks in every way."""
        plan = self.plan(batch, train=train, compile=compile)
        networks = {name: self.networks[name] for name in names}
        found = list(measured(networks, plan, self.ceilings, graphs=True, told=_progress))
        self.rows += found
        columns = "model", "way", "median ms", "clips/s", "% of its floor", "peak MiB", "longest kernels"
        self.say(title, table(columns, [_row(one) for one in found]))
        if self.device == "cuda":
            torch.cuda.empty_cache()

    def precision(self) -> None:
        """Training in each number format, as training_precision.py does it."""
        from training_precision import WAYS, demo_clips, measure, row

        batch, updates, videos = (2, 2, 1) if self.quick else (64, UPDATES, 24)
        asked = argparse.Namespace(updates=updates, batch=batch, device=self.device)
        architecture = self.networks["e3d_s"]
        with tempfile.TemporaryDirectory() as folder:
            data = demo_clips(Path(folder) / "demo", videos, architecture.clip.frames, architecture.clip.size)
        rows: list[list[str]] = []
        try:
            for name in list(WAYS)[:1] if self.quick else WAYS:
                heard = measure(architecture, data, WAYS[name], asked)
                rows.append(row(name, heard, float(rows[0][1]) if rows else None))
                _progress(" ".join(rows[-1]))
        finally:
            columns = "way", "clips/s", "over the first", "peak GiB", "loss: first, middle, last report"
            self.say(f"Training of E3D-S, {batch} clips, {updates} updates", table(columns, rows))

    def parts(self) -> Iterator[tuple[str, float, Callable[[], None]]]:
        """Yield what is to be done, in order of worth: name, seconds it needs at least, function."""
        yield "what is here", 0, self.here
        yield "the operator against float64", 30, self.operator_right
        yield "depthwise shapes", 40, self.operator_fast
        for batch in self.batches:
            for train in (True, False):
                yield self.part(batch, MODELS, train=train)
            if batch == self.batches[0] and not self.quick:
                yield self.part(batch, MODELS[:1], train=True, compile=True)
        if not self.quick:
            yield self.part(self.batches[0], MODELS[:1], train=False, compile=True)
        yield "number formats in training", 60, self.precision

    def part(
        self, batch: int, models: tuple[str, ...], *, train: bool, compile: bool = False
    ) -> tuple[str, float, Callable[[], None]]:
        """Return the comparison of networks as a part."""
        what = (
            f"{'Training' if train else 'Inference'}{', compiled too' if compile else ''}, {batch} clips, {self.dtype}"
        )
        return what, 60 if compile else 30, partial(self.compare, what, models, batch, train=train, compile=compile)


def run(job: Job, seconds: float) -> list[str]:
    """Do the parts until time is up, and return what was left out and why."""
    end, left_out = time.monotonic() + seconds, []

    def over(number: int, frame: object) -> None:
        raise TimeIsUp

    signal.signal(signal.SIGALRM, over)
    for name, needs, part in job.parts():
        remains = end - time.monotonic()
        if remains < max(needs, 1.0):
            left_out.append(f"{name}: {remains:.0f} s were left")
            continue
        _progress(f"{name} ({remains:.0f} s left)")
        signal.setitimer(signal.ITIMER_REAL, remains)
        try:
            with ready(job.plan(1)):
                part()
        except TimeIsUp:
            left_out.append(f"{name}: time was up")
        except ImportError as error:
            left_out.append(f"{name}: {error}")
        except Exception as error:
            traceback.print_exc()
            left_out.append(f"{name}: {type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    return left_out


def _row(one: Measured) -> tuple[str, ...]:
    if one.problem:
        return one.model, one.way, one.problem, "", "", "", ""
    return (
        one.model, one.way, f"{one.ms:.2f}", f"{one.clips_per_sec:,.0f}", f"{100 * one.share:.1f}",
        "-" if one.mib is None else f"{one.mib:,.0f}", one.kernels,
    )  # fmt: skip


def _progress(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure, judge, keep."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--quick", action="store_true", help="tiny sizes; print, write nothing")
    asked = parser.parse_args()
    if asked.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here: nothing measured, nothing written", file=sys.stderr)
        sys.exit(2)
    if asked.device == "cpu" and not asked.quick:
        print("a CPU only tries the script: add --quick", file=sys.stderr)
        sys.exit(2)
    started = time.monotonic()
    job = Job(asked.device, asked.quick)
    left_out = run(job, 60 * asked.minutes - 10)
    verdicts = [*operator_verdicts(job.shapes), *network_verdicts(job.rows, job.batches[0])]
    head = f"{(time.monotonic() - started) / 60:.1f} minutes. Left out: {'; '.join(left_out) or 'nothing'}.\n\n"
    judged = head + table(("goal", "figure", "wanted", ""), verdicts)
    text = f"{judged}\n\n" + "\n\n".join(job.sections)
    if asked.quick:
        print(f"{judged}\n\ntried with tiny sizes: no figure here means anything, nothing written")
    else:
        name = re.sub("[^a-z0-9]+", "-", torch.cuda.get_device_name().lower()).strip("-")
        keep(f"gpu_{name}", text)


if __name__ == "__main__":
    main()
