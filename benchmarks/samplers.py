"""The samplers at equal wall time on the space of E3D-S: best score within the budgets after so many seconds.

python benchmarks/samplers.py [--seconds 20] [--seeds 5]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from measuring import keep, table

from e3dnas.search.api import Progress, search

SAMPLERS = ("evolution", "nsgaii", "tpe", "random")
PLENTY = 100_000


def run(sampler: str, seed: int, seconds: float, folder: Path) -> tuple[float | None, int, int]:
    """Return best score, trials and candidates of a search stopped after ``seconds``."""
    started = time.perf_counter()

    def stop(progress: Progress) -> None:
        if time.perf_counter() - started > seconds:
            raise KeyboardInterrupt

    result = search("e3d", out=folder / f"{sampler}-{seed}", sampler=sampler, seed=seed, trials=PLENTY, on_trial=stop)
    return (result.best.score if result.best else None), result.trials, result.candidates


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    import e3dnas.models.profile  # noqa: F401  (torch is loaded before the clock starts)

    found: dict[str, list[tuple[float | None, int, int]]] = {sampler: [] for sampler in SAMPLERS}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            for sampler in SAMPLERS:  # interleaved, so that a change in the machine's speed meets all
                found[sampler].append(run(sampler, seed, options.seconds, Path(folder)))
                print(sampler, seed, found[sampler][-1], flush=True)
    rows = []
    for sampler, runs in found.items():
        scores = [score for score, _, _ in runs if score is not None]
        shown = [f"{f(scores):.3f}" if scores else "-" for f in (min, statistics.median, max)]
        rows.append([sampler, f"{len(scores)} of {len(runs)}", *shown, f"{statistics.median(r[1] for r in runs):,.0f}",
                     f"{statistics.median(r[2] for r in runs):,.0f}"])  # fmt: skip
    columns = ["sampler", "runs with a network in budget", "lowest", "median", "highest", "trials", "candidates"]
    text = f"{options.seconds:g} seconds a run, {options.seeds} seeds, flops at most 2.0e9, layers at most 83."
    keep("samplers", f"{text}\n\n{table(columns, rows)}")


if __name__ == "__main__":
    main()
