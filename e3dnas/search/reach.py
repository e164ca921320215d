"""Whether a space holds networks within a budget at all."""

from __future__ import annotations

import numpy as np

from e3dnas.errors import E3DNASError
from e3dnas.machine.instruments import OnMachine
from e3dnas.measure.registry import COUNTS
from e3dnas.search.budgets import Limit
from e3dnas.space.space import Genotypes, SearchSpace

__all__ = ["check_reach", "check_reach_here", "extreme"]

SWEEPS = 8


def check_reach(space: SearchSpace, limits: tuple[Limit, ...]) -> None:
    """Refuse limits that no network of the space can keep, as far as a descent gene by gene can tell.

    Counts (flops, params, ...) only grow with every width, depth and kernel, so that the descent ends at the smallest
    network. Other measures are not checked.

    Raises:
        E3DNASError: even the smallest (or largest) network breaks a limit.
    """
    for limit in limits:
        if limit.measure.name not in COUNTS:
            continue
        genotype = extreme(space, limit, lowest=limit.upper)
        value = float(limit.measure.of_table(space.table(genotype[None]))[0])
        if limit.excess(value) > 0:
            side, kind = ("max", "smallest") if limit.upper else ("min", "largest")
            path = ("budgets", limit.measure.name, side)
            remedy = "at least" if limit.upper else "at most"
            raise E3DNASError(
                f"{space.document.where(path)}: {limit.value:.10g} is out of reach: even the {kind} "
                f"network of the space has {value:.0f}; write {remedy} that, or change the choices"
            )


def check_reach_here(space: SearchSpace, limits: tuple[Limit, ...], measure: OnMachine) -> None:
    """Refuse upper limits on a machine's measure that even the network with the lowest prediction breaks.

    Raises:
        E3DNASError: that network was measured, and is above the limit.
    """
    for limit in limits:
        if limit.measure is not measure or not limit.upper:
            continue
        lowest = extreme(space, limit, lowest=True)
        if limit.excess(float(measure.of_table(space.table(lowest[None]))[0])) <= 0:
            continue
        value = measure.taken(space.architecture(lowest))[measure.name]
        if limit.excess(value) > 0:
            raise E3DNASError(
                f"{space.document.where(('budgets', measure.name, 'max'))}: {limit.value:.10g} is out of reach: even "
                f"the smallest network of the space was measured at {value:.4g} here; write more, or change the choices"
            )


def extreme(space: SearchSpace, limit: Limit, *, lowest: bool) -> Genotypes:
    """Return the genotype (G,) with the lowest (or highest) measure that sweeps over single genes lead to."""
    sizes = space.sizes
    now: Genotypes = np.zeros(len(sizes), np.int64) if lowest else sizes - 1
    now = space.repair(now[None])[0]
    sign = 1.0 if lowest else -1.0
    for _ in range(SWEEPS):
        before = now
        for gene, size in enumerate(sizes):
            options = np.repeat(now[None], size, axis=0)
            options[:, gene] = np.arange(size)
            options = space.repair(options)
            now = options[int(np.argmin(sign * limit.measure.of_table(space.table(options))))]
        if (before == now).all():
            break
    return now
