"""Turns and what is made of them."""

import statistics

import pytest

from e3dnas.bench import rounds
from e3dnas.bench.rounds import LEAST, in_turns, ratio, timing


def test_ways_take_turns_and_another_one_begins_each_round():
    order = []
    takes = {name: (lambda name=name: order.append(name) or float(len(order))) for name in "abc"}
    found = in_turns(takes, 1e-9)
    assert order == list("abcbcacababcbca")
    assert {name: len(times) for name, times in found.items()} == dict.fromkeys("abc", LEAST)
    assert found["a"] == [1, 6, 8, 10, 15]


def test_rounds_end_with_the_time_and_never_before_the_least(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(rounds.time, "monotonic", lambda: float(next(clock)))
    shares = []
    found = in_turns({"a": lambda: 1.0}, 20.0, shares.append)
    assert len(found["a"]) == 20
    assert shares == sorted(shares)
    assert shares[0] < 0.06
    assert shares[-1] == 1.0
    assert len(in_turns({"a": lambda: 1.0}, 2.0)["a"]) == LEAST


def test_there_are_at_most_so_many_rounds(monkeypatch):
    monkeypatch.setattr(rounds, "MOST", 7)
    assert len(in_turns({"a": lambda: 1.0}, 1e9)["a"]) == 7
    assert in_turns({}, 1.0) == {}


def test_median_and_p95():
    steps = [float(one) for one in range(100, 0, -1)]
    found = timing(steps)
    assert (found.median, found.least, found.steps) == (50.5, 1.0, 100)
    # The 95th percentile of 1 .. 100 stands 0.95 of the way from the first to the last.
    assert found.p95 == pytest.approx(1 + 0.95 * 99)
    assert found.p95 == pytest.approx(statistics.quantiles(steps, n=20, method="inclusive")[-1])


def test_a_ratio_compares_steps_of_the_same_round():
    # The machine was busy in the second half: medians of each would say 5.5 / 1 at worst, rounds say 2 throughout.
    assert ratio([1, 1, 1, 10, 10, 10], [2, 2, 2, 20, 20, 20]) == 2
    assert ratio([4.0, 4.0, 4.0], [1.0, 2.0, 8.0]) == 0.5
