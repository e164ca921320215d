"""Tables of a data set of videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from e3dnas.video.checking import VideoCheck

__all__ = ["format_check"]

MOST_CLASSES = 20
MOST_FILES = 20
MOST_KINDS = 3


def format_check(check: VideoCheck) -> RenderableType:
    """Return what ``e3dnas data check`` found: splits, classes, videos that cannot be used, and the outcome."""
    told = check.to_dict()
    head = Text(f"{told['path']}: {told['layout']}, recognised by {told['recognised_by']}")
    head.append("".join(f"\n{note}" for note in told["notes"]))
    parts: list[RenderableType] = [head, "", _splits(told["splits"]), "", _classes(told["splits"], told["classes"])]
    parts += [part for part in (_files(told["splits"]),) if part is not None]
    if told["problems"]:
        parts += ["", *(Text(line, style="red") for line in told["problems"])]
    else:
        parts += ["", Text("all videos can be read, every class has some", style="green")]
    return Group(*parts)


def _splits(splits: Mapping[str, Any]) -> Table:
    table = _table()
    table.add_column("")
    for name in splits:
        table.add_column(name, overflow="fold")
    rows = {key: [f"{one[key]:,}" for one in splits.values()] for key in ("videos", "usable", "broken", "missing")}
    rows["ignored"] = [f"{one['ignored']:,}" for one in splits.values()]
    if not any(one["ignored"] for one in splits.values()):
        del rows["ignored"]
    rows |= {key: [_span(one[key]) for one in splits.values()] for key in ("seconds", "frames", "fps")}
    rows |= {key: [_kinds(one[key]) for one in splits.values()] for key in ("sizes", "codecs")}
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def _table() -> Table:
    return Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))


def _span(span: Mapping[str, float] | None) -> str:
    if span is None:
        return "-"
    least, middle, most = (f"{span[key]:.4g}" for key in ("least", "median", "most"))
    return least if least == most else f"{least} to {most}, median {middle}"


def _kinds(counts: Mapping[str, int]) -> str:
    shown = [f"{name} ({count:,})" if len(counts) > 1 else name for name, count in list(counts.items())[:MOST_KINDS]]
    more = len(counts) - MOST_KINDS
    return "\n".join([*shown, f"and {more:,} more"] if more > 0 else shown) or "-"


def _classes(splits: Mapping[str, Any], classes: Sequence[str]) -> RenderableType:
    """Return how many videos each class has; of many classes those that have least and most."""
    counts = {name: [split["classes"][name] for split in splits.values()] for name in classes}
    names, title = list(classes), f"{len(classes)} classes, videos that can be read"
    if len(names) > MOST_CLASSES:
        names.sort(key=lambda name: (counts[name], name))
        names = [*names[: MOST_CLASSES // 2], "...", *names[-(MOST_CLASSES // 2) :]]
        title += f": the {MOST_CLASSES // 2} with fewest and with most"
    table = _table()
    table.add_column("class", overflow="fold")
    for split in splits:
        table.add_column(split, justify="right")
    for name in names:
        cells = ["..."] * len(splits) if name == "..." else [f"{count:,}" for count in counts[name]]
        table.add_row(name, *cells, style="red" if name in counts and 0 in counts[name] else None)
    return Group(Text(title, style="bold"), table)


def _files(splits: Mapping[str, Any]) -> RenderableType | None:
    """Return the videos that cannot be used, by name, or None if there are none."""
    rows = [(split, path, why) for split, one in splits.items() for path, why in one["broken_files"].items()]
    rows += [(split, path, "is not there") for split, one in splits.items() for path in one["missing_files"]]
    if not rows:
        return None
    lines = [Text(f"\n{len(rows):,} videos that cannot be used", style="bold")]
    lines += [Text(f"{split}  {path}: {why}", overflow="fold") for split, path, why in rows[:MOST_FILES]]
    if len(rows) > MOST_FILES:
        lines.append(Text(f"and {len(rows) - MOST_FILES:,} more; --json lists them all"))
    return Group(*lines)
