"""A bench from names to figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from e3dnas.bench.plan import Plan
from e3dnas.bench.result import Bench, Row
from e3dnas.bench.roofline import LEVELS, Ceilings, Floor, floor
from e3dnas.bench.rounds import in_turns, ratio, timing
from e3dnas.bench.subjects import Subject, find_subjects
from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from e3dnas.bench.entries import Entry
    from e3dnas.bench.parts import Part

__all__ = ["bench"]

Told = Callable[[str, float], None]
PARTS = 0.3
"""Time for the parts of a network, over that for the ways."""


def bench(names: Sequence[str], plan: Plan | None = None, told: Told | None = None) -> Bench:
    """Measure networks side by side, every way in turn with all others.

    Args:
        names: each a model's name, a folder, an architecture file or an exported file; the first way of the first one
            is what all are compared with.
        plan: how they are run; None: one clip at a time, float32, on one thread of the CPU.
        told: told what is done, and which share of it, 0 to 1.

    Raises:
        E3DNASError: there is no such network, it cannot be run as planned, or there is not enough memory.
    """
    from e3dnas.bench.ceilings import measured_ceilings
    from e3dnas.bench.clock import Clock, ready
    from e3dnas.bench.entries import entries_of
    from e3dnas.bench.versions import versions

    plan, tell = plan or Plan(), told or _silent
    with ready(plan):
        subjects = find_subjects(names, plan)
        tell("what the device can do", 0.0)
        ceilings = measured_ceilings(plan)
        entries: list[Entry] = []
        for subject in subjects:
            entries += entries_of(subject, plan, lambda text: tell(f"first steps of {text}", 0.0))
        clock = Clock(plan)
        takes = {str(i): _take(clock, e.step) for i, e in enumerate(entries) if e.step is not None}
        if not takes:
            raise E3DNASError(f"--batch {plan.batch}: {entries[0].problem}; name a smaller one")
        times = in_turns(takes, plan.seconds, lambda done: tell("steps of all in turn", done))
        floors = {one.name: _floors(one, plan, ceilings) for one in subjects}
        rows = [
            _row(entry, times.get(str(i)), times[next(iter(takes))], floors[entry.subject.name], plan)
            for i, entry in enumerate(entries)
        ]
        parts = _parts(subjects, entries, rows, plan, tell)
    return Bench(
        plan, subjects[0].clip, clock.text, versions(plan.device, [one.runtime for one in subjects]), ceilings, floors,
        tuple(rows), parts, tuple(_notes(subjects, plan)),
    )  # fmt: skip


def _take(clock: Callable[[Any], float], step: Callable[[], object]) -> Callable[[], float]:
    return lambda: clock(step)


def _floors(subject: Subject, plan: Plan, ceilings: Ceilings) -> tuple[Floor, ...]:
    return tuple(
        floor(subject.architecture, level, plan.batch, plan.itemsize, ceilings, train=plan.train)
        for level in LEVELS[plan.train]
    )


def _row(
    entry: Entry, steps: Sequence[float] | None, first: Sequence[float], floors: Sequence[Floor], plan: Plan
) -> Row:
    from e3dnas.bench.memory import peak_mib
    from e3dnas.bench.profiling import top_kernels

    if steps is None or entry.step is None:
        return Row(entry.subject.name, entry.way, entry.level, problem=entry.problem)
    found = timing(steps)
    bound = next(one for one in floors if one.level == entry.level)
    return Row(
        entry.subject.name, entry.way, entry.level, found, ratio(steps, first), 1e3 * plan.batch / found.median,
        bound.ms / found.median,
        peak_mib(entry.runner, entry.subject.architecture) if entry.runner is not None else None,
        tuple(top_kernels(entry.step, plan.device)),
    )  # fmt: skip


def _parts(
    subjects: Sequence[Subject], entries: Sequence[Entry], rows: Sequence[Row], plan: Plan, tell: Told
) -> dict[str, tuple[str, tuple[Part, ...]]]:
    """Return the parts of each network in its fastest way through PyTorch's modules or our kernels."""
    from e3dnas.bench.parts import measured_parts
    from e3dnas.bench.roofline import PLAIN

    found = {}
    for subject in subjects:
        ways = [
            (row.timing.median, i)
            for i, (entry, row) in enumerate(zip(entries, rows, strict=True))
            if entry.subject is subject and row.timing is not None and entry.level == PLAIN
        ]
        if not ways:
            continue
        runner = entries[min(ways)[1]].runner
        assert runner is not None
        text = f"parts of {subject.name}"
        parts = measured_parts(runner, subject.architecture, PARTS * plan.seconds, partial(tell, text))
        found[subject.name] = runner.name, tuple(parts)
    return found


def _notes(subjects: Sequence[Subject], plan: Plan) -> list[str]:
    from e3dnas.bench.ways import kernels_serve

    notes: list[str] = []
    if all(one.deployed is not None for one in subjects):
        return notes
    if not kernels_serve(plan) and plan.device == "cpu":
        notes.append("our kernels are no way of their own here: on a CPU they serve float32 alone")
    elif not kernels_serve(plan):
        notes.append("our kernels are no way here: triton is not installed")
    if not plan.compile:
        notes.append("torch.compile was left out; --compile measures it, too, and takes a minute or more on a CPU")
    return notes


def _silent(text: str, share: float) -> None:
    """Tell nobody."""
