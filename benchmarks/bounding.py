"""How long the proof takes: bound, gap, time and memory for S, M and L, each in a process of its own.

OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/bounding.py [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

from measuring import keep, table

CODE = """
import json, resource, sys
from e3dnas.bound import bound, least
found = bound(sys.argv[1]) if sys.argv[2] == "best" else least(sys.argv[1], sys.argv[2], 0.001)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(found.to_dict() | {"mib": peak}))
"""


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    rows = []
    for space in ("e3d", "e3d_m", "e3d_l"):
        for wanted in ("best", "params"):
            told = []
            for _ in range(rounds):
                done = subprocess.run([sys.executable, "-c", CODE, space, wanted], capture_output=True, check=True)
                told.append(json.loads(done.stdout))
            one = told[0]
            rows.append([
                space, "best score" if wanted == "best" else "least params within 0.1 %", f"{one['bound']:.10g}",
                f"{one['score']:.10g}", "0, exact" if one["exact"] else f"{100 * one['gap']:.4f} %",
                f"{statistics.median(each['seconds'] for each in told):.2f}",
                f"{max(each['mib'] for each in told):,.0f}",
            ])  # fmt: skip
    columns = ["space", "wanted", "bound", "found", "gap", "seconds", "peak MiB"]
    keep("bounding", f"Median of {rounds} processes, one core; seconds are the solver's.\n\n{table(columns, rows)}")


if __name__ == "__main__":
    main()
