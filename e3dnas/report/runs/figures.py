"""The figures of a run by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e3dnas.errors import E3DNASError, nearest
from e3dnas.measure.api import measure
from e3dnas.report.charts.chart import Chart
from e3dnas.report.runs.data import NothingToDraw
from e3dnas.report.runs.fronts import front_figure
from e3dnas.report.runs.networks import importances, stages
from e3dnas.report.runs.trials import history, tradeoff

if TYPE_CHECKING:
    from e3dnas.search.reading import Run
    from e3dnas.search.result import Found

__all__ = ["KINDS", "NothingToDraw", "check_kind", "make_chart", "network_page", "network_picture"]

CHARTS = {"history": history, "tradeoff": tradeoff, "importances": importances, "front": front_figure}
OF_A_NETWORK = ("stages", "network")
KINDS = (*CHARTS, *OF_A_NETWORK)
"""What there is to draw: charts, and the picture of a network."""


def check_kind(kind: str, trial: int | None) -> None:
    """Refuse a kind that there is none of, and a trial where no network is shown.

    Raises:
        E3DNASError: one of these.
    """
    if kind not in KINDS:
        raise E3DNASError(f"--kind {kind}: must be one of {', '.join(KINDS)}{nearest(kind, KINDS)}")
    if trial is not None and kind not in OF_A_NETWORK:
        raise E3DNASError(
            f"--trial {trial}: --kind {kind} shows all trials; --trial goes with {' and '.join(OF_A_NETWORK)}"
        )


def make_chart(run: Run, kind: str, trial: int | None = None) -> Chart:
    """Return a figure of a run.

    Args:
        run: the run.
        kind: one of ``KINDS``, but for ``network``.
        trial: for ``stages``, this trial's network instead of the best.

    Raises:
        E3DNASError: there is no such trial; ``NothingToDraw`` where the run has no numbers for the figure.
    """
    if kind == "stages":
        return stages(measure(_network(run, trial).architecture))
    return CHARTS[kind](run)


def network_picture(run: Run, trial: int | None = None) -> str:
    """Return the picture of a trial's network, or the best one, as an SVG file.

    Raises:
        E3DNASError: as for ``make_chart``.
    """
    from e3dnas.report.networks.drawing import draw_network

    return draw_network(measure(_network(run, trial).architecture), standalone=True)


def network_page(run: Run, trial: int | None = None) -> str:
    """Return the picture of a network and its stage table as a page.

    Raises:
        E3DNASError: as for ``make_chart``.
    """
    from e3dnas.report.networks.drawing import CAPTION, draw_network
    from e3dnas.report.networks.stages import stage_table
    from e3dnas.report.pages import render_page

    found = _network(run, trial)
    measures = measure(found.architecture)
    return render_page(
        "network.html.j2", heading=f"{run.space.name}, trial {found.trial}", picture=draw_network(measures),
        caption=CAPTION, stages=stage_table(measures),
    )  # fmt: skip


def _network(run: Run, trial: int | None) -> Found:
    if trial is not None:
        return run.trial(trial)
    best = run.summary(top=1).best
    if best is None:
        raise NothingToDraw(f"{run.folder.path}: no network within the budgets has been found yet; run more --trials")
    return best
