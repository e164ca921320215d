"""Latency as a budget: the predictor against measurement on networks it has not seen, and the network that is found.

python benchmarks/latency_budget.py [--space e3d_latency] [--networks 50] [--trials 60] [--warm]

The kept table is empty at first, unless ``--warm``. The networks are drawn from the space, evenly on a logarithmic
scale from the fastest to four times the budget by prediction. The trials of the search are another sample: all near
the budget.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import keep, table
from scipy.stats import kendalltau

from e3dnas.machine.calibration import spread_sample
from e3dnas.machine.instruments import Latency
from e3dnas.machine.store import measuring
from e3dnas.report.on_machine import format_prediction
from e3dnas.search.api import search
from e3dnas.space import load_space

TOP = 4.0


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--space", default="e3d_latency")
    parser.add_argument("--networks", type=int, default=50)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--warm", action="store_true", help="use the kept table of this user")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not options.warm:
            os.environ["XDG_CACHE_HOME"] = folder
        keep("latency_budget", measured(options, Path(folder)))


def measured(options: argparse.Namespace, folder: Path) -> str:
    """Return the figures as text."""
    space = load_space(options.space)
    latency = Latency(space)
    limit = space.declaration.budgets["latency_ms"].max
    assert limit is not None
    calibration, processor = timed(latency.prepare)
    again, _ = timed(Latency(space).prepare)
    seconds, result = time.perf_counter(), search(space, out=folder / "run", trials=options.trials)
    seconds = time.perf_counter() - seconds
    assert result.best is not None
    drawn = spread_sample(space, 8192, seed=1)
    expected = latency.plain(space.table(drawn))
    targets = np.geomspace(expected.min(), TOP * limit, options.networks)
    chosen = [space.architecture(drawn[np.abs(np.log(expected / target)).argmin()]) for target in targets]
    rows = []
    for network in chosen:
        found = latency.taken(network)
        flops = network.table()
        rows.append([found[f"latency_ms{key}"] for key in ("_predicted", "", "_wall")])
        rows[-1].append(float((flops.macs * flops.repeat).sum()))
    best = latency.taken(result.best.architecture, thorough=True)
    figures = np.array(rows)
    trials = result.on_machine["latency_ms"]
    settled = f"{calibration:.0f} s ({processor:.0f} s of the processor) with an empty table, {again:.1f} s afterwards"
    told = [
        ["calibration", settled],
        [f"{len(chosen)} networks", f"{figures[:, 1].min():.1f} to {figures[:, 1].max():.1f} ms"],
        *([what, text] for what, text in errors(figures).items()),
        ["the same on the trials", format_prediction("latency_ms", trials)],
        [f"search of {options.trials} trials", f"{seconds:.0f} s, score {result.best.score:.4f}"],
        ["best, in its trial", f"{result.best.measures['latency_ms']:.2f} ms (at most {limit:g})"],
        ["best, measured again at the end of the run", f"{result.on_machine['latency_ms']['again']:.2f} ms"],
        [
            "best, measured once more now",
            f"{best['latency_ms']:.2f} ms, standard error {best['latency_ms_error']:.2f}; as the wall clock ran now "
            f"{best['latency_ms_wall']:.2f} ms",
        ],
        ["keeps the budget", "yes" if best["latency_ms"] <= limit else "NO"],
    ]
    return f"{latency.setting.text}.\n\n{table(['what', 'figure'], told)}"


def timed(call: object) -> tuple[float, float]:
    """Return wall and processor seconds of a call."""
    wall, own = time.perf_counter(), time.process_time()
    with measuring():
        pass  # wait until nobody else measures
    assert callable(call)
    call()
    return time.perf_counter() - wall, time.process_time() - own


def errors(figures: np.ndarray) -> dict[str, str]:
    """Return how good the prediction of columns (predicted, measured, wall, operations) is."""
    expected, found, _, operations = figures.T
    tau, by_count = kendalltau(expected, found).statistic, kendalltau(operations, found).statistic
    error = np.abs(expected - found) / found
    scaled = np.abs(expected * np.median(found / expected) - found) / found
    return {
        "Kendall's tau": f"{tau:.3f} (of conv_macs alone: {by_count:.3f})",
        "mean relative error": f"{100 * error.mean():.1f} % (less one common factor: {100 * scaled.mean():.1f} %)",
    }


if __name__ == "__main__":
    main()
