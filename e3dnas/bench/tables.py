"""A bench as tables for the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from e3dnas.bench.result import Bench, Row

__all__ = ["format_bench"]

TOP = 5
NAME = 44
"""Letters of a kernel's name that are shown."""
SHORT = {"op by op": "op by op", "BN folded": "BN folded", "one kernel a convolution": "fused"}


def format_bench(found: Bench) -> Group:
    """Return the ways side by side, what would be possible, the parts, and where a step's time goes."""
    lines: list[RenderableType] = [_ways(found), Text(_possible(found)), Text("")]
    for model, (way, parts) in found.parts.items():
        table = _table(f"parts of {model}, each alone ({way})")
        _columns(table, ("part",), ("median ms", "p95 ms", "of the sum %", "of flops %"))
        for part in parts:
            shares = f"{100 * part.share:.1f}", f"{100 * part.flops_share:.1f}"
            table.add_row(part.name, _ms(part.timing.median), _ms(part.timing.p95), *shares)
        lines.append(table)
    lines += [_kernels(found), Text("")]
    lines.append(Text(", ".join(f"{name} {told}" for name, told in found.versions.items())))
    lines += [Text(note, style="dim") for note in found.notes]
    return Group(*lines)


def _ways(found: Bench) -> Table:
    plan = found.plan
    what = "training steps, optimiser not included" if plan.train else "inference"
    clips = "1 clip" if plan.batch == 1 else f"{plan.batch} clips"
    threads = "" if plan.device == "cuda" else f", {plan.threads} thread{'s' * (plan.threads != 1)}"
    table = _table(f"{what}: {clips} of {found.clip}, {plan.dtype}, {plan.device}{threads}; {found.clock}")
    _columns(
        table, ("model", "way"),
        ("median ms", "p95 ms", "clips/s", "times as fast\nas the first", "peak MiB", "of the\nfloor %", "floor"),
    )  # fmt: skip
    for row in found.rows:
        table.add_row(row.model, row.way, *_figures(row))
    return table


def _figures(row: Row) -> list[str]:
    if row.timing is None or row.clips_per_sec is None or row.speedup is None or row.share is None:
        return [row.problem]
    peak = "-" if row.peak_mib is None else f"{row.peak_mib:.0f}" if row.peak_mib >= 10 else f"{row.peak_mib:.2g}"
    return [
        _ms(row.timing.median), _ms(row.timing.p95), f"{row.clips_per_sec:.4g}", f"{row.speedup:.2f}", peak,
        f"{100 * row.share:.1f}", SHORT[row.level],
    ]  # fmt: skip


def _possible(found: Bench) -> str:
    ceilings = found.ceilings
    lines = [
        f"measured here, now: copies {_rate(ceilings.copy)}B/s (read and written), {found.plan.dtype} matrix products "
        f"{_rate(ceilings.matmul)}FLOP/s. Floor of a step by these two, operation by operation:"
    ]
    for model, floors in found.floors.items():
        told = [f"{SHORT[one.level]} {_ms(one.ms)} ms ({one.bytes / 1e6:,.0f} MB)" for one in floors]
        lines.append(f"  {model}: {', '.join(told)}, {floors[0].flops / 1e9:,.1f} GFLOP")
    if any(row.share is not None and row.share > 1 for row in found.rows):
        lines.append("more than 100 %: maps stayed in caches, which the floor does not know")
    return "\n".join(lines)


def _kernels(found: Bench) -> Table:
    table = _table("where the time of a step goes")
    _columns(table, ("model", "way", "longest of its kernels or operators, % of all their time"), ())
    for row in found.rows:
        top = "\n".join(f"{100 * one.share:4.1f}  {one.name[:NAME]} ({one.calls})" for one in row.kernels[:TOP])
        if row.timing is not None:
            table.add_row(row.model, row.way, top or "not seen by PyTorch's profiler")
    return table


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False,
        padding=(0, 1, 0, 0),
    )  # fmt: skip


def _columns(table: Table, left: tuple[str, ...], right: tuple[str, ...]) -> None:
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", overflow="fold")


def _ms(value: float) -> str:
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _rate(value: float) -> str:
    return f"{value / 1e12:.2f} T" if value >= 1e12 else f"{value / 1e9:.1f} G"
