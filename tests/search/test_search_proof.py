"""The bound beside a search, and the sampler that knows the answer."""

import json

import optuna
import pytest

from e3dnas.bound import bound
from e3dnas.errors import E3DNASError
from e3dnas.search.api import search
from e3dnas.search.proof import PROOF_ATTR, Proof
from e3dnas.space import load_space


def test_a_run_tells_its_gap(tmp_path):
    result = search("tiny", out=tmp_path / "run", trials=30, prove=True)
    best = bound("tiny")
    assert result.bound == pytest.approx(best.upper, abs=1e-9)
    assert result.gap == pytest.approx((best.upper - result.best.score) / result.best.score, abs=1e-12)
    assert 0 <= result.gap < 0.05
    kept = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (kept["bound"], kept["gap"]) == (result.bound, result.gap)
    again = search("tiny", out=tmp_path / "run", trials=30, prove=True)  # known: nothing is solved twice
    assert again.bound == result.bound


def test_what_cannot_be_bounded_says_why_and_still_runs():
    data = load_space("tiny").to_dict() | {"budgets": {"flops": 3e7}, "score": "e3dnas.measure.entropy:homoentr"}
    result = search(data, trials=3, prove=True)
    assert result.best is not None
    assert result.bound is None
    assert result.gap is None
    assert "cannot be bounded" in result.unbounded


@pytest.mark.parametrize(
    ("program", "told"),
    [("/bin/false", "the solver"), ("/no/such/program", "could not be started")],
    ids=["dies", "none"],
)
def test_a_solver_that_fails_leaves_the_search_alone(monkeypatch, program, told):
    monkeypatch.setattr("e3dnas.search.proof.sys.executable", program)
    result = search("tiny", trials=3, prove=True)
    assert result.best is not None
    assert told in result.unbounded


def test_a_known_bound_is_taken_from_the_study():
    study = optuna.create_study()
    study.set_user_attr(PROOF_ATTR, 12.5)
    proof = Proof(load_space("tiny"))
    proof.start(study)
    assert proof.bound == 12.5
    assert proof.gap(10.0) == pytest.approx(0.25)
    assert proof.gap(13.0) == 0.0
    assert proof.gap(None) is None


def test_exact_sampler_puts_the_solvers_network_in_as_the_only_trial(tmp_path):
    result = search("tiny", out=tmp_path / "run", sampler="exact", prove=True)
    assert result.trials == 1
    assert result.complete
    assert result.best.score == pytest.approx(60.4165182439441, abs=1e-9)
    assert result.gap == pytest.approx(0.0, abs=1e-9)
    assert search("tiny", out=tmp_path / "run", sampler="exact").trials == 1


def test_exact_sampler_says_when_nothing_keeps_the_budgets():
    data = load_space("tiny").to_dict() | {"budgets": {"flops": {"max": 6e6}, "layers": {"min": 26}}}
    with pytest.raises(E3DNASError, match="keeps all its budgets together"):
        search(data, sampler="exact")


def test_budgets_that_exclude_one_another_are_told():
    data = load_space("tiny").to_dict() | {"budgets": {"flops": {"max": 6e6}, "layers": {"min": 26}}}
    result = search(data, trials=3, prove=True)
    assert result.best is None
    assert result.unbounded == "it is proven that no network keeps all the budgets together"


def test_who_waits_for_the_proof_is_told_so_once(tmp_path, monkeypatch):
    solver = tmp_path / "solver"
    solver.write_text("#!/bin/sh\ncat > /dev/null\nsleep 0.4\necho '{\"bound\": 99.5}'\n")
    solver.chmod(0o755)
    monkeypatch.setattr("e3dnas.search.proof.sys.executable", str(solver))
    for patience, told in ((0.0, [False, False, True]), (30.0, [False, False])):
        monkeypatch.setattr("e3dnas.search.session.PATIENCE", patience)
        seen = []
        result = search(
            "tiny", trials=2, prove=True, on_trial=lambda progress, seen=seen: seen.append(progress.proving)
        )
        assert seen == told
        assert result.bound == 99.5
