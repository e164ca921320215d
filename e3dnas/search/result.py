"""What a search found, and what it cost."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from e3dnas.arch import Architecture
from e3dnas.bound import Front
from e3dnas.search.confirming import measured_here, refused
from e3dnas.search.elite import elite, feasible, spread
from e3dnas.search.proof import Proof
from e3dnas.search.sampler import FAILURE
from e3dnas.space.space import SearchSpace

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

__all__ = ["Found", "SearchResult", "best_trials", "summarise"]

OF_THE_TRIAL = ("candidates", "within_budgets")
"""User attributes that say nothing of the network."""
PACKAGES = ("e3dnas", "optuna", "numpy", "torch", "timm", "thop")


@dataclass(frozen=True)
class Found:
    """One network of a study: the number of its trial, measures, and whether it keeps all budgets.

    ``values`` are its objectives in the order of the study's; ``score`` is the first of them, mostly the only one.
    """

    trial: int
    score: float
    values: tuple[float, ...]
    measures: Mapping[str, Any]
    architecture: Architecture
    feasible: bool


@dataclass(frozen=True)
class SearchResult:
    """The outcome of a search: ``top`` holds its best networks within the budgets, best first.

    With several objectives that is the front: the networks that no other one found beats in all of them, best of the
    first objective first, and ``share`` is what they have of the exact front's hypervolume, where that is known.

    ``trials`` counts the finished ones of the study, ``failed`` those whose score raised, ``candidates`` every
    candidate that was looked at, ``seconds`` the wall time of all runs together. No network within the budgets scores
    above ``bound``; ``gap`` is what the best may lack of it, as a share. Where nothing is proven both are None, and
    ``unbounded`` may say why. ``on_machine`` tells of latency and peak memory how they were measured, how good the
    prediction was, and what the best network had when it was measured again.
    """

    space: str
    study: str
    sampler: str
    seed: int
    trials: int
    failed: int
    candidates: int
    seconds: float
    top: tuple[Found, ...]
    complete: bool
    failure: str = ""
    bound: float | None = None
    gap: float | None = None
    unbounded: str = ""
    objectives: Mapping[str, str] = field(default_factory=dict)
    exact: Front | None = None
    share: float | None = None
    on_machine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def best(self) -> Found | None:
        """The best network within the budgets, by the first objective; None if there is none yet."""
        return self.top[0] if self.top else None

    @property
    def front(self) -> tuple[Found, ...]:
        """The networks of the front; none where there is one objective."""
        return self.top if len(self.objectives) > 1 else ()

    def spread(self, count: int) -> list[Found]:
        """Return ``count`` of the best networks, or of a front so many that are spread over it, its ends included."""
        return spread(self.front, count) if self.front else list(self.top[:count])

    def told(self, found: Found) -> dict[str, Any]:
        """Return trial, score and measures of a network as plain data; with several objectives their ``values``, too.

        A value is not the measure of the same name where the score has options.
        """
        values = {"values": dict(zip(self.objectives, found.values, strict=True))} if self.front else {}
        return {"trial": found.trial, "score": found.score, **values, **found.measures}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for result.json."""
        return {
            "space": self.space, "study": self.study, "sampler": self.sampler, "seed": self.seed,
            "objectives": dict(self.objectives), **self._proven(),
            "best": self._told_whole(self.best) if self.best else None,
            "top": [self.told(found) for found in self.top],
            "trials": self.trials, "failed": self.failed, "candidates": self.candidates,
            "seconds": round(self.seconds, 3), "complete": self.complete, **self._measured_here(),
            "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        }  # fmt: skip

    def _told_whole(self, found: Found) -> dict[str, Any]:
        return self.told(found) | {"feasible": found.feasible, "architecture": found.architecture.to_dict()}

    def _measured_here(self) -> dict[str, Any]:
        return {"on_machine": dict(self.on_machine)} if self.on_machine else {}

    def _proven(self) -> dict[str, Any]:
        if len(self.objectives) < 2:
            return {"bound": self.bound, "gap": self.gap}
        exact = None if self.exact is None else self.exact.values.tolist()
        return {"share_of_exact_front": self.share, "exact_front": exact}


def best_trials(study: Study, space: SearchSpace, count: int) -> list[Found]:
    """Return the best different networks within the budgets, best first, at most ``count``; or the whole front."""
    trials = elite(study.get_trials(deepcopy=False), study.directions, space, count, refused(study.user_attrs))
    return [found_in(trial, space) for trial in trials]


def found_in(trial: FrozenTrial, space: SearchSpace) -> Found:
    """Return the network of a finished trial."""
    measures = {key: value for key, value in trial.user_attrs.items() if key not in OF_THE_TRIAL}
    architecture = space.architecture(space.genotype(trial.params))
    values = tuple(float(value) for value in trial.values)
    return Found(trial.number, values[0], values, measures, architecture, feasible(trial))


def summarise(
    study: Study,
    space: SearchSpace,
    *,
    top: int,
    seconds: float,
    target: int,
    stopped: bool,
    proof: Proof | None = None,
) -> SearchResult:
    """Return the outcome of a study as it stands; ``stopped`` when it ended early for good."""
    trials = study.get_trials(deepcopy=False)
    done = [t for t in trials if t.state == TrialState.COMPLETE]
    failures = [t.user_attrs[FAILURE] for t in trials if t.state == TrialState.FAIL and FAILURE in t.user_attrs]
    settings = space.declaration.search
    best = best_trials(study, space, top)
    several = bool(space.declaration.objectives)
    return SearchResult(
        space=space.name,
        study=study.study_name,
        sampler=settings.sampler,
        seed=settings.seed,
        trials=len(done),
        failed=len(failures),
        candidates=sum(int(t.user_attrs.get("candidates", 1)) for t in done),
        seconds=seconds,
        top=tuple(best),
        complete=stopped or len(done) + len(failures) >= target,
        failure=failures[-1] if failures else "",
        bound=proof.bound if proof else None,
        gap=proof.gap(best[0].score if best else None) if proof else None,
        unbounded=proof.problem if proof else "",
        objectives=space.declaration.goals,
        exact=proof.front if proof else None,
        share=proof.share([found.values for found in best]) if proof and several else None,
        on_machine=measured_here(study, space, best[0].trial if best else None),
    )
