"""Every sampler a space may name runs from the same file, keeps the budgets, and tells the truth about its best."""

import pytest

import e3dnas
from e3dnas.errors import E3DNASError
from e3dnas.models.profile import profile_model
from e3dnas.search.api import search
from e3dnas.search.reading import read_run
from e3dnas.space import load_space


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("sampler", ["evolution", "nsgaii", "random", "tpe"])
def test_samplers(sampler, tmp_path):
    wide = load_space("tiny", {"budgets": {"flops": {"max": 1.5e8}}})  # so that blind draws find something
    result = search(wide, sampler=sampler, trials=40, out=tmp_path, top=40)
    assert (result.sampler, result.trials, result.complete) == (sampler, 40, True)
    best = result.best
    measured = e3dnas.measure(best.architecture)
    assert best.score == pytest.approx(measured["stentr"], abs=1e-9)
    model = e3dnas.create_model(best.architecture)
    cost = profile_model(model, best.architecture.clip)
    assert (best.measures["flops"], best.measures["params"]) == (cost.flops, cost.params)
    assert cost.flops <= 1.5e8
    assert best.measures["layers"] == measured["layers"] <= 26
    trials = read_run(tmp_path).study.get_trials()
    within = [t for t in trials if t.user_attrs["flops"] <= 1.5e8 and t.user_attrs["layers"] <= 26]
    assert best.score == max(t.value for t in within)
    assert {found.trial for found in result.top} <= {t.number for t in within}
    assert [set(t.constraints) for t in trials] == [{"flops <= 150000000", "layers <= 26"}] * 40
    assert result.candidates == (40 * 2000 if sampler == "evolution" else 40)


@pytest.mark.parametrize("sampler", ["nsgaii", "random", "tpe"])
def test_optunas_samplers_go_on_with_new_random_numbers(sampler, tmp_path, small):
    space = small | {"stages": small["stages"] * 3, "budgets": {}}
    search(space, sampler=sampler, trials=4, out=tmp_path)
    search(space, sampler=sampler, trials=8, out=tmp_path)
    params = [t.params for t in read_run(tmp_path).study.get_trials()]
    assert len(params) == 8
    assert params[:4] != params[4:]


def test_an_unknown_sampler_is_told():
    with pytest.raises(E3DNASError, match=r"search\.sampler: must be one of evolution, exact, nsgaii, .*did you"):
        search("tiny", sampler="nsga2")
