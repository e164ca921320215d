"""Networks side by side: their measures with the ratio to the first, and their stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from e3dnas.measure.registry import MEASURES
from e3dnas.report.networks.drawing import CAPTION, Scale, draw_network
from e3dnas.report.networks.stages import format_clip, stage_facts, stage_table
from e3dnas.report.numbers import format_count
from e3dnas.report.pages import render_page

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

__all__ = ["Comparison", "compare_networks"]

LONGEST = 24
"""Columns of a terminal that a network's label may take before it is folded."""
UNITED = ("flops", "conv_macs", "params", "activations")
"""Measures that are written with a unit, ``1.98 G``."""


class Comparison:
    """Two or more networks, each with a label of its own.

    Attributes:
        labels: one a network, all different.
        networks: from ``e3dnas.measure``, the first one being what the others are compared with.
        ratios: by measure, what a network has over what the first one has; None where that is 0.
    """

    def __init__(self, labels: Sequence[str], networks: Sequence[Mapping[str, Any]]) -> None:
        self.labels, self.networks = list(labels), list(networks)
        first = self.networks[0]
        self.ratios = [
            {name: network[name] / first[name] if first[name] else None for name in MEASURES}
            for network in self.networks
        ]

    @property
    def same_clip(self) -> bool:
        """Whether all were measured with the same clip."""
        return len({format_clip(network) for network in self.networks}) == 1

    @property
    def warning(self) -> str:
        """What to bear in mind where the clips differ; empty where they do not."""
        if self.same_clip:
            return ""
        first = self.networks[0]
        clips = ", ".join(dict.fromkeys(format_clip(network) for network in self.networks))
        return (
            f"The clips differ ({clips}), so scores and costs do not compare directly; "
            f"--frames {first['frames']} --size {first['size']} measures all on the first one's."
        )

    def to_list(self) -> list[dict[str, Any]]:
        """Return plain data: every measure of each network, with its label and its ratios to the first."""
        told = zip(self.labels, self.networks, self.ratios, strict=True)
        return [{"label": label, **network, "ratios": ratios} for label, network, ratios in told]

    def format(self, width: int) -> Group:
        """Return the tables for a terminal of so many columns, the first network in each; what is over is folded."""
        from rich.console import Group
        from rich.text import Text

        parts: list[Any] = []
        for chosen in self._fitting(width):
            parts += [self._measures_table(chosen), ""]
        for chosen in self._fitting(width):
            parts += [self._stages_table(chosen), ""]
        if self.warning:
            parts.append(Text(self.warning, style="yellow"))
        return Group(*(parts if self.warning else parts[:-1]))

    def page(self) -> str:
        """Return a page with everything: measures, pictures of one scale, stages."""
        scale = Scale.of(*self.networks)
        most = {name: max(network[name] for network in self.networks) or 1 for name in MEASURES}
        networks = [
            {
                "label": label, "clip": format_clip(network), "picture": draw_network(network, scale=scale),
                "stages": stage_table(network),
                "cells": [_cell(name, network[name], ratios[name], network[name] / most[name]) for name in MEASURES],
            }
            for label, network, ratios in zip(self.labels, self.networks, self.ratios, strict=True)
        ]  # fmt: skip
        rows = [
            {"stage": stage, "field": field, "cells": values, "differs": [value != values[0] for value in values]}
            for stage, field, values in self._stages(range(len(self.networks)))
        ]
        return render_page(
            "compare.html.j2", measures=list(MEASURES), networks=networks, rows=rows, caption=CAPTION,
            warning=self.warning,
        )  # fmt: skip

    def _cells(self, index: int) -> list[tuple[str, str]]:
        """Return the measures of one network and their ratios, as written."""
        network, ratios = self.networks[index], self.ratios[index]
        pairs = [(_value(name, network[name]), _percent(ratios[name]) if index else "") for name in MEASURES]
        return [(format_clip(network), ""), *pairs]

    def _fitting(self, width: int) -> Iterator[list[int]]:
        """Yield the networks of one table after another: the first, and so many others as fit beside it."""
        rooms = []
        for index, label in enumerate(self.labels):
            facts = [values for _, _, values in self._stages([index])]
            written = [*(text for pair in self._cells(index) for text in pair), *(text for (text,) in facts)]
            rooms.append(2 + max(min(len(label), LONGEST), *map(len, written)))
        left = width - 2 - len("stage1  kernel") - rooms[0]
        chosen, room = [0], left
        for index in range(1, len(self.labels)):
            if rooms[index] > room and len(chosen) > 1:
                yield chosen
                chosen, room = [0], left
            chosen.append(index)
            room -= rooms[index]
        yield chosen

    def _measures_table(self, chosen: list[int]) -> Table:
        table = self._table(f"measures, in percent of {self.labels[0]}", [""], chosen)
        columns = [self._cells(index) for index in chosen]
        for row, name in enumerate(["clip", *MEASURES]):
            table.add_row(name, *("\n".join(filter(None, column[row])) for column in columns))
        return table

    def _stages_table(self, chosen: list[int]) -> Table:
        from rich.text import Text

        table = self._table("stages", ["", ""], chosen)
        before = None
        for stage, field, values in self._stages(chosen):
            if before not in (None, stage):
                table.add_section()
            texts = [Text(value, style="bold" if value != values[0] else "") for value in values]
            table.add_row(stage if stage != before else "", field, *texts)
            before = stage
        return table

    def _table(self, title: str, heads: list[str], chosen: list[int]) -> Table:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        table = Table(
            title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False,
            padding=(0, 1, 0, 0),
        )  # fmt: skip
        for head in heads:
            table.add_column(head, no_wrap=True)
        for index in chosen:
            table.add_column(Text(self.labels[index]), justify="right", overflow="fold", max_width=LONGEST)
        return table

    def _stages(self, chosen: Sequence[int]) -> Iterator[tuple[str, str, list[str]]]:
        """Yield stage, field and the values of the chosen networks; empty where a network has none."""
        told = [{stage["name"]: stage_facts(stage) for stage in self.networks[i]["stages"]} for i in chosen]
        deepest = max(told, key=len)
        for stage in deepest:
            for field in deepest[stage]:
                values = [one.get(stage, {}).get(field, "") for one in told]
                if any(values):
                    yield stage, field, values


def compare_networks(sources: Sequence[str], networks: Sequence[Mapping[str, Any]]) -> Comparison:
    """Return the comparison of networks, each from ``e3dnas.measure``, labelled with their names.

    Where names are equal or missing, as much of ``sources`` (what the user typed) is added as tells them apart.
    """
    return Comparison(_labels([str(network["name"]) for network in networks], sources), networks)


def _labels(names: Sequence[str], sources: Sequence[str]) -> list[str]:
    counted = Counter(names)
    parts = [PurePath(source).parts for source in sources]
    labels = []
    for i, name in enumerate(names):
        if name and counted[name] == 1:
            labels.append(name)
            continue
        same = [parts[j] for j, other in enumerate(names) if other == name and parts[j] != parts[i]]
        length = next(
            (n for n in range(1, len(parts[i])) if all(other[-n:] != parts[i][-n:] for other in same)), len(parts[i])
        )
        tail = str(PurePath(*parts[i][-length:])) if parts[i] else sources[i]
        labels.append(tail if not name or tail == name else f"{name} ({tail})")
    total, seen = Counter(labels), Counter[str]()
    for i, label in enumerate(labels):
        if total[label] > 1:
            seen[label] += 1
            labels[i] = f"{label} #{seen[label]}"
    return labels


def _value(name: str, value: float) -> str:
    if name in UNITED:
        return format_count(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _percent(ratio: float | None) -> str:
    if ratio is None:
        return "-"
    return f"{100 * ratio:.2f} %" if abs(ratio) < 100 else f"{100 * ratio:,.0f} %"


def _cell(name: str, value: float, ratio: float | None, share: float) -> dict[str, Any]:
    return {
        "value": _value(name, value), "exact": f"{value:,}" if isinstance(value, int) else f"{value:.10f}",
        "ratio": _percent(ratio), "bar": max(0.0, min(100.0, 100 * share)),
    }  # fmt: skip
