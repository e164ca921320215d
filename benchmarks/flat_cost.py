"""Whether a study stays fast: trials a second over 5,000 trials on the default storage, and the sampler's own share.

python benchmarks/flat_cost.py [--trials 5000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import keep, table

from e3dnas.search.api import search
from e3dnas.search.sampler import EvolutionSampler

WINDOW = 500


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5000)
    options = parser.parse_args()
    sampling: list[float] = []
    original = EvolutionSampler.sample_relative

    def timed(self: Any, *arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return original(self, *arguments)
        finally:
            sampling.append(time.perf_counter() - started)

    EvolutionSampler.sample_relative = timed  # type: ignore[method-assign]
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        search("e3d", out=run, trials=options.trials, on_trial=lambda _: marks.append(time.perf_counter()))
        size = (run / "study.journal").stat().st_size
    rows = []
    for end in range(WINDOW, len(marks) + 1, WINDOW):
        first = end - WINDOW
        seconds = marks[end - 1] - marks[first]
        share = sum(sampling[first + 1 : end]) / seconds
        milliseconds = 1000 * sum(sampling[first:end]) / WINDOW
        rows.append(
            [f"{first} to {end}", f"{(WINDOW - 1) / seconds:.1f}", f"{milliseconds:.2f}", f"{100 * share:.0f} %"]
        )
    columns = ["trials", "trials/s", "sampler, ms a trial", "sampler's share"]
    text = f"Space e3d, 2000 candidates a trial. Journal at the end: {size:,} bytes."
    keep("flat_cost", f"{text}\n\n{table(columns, rows)}")


if __name__ == "__main__":
    main()
