"""The commands as a user meets them: whole processes, start to end.

python benchmarks/main_job.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import keep, table

EXECUTABLE = str(Path(sys.executable).with_name("e3dnas"))
SPACES = Path(__file__).parent.parent / "spaces"


def seconds_of(*arguments: str) -> float:
    """Return the wall time of one process."""
    started = time.perf_counter()
    subprocess.run([EXECUTABLE, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {}
    outcome: dict[str, tuple[float, int, int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for i in range(rounds):
            times.setdefault("--help", []).append(seconds_of("--help"))
            for name in ("e3d", "e3d_m", "e3d_l"):
                out = Path(folder) / f"{name}-{i}"
                command = f"run spaces/{name}.yaml"
                times.setdefault(command, []).append(seconds_of("run", str(SPACES / f"{name}.yaml"), "--out", str(out)))
                best = json.loads((out / "result.json").read_text())["best"]
                outcome[command] = best["stentr"], best["flops"], best["layers"]
            times.setdefault("show e3d_s", []).append(seconds_of("show", "e3d_s"))
    rows = [
        [f"`e3dnas {command}`", *(f"{f(values):.2f}" for f in (min, statistics.median, max)),
         *(outcome.get(command, ("", "", "")))]
        for command, values in times.items()
    ]  # fmt: skip
    columns = ["command", "fastest s", "median s", "slowest s", "stentr", "flops", "layers"]
    keep("main_job", f"{rounds} rounds, whole processes.\n\n{table(columns, rows)}")


if __name__ == "__main__":
    main()
