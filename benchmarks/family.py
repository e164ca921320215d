"""The family in one command: seconds of whole processes, and how near each member is to its own bound.

python benchmarks/family.py [--rounds 3]
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

SPACE = Path(__file__).parent.parent / "spaces" / "e3d_family.yaml"


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    seconds = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            started = time.perf_counter()
            command = [str(Path(sys.executable).parent / "e3dnas"), "run", str(SPACE), "--out", str(out), "--quiet"]
            subprocess.run(command, check=True)
            seconds.append(time.perf_counter() - started)
            print(f"{seconds[-1]:.1f}", flush=True)
            told = json.loads((out / "result.json").read_text())["family"]
    rows = [
        [name, f"{one['best']['score']:.6f}", f"{one['bound']:.6f}", f"{100 * one['gap']:.4f} %",
         f"{one['best']['flops']:,}", one["best"]["layers"], one["trials"], f"{one['seconds']:.1f}"]
        for name, one in told.items()
    ]  # fmt: skip
    columns = ["member", "score", "bound", "gap", "flops", "layers", "trials", "seconds"]
    spread = f"{min(seconds):.1f} to {max(seconds):.1f} s, median {statistics.median(seconds):.1f} s"
    text = f"`e3dnas run spaces/e3d_family.yaml`, {rounds} whole processes: {spread}. The last one:"
    keep("family", f"{text}\n\n{table(columns, rows)}")


if __name__ == "__main__":
    main()
