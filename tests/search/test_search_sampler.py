"""The evolutionary sampler: Optuna's own conformance suite, and what it promises beyond it."""

import itertools

import optuna
import pytest
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)
from optuna.trial import TrialState

import e3dnas
from e3dnas.measure.registry import resolve
from e3dnas.search.api import search
from e3dnas.search.journal import open_journal
from e3dnas.search.reading import read_run
from e3dnas.search.sampler import FAILURE, EvolutionSampler
from e3dnas.search.screening import Screen
from e3dnas.space import load_space

TINY = Screen(load_space("tiny"), [resolve("stentr")], ())


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")  # the suite's own studies
class TestConformance(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture
    def sampler(self):
        return lambda: EvolutionSampler(TINY, candidates=10)


def networks_of(data):
    """Every network of the small space by plain loops: parameters and architecture."""
    stage = data["stages"][0]
    for stem, depth, out, kernel in itertools.product([8, 16], [1, 2], stage["out"], stage["kernel"]):
        if out >= stem:
            fields = stage | {"depth": depth, "out": out, "kernel": kernel}
            yield (
                (stem, depth, out, kernel),
                {"clip": data["clip"], "stem": {"out": stem}, "stages": [fields], "head": data["head"]},
            )


def key(params):
    return tuple(params[f"{name}"] for name in ("stem.out", "stage1.depth", "stage1.out", "stage1.kernel"))


def plain_objective(screen):
    """The score of the layer table, without thop."""

    def objective(trial):
        distributions = screen.space.distributions()
        params = {name: trial._suggest(name, d) for name, d in distributions.items()}
        return float(screen(screen.space.genotype(params)[None]).values[0, 0])

    return objective


@pytest.mark.parametrize("candidates", [1, 3, 50])
@pytest.mark.parametrize("stopped", [None, 7, 20], ids=["at once", "resumed", "resumed at the end"])
def test_a_small_space_is_proposed_whole_once_and_then_it_stops(small, tmp_path, proposed, candidates, stopped):
    space = small | {"search": small["search"] | {"candidates": candidates}}
    every = dict(networks_of(small))
    if stopped:
        search(space, out=tmp_path, trials=stopped)
    result = search(space, out=tmp_path)
    assert sorted(map(key, proposed(tmp_path))) == sorted(every)
    assert (result.trials, result.complete) == (len(every), True)
    scores = {k: e3dnas.measure(architecture) for k, architecture in every.items()}
    best = max(m["stentr"] for m in scores.values() if m["layers"] <= 8)
    assert result.best.score == pytest.approx(best, abs=1e-12)
    assert search(space, out=tmp_path).trials == len(every)  # nothing is proposed again


def test_a_score_of_models_leaves_no_network_out_either(small, own_module, tmp_path, proposed):
    module = own_module("def count(model):\n    return sum(p.numel() for p in model.parameters())\n")
    result = search(small | {"score": f"{module}:count"}, out=tmp_path)
    assert sorted(map(key, proposed(tmp_path))) == sorted(dict(networks_of(small)))
    assert result.best.score == max(found.score for found in result.top)
    assert result.best.architecture.stages[0].out == 24


def test_no_candidate_twice_in_a_large_space(large, tmp_path, proposed):
    search(large, out=tmp_path, trials=80)
    sequence = [tuple(sorted(params.items())) for params in proposed(tmp_path)]
    assert len(set(sequence)) == len(sequence) == 80


def test_a_minimised_objective_is_minimised(small, screen_of):
    screen = screen_of(small)
    study = optuna.create_study(direction="minimize", sampler=EvolutionSampler(screen, candidates=2000))
    study.optimize(plain_objective(screen), n_trials=20)
    values = [trial.value for trial in study.trials]  # every brood of 2000 holds all 20 networks
    assert values == sorted(values)
    assert values[0] == pytest.approx(min(e3dnas.measure(one)["stentr"] for _, one in networks_of(small)), abs=1e-12)


def test_seeds(large, tmp_path, proposed):
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        search(large, out=tmp_path / out, trials=25, seed=seed)
    first, again, other = (proposed(tmp_path / out) for out in "abc")
    assert first == again
    assert first != other


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Run once without a stop: data of the space to trial parameters and result."""
    known = {}

    def run(data, trials):
        if trials not in known:
            out = tmp_path_factory.mktemp("whole")
            result = search(data, out=out, trials=trials)
            trials_of = read_run(out).study.get_trials()
            known[trials] = [t.params for t in trials_of], [t.user_attrs for t in trials_of], result
        return known[trials]

    return run


@pytest.mark.parametrize("stops", [(1,), (7,), (12, 13), (3, 17, 30)], ids=str)
def test_resuming_equals_one_run(large, tmp_path, whole, stops):
    params, attrs, result = whole(large, 40)
    for trials in (*stops, 40):
        again = search(large, out=tmp_path, trials=trials)
    trials = read_run(tmp_path).study.get_trials()
    assert [t.params for t in trials] == params
    assert [t.user_attrs for t in trials] == attrs
    assert (again.best, again.candidates, again.top) == (result.best, result.candidates, result.top)


@pytest.mark.parametrize("state", ["running", "failed", "both"])
@pytest.mark.parametrize("after", [0, 4, 9, 20])
def test_interrupted_trials_leave_no_trace(large, tmp_path, proposed, whole, after, state):
    params, _, result = whole(large, 40)
    if after:
        search(large, out=tmp_path, trials=after)
    else:
        with pytest.raises(RuntimeError, match="at once"):
            search(large, out=tmp_path, on_trial=raise_at_once)  # leaves one whole trial behind
    study = optuna.load_study(study_name="large", storage=open_journal(tmp_path / "study.journal"))
    if state != "running":
        study.tell(study.ask(), state=TrialState.FAIL)
    if state != "failed":
        study.ask()  # as kill -9 leaves it
    again = search(large, out=tmp_path, trials=40)
    assert proposed(tmp_path) == params
    assert (again.trials, again.failed) == (40, 0)
    assert again.best.architecture == result.best.architecture
    states = [t.state for t in study.get_trials() if t.state != TrialState.COMPLETE]
    assert states == [TrialState.FAIL] * (2 if state == "both" else 1)


def raise_at_once(progress):
    raise RuntimeError("at once")


@pytest.mark.parametrize("failure", [None, "boom"], ids=["interrupted", "failed"])
def test_what_was_interrupted_is_proposed_again_and_what_failed_is_not(large, screen_of, failure):
    screen = screen_of(large)
    study = optuna.create_study(direction="maximize", sampler=EvolutionSampler(screen, candidates=20))
    objective = plain_objective(screen)
    study.optimize(objective, n_trials=3)
    trial = study.ask()
    objective(trial)
    if failure:
        trial.set_user_attr(FAILURE, failure)
    study.tell(trial, state=TrialState.FAIL)
    study.sampler = EvolutionSampler(screen, candidates=20)
    study.optimize(objective, n_trials=20)
    later = [one.params for one in study.trials[4:]]
    assert (later[0] == trial.params) is (failure is None)
    assert (trial.params in later) is (failure is None)


def test_candidates_are_counted(large, tmp_path):
    seen = []
    result = search(large, out=tmp_path, trials=30, on_trial=lambda progress: seen.append(progress.candidates))
    assert result.candidates == 30 * 100
    assert seen == [100 * n for n in range(1, 31)]
    assert all(t.user_attrs["candidates"] == 100 for t in read_run(tmp_path).study.get_trials())


def test_the_sampler_does_better_than_chance(large):
    chance, evolution = (search(large, sampler=name, trials=60).best for name in ("random", "evolution"))
    assert evolution.score > chance.score + 1


def test_parameters_beside_the_space_are_random(screen_of, small):
    study = optuna.create_study(sampler=EvolutionSampler(screen_of(small), candidates=5))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=20)
    assert len({trial.params["x"] for trial in study.trials}) == 20


def test_a_space_of_one_network(small):
    one = small | {"stages": [small["stages"][0] | {"depth": 1, "out": 8, "kernel": "3x3x3"}], "stem": {"out": 8}}
    result = search(one)
    assert (result.trials, result.complete) == (1, True)
    assert result.best.score == pytest.approx(e3dnas.measure(result.best.architecture)["stentr"], abs=1e-12)
