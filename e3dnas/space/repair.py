"""Repair of genotypes: into the rules of the space, and to one genotype for each network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from e3dnas.space.genes import rounded_widths

if TYPE_CHECKING:
    from e3dnas.space.space import SearchSpace

__all__ = ["Repair"]

Genotypes = NDArray[np.int64]


class Repair:
    """The repair of one space, compiled to array look-ups; vectorised over N genotypes."""

    def __init__(self, space: SearchSpace) -> None:
        parts = ["stem", *(f"stage{i + 1}" for i in range(len(space.declaration.stages)))]
        self._ordered = space.declaration.rules.widths_never_shrink
        self._columns = [space.column(f"{part}.out") for part in parts]
        self._widths = [np.array(space.field(f"{part}.out").values, np.int64) for part in parts]
        self._ratios = [rule for part in parts[1:] if (rule := _RatioRule.of(space, part)) is not None]

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
    def of(cls, space: SearchSpace, part: str) -> _RatioRule | None:
        ratio = space.column(f"{part}.bottleneck_ratio")
        if ratio is None:
            return None
        stage = space.declaration.stages[int(part.removeprefix("stage")) - 1]
        ratios = np.array(space.field(f"{part}.bottleneck_ratio").values)
        outs = np.array(space.field(f"{part}.out").values, float)
        widths = rounded_widths(outs[:, None] * ratios, stage.bottleneck_multiple)
        first = np.argmax(widths[:, None, :] == widths[:, :, None], axis=2)
        return cls(space.column(f"{part}.out"), ratio, first)

    def apply(self, genotypes: Genotypes) -> None:
        out = 0 if self.out is None else genotypes[:, self.out]
        genotypes[:, self.ratio] = self.first[out, genotypes[:, self.ratio]]
