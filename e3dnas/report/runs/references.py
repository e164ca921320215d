"""What a run is compared with: the published networks on its clip, and what is proven of its space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from e3dnas.arch.loading import load_architecture, zoo_names
from e3dnas.bound import Front, front
from e3dnas.bound.sums import sum_of
from e3dnas.errors import E3DNASError
from e3dnas.measure.api import measure
from e3dnas.measure.registry import MEASURES, resolve
from e3dnas.report.charts.chart import Series
from e3dnas.search.proof import PROOF_ATTR
from e3dnas.space import SearchSpace

if TYPE_CHECKING:
    from e3dnas.search.reading import Run

__all__ = [
    "ExactFront", "Published", "exact_front", "measured_here", "proven_bound", "published",
    "published_points", "why_unproven",
]  # fmt: skip


@dataclass(frozen=True)
class Published:
    """A published network on a run's clip.

    Attributes:
        name: of the zoo.
        made_for: its own clip, (frames, size).
        measures: ``e3dnas.measure`` on the run's clip.
        values: the run's objectives by name; None for one that is not the package's or does not fit the network.
    """

    name: str
    made_for: tuple[int, int]
    measures: Mapping[str, Any]
    values: Mapping[str, float | None]

    @property
    def at_home(self) -> bool:
        """Whether the run's clip is its own."""
        return (self.measures["frames"], self.measures["size"]) == self.made_for

    @property
    def label(self) -> str:
        """Its name, and that it was made for another clip."""
        frames, size = self.made_for
        return self.name if self.at_home else f"{self.name} (made for {frames} x {size} x {size})"


@dataclass(frozen=True)
class ExactFront:
    """The front of a space as it is proven; ``found`` is None where it is not known, and ``problem`` says why."""

    found: Front | None
    problem: str = ""

    @property
    def told(self) -> str:
        """What the front says, or why there is none."""
        if self.found is None:
            return f"No exact front: {self.problem}."
        more = "" if self.found.exact else " It may have points that were not found."
        return f"No network within the budgets lies beyond the exact front.{more}"


def published(run: Run) -> list[Published]:
    """Return the published networks, measured on the clip of a run; of those that differ in their clips alone, one."""
    clip = run.space.declaration.clip
    found = []
    for name in _different(clip.frames, clip.size):
        own = load_architecture(name).clip
        measures = measure(name, frames=clip.frames, size=clip.size)
        values = {goal: _value(run, goal, name) for goal in run.space.declaration.goals}
        found.append(Published(name, (own.frames, own.size), measures, values))
    return sorted(found, key=lambda one: float(one.measures["flops"]))


def _different(frames: int, size: int) -> list[str]:
    """Return names of networks that differ in more than their clips, those made for this clip before others."""
    zoo = {name: load_architecture(name) for name in zoo_names()}
    names = sorted(zoo, key=lambda name: (zoo[name].clip.frames, zoo[name].clip.size) != (frames, size))
    first: dict[Any, str] = {}
    for name in names:
        first.setdefault((zoo[name].stem, zoo[name].stages, zoo[name].head), name)
    return list(first.values())


def published_points(references: Sequence[Published], x: str, y: str) -> Series:
    """Return published networks as points; each of them has both objectives or measures."""
    names = [one.name for one in references]
    places: list[list[Any]] = [[one.values.get(key, one.measures.get(key)) for one in references] for key in (x, y)]
    return Series("published networks", "points", places[0], places[1], "reference", {"network": names}, names)


def measured_here(references: Sequence[Published], run: Run) -> str:
    """Say of published networks that were made for other clips that they are measured on the run's."""
    clip = run.space.declaration.clip
    foreign = [one.name for one in references if not one.at_home]
    if not foreign:
        return ""
    are = "is" if len(foreign) == 1 else "are"
    return (f"{', '.join(foreign)} {are} made for other clips and measured here on this run's "
            f"{clip.frames} x {clip.size} x {clip.size}.")  # fmt: skip


def _value(run: Run, goal: str, name: str) -> float | None:
    """Return an objective of the run for a published network."""
    clip, score = run.space.declaration.clip, run.space.declaration.score
    if goal not in MEASURES:
        return None
    architecture = load_architecture(name, frames=clip.frames, size=clip.size)
    try:
        options = score.options if goal == score.name else {}
        return float(resolve(goal, options).of_table(architecture.table())[0])
    except E3DNASError:  # stage weights of another number of stages
        return None


def proven_bound(run: Run) -> float | None:
    """Return what no network of the run's space within its budgets scores above; None if that is not proven."""
    known = run.study.user_attrs.get(PROOF_ATTR)
    return None if known is None else float(known)


def why_unproven(run: Run) -> str:
    """Return why a run has no bound."""
    declaration = run.space.declaration
    try:
        sum_of(declaration.score.name, declaration.score.options, run.space)
        for name in declaration.budgets:
            sum_of(name, {}, run.space)
    except E3DNASError as error:
        return _reason(error)
    return "the run has not waited for it, or was told not to (--no-bound)"


def exact_front(run: Run, objectives: Mapping[str, str]) -> ExactFront:
    """Return the exact front of a run's space.

    Args:
        run: the run.
        objectives: two measures with ``maximize`` or ``minimize``.
    """
    return _solved(run.space, tuple(objectives.items()))


def _reason(error: E3DNASError) -> str:
    """Return what an error says is wrong, without what it tells to do instead."""
    return str(error).partition(";")[0]


@lru_cache(maxsize=16)
def _solved(space: SearchSpace, objectives: tuple[tuple[str, str], ...]) -> ExactFront:
    """Solve a space once for all figures and words of a page."""
    try:
        found = front(space, dict(objectives))
    except E3DNASError as error:
        return ExactFront(None, _reason(error))
    return ExactFront(found) if len(found.values) else ExactFront(None, "no network keeps all the budgets")
