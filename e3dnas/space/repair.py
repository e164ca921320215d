"""Repair of genotypes: into the rules of the space, and to one genotype for each network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from e3dnas.space.declaration import Declaration, StageChoices
from e3dnas.space.genes import Field, rounded_widths

__all__ = ["Repair"]

Genotypes = NDArray[np.int64]


class Repair:
    """The repair of one space, compiled to array look-ups; vectorised over N genotypes.

    Args:
        declaration: the space.
        fields: its fields by name.
        columns: the column of each field that is a gene.
    """

    def __init__(self, declaration: Declaration, fields: Mapping[str, Field], columns: Mapping[str, int]) -> None:
        stages = {f"stage{i}": stage for i, stage in enumerate(declaration.stages, start=1)}
        parts = ["stem", *stages]
        self._ordered = declaration.rules.widths_never_shrink
        self._columns = [columns.get(f"{part}.out") for part in parts]
        self._widths = [np.array(fields[f"{part}.out"].values, np.int64) for part in parts]
        rules = [_RatioRule.of(part, stage, fields, columns) for part, stage in stages.items()]
        self._ratios = [rule for rule in rules if rule is not None]

    def __call__(self, genotypes: Genotypes) -> Genotypes:
        """Return repaired copies of N genotypes (N, G): widths raised to what enters, equal bottlenecks made one."""
        fixed = np.array(genotypes, np.int64)
        if self._ordered:
            self._raise_widths(fixed)
        for rule in self._ratios:
            rule.apply(fixed)
        return fixed

    def sorted_widths(self, genotypes: Genotypes) -> Genotypes:
        """Return copies whose widths are put in ascending order, so that none of them is favoured."""
        if not self._ordered:
            return genotypes
        fixed = np.array(genotypes, np.int64)
        drawn = [(c, w) for c, w in zip(self._columns, self._widths, strict=True) if c is not None]
        if drawn:
            values = np.sort(np.stack([widths[fixed[:, c]] for c, widths in drawn], axis=1), axis=1)
            for k, (c, widths) in enumerate(drawn):
                fixed[:, c] = np.minimum(np.searchsorted(widths, values[:, k]), len(widths) - 1)
        return fixed

    def lowered(self, genotypes: Genotypes) -> Genotypes:
        """Return copies whose widths are lowered to what follows: independent draws then lean to small networks."""
        fixed = np.array(genotypes, np.int64)
        if self._ordered:
            following = self._widths[-1][-1:]
            for column, widths in zip(reversed(self._columns), reversed(self._widths), strict=True):
                if column is not None:
                    fixed[:, column] = np.minimum(
                        fixed[:, column], np.searchsorted(widths, following, side="right") - 1
                    )
                    following = widths[fixed[:, column]]
                else:
                    following = widths
        return fixed

    def _raise_widths(self, genotypes: Genotypes) -> None:
        # Unreachable widths are no choices of the space, so the next wider choice always exists.
        entering = np.zeros(1, np.int64)
        for column, widths in zip(self._columns, self._widths, strict=True):
            if column is not None:
                genotypes[:, column] = np.maximum(genotypes[:, column], np.searchsorted(widths, entering))
                entering = widths[genotypes[:, column]]
            else:
                entering = widths


class _RatioRule:
    """Different ratios can round to the same bottleneck; the first of them stands for all."""

    def __init__(self, out: int | None, ratio: int, first: Genotypes) -> None:
        self.out, self.ratio, self.first = out, ratio, first

    @classmethod
    def of(
        cls, part: str, stage: StageChoices, fields: Mapping[str, Field], columns: Mapping[str, int]
    ) -> _RatioRule | None:
        ratio = columns.get(f"{part}.bottleneck_ratio")
        if ratio is None:
            return None
        ratios = np.array(fields[f"{part}.bottleneck_ratio"].values)
        outs = np.array(fields[f"{part}.out"].values, float)
        widths = rounded_widths(outs[:, None] * ratios, stage.bottleneck_multiple)
        first = np.argmax(widths[:, None, :] == widths[:, :, None], axis=2)
        return cls(columns.get(f"{part}.out"), ratio, first)

    def apply(self, genotypes: Genotypes) -> None:
        out = 0 if self.out is None else genotypes[:, self.out]
        genotypes[:, self.ratio] = self.first[out, genotypes[:, self.ratio]]
