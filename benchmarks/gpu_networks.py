"""Whole networks on a GPU in every way, in turns; and with their steps as CUDA graphs. Part of gpu.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from e3dnas.arch import Architecture
from e3dnas.bench.clock import Clock
from e3dnas.bench.entries import Entry, entries_of, warmed
from e3dnas.bench.memory import peak_mib
from e3dnas.bench.plan import Plan
from e3dnas.bench.profiling import top_kernels
from e3dnas.bench.roofline import Ceilings, floor
from e3dnas.bench.rounds import in_turns, timing
from e3dnas.bench.subjects import Subject
from e3dnas.bench.ways import Runner, folded, kernels_serve


@dataclass(frozen=True)
class Measured:
    """One way of one network: median milliseconds, clips a second, share of its floor, MiB, longest kernels."""

    model: str
    way: str
    plan: Plan
    ms: float
    clips_per_sec: float
    share: float
    mib: float | None
    kernels: str
    problem: str = ""


def measured(
    networks: dict[str, Architecture], plan: Plan, ceilings: Ceilings, *, graphs: bool, told: Callable[[str], None]
) -> Iterator[Measured]:
    """Yield every way of every network, all in turn with each other.

    Besides the ways of ``e3dnas bench``: BN folded by PyTorch alone in both memory formats, to compare like with like;
    with ``graphs`` our fastest way as a CUDA graph.
    """
    entries: list[Entry] = []
    for name, architecture in networks.items():
        subject = Subject(name, architecture)
        found = entries_of(subject, plan, told)
        if not plan.train and kernels_serve(plan):
            for last in (False, True):
                found.append(_warmed(subject, folded(architecture, plan, last=last), plan))
        if graphs and plan.device == "cuda":
            found += _graphed(found, plan, told)
        entries += found
    clock = Clock(plan)
    takes = {str(i): (lambda step=e.step: clock(step)) for i, e in enumerate(entries) if e.step is not None}
    times = in_turns(takes, plan.seconds)
    for i, entry in enumerate(entries):
        name = entry.subject.name
        if entry.step is None:
            yield Measured(name, entry.way, plan, 0, 0, 0, None, "", entry.problem)
            continue
        ms = timing(times[str(i)]).median
        least = floor(entry.subject.architecture, entry.level, plan.batch, plan.itemsize, ceilings, train=plan.train)
        mib = peak_mib(entry.runner, entry.subject.architecture) if entry.runner is entry.step else None
        top = top_kernels(entry.step, plan.device)[:3]
        kernels = ", ".join(f"{100 * one.share:.0f} % {one.name[:40]}" for one in top)
        yield Measured(name, entry.way, plan, ms, 1e3 * plan.batch / ms, least.ms / ms, mib, kernels)


def _warmed(subject: Subject, runner: Runner, plan: Plan) -> Entry:
    return warmed(Entry(subject, runner.name, runner.level, runner, runner), plan)


def _graphed(entries: list[Entry], plan: Plan, told: Callable[[str], None]) -> list[Entry]:
    """Return the fastest way that is not compiled as a CUDA graph: one launch a step."""
    ready = [one for one in entries if one.runner is not None and not one.way.startswith("compiled")]
    best = min(ready, key=lambda one: one.rough)
    way = f"{best.way}, CUDA graph"
    told(f"{best.subject.name}: {way}")
    assert best.runner is not None
    try:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            best.runner()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            best.runner()
    except RuntimeError as error:
        return [replace(best, way=way, step=None, problem=str(error).splitlines()[0][:120])]
    return [warmed(replace(best, way=way, step=graph.replay), plan)]
