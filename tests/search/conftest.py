"""Spaces small enough to list, and what a run proposed."""

import optuna
import pytest
from optuna.trial import TrialState

from e3dnas.search.budgets import limits_of
from e3dnas.search.reading import read_run
from e3dnas.search.sampler import FAILURE
from e3dnas.search.screening import Screen
from e3dnas.search.session import objectives_of
from e3dnas.space import load_space

optuna.logging.set_verbosity(optuna.logging.WARNING)

# 2 x 2 x 3 x 2 = 24 genotypes; widths that would shrink from 16 to 8 are raised, which leaves 20 networks.
SMALL = {
    "name": "small",
    "clip": {"frames": 4, "size": 32},
    "stem": {"out": [8, 16]},
    "stages": [
        {
            "depth": {"min": 1, "max": 2}, "out": [8, 16, 24], "bottleneck": 16, "kernel": ["1x3x3", "3x3x3"],
            "stride": "1x2x2",
        }
    ],
    "head": {"out": 32, "hidden": 0},
    "budgets": {"layers": {"max": 8}},
    "search": {"trials": 100, "candidates": 50, "population": 8},
}  # fmt: skip


@pytest.fixture
def small():
    return SMALL


@pytest.fixture
def large():
    """Millions of genotypes, yet quick: few candidates a trial, small networks."""
    stage = {"depth": {"min": 1, "max": 4}, "out": {"min": 8, "max": 64, "step": 8}, "bottleneck_ratio": [1, 2, 3],
             "kernel": ["1x3x3", "1x5x5", "3x3x3"], "stride": "1x2x2"}  # fmt: skip
    return SMALL | {
        "name": "large",
        "stages": [stage, stage, stage],
        "budgets": {"flops": {"max": 2e7}, "layers": {"max": 23}},
        "search": {"trials": 40, "candidates": 100, "population": 8},
    }


@pytest.fixture
def screen_of():
    """Return the screen of a space given as data."""

    def make(data, folder=None):
        space = load_space(data)
        return Screen(space, objectives_of(space, folder), limits_of(space.declaration.budgets, folder))

    return make


@pytest.fixture
def proposed():
    """Return the parameters a run's trials had, in order, interrupted trials left out."""

    def read(out, storage=None):
        trials = read_run(out, storage).study.get_trials()
        whole = [t for t in trials if t.state == TrialState.COMPLETE or FAILURE in t.user_attrs]
        return [t.params for t in whole]

    return read


@pytest.fixture
def own_module(tmp_path_factory, monkeypatch):
    """Write a module of the user's own measures; its name is new for every test, for modules stay imported."""
    folder = tmp_path_factory.mktemp("own")
    monkeypatch.syspath_prepend(folder)

    def write(code):
        name = f"own_{abs(hash(str(folder)))}"
        (folder / f"{name}.py").write_text(code)
        return name

    return write
