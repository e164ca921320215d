"""Tables of networks and searches for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from e3dnas.report.numbers import format_count, format_gap, format_share
from e3dnas.report.on_machine import UNITS

if TYPE_CHECKING:
    from e3dnas.search.result import SearchResult

__all__ = ["format_family", "format_front", "format_models", "format_network", "format_top"]


def format_network(measures: Mapping[str, Any]) -> RenderableType:
    """Return the stage table of one network and its totals, from ``e3dnas.measure``."""
    table = _table(f"{measures['name'] or 'network'}: {_clip(measures)}")
    for name in ("stage", "blocks"):
        table.add_column(name, overflow="fold")
    for name in ("kernel", "mid", "out", "output", "flops\n%", "params\n%", "score\n%"):
        table.add_column(name, justify="right", overflow="fold")
    for stage in measures["stages"]:
        table.add_row(*_stage_row(stage, measures))
    return Group(table, "", format_totals(measures))


def _stage_row(stage: Mapping[str, Any], measures: Mapping[str, Any]) -> list[str]:
    blocks = f"{stage['depth']} x {stage['block']}" if "block" in stage else "conv"
    fields = [stage["name"], blocks + ("+se" if stage.get("se") else "")]
    fields += [str(stage.get(key, "")) for key in ("kernel", "bottleneck", "out")]
    fields.append(f"{stage['frames']}x{stage['size']}x{stage['size']}")
    shares = ((stage["flops"], measures["flops"]), (stage["params"], measures["params"]),
              (stage["entropy"], measures["stentr"]))  # fmt: skip
    return fields + [format_share(*pair).removesuffix(" %") for pair in shares]


def _table(title: str) -> Table:
    """Return an empty table whose columns stand two apart, so that a stage table fits into 80 columns."""
    return Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False,
        padding=(0, 1, 0, 0),
    )  # fmt: skip


def format_totals(measures: Mapping[str, Any]) -> Text:
    """Return the totals of a network in two lines."""
    return Text(
        f"stentr {measures['stentr']:.4f}   homoentr {measures['homoentr']:.4f}   layers {measures['layers']}\n"
        f"flops {measures['flops']:,} as thop counts   conv_macs {format_count(measures['conv_macs'])}   "
        f"params {measures['params']:,}"
    )


def _clip(measures: Mapping[str, Any]) -> str:
    return f"{measures['frames']} frames of {measures['size']} x {measures['size']}"


def format_top(top: Sequence[Mapping[str, Any]], score: str) -> Table:
    """Return the best networks of a search, best first; each has trial, score and measures."""
    table = _table("best networks within the budgets")
    here = [name for name in UNITS if top and name in top[0] and name != score]
    for name in ("rank", "trial", _short(score), *here, "flops", "conv_macs", "params", "layers"):
        table.add_column(name, justify="right", no_wrap=True)
    for rank, found in enumerate(top, start=1):
        counts = [f"{found[key]:.4g}" for key in here]
        counts += [format_count(found[key]) for key in ("flops", "conv_macs", "params")]
        table.add_row(str(rank), str(found["trial"]), f"{found['score']:.4f}", *counts, str(found["layers"]))
    return table


def _short(name: str) -> str:
    """Return of package.module:function the function."""
    return name.rpartition(":")[2]


def format_front(front: Sequence[Mapping[str, Any]], objectives: Sequence[str], count: int) -> Table:
    """Return networks of a front of ``count``, as they come; each has measures, and a trial if it has one."""
    told = f"{len(front)} of {count} networks" if len(front) < count else f"{count} networks"
    table = _table(f"the front: {told}" if count > 1 else "the front: 1 network")
    names = [name for name in objectives if name in front[0]]
    names += [name for name in ("stentr", "flops", "params", "layers") if name not in names]
    names = ["trial", *names] if "trial" in front[0] else names
    for name in names:
        table.add_column(_short(name), justify="right", no_wrap=True)
    for found in front:
        table.add_row(*(_figure(found[name]) for name in names))
    return table


def _figure(value: float) -> str:
    if not float(value).is_integer():
        return f"{value:.4f}"
    return format_count(value) if value >= 1000 else str(int(value))


def format_family(results: Mapping[str, SearchResult]) -> Table:
    """Return one row for every member of a family: its best network and how near it is to the best possible."""
    fronts = any(len(result.objectives) > 1 for result in results.values())
    table = _table("family")
    table.add_column("member", overflow="fold")
    for name in ("score", "of the front" if fronts else "gap", "flops", "params", "layers", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for member, result in results.items():
        best = result.best
        counts = ["-"] * 3
        if best is not None:
            counts = [*(format_count(best.measures[key]) for key in ("flops", "params")), str(best.measures["layers"])]
        score = "none" if best is None else f"{best.score:.4f}"
        table.add_row(member, score, _nearness(result), *counts, f"{result.seconds:.1f}")
    return table


def _nearness(result: SearchResult) -> str:
    """Return how near a search came to what is possible."""
    if result.share is not None:
        return f"{100 * result.share:.2f} %"
    return "-" if result.gap is None else format_gap(result.gap)


def format_models(models: Sequence[Mapping[str, Any]]) -> Table:
    """Return the models there are: each has name, from, and the measures of its network."""
    table = _table("models")
    for name in ("name", "clip", "stentr", "flops", "conv_macs", "params", "layers", "from"):
        table.add_column(name, justify="left" if name in ("name", "from") else "right", overflow="fold")
    for model in models:
        if "problem" in model:
            table.add_row(model["name"], *[""] * 6, f"{model['from']}: {model['problem']}", style="red")
            continue
        counts = [format_count(model[key]) for key in ("flops", "conv_macs", "params")]
        clip = f"{model['frames']}x{model['size']}x{model['size']}"
        table.add_row(model["name"], clip, f"{model['stentr']:.2f}", *counts, str(model["layers"]), model["from"])
    return table
