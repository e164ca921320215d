"""What a search found, and what it cost."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from optuna.study import StudyDirection
from optuna.trial import TrialState

from e3dnas.arch import Architecture
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
    """One network of a study: the number of its trial, score, measures, and whether it keeps all budgets."""

    trial: int
    score: float
    measures: Mapping[str, Any]
    architecture: Architecture
    feasible: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for result.json."""
        return {"trial": self.trial, "score": self.score, "feasible": self.feasible, **self.measures,
                "architecture": self.architecture.to_dict()}  # fmt: skip


@dataclass(frozen=True)
class SearchResult:
    """The outcome of a search: ``top`` holds its best networks within the budgets, best first.

    ``trials`` counts the finished ones of the study, ``failed`` those whose score raised, ``candidates`` every
    candidate that was looked at, ``seconds`` the wall time of all runs together. No network within the budgets scores
    above ``bound``; ``gap`` is what the best may lack of it, as a share. Where nothing is proven both are None, and
    ``unbounded`` may say why.
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

    @property
    def best(self) -> Found | None:
        """The best network within the budgets; None if there is none yet."""
        return self.top[0] if self.top else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for result.json."""
        return {
            "space": self.space, "study": self.study, "sampler": self.sampler, "seed": self.seed,
            "bound": self.bound, "gap": self.gap,
            "best": self.best.to_dict() if self.best else None,
            "top": [{"trial": found.trial, "score": found.score, **found.measures} for found in self.top],
            "trials": self.trials, "failed": self.failed, "candidates": self.candidates,
            "seconds": round(self.seconds, 3), "complete": self.complete,
            "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        }  # fmt: skip


def best_trials(study: Study, space: SearchSpace, count: int) -> list[Found]:
    """Return the best different networks within the budgets, best first, at most ``count``."""
    sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
    trials = [t for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if feasible(t)]
    trials.sort(key=lambda t: (sign * (t.value or 0.0), t.number))
    found: dict[bytes, Found] = {}
    for trial in trials:
        if len(found) == count:
            break
        found.setdefault(space.genotype(trial.params).tobytes(), found_in(trial, space))
    return list(found.values())


def feasible(trial: FrozenTrial) -> bool:
    """Whether a finished trial keeps all its constraints."""
    return all(excess <= 0 for excess in trial.constraints.values())


def found_in(trial: FrozenTrial, space: SearchSpace) -> Found:
    """Return the network of a finished trial."""
    measures = {key: value for key, value in trial.user_attrs.items() if key not in OF_THE_TRIAL}
    architecture = space.architecture(space.genotype(trial.params))
    return Found(trial.number, float(trial.value or 0.0), measures, architecture, feasible(trial))


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
    )
