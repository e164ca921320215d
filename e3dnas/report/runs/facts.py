"""What a page tells of a run in words and tables: plain names and cells."""

from __future__ import annotations

import json
import platform
import re
import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from e3dnas.measure.registry import COUNTS
from e3dnas.report.numbers import format_count, format_gap, format_seconds, format_share
from e3dnas.report.on_machine import NAMES, UNITS, format_prediction, format_setting
from e3dnas.report.runs.data import short_name
from e3dnas.report.runs.fronts import share_of_front
from e3dnas.report.runs.references import Published, exact_front, proven_bound, why_unproven
from e3dnas.search.proof import gap_to
from e3dnas.search.result import PACKAGES

if TYPE_CHECKING:
    from e3dnas.search.reading import Run
    from e3dnas.search.result import Found, SearchResult

__all__ = [
    "best_table", "budget_table", "format_value", "headline", "outcome_facts", "overview_table", "published_table",
    "remake_facts", "remake_lines",
]  # fmt: skip

SHOWN = ("flops", "conv_macs", "params", "layers", "activations")


def headline(run: Run, result: SearchResult) -> str:
    """Return the outcome in one sentence or two."""
    if result.best is None:
        return "No network within the budgets has been found yet."
    if result.front:
        return _front_headline(run, result)
    told = f"The best network within the budgets has {_told_of(result.best, run)}."
    bound = proven_bound(run)
    if bound is None:
        return told
    gap = gap_to(bound, result.best.score)
    if gap < 1e-9:
        return f"{told} That is proven to be the optimum."
    return f"{told} The proven optimum is at most {format_gap(gap)} above that."


def _front_headline(run: Run, result: SearchResult) -> str:
    goals = run.space.declaration.goals
    count = len(result.front)
    networks = "The front found is one network, with" if count == 1 else f"The front found has {count} networks, from"
    told = f"{networks} {_told_of(result.front[0], run)}"
    told += "." if count == 1 else f" to {_told_of(result.front[-1], run)}."
    share = share_of_front(result.front, exact_front(run, goals)) if len(goals) == 2 else None
    return told if share is None else f"{told} It has {100 * share:.2f} % of the hypervolume of the exact front."


def _told_of(found: Found, run: Run) -> str:
    goals = run.space.declaration.goals
    return " and ".join(
        f"{short_name(name)} {format_value(name, value)}" for name, value in zip(goals, found.values, strict=True)
    )


def outcome_facts(run: Run, result: SearchResult) -> dict[str, str]:
    """Return what was found and what it cost, by name."""
    declaration = run.space.declaration
    clip, goals = declaration.clip, declaration.goals
    facts = {
        "sought": ", ".join(f"{direction} {name}" for name, direction in goals.items()),
        "clip": f"{clip.frames} frames of {clip.size} x {clip.size}",
    }
    if result.best is not None and not result.front:
        facts["best network"] = f"{_told_of(result.best, run)}, trial {result.best.trial}"
    if len(goals) == 1:
        facts |= _bound_facts(run, result)
    facts |= _machine_facts(result)
    trials = f"{result.trials:,} of {declaration.search.trials:,}"
    facts["trials"] = trials + (f", and {result.failed} failed" if result.failed else "")
    if result.failure:
        facts["last failure"] = result.failure
    if not result.complete:
        facts["state"] = "not finished: this is how far it has come"
    facts["candidates"] = f"{result.candidates:,} looked at"
    facts["time"] = format_seconds(result.seconds)
    return facts


def _bound_facts(run: Run, result: SearchResult) -> dict[str, str]:
    bound = proven_bound(run)
    if bound is None:
        return {"proven bound": f"none: {why_unproven(run)}"}
    facts = {"proven bound": f"{bound:.4f}; no network of the space within its budgets scores above it"}
    if result.best is not None:
        facts["gap to it"] = format_gap(gap_to(bound, result.best.score))
    return facts


def _machine_facts(result: SearchResult) -> dict[str, str]:
    """Return how latency and peak memory were measured, how well predicted, and those of the best network again."""
    facts = {}
    for name, told in result.on_machine.items():
        again = f"{told['again']:.4g} {UNITS[name]} when measured again; " if "again" in told else ""
        facts[NAMES[name]] = again + format_setting(told["setting"])
        if told["networks"]:
            facts[f"{NAMES[name]} predicted"] = format_prediction(name, told)
    return facts


def overview_table(runs: Mapping[str, Run], results: Mapping[str, SearchResult]) -> dict[str, Any]:
    """Return the members of a family with their best networks, as the macro ``table`` takes it."""
    rows = []
    for member, run in runs.items():
        clip, best, bound = run.space.declaration.clip, results[member].best, proven_bound(run)
        row = [member, f"{clip.frames} x {clip.size} x {clip.size}"]
        if best is None:
            rows.append([*row, "-", "-", *["-"] * len(SHOWN)])
            continue
        gap = "-" if bound is None else format_gap(gap_to(bound, best.score))
        rows.append([*row, f"{best.score:.4f}", gap, *_counts(best.measures)])
    score = short_name(next(iter(next(iter(runs.values())).space.declaration.goals)))
    return {"columns": ["member", "clip", score, "gap to the optimum", *SHOWN], "rows": rows, "text": []}


def budget_table(run: Run, best: Found | None) -> dict[str, Any]:
    """Return the budgets and how much of each the best network uses, as the macro ``table`` takes it."""
    rows = []
    for name, budget in run.space.declaration.budgets.items():
        used = None if best is None else best.measures[name]
        for limit, words in ((budget.max, "at most"), (budget.min, "at least")):
            if limit is not None:
                shares = ["-", "-"] if used is None else [_number(used), format_share(used, limit)]
                rows.append([short_name(name), f"{words} {_number(limit)}", *shares])
    return {"columns": ["budget", "limit", "best network", "of the limit"], "rows": rows, "text": []}


def best_table(found: Sequence[Found], run: Run) -> dict[str, Any]:
    """Return networks with their objectives and measures, as the macro ``table`` takes it."""
    goals = list(run.space.declaration.goals)
    others = [name for name in SHOWN if name not in goals]
    rows = [[str(one.trial), *map(format_value, goals, one.values), *_counts(one.measures, others)] for one in found]
    return {"columns": ["trial", *map(short_name, goals), *others], "rows": rows, "text": []}


def published_table(references: Sequence[Published], best: Found | None, run: Run) -> dict[str, Any]:
    """Return the published networks on the run's clip beside its best, as the macro ``table`` takes it."""
    goals = list(run.space.declaration.goals)
    others = [name for name in SHOWN if name not in goals]
    rows = []
    if best is not None:
        rows.append(["this run's best", "", *map(format_value, goals, best.values), *_counts(best.measures, others)])
    for one in references:
        made_for = "this clip" if one.at_home else f"{one.made_for[0]} x {one.made_for[1]} x {one.made_for[1]}"
        values = [format_value(name, one.values[name]) for name in goals]
        rows.append([one.name, made_for, *values, *_counts(one.measures, others)])
    return {"columns": ["network", "made for", *map(short_name, goals), *others], "rows": rows, "text": [1]}


def remake_lines(run: Run, *, found: bool) -> list[str]:
    """Return the command that makes the run again and, if one is ``found``, that for its best network as a model."""
    search = run.space.declaration.search
    name = "my_" + re.sub("[^a-z0-9]+", "_", run.space.name.lower())
    lines = [
        f"e3dnas run space.yaml --out again --trials {search.trials} --seed {search.seed} --sampler {search.sampler}"
    ]
    if found:
        lines.append(f"e3dnas export {shlex.quote(str(run.folder.path))} --name {name} --register")
    return lines


def remake_facts(run: Run) -> dict[str, str]:
    """Return what a run was made with, by name."""
    search, goals = run.space.declaration.search, run.space.declaration.goals
    facts = {"study": run.study.study_name, "sampler": search.sampler, "seed": str(search.seed),
             "trials": f"{search.trials:,}"}  # fmt: skip
    if search.sampler == "evolution":
        facts["candidates a trial"] = f"{search.candidates:,}"
    own = [name for name in (*goals, *run.space.declaration.budgets) if ":" in name]
    if own:
        facts["your own"] = f"{', '.join(own)}: to be found on the import path or beside the space"
    written, said = _versions(run)
    facts["versions"] = ", ".join(f"{name} {number}" for name, number in written.items()) + said
    return facts


def _versions(run: Run) -> tuple[Mapping[str, str], str]:
    """Return the versions a run was made with, and where they are from if it has not written any."""
    try:
        written = json.loads(run.folder.result.read_text(encoding="utf-8"))["versions"]
        return dict(written), ""
    except (OSError, ValueError, KeyError, TypeError):
        here = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
        return here, " (those of this report: the run has written none yet)"


def format_value(name: str, value: float | None) -> str:
    """Write a measure as people read it: counts short, scores with four decimals, ``-`` for None."""
    if value is None:
        return "-"
    if name in COUNTS:
        return format_count(value) if abs(value) >= 1000 else f"{value:.0f}"
    return f"{value:.4f}"


def _counts(measures: Mapping[str, Any], names: Sequence[str] = SHOWN) -> list[str]:
    return [format_value(name, measures[name]) for name in names]


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.6g}"
