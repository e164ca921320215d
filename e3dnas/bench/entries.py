"""Every way to run what is measured, warmed up: what takes its turn in the rounds. Needs torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from e3dnas.bench.clock import Clock
from e3dnas.bench.plan import Plan
from e3dnas.bench.roofline import FUSED
from e3dnas.bench.subjects import Subject
from e3dnas.bench.ways import Runner, compiled, eager, folded, kernels_serve, random_clips

__all__ = ["Entry", "entries_of", "warmed"]

WARM_UP = 3
"""Steps before any is timed: the first ones compile, and choose and load kernels."""
Told = Callable[[str], None]


@dataclass(frozen=True)
class Entry:
    """A way to run one subject.

    Attributes:
        subject: what is run.
        way: how.
        level: the floor it is held against.
        step: makes one step; None: it cannot.
        runner: the way, where PyTorch runs it.
        rough: milliseconds of the faster of two steps.
        problem: why it cannot run.
    """

    subject: Subject
    way: str
    level: str
    step: Callable[[], object] | None
    runner: Runner | None = None
    rough: float = float("inf")
    problem: str = ""


def entries_of(subject: Subject, plan: Plan, told: Told) -> list[Entry]:
    """Return the ways to run a subject, each of which has made its first steps.

    With a network: PyTorch's modules in both memory formats; our kernels where they serve; BN folded; compiled. BN
    folded is in channels_last_3d with our kernels where these serve, else in the format in which the modules were the
    faster. Compiled is in channels_last_3d on a CPU, in the faster format on a GPU, both without our kernels; where
    these serve what is compiled it is there with them, too.
    """
    if subject.deployed is not None:
        told(f"{subject.name}: {subject.runtime}")
        clips, deployed = random_clips(subject.architecture, plan).numpy(), subject.deployed
        entry = Entry(subject, subject.runtime, FUSED, lambda: deployed.predict(clips))
        return [warmed(entry, plan)]
    architecture, ours = subject.architecture, kernels_serve(plan)
    found: list[Entry] = []

    def add(make: Callable[..., Runner], *, last: bool, ours: bool = False) -> None:
        runner = make(architecture, plan, last=last, ours=ours)
        told(f"{subject.name}: {runner.name}")
        found.append(warmed(Entry(subject, runner.name, runner.level, runner, runner), plan))

    add(eager, last=False)
    add(eager, last=True)
    last = found[1].rough <= found[0].rough
    if ours:
        add(eager, last=True, ours=True)
    if not plan.train:
        add(folded, last=last or ours, ours=ours)
    if plan.compile:
        add(compiled, last=last or plan.device == "cpu")
        if ours and (plan.train or plan.device == "cuda"):  # elsewhere they leave a compiled network alone
            add(compiled, last=True, ours=True)
    return found


def warmed(entry: Entry, plan: Plan) -> Entry:
    """Return an entry after its first steps, or with what keeps it from making them.

    Only what may fail on a machine that is in order does so quietly: memory runs out, or a compiler is missing.
    """
    step, clock = entry.step, Clock(plan)
    assert step is not None
    try:
        times = [clock(step) for _ in range(WARM_UP)]
    except Exception as error:
        if is_out_of_memory(error):
            problem = "out of memory"
        elif entry.level == FUSED and entry.runner is not None:  # compilers fail in ways of their own
            problem = _first_line(error)
        else:
            raise
        if plan.device == "cuda":
            torch.cuda.empty_cache()
        return Entry(entry.subject, entry.way, entry.level, None, problem=problem)
    return Entry(entry.subject, entry.way, entry.level, step, entry.runner, min(times[1:]))


def is_out_of_memory(error: Exception) -> bool:
    """Return whether a device or the machine had no more memory."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:200]
