"""What a study has found, told in Markdown for the Optuna dashboard, with pictures of its best networks."""

from __future__ import annotations

import math
import re
import shlex
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from e3dnas.measure.api import measure
from e3dnas.report.networks.drawing import CAPTION, draw_network
from e3dnas.report.networks.stages import format_clip, stage_table
from e3dnas.report.numbers import format_count, format_gap, format_share
from e3dnas.search.elite import elite, spread
from e3dnas.search.proof import gap_to

if TYPE_CHECKING:
    from e3dnas.space import SearchSpace

__all__ = ["Picture", "Story", "Told", "artifact_id", "tell_story"]

BEST, OF_FRONT = 5, 12
"""So many trials have a story of their own."""
ALWAYS = ("flops", "conv_macs", "params", "layers")
APART = "\u2002"
NAMESPACE = uuid.UUID("5f3d7a52-3a0e-4c0f-9a53-1f6f4b1c2e3d")


@dataclass(frozen=True)
class Told:
    """What a story is told of.

    Attributes:
        study_id: the number the storage gave the study.
        name: the study's name.
        space: its space.
        objectives: a name for each objective.
        directions: whether more or less of it is better.
        bound: what no network within the budgets surpasses; None where that is not known.
        folder: the run's folder; None leaves the commands out.
        storage: the storage URL the run was given.
        refused: numbers of trials that broke a budget when they were measured again.
    """

    study_id: int
    name: str
    space: SearchSpace
    objectives: Sequence[str]
    directions: Sequence[StudyDirection]
    bound: float | None = None
    folder: Path | None = None
    storage: str | None = None
    refused: Collection[int] = ()


@dataclass(frozen=True)
class Picture:
    """A picture of the network of a trial; ``svg`` draws it."""

    trial_id: int
    filename: str
    measures: Mapping[str, Any]

    def svg(self) -> bytes:
        """Return the picture as a file."""
        return draw_network(self.measures, standalone=True).encode()


@dataclass(frozen=True)
class Story:
    """Markdown for the study and, by trial id, for its best trials; their pictures by artifact id."""

    study: str
    trials: Mapping[int, str] = field(default_factory=dict)
    pictures: Mapping[str, Picture] = field(default_factory=dict)


def artifact_id(study_name: str, trial_number: int) -> str:
    """Return the id of a trial's picture; it is the same each time the study is shown."""
    return str(uuid.uuid5(NAMESPACE, f"{study_name}/{trial_number}"))


def tell_story(
    told: Told, trials: Sequence[FrozenTrial], known: dict[int, Mapping[str, Any]], gone: Iterable[str] = ()
) -> Story:
    """Return the story of a study as it stands.

    Args:
        told: the study.
        trials: all its trials.
        known: measures by trial number, from earlier calls; what is missing is added.
        gone: ids of pictures that the user has deleted.
    """
    several = len(told.directions) > 1
    whole = elite(trials, told.directions, told.space, BEST, told.refused)
    chosen = spread(whole, OF_FRONT)
    for trial in chosen:
        if trial.number not in known:
            known[trial.number] = measure(told.space.architecture(told.space.genotype(trial.params)))
    pictures = {
        artifact_id(told.name, t.number): Picture(t._trial_id, f"trial {t.number}.svg", known[t.number]) for t in chosen
    }
    pictures = {name: picture for name, picture in pictures.items() if name not in gone}
    notes = {
        t._trial_id: _trial_note(told, t, rank, len(whole), known[t.number], pictures)
        for rank, t in enumerate(chosen, start=1)
    }
    parts = [_head(told, trials)]
    if chosen:
        parts += [_best(told, chosen, len(whole), pictures), _export(told, None if not several else chosen[0].number)]
    else:
        parts.append("No network within the budgets has been found yet.")
    return Story("\n\n".join(filter(None, parts)), notes, pictures)


def _head(told: Told, trials: Sequence[FrozenTrial]) -> str:
    declaration = told.space.declaration
    clip = declaration.clip
    aims = " and ".join(
        f"{'maximises' if direction == StudyDirection.MAXIMIZE else 'minimises'} **{_md(name)}**"
        for name, direction in zip(told.objectives, told.directions, strict=True)
    )
    budgets = ", ".join(
        f"**{_md(name)} {_limit(budget.min, budget.max)}**" for name, budget in declaration.budgets.items()
    )
    done = [t for t in trials if t.state == TrialState.COMPLETE]
    failed = sum(t.state == TrialState.FAIL for t in trials)
    candidates = sum(int(t.user_attrs.get("candidates", 1)) for t in done)
    return (
        f"## {_md(told.name)}\n\nA search of the space {_md(told.space.name)}, for clips of {clip.frames} frames of "
        f"{clip.size} x {clip.size}; it {aims}{f' within {budgets}' if budgets else ''}.\n\n"
        f"{len(done)} of {declaration.search.trials} trials have finished"
        f"{f', {failed} failed' if failed else ''}; {candidates:,} candidates were looked at."
    )


def _best(told: Told, chosen: Sequence[FrozenTrial], whole: int, pictures: Mapping[str, Picture]) -> str:
    best = chosen[0]
    picture = _image(told, best, pictures)
    picture += f"\n\n*{CAPTION}*" if picture else ""
    if len(told.directions) > 1:
        some = f" Shown are {len(chosen)} of them, evenly spread." if whole > len(chosen) else ""
        names = " and ".join(map(_md, told.objectives))
        title = f"### The front: {whole} networks\n\nNone is better than another in all of {names}.{some}"
        parts = [title, _ranks(told, chosen, "network"), f"The one with the best {_md(told.objectives[0])}:", picture]
    else:
        parts = [
            f"### The best network: trial {_link(told, best)}", picture, _figures(told, best), _gap(told, best),
            "### The best networks" if len(chosen) > 1 else "", _ranks(told, chosen, "rank") if len(chosen) > 1 else "",
        ]  # fmt: skip
    return "\n\n".join(filter(None, parts))


def _trial_note(
    told: Told, trial: FrozenTrial, rank: int, whole: int, measures: Mapping[str, Any], pictures: Mapping[str, Picture]
) -> str:
    if len(told.directions) > 1:
        place = f"On the front, with {whole - 1} others." if whole > 1 else "The only network on the front."
    else:
        place = "The best network within the budgets." if rank == 1 else f"Number {rank} within the budgets."
    table = stage_table(measures)
    head = f"Clips of {format_clip(measures)} (frames, height, width), stem to head:"
    parts = [f"**{place}**", _image(told, trial, pictures), _figures(told, trial), _gap(told, trial), head,
             _table(table["columns"], table["rows"], words=1), _export(told, trial.number)]  # fmt: skip
    return "\n\n".join(filter(None, parts))


def _figures(told: Told, trial: FrozenTrial) -> str:
    """Return the measures of a trial with their budgets."""
    budgets = told.space.declaration.budgets
    rows = []
    for name, value in _measured(told, trial).items():
        budget = budgets.get(name)
        limit = _limit(budget.min, budget.max) if budget else ""
        used = format_share(value, budget.max) if budget and budget.max and isinstance(value, int | float) else ""
        rows.append([_md(name), _number(value), limit, used])
    return _table(["", "value", "budget", "used"], rows)


def _ranks(told: Told, chosen: Sequence[FrozenTrial], head: str) -> str:
    names = list(_measured(told, chosen[0]))
    rows = []
    for rank, trial in enumerate(chosen, start=1):
        measured = _measured(told, trial)
        rows.append([str(rank), _link(told, trial), *(_number(measured.get(name, "")) for name in names)])
    return _table([head, "trial", *map(_md, names)], rows)


def _gap(told: Told, trial: FrozenTrial) -> str:
    if told.bound is None or len(told.directions) > 1:
        return ""
    score = trial.values[0]
    gap = gap_to(told.bound, score)
    name = _md(told.objectives[0])
    return f"Gap to the proven optimum: **{format_gap(gap)}** (no network here has {name} above {told.bound:.4f})."


def _export(told: Told, number: int | None) -> str:
    """Return the command that exports a trial, or the best one."""
    if told.folder is None:
        return ""
    name = "my_" + re.sub("[^a-z0-9]+", "_", told.space.name.lower())
    words = ["e3dnas", "export", str(told.folder), "--name", name if number is None else f"{name}_{number}"]
    words += [] if number is None else ["--trial", str(number)]
    words += [] if told.storage is None else ["--storage", told.storage]
    what = "the best network" if number is None else f"the network of trial {number}"
    return f"Make {what} a timm model:\n\n```bash\n{shlex.join(words)} --register\n```"


def _measured(told: Told, trial: FrozenTrial) -> dict[str, Any]:
    """Return objectives, measures with a budget, and what is always told."""
    values = dict(zip(told.objectives, trial.values, strict=True))
    names = dict.fromkeys([*told.space.declaration.budgets, *ALWAYS])
    return values | {n: trial.user_attrs[n] for n in names if n in trial.user_attrs and n not in values}


def _link(told: Told, trial: FrozenTrial) -> str:
    # The number stands outside the link: the dashboard's links are hard to read on its dark ground.
    return f"{trial.number} ([open](/dashboard/studies/{told.study_id}/trials?numbers={trial.number}))"


def _image(told: Told, trial: FrozenTrial, pictures: Mapping[str, Picture]) -> str:
    name = artifact_id(told.name, trial.number)
    if name not in pictures:
        return ""
    return f"![The network of trial {trial.number}](/artifacts/{told.study_id}/{trial._trial_id}/{name})"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], words: int = 0) -> str:
    """Return a table; the first columns, ``words`` beside the very first, stand left.

    The dashboard sets columns close together; spaces that it does not cut off keep them apart.
    """
    marks = [":--" if i <= words else "--:" for i in range(len(columns))]
    apart = [[f"{cell}{APART}" if i <= words else f"{APART}{cell}" for i, cell in enumerate(row)]
             for row in [columns, *rows]]  # fmt: skip
    return "\n".join("| " + " | ".join(row) + " |" for row in [apart[0], marks, *apart[1:]])


def _limit(low: float | None, high: float | None) -> str:
    sides = ((low, "≥"), (high, "≤"))
    return " and ".join(f"{sign} {_number(value)}" for value, sign in sides if value is not None)


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _md(str(value))
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1000:
        return format_count(value)
    return str(int(value)) if value == int(value) else f"{value:.4f}"


def _md(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!&])", r"\\\1", " ".join(text.split()))
