"""The exact front of a space: all best compromises between two measures, with proof."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from e3dnas.arch import Architecture
from e3dnas.bound.api import budgets_of
from e3dnas.bound.chain import Floats, Ints
from e3dnas.bound.links import SpaceChain
from e3dnas.bound.pareto import pareto
from e3dnas.bound.sums import sum_of
from e3dnas.errors import E3DNASError
from e3dnas.space import SearchSpace, load_space

__all__ = ["Front", "front"]

PRECISION = 1e-9
"""Sums over layers count as equal within this, relatively, whatever the order of adding."""


@dataclass(frozen=True)
class Front:
    """The best compromises between two measures within the budgets of a space.

    ``values`` (K, 2) has the measures in the order of ``objectives`` (name: maximize or minimize), best of the second
    first; ``genotypes`` (K, G) are the networks. No network within the budgets beats one of them in both. ``exact``
    when there is no other such compromise. ``seconds`` is the wall time.
    """

    space: SearchSpace
    objectives: Mapping[str, str]
    values: Floats
    genotypes: Ints
    exact: bool
    seconds: float

    def architecture(self, index: int) -> Architecture:
        """Return one of the networks."""
        return self.space.architecture(self.genotypes[index])

    def share(self, values: Floats) -> float:
        """Return how much of what the front dominates networks with these values (N, 2) dominate: at most 1.

        Both are hypervolumes above the worst value that each objective has on the front. A front of one or two points
        has none, and it is the share of its points that is told.
        """
        signs = np.array([-1.0 if direction == "maximize" else 1.0 for direction in self.objectives.values()])
        return _share(self.values * signs, np.asarray(values, float).reshape(-1, 2) * signs)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; the networks are genotypes of the space."""
        return {
            "space": self.space.name, "objectives": dict(self.objectives), "front": self.values.tolist(),
            "genotypes": self.genotypes.tolist(), "exact": self.exact, "seconds": round(self.seconds, 3),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, space: SearchSpace, data: Mapping[str, Any]) -> Front:
        """Return the front that ``to_dict`` of one of this space wrote."""
        genotypes = np.array(data["genotypes"], np.int64)
        return cls(space, data["objectives"], np.array(data["front"], float), genotypes, data["exact"], data["seconds"])


def front(space: SearchSpace | str | Path | Mapping[str, Any], objectives: Mapping[str, str] | None = None) -> Front:
    """Return the exact front of a space.

    Args:
        space: a space, a YAML file, the name of a shipped one, or plain data.
        objectives: two measures with ``maximize`` or ``minimize``; those of the space by default.

    Raises:
        E3DNASError: the space cannot be read; there are not two objectives; one of them or a budget is no sum over
            layers.
    """
    loaded = load_space(space)
    objectives = dict(loaded.declaration.objectives) if objectives is None else objectives
    if len(objectives) != 2:
        raise E3DNASError(f"{loaded.name}: an exact front has two objectives, not {len(objectives)}")
    started = time.perf_counter()
    score = loaded.declaration.score
    signs = np.array([1.0 if direction == "maximize" else -1.0 for direction in objectives.values()])
    value, cost = (sum_of(name, score.options if name == score.name else {}, loaded) for name in objectives)
    # A limit on an objective that leads the way it is to go anyway cuts the front short and changes nothing else; a
    # score with options is another measure than the one that a budget of its name limits.
    optioned = score.name if score.options else ""
    cuts = {(value.name, -signs[0]): np.inf, (cost.name, -signs[1]): np.inf}
    limits = []
    for one, sign, limit in budgets_of(loaded):
        if (one.name, sign) in cuts and one.name != optioned:
            cuts[one.name, sign] = limit
        else:
            limits.append((one, sign, limit))
    least, most = cuts.values()
    chain = SpaceChain(loaded, value, [(cost, -signs[1], most), *limits], signs[0])
    paths, exact = pareto(chain.chain)
    paths = [path for path in paths if -path.value <= least]
    values = np.array([(path.value, -path.cost[0]) for path in paths]).reshape(-1, 2) * signs
    genotypes = np.array([chain.genotype(path.links) for path in paths], np.int64).reshape(-1, len(loaded.genes))
    return Front(loaded, objectives, values, genotypes, exact, time.perf_counter() - started)


def _share(front: Floats, values: Floats) -> float:
    """Return the share of the front's hypervolume; both are minimised."""
    import moocore

    if not len(front) or not len(values):
        return 0.0
    worst = front.max(axis=0)
    whole = float(moocore.hypervolume(front, ref=worst))
    if whole == 0.0:  # its ends alone
        near = front + PRECISION * np.maximum(1.0, np.abs(front))
        return float(np.mean([(values <= one).all(axis=1).any() for one in near]))
    return float(moocore.hypervolume(values, ref=worst)) / whole
