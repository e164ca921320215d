"""Turns: in every round each way makes one step, so that whatever else the machine does meets all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["LEAST", "MOST", "Timing", "in_turns", "ratio", "timing"]

LEAST, MOST = 5, 1000
"""Rounds: so many at least, whatever they take, and at most."""


@dataclass(frozen=True)
class Timing:
    """Steps of one way in milliseconds.

    Attributes:
        median: half of the steps took less.
        p95: 95 of a hundred steps took less, interpolated between neighbours.
        least: the shortest.
        steps: how many there were.
    """

    median: float
    p95: float
    least: float
    steps: int


def in_turns(
    takes: Mapping[str, Callable[[], float]], seconds: float, told: Callable[[float], None] | None = None
) -> dict[str, list[float]]:
    """Return what each of several functions returned, round by round.

    The one that begins a round comes last in the next, so that none always follows the same one.

    Args:
        takes: the functions, by name.
        seconds: rounds are made until so much time has gone, but ``LEAST`` of them at least and ``MOST`` at most.
        told: told after every round which share of it is done, 0 to 1.
    """
    names = list(takes)
    found: dict[str, list[float]] = {name: [] for name in names}
    if not names:
        return found
    start = time.monotonic()
    for number in range(MOST):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(takes[name]())
        gone = (time.monotonic() - start) / seconds
        done = number + 1
        if told is not None:
            told(min(1.0, max(done / MOST, min(gone, done / LEAST))))
        if done >= LEAST and gone >= 1:
            break
    return found


def timing(steps: Sequence[float]) -> Timing:
    """Return what steps of a way came to."""
    return Timing(float(np.median(steps)), float(np.percentile(steps, 95)), float(min(steps)), len(steps))


def ratio(steps: Sequence[float], first: Sequence[float]) -> float:
    """Return how many times as fast as ``first`` the steps were: the median over rounds, each compared with its own."""
    return statistics.median(other / one for one, other in zip(steps, first, strict=True))
