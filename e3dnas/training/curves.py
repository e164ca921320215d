"""The curves of a training as one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["plot_curves"]

INK, TRAIN, HELD_OUT = "#2b2b33", "#8a8fa3", "#2f6fb0"


def plot_curves(rows: Sequence[Mapping[str, Any]], title: str, file: Path) -> None:
    """Draw loss and top-1 over epochs, of training and validation.

    Args:
        rows: the rows of metrics.csv.
        title: what stands above.
        file: the picture, by its ending; written at once.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 3.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in rows]
    for axes, key, scale in ((left, "loss", 1.0), (right, "top1", 100.0)):
        for split, colour, name in (("train", TRAIN, "training"), ("val", HELD_OUT, "validation")):
            values = [row[f"{split}_{key}"] for row in rows]
            if all(value is not None for value in values):
                style = {"marker": "o", "markersize": 3} if len(rows) < 40 else {}
                axes.plot(epochs, [scale * v for v in values], color=colour, label=name, linewidth=1.8, **style)
        axes.set_xlabel("epoch", color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", color="#e4e4ea", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
    left.set_ylabel("loss", color=INK)
    right.set_ylabel("top-1, %", color=INK)
    right.set_ylim(0, 102)
    left.set_ylim(0, 1.06 * left.dataLim.y1)
    left.set_title(title, color=INK, fontsize=11, loc="left")
    lines, names = left.get_legend_handles_labels()
    figure.legend(lines, names, frameon=False, loc="outside upper right", ncols=2)
    fresh = file.with_name(f".{file.stem}.new{file.suffix}")
    figure.savefig(fresh, dpi=130)
    fresh.replace(file)
