"""How many candidates a second are bred, repaired, scored and costed on one core, against one at a time.

OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/looking.py
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from measuring import keep, table

from e3dnas.measure import cost, entropy
from e3dnas.measure.registry import resolve
from e3dnas.search.breeding import Breeder
from e3dnas.search.budgets import limits_of
from e3dnas.search.screening import Screen
from e3dnas.space import load_space

CANDIDATES, ROUNDS, SINGLE = 100_000, 7, 300


def main() -> None:
    """Measure, print and keep the figures."""
    rows = []
    for name in ("e3d", "e3d_m", "e3d_l"):
        space = load_space(name)
        screen = Screen(space, [resolve("stentr")], limits_of(space.declaration.budgets))
        breeder, rng = Breeder(space), np.random.default_rng(0)
        parents = space.sample(rng, 32)
        genotypes = breeder.offspring(rng, parents, CANDIDATES)
        screened, bred, single = [], [], []
        for _ in range(ROUNDS):  # interleaved, so that a change in the machine's speed meets all three
            started = time.perf_counter()
            screen(genotypes)
            screened.append(CANDIDATES / (time.perf_counter() - started))
            started = time.perf_counter()
            for _ in range(CANDIDATES // 2000):
                screen(breeder.offspring(rng, parents, 2000))
            bred.append(CANDIDATES / (time.perf_counter() - started))
            started = time.perf_counter()
            for genotype in genotypes[:SINGLE]:
                one = space.architecture(genotype).table()
                entropy.stentr(one), cost.flops(one), cost.layers(one)
            single.append(SINGLE / (time.perf_counter() - started))
        medians = [statistics.median(values) for values in (screened, bred, single)]
        rows.append([name, *(f"{value:,.0f}" for value in medians), f"{min(screened):,.0f} to {max(screened):,.0f}"])
    columns = ["space", "scored and costed /s", "bred and repaired, too /s", "one at a time /s", "range of first"]
    keep("looking", f"Median of {ROUNDS} rounds of {CANDIDATES:,} candidates.\n\n{table(columns, rows)}")


if __name__ == "__main__":
    main()
