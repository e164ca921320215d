"""A search space: genotypes (rows of gene indices) and what they stand for.

Shapes: a population of genotypes is an integer array (N, G), one column a gene, each an index into the gene's values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from e3dnas.arch.architecture import Architecture, squeeze_width
from e3dnas.arch.expand import expand
from e3dnas.arch.table import STAGE_FIELDS, Array, Columns, LayerTable
from e3dnas.config import Document, check
from e3dnas.errors import E3DNASError
from e3dnas.space.declaration import Declaration
from e3dnas.space.fields import fields_of
from e3dnas.space.genes import Field, columns_of, readable, rounded_widths
from e3dnas.space.repair import Repair

__all__ = ["Genotypes", "SearchSpace"]

Genotypes = NDArray[np.int64]


class SearchSpace:
    """What may be chosen, compiled from a checked declaration.

    Attributes:
        declaration: the space file, defaults filled in.
        fields: every field of stem, stages and head with its possible values, in a fixed order.
        genes: the fields with more than one value; genotypes have one column for each.

    Raises:
        E3DNASError: the widths leave no network that never shrinks.
    """

    def __init__(self, declaration: Declaration, document: Document | None = None) -> None:
        self.declaration = declaration
        self.document = document or Document("", declaration.model_dump(mode="json", exclude={"family"}))
        self.fields: tuple[Field, ...] = fields_of(declaration, self.document)
        self.genes: tuple[Field, ...] = tuple(field for field in self.fields if len(field.values) > 1)
        self._column = {gene.name: i for i, gene in enumerate(self.genes)}
        self._named = {field.name: field for field in self.fields}
        self._repair = Repair(declaration, self._named, self._column)

    @property
    def name(self) -> str:
        """The name of the space and of its runs."""
        return self.declaration.name or "space"

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many values each gene has; shape (G,)."""
        return np.array([len(gene.values) for gene in self.genes], np.int64)

    @property
    def cardinality(self) -> int:
        """How many genotypes there are, before repair makes some of them equal."""
        product = 1
        for gene in self.genes:
            product *= len(gene.values)
        return product

    def column(self, name: str) -> int | None:
        """Return the column of the gene called ``name``; None where the field has one value only."""
        return self._column.get(name)

    def field(self, name: str) -> Field:
        """Return the field called ``name``."""
        return self._named[name]

    def distributions(self) -> dict[str, Any]:
        """Return the Optuna distribution of every gene by name."""
        return {gene.name: gene.distribution() for gene in self.genes}

    def to_dict(self) -> dict[str, Any]:
        """Return the space as plain data that ``load_space`` takes back."""
        return dict(self.document.data)

    # genotypes

    def sample(self, rng: np.random.Generator, count: int) -> Genotypes:
        """Return ``count`` random genotypes that keep the rules; widths are drawn, then put in order."""
        drawn: Genotypes = rng.integers(0, self.sizes, (count, len(self.genes)))
        return self.repair(self._repair.sorted_widths(drawn))

    def repair(self, genotypes: Genotypes) -> Genotypes:
        """Return genotypes that keep the rules, and equal ones for equal architectures; idempotent."""
        return self._repair(genotypes)

    def genotype(self, params: Mapping[str, Any]) -> Genotypes:
        """Return the repaired genotype of Optuna parameters, widths lowered to what follows them; shape (G,).

        Raises:
            ValueError: a parameter is missing or has a value that is none of its choices.
        """
        missing = [gene.name for gene in self.genes if gene.name not in params]
        if missing:
            raise ValueError(f"parameter {missing[0]!r} is missing")
        row = np.array([gene.index(params[gene.name]) for gene in self.genes], np.int64)
        repaired: Genotypes = self.repair(self._repair.lowered(row[None]))[0]
        return repaired

    def params(self, genotype: Genotypes) -> dict[str, Any]:
        """Return the Optuna parameters of one genotype (G,)."""
        return {gene.name: readable(gene.values[int(i)]) for gene, i in zip(self.genes, genotype, strict=True)}

    # networks

    def columns(self, genotypes: Genotypes) -> Columns:
        """Return the numbers of the networks of N genotypes."""
        clip = self.declaration.clip
        stage_count = len(self.declaration.stages)
        stem = self._part("stem", genotypes)
        head = {"out": self._part("head", genotypes)["out"]}
        parts = [self._stage(i, genotypes) for i in range(1, stage_count + 1)]
        stages = {key: _side_by_side([part[key] for part in parts]) for key in STAGE_FIELDS}
        return Columns((clip.frames, clip.size, clip.channels), stem, stages, head)

    def table(self, genotypes: Genotypes) -> LayerTable:
        """Return the layer table of the networks of N genotypes."""
        return expand(self.columns(genotypes))

    def architecture(self, genotype: Genotypes) -> Architecture:
        """Return the network of one genotype (G,)."""
        chosen: dict[str, dict[str, Any]] = {}
        for field in self.fields:
            column = self.column(field.name)
            value = field.values[0 if column is None else int(genotype[column])]
            chosen.setdefault(field.part, {})[field.key] = value
        head = self.declaration.head
        data = {
            "name": self.name,
            "clip": self.declaration.clip,
            "stem": chosen["stem"],
            "stages": [self._concrete_stage(i, chosen[f"stage{i + 1}"]) for i in range(len(self.declaration.stages))],
            "head": chosen["head"] | {"hidden": head.hidden, "hidden_activation": head.hidden_activation},
        }
        return check(Architecture, data, name=self.name)

    def encode(self, architecture: Architecture) -> Genotypes:
        """Return the genotype (G,) of a network.

        Raises:
            E3DNASError: the network is not in this space; says which field it falls out with.
        """
        row = np.zeros(len(self.genes), np.int64)
        stages = {f"stage{i}": stage for i, stage in enumerate(architecture.stages, start=1)}
        parts: dict[str, Any] = {"stem": architecture.stem, "head": architecture.head, **stages}
        if len(stages) != len(self.declaration.stages):
            raise E3DNASError(f"the network has {len(stages)} stages, the space {len(self.declaration.stages)}")
        for field in self.fields:
            index = self._index(field, parts[field.part])
            if (column := self.column(field.name)) is not None:
                row[column] = index
        found: Genotypes = self.repair(row[None])[0]
        if self.architecture(found) != architecture.model_copy(update={"name": self.name}):
            raise E3DNASError("the network breaks a rule of the space (widths_never_shrink, kernel_fit or its clip)")
        return found

    def _index(self, field: Field, part: Any) -> int:
        if field.key == "bottleneck_ratio":
            widths = [self._width(field, part.out, ratio) for ratio in field.values]
            if part.bottleneck in widths:
                return widths.index(part.bottleneck)
            raise E3DNASError(f"{field.part}.bottleneck: {part.bottleneck} is none of {widths} (out {part.out})")
        value = getattr(part, field.key)
        if value not in field.values:
            more = ", ..." if len(field.values) > 8 else ""
            choices = ", ".join(str(readable(v)) for v in field.values[:8]) + more
            raise E3DNASError(f"{field.name}: {readable(value)} is not among the space's choices ({choices})")
        return field.values.index(value)

    def _width(self, field: Field, out: int, ratio: float) -> int:
        stage = self.declaration.stages[int(field.part.removeprefix("stage")) - 1]
        return int(rounded_widths(np.array(out * ratio), stage.bottleneck_multiple))

    def _part(self, part: str, genotypes: Genotypes) -> dict[str, Array]:
        """Return the columns of a part by name, each of shape (N,), or (1,) where the field has one value."""
        columns: dict[str, Array] = {}
        for field in self.fields:
            if field.part == part:
                gene = self.column(field.name)
                for name, values in columns_of(field.key, field.values).items():
                    columns[name] = values if gene is None else values[genotypes[:, gene]]
        return columns

    def _stage(self, number: int, genotypes: Genotypes) -> dict[str, Array]:
        part = self._part(f"stage{number}", genotypes)
        if "bottleneck_ratio" in part:
            multiple = self.declaration.stages[number - 1].bottleneck_multiple
            part["bottleneck"] = rounded_widths(part["out"] * part["bottleneck_ratio"], multiple)
        part["squeeze"] = _squeeze(part["bottleneck"], part["se"])
        return part

    def _concrete_stage(self, i: int, chosen: dict[str, Any]) -> dict[str, Any]:
        chosen = dict(chosen)
        ratio = chosen.pop("bottleneck_ratio", None)
        if ratio is not None:
            multiple = self.declaration.stages[i].bottleneck_multiple
            chosen["bottleneck"] = int(rounded_widths(np.array(chosen["out"] * ratio), multiple))
        return chosen


def _squeeze(bottleneck: Array, se: Array) -> Array:
    if not se.any():
        return np.zeros(1)
    widths, ratios = np.broadcast_arrays(bottleneck, se)
    pairs, back = np.unique(np.stack([widths, ratios], axis=1), axis=0, return_inverse=True)
    return np.array([squeeze_width(int(w), float(r)) for w, r in pairs], float)[back.reshape(-1)]


def _side_by_side(parts: Sequence[Array]) -> Array:
    """Return S columns of shape (N,) or (1,) as one of shape (N or 1, S)."""
    out = np.empty((max(len(part) for part in parts), len(parts)))
    for s, part in enumerate(parts):
        out[:, s] = part
    return out
