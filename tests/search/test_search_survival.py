"""Who survives, and which candidate comes first: against plain loops over dominance, distances and cells of a grid."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e3dnas.search.survival import MARGIN, FewBest, Front, Member, crowding


def beats(one, other):
    """Whether one point is as low everywhere and lower somewhere."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def ranks_of(points):
    """Peel off, again and again, the points that no other one left beats."""
    ranks, left, rank = {}, set(range(len(points))), 0
    while left:
        best = {i for i in left if not any(beats(points[j], points[i]) for j in left)}
        ranks |= dict.fromkeys(best, rank)
        left, rank = left - best, rank + 1
    return [ranks[i] for i in range(len(points))]


def distances(points):
    """The crowding distance as Deb et al. (2002) write it down."""
    total = [0.0] * len(points)
    for axis in range(len(points[0])):
        order = sorted(range(len(points)), key=lambda i: points[i][axis])
        spread = points[order[-1]][axis] - points[order[0]][axis]
        total[order[0]] = total[order[-1]] = float("inf")
        for before, here, behind in zip(order, order[1:], order[2:], strict=False):
            total[here] += (points[behind][axis] - points[before][axis]) / (spread or 1.0)
    return total


def volume(points, reference):
    """What points dominate below the reference, cell by cell of the grid that their coordinates make."""
    axes = [sorted({*(p[k] for p in points if p[k] < bound), bound}) for k, bound in enumerate(reference)]
    return sum(
        float(np.prod([high - low for low, high in cell]))
        for cell in itertools.product(*(itertools.pairwise(axis) for axis in axes))
        if any(all(a <= low for a, (low, _) in zip(point, cell, strict=True)) for point in points)
    )


def members(points, beyond=None):
    beyond = beyond or [0.0] * len(points)
    return [
        Member(float(b), tuple(map(float, point)), number, np.array([number]))
        for number, (point, b) in enumerate(zip(points, beyond, strict=True))
    ]


def filled(survival, trials):
    for one in trials:
        survival.add(one)
    return survival


def numbers(survival):
    return [int(genotype[0]) for genotype in survival.parents()]


points = st.integers(2, 3).flatmap(
    lambda width: st.lists(st.tuples(*[st.integers(0, 6)] * width), min_size=1, max_size=14)
)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.0, 0.1, 2.0]), st.integers(-3, 3)), max_size=30), st.integers(1, 9))
def test_the_few_best_are_those_of_a_sorted_list(trials, size):
    made = members([(loss,) for _, loss in trials], [beyond for beyond, _ in trials])
    order = sorted(range(len(trials)), key=lambda i: (*trials[i], i))[:size]
    assert numbers(filled(FewBest(size), made)) == order
    random.Random(0).shuffle(made)
    assert numbers(filled(FewBest(size), made)) == order


@settings(max_examples=150, deadline=None)
@given(points, st.integers(1, 14), st.data())
def test_a_front_survives_by_rank_and_then_by_room(found, size, data):
    beyond = data.draw(st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.5, 1.0]), min_size=len(found), max_size=len(found)))
    within = [i for i, excess in enumerate(beyond) if not excess]
    ranks = dict(zip(within, ranks_of([found[i] for i in within]), strict=True))
    room = {}
    for rank in set(ranks.values()):
        same = [i for i in within if ranks[i] == rank]
        room |= dict(zip(same, distances([found[i] for i in same]), strict=True))
    outside = sorted((i for i in range(len(found)) if beyond[i]), key=lambda i: (beyond[i], i))
    # Distances are sums of quotients: equal ones may differ in the last bit.
    expected = sorted(within, key=lambda i: (ranks[i], -round(room[i], 9), i)) + outside
    made = members(found, beyond)
    told = numbers(filled(Front(len(found)), made))
    assert [(ranks.get(i), round(room.get(i, 0), 9), beyond[i]) for i in told] == [
        (ranks.get(i), round(room.get(i, 0), 9), beyond[i]) for i in expected
    ]
    assert sorted(told) == list(range(len(found)))
    assert numbers(filled(Front(size), made)) == told[:size]
    random.Random(1).shuffle(made)
    assert numbers(filled(Front(size), made)) == told[:size]


@given(points)
def test_crowding_equals_plain_loops(found):
    told = crowding(np.array(found, float))
    assert told.tolist() == pytest.approx(distances(found))


def test_one_rank_of_equals():
    assert numbers(filled(Front(2), members([(1, 1)] * 4))) == [0, 3]  # the ends, which are infinitely far


@settings(max_examples=300, deadline=None)
@given(points, st.data())
def test_candidates_come_by_what_they_add_to_the_hypervolume(candidates, data):
    width = len(candidates[0])
    found = data.draw(st.lists(st.tuples(*[st.integers(0, 6)] * width), max_size=8))
    both = [*found, *candidates]
    shown = np.array([p for p in both if not any(beats(other, p) for other in both)], float)
    reference = shown.max(axis=0) + MARGIN * np.ptp(shown, axis=0)
    before = volume(found, reference)
    gains = [volume([*found, one], reference) - before for one in candidates]
    order = filled(Front(5), members(found)).order(np.array(candidates, float), np.zeros(len(candidates))).tolist()
    assert sorted(order) == list(range(len(candidates)))
    seen, ranked = set(), []
    for i in order:  # an equal of one that comes before it adds nothing
        if candidates[i] not in seen:
            ranked.append(i)
        seen.add(candidates[i])
    # Of the candidates only those count that no other one beats: the others may add more than some of them.
    keen = [i for i in ranked if not any(beats(other, candidates[i]) or other == candidates[i] for other in found)]
    keen = [i for i in keen if not any(beats(other, candidates[i]) for other in candidates)]
    assert ranked[: len(keen)] == keen
    assert [gains[i] for i in keen] == pytest.approx(sorted((gains[i] for i in keen), reverse=True), abs=1e-9)


def test_the_ends_of_the_front_count():
    survival = filled(Front(4), members([(2, 8), (4, 4), (8, 2)]))
    candidates = [(1, 9), (3.99, 3.99), (5, 5), (9, 1)]
    order = survival.order(np.array(candidates, float), np.zeros(4)).tolist()
    assert [set(order[:2]), *order[2:]] == [{0, 3}, 1, 2]  # what lengthens the front adds most, what it beats nothing


def test_a_single_candidate_that_beats_all_comes_first_even_where_it_spans_nothing():
    losses = np.array([[3.0, 0.0], [0.0, 5.0], [0.0, 0.0], [1.0, 0.0]])
    assert Front(4).order(losses, np.zeros(4)).tolist()[0] == 2


@pytest.mark.parametrize("width", [2, 3])
def test_beyond_the_budgets_last_and_no_numbers_behind_those_within(width):
    losses = np.ones((7, width)) * np.array([[5.0], [1.0], [np.nan], [0.0], [2.0], [np.inf], [0.0]])
    violation = np.array([0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.1])
    survival = filled(Front(4), members([(3,) * width]))
    assert survival.order(losses, violation).tolist() == [1, 0, 4, 2, 5, 6, 3]
    assert survival.order(losses, np.full(7, np.nan)).tolist()[-2:] == [2, 5]


def test_nothing_to_breed_from():
    assert FewBest(3).parents() == []
    assert Front(3).parents() == []
    assert numbers(filled(Front(2), members([(1, 1), (0, 0), (2, 2)], [0.5, 0.7, 0.1]))) == [2, 0]
    assert Front(3).order(np.zeros((0, 2)), np.zeros(0)).tolist() == []
