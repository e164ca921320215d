"""Runs made trial by trial in memory: of any size at once, and with whatever is to be told apart in them."""

import json

import numpy as np
import optuna

from e3dnas.config import dump_yaml
from e3dnas.measure.registry import measure_table
from e3dnas.search.proof import PROOF_ATTR
from e3dnas.search.reading import Run
from e3dnas.search.run_folder import RunFolder
from e3dnas.search.session import SECONDS_ATTR
from e3dnas.search.study import SPACE_ATTR
from e3dnas.space import load_space

optuna.logging.set_verbosity(optuna.logging.WARNING)

SPACE = {
    "name": "made",
    "clip": {"frames": 4, "size": 32},
    "stem": {"out": [8, 16]},
    "stages": [
        {"depth": {"min": 1, "max": 2}, "out": [8, 16, 24], "bottleneck": 16, "kernel": ["1x3x3", "3x3x3"],
         "stride": "1x2x2"},
        {"depth": {"min": 1, "max": 3}, "out": {"min": 8, "max": 64, "step": 8}, "bottleneck_ratio": [1, 2, 3],
         "stride": "1x2x2"},
    ],
    "head": {"out": 32, "hidden": 0},
    "budgets": {"layers": {"max": 14}, "flops": {"max": 2.0e6, "min": 1.0e5}},
    "search": {"trials": 60, "sampler": "random"},
}  # fmt: skip
FRONT = SPACE | {"name": "fronts", "objectives": {"stentr": "maximize", "flops": "minimize"}}


def made_run(folder, count, *, space=None, seed=0, bound=None, params=None, values=None):
    """Return a run with ``count`` random trials, measured by the closed form.

    Args:
        folder: its folder.
        count: how many trials.
        space: plain data.
        seed: of the networks.
        bound: the proven bound that the study is to have.
        params: gives the parameters of trial i instead of random ones.
        values: gives the values of a trial from its parameters and measures instead of its own.
    """
    loaded = load_space(space or SPACE)
    goals = loaded.declaration.goals
    genotypes = loaded.sample(np.random.default_rng(seed), max(count, 1))[:count]
    if params is not None:
        genotypes = np.array([loaded.genotype(params(i)) for i in range(count)])
    study = optuna.create_study(study_name=loaded.name, directions=list(goals.values()))
    study.set_user_attr(SPACE_ATTR, json.dumps(loaded.to_dict()))
    study.set_user_attr(SECONDS_ATTR, 12.5)
    if bound is not None:
        study.set_user_attr(PROOF_ATTR, bound)
    measured = measure_table(loaded.table(genotypes)) if count else {}
    for i, genotype in enumerate(genotypes):
        measures = {k: float(v[i]) if k.endswith("entr") else int(v[i]) for k, v in measured.items()}
        chosen = loaded.params(genotype)
        told = [measures.get(name, 0.0) for name in goals] if values is None else values(chosen, measures)
        study.add_trial(optuna.create_trial(
            params=chosen, distributions=loaded.distributions(), values=told,
            user_attrs=measures | {"candidates": 7, "within_budgets": True}, constraints=_excess(loaded, measures),
        ))  # fmt: skip
    folder = RunFolder(folder)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.space.write_text(dump_yaml(loaded.to_dict()), encoding="utf-8")
    return Run(folder, loaded, study)


def _excess(space, measures):
    found = {}
    for name, budget in space.declaration.budgets.items():
        for sign, limit in ((1, budget.max), (-1, budget.min)):
            if limit is not None and name in measures:
                found[f"{name} {sign}"] = sign * (measures[name] - limit) / limit
    return found


def within(trial):
    """Whether a trial keeps its constraints, said anew."""
    return max(trial.constraints.values(), default=0.0) <= 0
