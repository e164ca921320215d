"""An evaluation as tables, and as a picture of which classes are taken for which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from torch import Tensor

    from e3dnas.training.evaluation import Evaluation

__all__ = ["format_evaluation", "plot_confusion"]

MOST_ROWS = 30
MOST_NAMES = 60
INK = "#2b2b33"


def format_evaluation(found: Evaluation) -> Group:
    """Return the figures, and a row a class: of many classes those that are recognised worst."""
    tested = found.tested
    clips, crops = found.views
    views = "one view" if clips * crops == 1 else f"{clips} clips x {crops} crops, probabilities averaged"
    still = ", one frame of each clip repeated" if found.still else ""
    lines = [
        f"{found.split}: {tested.count:,} videos, {views}{still}",
        f"top-1 {100 * tested.top1:.2f} %   top-5 {100 * tested.top5:.2f} %   loss {tested.loss:.4f}   "
        f"chance {100 / len(found.classes):.2f} %",
        f"{tested.clips_per_sec:.1f} clips/s, {tested.seconds:.1f} s, of which "
        f"{100 * tested.wait_share:.0f} % waiting for clips, {found.processes} "
        f"{'process' if found.processes == 1 else 'processes'}",
    ]
    rows = [row for row in found.per_class if row["videos"]]
    shown = rows if len(rows) <= MOST_ROWS else sorted(rows, key=lambda row: row["right"])[:MOST_ROWS]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("class", overflow="fold")
    for name in ("videos", "right %"):
        table.add_column(name, justify="right")
    table.add_column("most taken for", overflow="fold")
    for row in shown:
        wrong = f"{row['taken_for']} ({row['times']})" if row["times"] else ""
        table.add_row(row["class"], str(row["videos"]), f"{100 * row['right']:.1f}", wrong)
    parts: list[RenderableType] = [Text("\n".join(lines)), Text(""), table]
    if len(shown) < len(rows):
        parts.append(Text(f"the {len(shown)} of {len(rows)} classes recognised worst; --json has all"))
    if found.broken:
        parts.append(Text(_told_broken(found.broken), style="yellow"))
    return Group(*parts)


def plot_confusion(confusion: Tensor, classes: tuple[str, ...], title: str, file: Path) -> None:
    """Draw which classes are taken for which: rows are the right ones, each adding up to 100 %.

    Args:
        confusion: (N, N) counts, rows the right class.
        classes: their names; of more than 60 the numbers alone are written.
        title: what stands above.
        file: the picture, by its ending.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(classes)
    named = count <= MOST_NAMES
    side = min(max(3.5 + 0.32 * count, 5.0), 20.0) if named else 9.0
    figure = Figure(figsize=(side, side * 0.88), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    shares = 100.0 * confusion / confusion.sum(1, keepdim=True).clamp_min(1)
    image = axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=100, interpolation="nearest")
    if named:
        axes.set_xticks(range(count), classes, rotation=90)
        axes.set_yticks(range(count), classes)
    if count <= 15:
        for row in range(count):
            for column in range(count):
                if confusion[row, column]:
                    colour = "white" if shares[row, column] > 55 else INK
                    axes.text(
                        column, row, f"{shares[row, column]:.0f}", ha="center", va="center", color=colour, fontsize=8
                    )
    axes.set_xlabel("recognised as", color=INK)
    axes.set_ylabel("is", color=INK)
    axes.set_title(title, color=INK, fontsize=11)
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label="% of the class", shrink=0.8)
    figure.savefig(file, dpi=130)


def _told_broken(broken: dict[str, str], most: int = 5) -> str:
    lines = [f"{path}: {why}" for path, why in list(broken.items())[:most]]
    more = [f"and {len(broken) - most} more; --json has all"] if len(broken) > most else []
    videos = "1 video" if len(broken) == 1 else f"{len(broken)} videos"
    return "\n".join([f"\n{videos} cannot be read; not counted:", *lines, *more])
