"""The samplers a space may name, but for the one that knows the answer."""

from __future__ import annotations

from collections.abc import Callable

from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

from e3dnas.search.sampler import EvolutionSampler
from e3dnas.search.screening import Screen
from e3dnas.space.declaration import Search

__all__ = ["looked_at", "make_sampler"]


def make_sampler(settings: Search, screen: Screen, done: int) -> BaseSampler:
    """Return the sampler of a search; all but ``random`` take the budgets as constraints.

    Args:
        settings: the search settings of the space.
        screen: looks at candidates (``evolution``).
        done: trials that the study has already; Optuna's samplers start their random numbers anew when a run is
            resumed, so these shift with it.
    """
    seed = (settings.seed + done) % 2**32
    if settings.sampler == "evolution":
        return EvolutionSampler(
            screen, population=settings.population or (16 if len(screen.objectives) == 1 else 100),
            candidates=settings.candidates, seed=settings.seed,
        )  # fmt: skip
    if settings.sampler == "nsgaii":
        return NSGAIISampler(population_size=settings.population or 50, seed=seed)
    if settings.sampler == "tpe":
        return TPESampler(seed=seed, multivariate=False)
    return RandomSampler(seed=seed)


def looked_at(sampler: BaseSampler) -> Callable[[int], int]:
    """Return how to ask a sampler for the candidates it looked at for a trial; one, where it proposes blindly."""
    return sampler.looked_at if isinstance(sampler, EvolutionSampler) else lambda number: 1
