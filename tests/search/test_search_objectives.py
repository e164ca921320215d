"""Several objectives: the front against every network of a small space, by every sampler, stopped and resumed."""

import itertools
import json

import optuna
import pytest

import e3dnas
from e3dnas.errors import E3DNASError
from e3dnas.measure.entropy import stentr
from e3dnas.search.api import search
from e3dnas.search.exact import by_halving
from e3dnas.search.journal import open_journal
from e3dnas.search.reading import read_run

TWO = {"stentr": "maximize", "flops": "minimize"}
THREE = {"layers": "minimize", "stentr": "maximize", "activations": "minimize"}


def networks(data):
    """Every network of the small space within its budget, as plain data."""
    stage = data["stages"][0]
    for stem, depth, out, kernel in itertools.product([8, 16], [1, 2], stage["out"], stage["kernel"]):
        if out >= stem:
            fields = stage | {"depth": depth, "out": out, "kernel": kernel}
            one = {"clip": data["clip"], "stem": {"out": stem}, "stages": [fields], "head": data["head"]}
            if e3dnas.measure(one)["layers"] <= data["budgets"].get("layers", {"max": 99})["max"]:
                yield one


def plain_front(points, objectives):
    """The points, as different values, that no other one beats."""
    signs = [1 if direction == "minimize" else -1 for direction in objectives.values()]
    points = {tuple(round(float(value), 9) for value in point) for point in points}
    lost = {point: tuple(s * v for s, v in zip(signs, point, strict=True)) for point in points}
    return sorted(
        p for p in points
        if not any(all(a <= b for a, b in zip(lost[q], lost[p], strict=True)) and q != p for q in points)
    )  # fmt: skip


def front_of(data, objectives):
    return plain_front([[e3dnas.measure(one)[name] for name in objectives] for one in networks(data)], objectives)


def values_of(found):
    return sorted({tuple(round(value, 9) for value in one.values) for one in found})


@pytest.fixture
def sought(small):
    """Return the small space with objectives, and other keys changed."""
    return lambda objectives, **changes: small | {"objectives": objectives} | changes


@pytest.mark.parametrize(
    "objectives",
    [TWO, {"flops": "minimize", "stentr": "maximize"}, {"params": "maximize", "activations": "minimize"}, THREE],
    ids=", ".join,
)
def test_a_small_space_is_proposed_whole_and_its_front_is_the_front(sought, objectives, tmp_path):
    space, seen = sought(objectives), []
    result = search(space, out=tmp_path, on_trial=lambda progress: seen.append(list(progress.front)))
    expected = front_of(space, objectives)
    assert (result.trials, result.complete) == (20, True)
    assert values_of(result.front) == values_of(result.top) == expected
    assert len(expected) > 2
    assert sorted({tuple(round(v, 9) for v in one) for one in seen[-1]}) == expected
    assert all(found.feasible for found in result.front)
    assert len({found.trial for found in result.front}) == len(result.front)
    sign = 1 if next(iter(objectives.values())) == "minimize" else -1
    firsts = [found.values[0] for found in result.front]
    assert firsts == sorted(firsts, key=lambda value: sign * value)
    assert result.best is result.front[0]
    assert result.best.score == result.best.values[0] == firsts[0]
    assert search(space, out=tmp_path).trials == 20  # nothing is proposed again


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("sampler", ["evolution", "nsgaii", "tpe", "random"])
def test_the_front_is_that_of_the_trials(sought, sampler, tmp_path):
    space = sought(TWO, budgets={"layers": {"max": 7}}, search={"candidates": 2})
    result = search(space, out=tmp_path, sampler=sampler, trials=12)
    trials = read_run(tmp_path).study.get_trials()
    within = [t.values for t in trials if t.user_attrs["layers"] <= 7]
    assert 0 < len(within) < 12
    assert values_of(result.front) == plain_front(within, TWO)
    assert [t.values for t in trials] == [
        [pytest.approx(t.user_attrs["stentr"], abs=1e-9), t.user_attrs["flops"]] for t in trials
    ]


@pytest.mark.parametrize("objectives", [TWO, {"params": "minimize", "stentr": "maximize"}], ids=", ".join)
def test_the_exact_sampler_proposes_the_front_and_nothing_else(sought, objectives, tmp_path):
    space = sought(objectives)
    expected = front_of(space, objectives)
    ends = search(space, out=tmp_path, sampler="exact", trials=2)
    assert values_of(ends.front) == [expected[0], expected[-1]]
    result = search(space, out=tmp_path, sampler="exact")
    assert values_of(result.front) == expected
    assert (result.trials, result.complete) == (len(expected), True)


@pytest.mark.parametrize("count", [*range(8), 17, 100])
def test_halving_shows_all_and_the_ends_first(count):
    order = by_halving(count)
    assert sorted(order) == list(range(count))
    if count > 8:
        gaps = [b - a for a, b in itertools.pairwise(sorted(order[:9]))]
        assert order[:2] == [0, count - 1]
        assert max(gaps) <= count / 8 + 1


def test_a_solver_with_nothing_to_propose_is_told_before_anything_is_written(sought, tmp_path):
    space = sought(THREE, search={"sampler": "exact"})
    with pytest.raises(E3DNASError, match=r"^small: an exact front has two objectives, not 3$"):
        search(space, out=tmp_path / "run")
    space = sought(TWO, budgets={"layers": {"min": 8}, "params": {"max": 1505}}, search={"sampler": "exact"})
    with pytest.raises(E3DNASError, match="no network of the space keeps all its budgets together"):
        search(space, out=tmp_path / "run", fresh=True)
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The trials of a run without a stop, run once."""
    known = []

    def run(data):
        if not known:
            out = tmp_path_factory.mktemp("whole")
            known.extend((search(data, out=out), read_run(out).study.get_trials()))
        return known

    return run


@pytest.mark.parametrize("stop", ["twice", "killed", "interrupted"])
def test_resuming_equals_one_run(large, tmp_path, proposed, whole, stop):
    space = large | {"objectives": TWO | {"params": "minimize"}, "search": large["search"] | {"trials": 30}}
    result, trials = whole(space)
    for count in (6, 19) if stop == "twice" else (14,):
        search(space, out=tmp_path, trials=count)
    study = optuna.load_study(study_name="large", storage=open_journal(tmp_path / "study.journal"))
    if stop == "killed":
        study.ask()  # as kill -9 leaves it
    if stop == "interrupted":
        study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    again = search(space, out=tmp_path)
    assert proposed(tmp_path) == [t.params for t in trials]
    done = [t for t in study.get_trials() if t.values]
    assert [(t.values, t.user_attrs) for t in done] == [(t.values, t.user_attrs) for t in trials]
    assert [found.values for found in again.front] == [found.values for found in result.front]
    assert again.candidates == result.candidates


def test_result_json_holds_front_and_proof(sought, tmp_path):
    space, shares = sought(TWO), []
    result = search(space, out=tmp_path, prove=True, on_trial=lambda progress: shares.append(progress.share))
    expected = front_of(space, TWO)
    written = json.loads((tmp_path / "result.json").read_text())
    assert written["objectives"] == TWO
    assert written["share_of_exact_front"] == result.share == pytest.approx(1.0, abs=1e-9)
    assert sorted(map(tuple, written["exact_front"])) == [pytest.approx(one, abs=1e-8) for one in expected]
    assert sorted(tuple(one["values"].values()) for one in written["top"]) == [
        pytest.approx(one, abs=1e-8) for one in expected
    ]
    assert [one["trial"] for one in written["top"]] == [found.trial for found in result.front]
    assert all(list(one["values"]) == list(TWO) for one in written["top"])
    assert written["best"]["trial"] == result.best.trial
    assert not {"bound", "gap"} & written.keys()
    known = [share for share in shares if share is not None]
    assert known == sorted(known)
    assert (result.bound, result.gap, result.unbounded) == (None, None, "")


OWN = """
calls = []
def width(table):
    return table.c_out[:, -2] * 1.0
def heavy(model):
    return sum(p.numel() for p in model.parameters())
def sometimes(table):
    if table.shape[0] > 1:
        return table.c_out[:, -2]
    calls.append(1)
    if len(calls) % 4 == 0:
        raise RuntimeError("out of luck")
    return table.c_out[:, -2]
"""


def test_objectives_of_ones_own(sought, own_module, tmp_path):
    name = own_module(OWN)
    objectives = {f"{name}:width": "minimize", "stentr": "maximize", f"{name}:heavy": "minimize"}
    space = sought(objectives)
    result = search(space, out=tmp_path, prove=True)
    assert (result.trials, result.complete) == (20, True)
    every = []
    for one in networks(space):
        built = e3dnas.create_model(e3dnas.load_architecture(one))
        size = sum(p.numel() for p in built.parameters())
        every.append((one["stages"][0]["out"], e3dnas.measure(one)["stentr"], size))
    assert values_of(result.front) == plain_front(every, objectives)
    assert "an exact front has two objectives" in result.unbounded
    best = json.loads((tmp_path / "result.json").read_text())["best"]
    assert list(best["values"]) == list(objectives)
    assert best[f"{name}:width"] == best["values"][f"{name}:width"] == best["score"] == 8
    assert (result.share, result.exact) == (None, None)


def test_what_is_no_sum_has_no_exact_front(sought, own_module):
    name = own_module(OWN)
    result = search(sought({f"{name}:width": "maximize", "flops": "minimize"}), prove=True, trials=4)
    assert len(result.front) > 0
    assert f"{name}:width cannot be bounded" in result.unbounded


def test_an_objective_that_fails_now_and_then(sought, own_module, tmp_path):
    name = own_module(OWN)
    result = search(sought({"stentr": "maximize", f"{name}:sometimes": "minimize"}), out=tmp_path, trials=10)
    assert (result.trials, result.failed) == (8, 2)
    assert result.failure == f"score {name}:sometimes: raised RuntimeError: out of luck"
    assert all(len(found.values) == 2 for found in result.front)


WEIGHTED = {"name": "stentr", "options": {"stage_weights": [1, 0.25]}}


def weighted(one):
    return float(stentr(e3dnas.load_architecture(one).table(), [1, 0.25])[0])


@pytest.mark.parametrize("sampler", ["evolution", "exact"])
@pytest.mark.parametrize("floor", [None, 14.0], ids=["free", "a budget of the same name"])
def test_options_of_the_score_are_those_of_the_objective_of_its_name(sought, tmp_path, sampler, floor):
    budgets = {"layers": {"max": 8}} | ({"stentr": {"min": floor}} if floor else {})
    space = sought(TWO, score=WEIGHTED, budgets=budgets)
    within = [one for one in networks(space) if floor is None or e3dnas.measure(one)["stentr"] >= floor]
    assert floor is None or 0 < len(within) < len(list(networks(space)))
    result = search(space, out=tmp_path, sampler=sampler)
    assert values_of(result.front) == plain_front([(weighted(o), e3dnas.measure(o)["flops"]) for o in within], TWO)
    for found in result.front:
        told = result.told(found)
        assert told["values"]["stentr"] == pytest.approx(weighted(found.architecture), abs=1e-12)
        assert told["stentr"] == pytest.approx(e3dnas.measure(found.architecture)["stentr"], abs=1e-12)
        assert told["values"]["stentr"] != told["stentr"]


def test_wrong_options_are_told_where_they_stand(sought):
    for options, told in (({"weights": [1]}, "unexpected keyword argument 'weights'"),
                          ({"stage_weights": [1]}, "1 weights for a network of 2 stages")):  # fmt: skip
        with pytest.raises(E3DNASError, match=rf"^score: .*{told}"):
            search(sought(TWO, score={"name": "stentr", "options": options}), trials=1)


@pytest.mark.parametrize(
    ("objectives", "told"),
    [
        ({"flops": "minimize", "stentr": "maximize"}, r"objectives: stentr, flops -> flops, stentr"),
        ({"stentr": "minimize", "flops": "minimize"}, r"objectives\.stentr: maximize -> minimize"),
        (TWO | {"params": "minimize"}, r"objectives\.params: \(nothing\) -> minimize"),
        ({}, r"objectives: stentr, flops -> \(nothing\)"),
    ],
    ids=["another order", "another direction", "one more", "the score alone"],
)
def test_other_objectives_do_not_go_on_in_the_same_study(sought, tmp_path, objectives, told):
    search(sought(TWO), out=tmp_path, trials=2)
    with pytest.raises(E3DNASError, match=rf"was made with another space \(.*{told}"):
        search(sought(objectives), out=tmp_path, trials=2)


def test_an_empty_study_of_others_with_other_directions_is_refused(sought, tmp_path):
    url = f"sqlite:///{tmp_path}/x.db"
    optuna.create_study(study_name="theirs", storage=url, directions=["minimize", "minimize"])
    with pytest.raises(E3DNASError, match="study 'theirs' was not made by e3dnas"):
        search(sought(TWO), storage=url, study="theirs", trials=1)


def test_networks_spread_over_the_front(sought):
    result = search(sought(TWO))
    whole = list(result.front)
    assert result.spread(99) == whole
    assert result.spread(1) == [result.best]
    assert result.spread(2) == [whole[0], whole[-1]]
    for count in range(3, len(whole)):
        found = result.spread(count)
        assert len({one.trial for one in found}) == count
        assert (found[0], found[-1]) == (whole[0], whole[-1])
        assert [one.trial for one in whole if one in found] == [one.trial for one in found]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"front": [[1.0, 2.0]], "genotypes": [[0, 0, 0, 0]], "exact": False}, "too long to list"),
        ({"front": [], "genotypes": [], "exact": True}, "proven that no network keeps all the budgets"),
        ({"front": [], "genotypes": [], "exact": False}, "too long to list"),
    ],
    ids=["a part of it", "none", "nothing known"],
)
def test_what_the_solver_may_say_instead_of_a_front(sought, tmp_path, monkeypatch, answer, told):
    solver = tmp_path / "solver"
    told_of = answer | {"space": "small", "objectives": TWO, "seconds": 0.1}
    solver.write_text(f"#!/bin/sh\ncat > /dev/null\ncat <<'END'\n{json.dumps(told_of)}\nEND\n")
    solver.chmod(0o755)
    monkeypatch.setattr("e3dnas.search.proof.sys.executable", str(solver))
    result = search(sought(TWO), trials=2, prove=True)
    assert told in result.unbounded
    assert (result.share, result.exact) == (None, None)
