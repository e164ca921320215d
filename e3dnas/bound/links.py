"""From a space to a chain: the options of each part of the network as links between the widths and maps it joins.

What a stage adds to any sum over layers depends on its own fields and on what enters it, a width and a feature map. So
a space is a chain: the nodes are pairs of width and map, the links of a layer are all options of one part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from e3dnas.arch.expand import Entry, Maps, expand
from e3dnas.arch.table import Array, Columns, LayerTable
from e3dnas.bound.chain import Chain, Floats, Ints, Links
from e3dnas.bound.sums import Sum
from e3dnas.errors import E3DNASError
from e3dnas.space import SearchSpace

__all__ = ["SpaceChain"]

CHUNK = 8192
MAX_LINKS = 6_000_000
"""Options of one part that are laid out at once, about 60 bytes each."""
WITHOUT_WEIGHT = frozenset({"activation", "inner_activation"})
"""Fields that no sum over layers sees; their first value stands for all."""

Node = tuple[int, Entry]


@dataclass
class _Front:
    """The nodes between two parts: how wide the tensor is there, and its map."""

    nodes: dict[Node, int] = field(default_factory=dict)

    def number(self, width: int, entry: Entry) -> int:
        """Return the number of a node, a new one where it is new."""
        return self.nodes.setdefault((width, entry), len(self.nodes))

    def by_entry(self) -> dict[Entry, tuple[Ints, Ints]]:
        """Return numbers and widths of the nodes of each map."""
        grouped: dict[Entry, list[tuple[int, int]]] = {}
        for (width, entry), number in self.nodes.items():
            grouped.setdefault(entry, []).append((number, width))
        return {entry: (np.array([n for n, _ in pairs]), np.array([w for _, w in pairs]))
                for entry, pairs in grouped.items()}  # fmt: skip


@dataclass(frozen=True)
class _Piece:
    """Some links of a part: sources, targets, what each sum adds (K, 1 + M), and the options taken (K,)."""

    source: Ints
    target: Ints
    sums: Floats
    option: Ints


class SpaceChain:
    """The chain of a space, and the way back from a path to a genotype.

    Args:
        space: the space.
        value: what is to be maximised.
        costs: what the budgets limit, as (measure, sign, limit): sign x measure is at most limit.
        sign: -1 to minimise ``value`` instead.

    Raises:
        E3DNASError: a part has more options than can be laid out.
    """

    def __init__(
        self, space: SearchSpace, value: Sum, costs: Sequence[tuple[Sum, float, float]], sign: float = 1.0
    ) -> None:
        self.space = space
        self.sums = [value, *(one for one, _, _ in costs)]
        self.signs = np.array([sign, *(each for _, each, _ in costs)])
        self.parts = ["stem", *(f"stage{i + 1}" for i in range(len(space.declaration.stages))), "head"]
        self._options = [self._options_of(part) for part in self.parts]
        self._last = len(self.parts) - 1
        self._taken: list[Ints] = []
        layers, counts = [], [1]
        front = _Front()
        for part in range(len(self.parts)):
            behind = _Front()
            self._refuse_too_many(self.parts[part], len(self._options[part]) * max(1, len(front.nodes)))
            pieces = list(self._pieces(part, front, behind))
            joined = _Piece(*(np.concatenate([getattr(p, key) for p in pieces]) for key in _Piece.__dataclass_fields__))
            layers.append(Links.of(joined.source, joined.target, joined.sums[:, 0], joined.sums[:, 1:]))
            self._taken.append(joined.option)
            counts.append(len(behind.nodes))
            front = behind
        self.chain = Chain(tuple(layers), tuple(counts), np.array([limit for _, _, limit in costs]))

    def genotype(self, path: Sequence[int]) -> Ints:
        """Return the genotype (G,) of a path."""
        row = np.zeros(len(self.space.genes), np.int64)
        for options, taken, link in zip(self._options, self._taken, path, strict=True):
            option = options[taken[link]]
            row = np.where(option >= 0, option, row)
        repaired: Ints = self.space.repair(row[None])[0]
        return repaired

    def _refuse_too_many(self, part: str, count: int) -> None:
        if count > MAX_LINKS:
            raise E3DNASError(
                f"{self.space.name} cannot be bounded: {part} has {count:,} options, counted with the widths that can "
                f"enter it, and the solver takes {MAX_LINKS:,}; give it coarser steps or fewer choices"
            )

    def _options_of(self, part: str) -> Ints:
        """Return every choice of a part's genes as rows (K, G), -1 in the columns of other parts."""
        own = [i for i, g in enumerate(self.space.genes) if g.part == part and g.key not in WITHOUT_WEIGHT]
        sizes = [len(self.space.genes[i].values) for i in own]
        self._refuse_too_many(part, math.prod(sizes))
        rows = np.full((int(np.prod(sizes)), len(self.space.genes)), -1, np.int64)
        if own:
            rows[:, own] = np.indices(sizes).reshape(len(own), -1).T
        return rows

    def _pieces(self, part: int, front: _Front, behind: _Front) -> Iterator[_Piece]:
        """Yield the links of a part: every option from every node it may follow."""
        columns = self.space.columns(np.maximum(self._options[part], 0))
        options = np.arange(len(self._options[part]))
        if part == 0:
            yield self._stem(columns, options, behind)
            return
        for entry, (numbers, widths) in front.by_entry().items():
            option, source = (grid.reshape(-1) for grid in np.meshgrid(options, np.arange(len(widths)), indexing="ij"))
            if part < self._last and self.space.declaration.rules.widths_never_shrink:
                outs = columns.stages["out"][:, part - 1]
                kept = np.broadcast_to(outs, options.shape)[option] >= widths[source]
                option, source = option[kept], source[kept]
            for start in range(0, len(option), CHUNK):
                o, s = option[start : start + CHUNK], source[start : start + CHUNK]
                yield self._behind(part, columns, entry, o, widths[s], numbers[s], behind)

    def _stem(self, columns: Columns, option: Ints, behind: _Front) -> _Piece:
        maps = Maps.of(columns)
        leaves = [maps.at(int(i) if len(maps.size) > 1 else 0, 0) for i in option]
        outs = np.broadcast_to(columns.stem["out"], option.shape)
        sums = self._sums(0, expand(columns), 0, outs)
        return _Piece(np.zeros_like(option), _targets(outs, leaves, behind), sums, option)

    def _behind(self, part: int, columns: Columns, entry: Entry, option: Ints, width: Ints, source: Ints,
                behind: _Front) -> _Piece:  # fmt: skip
        """Return the links of a stage or the head: options, each behind a tensor of its width and one map for all."""
        if part == self._last:
            alone = _head_alone(columns, option, width)
            outs = np.broadcast_to(alone.head["out"], option.shape)
            target = np.full(len(option), behind.number(0, entry))
            return _Piece(source, target, self._sums(part, expand(alone, entry), 2, outs), option)
        alone = _stage_alone(columns, option, part - 1, width)
        maps = Maps.of(alone, entry)
        leaves = [maps.at(i, 1) for i in range(len(maps.size))]
        outs = np.broadcast_to(alone.stages["out"][:, 0], option.shape)
        target = _targets(outs, leaves, behind)
        return _Piece(source, target, self._sums(part, expand(alone, entry), 1, outs), option)

    def _sums(self, part: int, table: LayerTable, stage: int, outs: Array) -> Floats:
        inside = table.stage[0] == stage
        sums = np.empty((len(outs), len(self.sums)))
        for i, one in enumerate(self.sums):
            sums[:, i] = one.of_part(part, one.rows(table)[:, inside].sum(axis=1), outs)
        return np.asarray(sums * self.signs)


def _targets(outs: Array, leaves: Sequence[Entry], behind: _Front) -> Ints:
    """Return the node behind each link; ``leaves`` has one map for all, or one for each."""
    maps = {entry: i for i, entry in enumerate(dict.fromkeys(leaves))}
    which = np.broadcast_to(np.array([maps[entry] for entry in leaves]), outs.shape)
    codes, back = np.unique(outs.astype(np.int64) * len(maps) + which, return_inverse=True)
    entries = list(maps)
    numbers = [behind.number(int(code) // len(maps), entries[int(code) % len(maps)]) for code in codes]
    target: Ints = np.array(numbers)[back]
    return target


def _stage_alone(columns: Columns, option: Ints, stage: int, width: Ints) -> Columns:
    """Return networks of one stage: the options taken, each behind a stem of the width that enters it."""
    stages = {
        key: values[option, stage][:, None] if len(values) > 1 else values[:, [stage]]
        for key, values in columns.stages.items()
    }
    return Columns(columns.clip, _stem(columns, width), stages, {"out": np.ones(1)})


def _head_alone(columns: Columns, option: Ints, width: Ints) -> Columns:
    """Return networks of one stage that changes nothing, for the head conv behind it."""
    stages = {key: values[:1, :1] for key, values in columns.stages.items()}
    stages |= {"out": width.astype(float)[:, None], "stride_t": np.ones((1, 1)), "stride_s": np.ones((1, 1))}
    head = columns.head["out"]
    return Columns(columns.clip, _stem(columns, width), stages, {"out": head[option] if len(head) > 1 else head})


def _stem(columns: Columns, width: Ints) -> dict[str, Array]:
    return {key: values[:1] for key, values in columns.stem.items()} | {"out": width.astype(float)}
