"""A user's own scores: of models and of layer tables, failing always, sometimes, or giving nonsense."""

import pytest
import torch

from e3dnas.errors import E3DNASError
from e3dnas.search.api import search
from e3dnas.search.reading import read_run
from e3dnas.search.sampler import FAILURE

OWN = """
import torch
calls = []
def noise(model):
    clip = model.arch.clip
    assert not model.training
    return model(torch.randn(1, clip.channels, clip.frames, clip.size, clip.size)).std().item()
def sometimes(model):
    calls.append(1)
    if len(calls) % 3 == 0:
        raise RuntimeError("out of memory [/b]")
    return len(calls)
def later(model):
    calls.append(1)
    if len(calls) > 8:
        raise RuntimeError("gone")
    return 1.0
def always(model):
    raise RuntimeError("boom")
def nan(model):
    return float("nan")
def text(model):
    return "much"
def table_nan(table):
    return table.c_out[:, -1] * float("nan")
def table_boom(table):
    raise RuntimeError("boom")
def params(model, scale=1):
    return scale * sum(p.numel() for p in model.parameters())
"""


@pytest.fixture
def own(own_module):
    return own_module(OWN)


def test_a_score_of_random_weights_depends_on_the_network_alone(small, own):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = search(small | {"score": f"{own}:noise"}, trials=6, top=6)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(6)
    again = search(small | {"score": f"{own}:noise"}, trials=6, top=6)
    assert [found.score for found in first.top] == [found.score for found in again.top]


def test_options_reach_the_score(small, own):
    score = {"name": f"{own}:params", "options": {"scale": -1}}
    best = search(small | {"score": score, "budgets": {}}).best  # the whole space
    assert [best.architecture.stem.out, best.architecture.stages[0].depth] == [8, 1]
    assert best.score < 0


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ("always", "5 trials failed one after another; the last: score own_.*:always: raised RuntimeError: boom"),
        ("nan", "5 trials failed.*score own_.*:nan: must be a finite number, not nan"),
        ("text", "5 trials failed.*score own_.*:text: must return one number, not 'much'"),
        ("table_nan", "5 trials failed.*:table_nan: must be a finite number, not nan"),
        ("table_boom", "^score own_.*:table_boom: raised RuntimeError: boom$"),
    ],
)
def test_a_score_that_always_fails_ends_the_search(small, own, tmp_path, score, message):
    with pytest.raises(E3DNASError, match=message):
        search(small | {"score": f"{own}:{score}"}, out=tmp_path)
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize(("name", "told"), [("always", "raised RuntimeError"), ("nan", "must be a finite number")])
def test_a_budgets_measure_that_always_fails_ends_it_too(small, own, name, told):
    with pytest.raises(E3DNASError, match=f"5 trials failed one after another; the last: score own_.*:{name}: {told}"):
        search(small | {"budgets": {f"{own}:{name}": {"max": 1}}})


def test_a_score_that_fails_sometimes_is_counted_and_not_asked_again(small, own, tmp_path):
    seen = []
    result = search(small | {"score": f"{own}:sometimes"}, out=tmp_path, trials=12,
                    on_trial=lambda progress: seen.append((progress.done, progress.failed)))  # fmt: skip
    assert (result.trials, result.failed, result.complete) == (8, 4, True)
    assert result.failure == f"score {own}:sometimes: raised RuntimeError: out of memory [/b]"
    assert seen == [(n, n // 3) for n in range(1, 13)]
    assert result.best.score == 11
    trials = read_run(tmp_path).study.get_trials()
    assert [t.number for t in trials if FAILURE in t.user_attrs] == [2, 5, 8, 11]
    assert len({tuple(t.params.values()) for t in trials}) == 12
    assert search(small | {"score": f"{own}:sometimes"}, out=tmp_path, trials=12).failed == 4
    whole = search(small | {"score": f"{own}:sometimes"}, out=tmp_path)
    assert (whole.trials + whole.failed, whole.complete) == (20, True)  # failed networks are done with


def test_a_score_that_fails_from_some_point_on(large, own):
    with pytest.raises(E3DNASError, match=r"50 trials failed one after another; the last: score own_.*raised.*gone"):
        search(large | {"score": f"{own}:later"}, trials=100)


def test_an_own_measure_as_budget_is_kept_and_shown(small, own):
    name = f"{own}:params"
    result = search(small | {"budgets": {name: {"max": 15500}}}, top=20)
    counts = [found.measures[name] for found in result.top]
    assert 0 < len(counts) < 20
    assert max(counts) <= 15500
    assert result.best.feasible
