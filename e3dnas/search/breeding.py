"""New genotypes from old ones: recombination of whole stages, mutation of a few genes, repair."""

from __future__ import annotations

import numpy as np

from e3dnas.space.space import Genotypes, SearchSpace

__all__ = ["Breeder"]

RECOMBINED = 0.8
"""Share of offspring with two parents; each part of the network (stem, a stage, head) comes from either."""
MUTATION_STOP = 0.3
"""Genes mutated are geometric: 3.3 on average, so that what one stage loses another can gain within the budget."""
STEP_STOP = 0.25
"""A mutated gene moves by a geometric number of values, 4 on average, up or down."""
REDRAWN = 0.2
"""Share of mutated genes that take any value instead."""


class Breeder:
    """Breeds genotypes of one space; every array of genotypes has shape (N, G)."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        parts = list(dict.fromkeys(gene.part for gene in space.genes))
        self._part = np.array([parts.index(gene.part) for gene in space.genes], np.int64)
        self._parts = len(parts)
        self._sizes = space.sizes

    def offspring(self, rng: np.random.Generator, parents: Genotypes, count: int) -> Genotypes:
        """Return ``count`` repaired offspring of parents (P, G), each parent as likely as any other."""
        mothers, fathers = (parents[rng.integers(0, len(parents), count)] for _ in range(2))
        from_father = rng.random((count, self._parts)) < 0.5
        from_father &= rng.random((count, 1)) < RECOMBINED
        children = np.where(from_father[:, self._part], fathers, mothers)
        return self.space.repair(self._mutate(rng, children))

    def _mutate(self, rng: np.random.Generator, genotypes: Genotypes) -> Genotypes:
        count, genes = genotypes.shape
        chance = rng.geometric(MUTATION_STOP, count) / max(genes, 1)
        row, gene = np.nonzero(rng.random((count, genes)) < chance[:, None])
        old, sizes = genotypes[row, gene], self._sizes[gene]
        moved = old + rng.geometric(STEP_STOP, len(row)) * rng.choice((-1, 1), len(row))
        redrawn = rng.random(len(row)) < REDRAWN
        genotypes[row, gene] = np.where(redrawn, rng.integers(0, sizes), np.clip(moved, 0, sizes - 1))
        return genotypes
