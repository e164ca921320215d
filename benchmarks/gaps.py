"""How near to the proven optimum each sampler comes, against trials, candidates and wall time, on S, M and L.

OMP_NUM_THREADS=1 python benchmarks/gaps.py [--seeds 20] [--seconds 8] [--jobs 2] [--default]

A run is one process's search with the space's default budgets. It makes at least 100 trials, and goes on until so many
seconds have passed; with --default it is the default run instead, 250 trials of the evolution. All runs of a seed come
one after another, so that a change in the machine's speed meets all samplers. The clock starts when PyTorch is loaded.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Iterable, Sequence

from measuring import keep, table

SPACES = ("e3d", "e3d_m", "e3d_l")
SAMPLERS = ("evolution", "nsgaii", "tpe", "random")
DEFAULT_TRIALS, LEAST_TRIALS = 250, 100
SECONDS = 2
PLENTY = 100_000
AXES = {
    "trials": (10, 30, 100, 250),
    "candidates": (30, 100, 2_000, 20_000, 100_000, 500_000),
    "seconds": (1, 2, 4, 8, 16),
}

Step = tuple[int, int, float, float]
"""Trials, candidates, seconds and best score so far; -inf before there is one within the budgets."""


def curve(job: tuple[str, str, int, float]) -> list[Step]:
    """Return the steps of one search at which its best score rose, and its last."""
    space, sampler, seed, limit = job
    import e3dnas.models.profile  # noqa: F401  (torch is loaded before the clock starts)
    from e3dnas.search.api import Progress, search

    steps: list[Step] = []
    last: list[Step] = []
    started = time.perf_counter()

    def note(progress: Progress) -> None:
        seconds = time.perf_counter() - started
        score = progress.best.score if progress.best else float("-inf")
        last[:] = [(progress.done, progress.candidates, seconds, score)]
        if not steps or score > steps[-1][3]:
            steps.extend(last)
        if seconds > limit > 0 and progress.done >= LEAST_TRIALS:
            raise KeyboardInterrupt

    trials = PLENTY if limit > 0 else DEFAULT_TRIALS
    search(space, sampler=sampler, seed=seed, trials=trials, on_trial=note)
    return steps + last


def best_at(steps: Sequence[Step], axis: int, limit: float) -> float | None:
    """Return the best score of a run when an axis stood at ``limit``; None where it had ended before.

    After so many seconds a run that has ended still has its network.
    """
    if limit > steps[-1][axis] and axis != SECONDS:
        return None
    return max((step[3] for step in steps if step[axis] <= limit), default=float("-inf"))


def shown(gaps: Iterable[float]) -> str:
    """Write median and quartiles in percent."""
    gaps = sorted(gaps)
    if len(gaps) < 2 or gaps[len(gaps) // 2] == float("inf"):
        return "none in budget"
    low, middle, high = (percent(value) for value in statistics.quantiles(gaps, n=4, method="inclusive"))
    return f"{middle} ({low} to {high})"


def percent(gap: float) -> str:
    """Write a gap in percent."""
    return "-" if gap == float("inf") else f"{100 * gap:.4f} %" if gap < 0.01 else f"{100 * gap:.1f} %"


def gap(score: float, optimum: float) -> float:
    """Return what a score lacks of the optimum, as a share of it."""
    return max(0.0, optimum - score) / optimum


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--default", action="store_true")
    options = parser.parse_args()
    samplers, seconds = (("evolution",), 0) if options.default else (SAMPLERS, options.seconds)
    from e3dnas.bound import bound

    optima = {space: bound(space).upper for space in SPACES}
    jobs = [(space, sampler, seed, seconds)
            for seed in range(options.seeds) for space in SPACES for sampler in samplers]  # fmt: skip
    runs: dict[tuple[str, str], list[list[Step]]] = {}
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for job, steps in zip(jobs, pool.imap(curve, jobs), strict=True):
            runs.setdefault(job[:2], []).append(steps)
            print(*job[:3], *steps[-1], flush=True)
    ends = []
    for (space, sampler), curves in sorted(runs.items(), key=lambda one: (SPACES.index(one[0][0]), one[0][1])):
        gaps = [gap(steps[-1][3], optima[space]) for steps in curves]
        ends.append([
            space, sampler, f"{sum(g < float('inf') for g in gaps)} of {len(gaps)}", shown(gaps), percent(max(gaps)),
            sum(g < 1e-9 for g in gaps), f"{statistics.median(s[-1][0] for s in curves):,.0f}",
            f"{statistics.median(s[-1][1] for s in curves):,.0f}", f"{statistics.median(s[-1][2] for s in curves):.1f}",
        ])  # fmt: skip
    columns = ["space", "sampler", "in budget", "gap at the end", "worst", "at the optimum", "trials", "candidates",
               "seconds"]  # fmt: skip
    parts = [
        f"{options.seeds} seeds, {options.jobs} searches side by side. Gaps to the proven optimum: median (quartiles). "
        + (
            f"The default run: {DEFAULT_TRIALS} trials of 2000 candidates."
            if options.default
            else f"{LEAST_TRIALS} trials, and on to {seconds:g} seconds. '-': not all runs went that far."
        ),
        table(columns, ends),
    ]
    for axis, (name, limits) in enumerate(AXES.items()):
        rows = []
        for (space, sampler), curves in sorted(runs.items(), key=lambda one: (SPACES.index(one[0][0]), one[0][1])):
            scores = [[best_at(steps, axis, limit) for steps in curves] for limit in limits]
            cells = [shown(gap(s, optima[space]) for s in at if s is not None) if None not in at else "-"
                     for at in scores]  # fmt: skip
            rows.append([space, sampler, *cells])
        parts.append(f"## After so many {name}\n\n" + table(["space", "sampler", *(f"{x:,}" for x in limits)], rows))
    keep("default_run" if options.default else "gaps", "\n\n".join(parts))


if __name__ == "__main__":
    main()
