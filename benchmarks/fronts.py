"""The exact front of score against operations on S, M and L, and how much of it the searches find.

OMP_NUM_THREADS=1 python benchmarks/fronts.py [--seeds 5] [--trials 500]
"""

from __future__ import annotations

import argparse
import statistics
import time

from measuring import keep, table

from e3dnas.bound import Front, front
from e3dnas.search.api import Progress, search
from e3dnas.space import load_space

SPACES = ("e3d", "e3d_m", "e3d_l")
SAMPLERS = ("evolution", "nsgaii", "random")
OBJECTIVES = {"stentr": "maximize", "flops": "minimize"}
MARKS = (50, 100, 250, 500, 1000, 2000)


def shares(exact: Front, sampler: str, seed: int, trials: int) -> tuple[dict[int, float], int, float]:
    """Return the share of the exact front's hypervolume at the marks, the networks on the front, and the seconds."""
    found: dict[int, float] = {}

    def note(progress: Progress) -> None:
        if progress.done in MARKS:
            found[progress.done] = exact.share(progress.front)

    started = time.perf_counter()
    space = load_space(exact.space, {"objectives": OBJECTIVES})
    result = search(space, sampler=sampler, seed=seed, trials=trials, on_trial=note)
    return found, len(result.front), time.perf_counter() - started


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=500)
    options = parser.parse_args()
    import e3dnas.models.profile  # noqa: F401  (torch is loaded before the clock starts)

    solved, rows = [], []
    marks = [mark for mark in MARKS if mark <= options.trials]
    for name in SPACES:
        exact = front(name, OBJECTIVES)
        low, high = exact.values[0], exact.values[-1]
        solved.append([name, len(exact.values), "yes" if exact.exact else "no", f"{exact.seconds:.1f}",
                       f"{low[0]:.2f} at {low[1]:,.0f}", f"{high[0]:.2f} at {high[1]:,.0f}"])  # fmt: skip
        for sampler in SAMPLERS:
            runs = [shares(exact, sampler, seed, options.trials) for seed in range(options.seeds)]
            at = [f"{100 * statistics.median(run[0][mark] for run in runs):.2f} %" for mark in marks]
            worst = min(run[0][marks[-1]] for run in runs)
            rows.append([name, sampler, *at, f"{100 * worst:.2f} %", f"{statistics.median(run[1] for run in runs):.0f}",
                         f"{statistics.median(run[2] for run in runs):.1f}"])  # fmt: skip
            print(rows[-1], flush=True)
    text = (
        f"Budgets of the spaces. Share of the exact front's hypervolume (beyond its own worst values): median of "
        f"{options.seeds} seeds.\n\n"
        + table(["space", "networks", "exact", "seconds", "lowest stentr, flops", "highest stentr, flops"], solved)
        + "\n\n"
        + table(["space", "sampler", *(f"{mark} trials" for mark in marks), "worst", "networks", "seconds"], rows)
    )
    keep("fronts", text)


if __name__ == "__main__":
    main()
