"""Twenty seeds of the default search on S, M and L, within the operations of the published network.

python benchmarks/steady.py [--seeds 20] [--trials 250]
"""

from __future__ import annotations

import argparse
import statistics
import time

from measuring import keep, table

import e3dnas
from e3dnas.bound import bound
from e3dnas.space import load_space

PAIRS = (("e3d", "e3d_s"), ("e3d_m", "e3d_m"), ("e3d_l", "e3d_l"))


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=250)
    options = parser.parse_args()
    rows = []
    for space, network in PAIRS:
        published = e3dnas.measure(network)
        budget = {"budgets": {"flops": {"max": published["flops"]}}}
        scores, seconds = [], []
        for seed in range(options.seeds):
            started = time.perf_counter()
            result = e3dnas.search(load_space(space, budget), trials=options.trials, seed=seed)
            seconds.append(time.perf_counter() - started)
            assert result.best is not None
            assert result.best.measures["flops"] <= published["flops"]
            scores.append(result.best.score)
        spread = (max(scores) - min(scores)) / statistics.median(scores)
        rows.append([
            network, f"{published['flops']:,}", f"{published['stentr']:.4f}", f"{min(scores):.4f}",
            f"{statistics.median(scores):.4f}", f"{max(scores):.4f}", f"{bound(load_space(space, budget)).upper:.4f}",
            f"{100 * spread:.4f} %",
            sum(score > published["stentr"] for score in scores), f"{statistics.median(seconds):.1f}",
        ])  # fmt: skip
        print(rows[-1], flush=True)
    columns = [
        "published",
        "flops budget",
        "its score",
        "lowest",
        "median",
        "highest",
        "bound",
        "spread",
        "above",
        "seconds",
    ]
    text = f"{options.seeds} seeds, {options.trials} trials of 2000 candidates each; seconds: median of a search."
    keep("steady", f"{text}\n\n{table(columns, rows)}")


if __name__ == "__main__":
    main()
