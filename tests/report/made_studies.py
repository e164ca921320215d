"""Studies as e3dnas leaves them, made without a search, so that what they hold is known."""

import json

import numpy as np
import optuna

from e3dnas.measure.api import measure
from e3dnas.search.proof import PROOF_ATTR
from e3dnas.search.study import SPACE_ATTR
from e3dnas.space import load_space

SPACE = {
    "name": "small",
    "clip": {"frames": 4, "size": 32},
    "stem": {"out": [8, 16]},
    "stages": [{"depth": {"min": 1, "max": 9}, "out": {"min": 16, "max": 64, "step": 8}, "bottleneck": 16,
                "kernel": ["1x3x3", "3x3x3"], "stride": "1x2x2"}],
    "head": {"out": 32, "hidden": 0},
    "budgets": {"layers": {"min": 3, "max": 20}, "flops": {"max": 3.0e6}},
    "search": {"trials": 40},
}  # fmt: skip


def make_study(trials=12, *, storage=None, name="small", directions=("maximize",), bound=None):
    """Return a study and its space."""
    space = load_space(SPACE)
    study = optuna.create_study(study_name=name, storage=storage, directions=directions)
    study.set_user_attr(SPACE_ATTR, json.dumps(space.to_dict()))
    study.set_metric_names(["stentr", "flops", "params"][: len(directions)])
    if bound is not None:
        study.set_user_attr(PROOF_ATTR, bound)
    for seed in range(trials):
        add_trial(study, space, seed)
    return study, space


def add_trial(study, space, seed):
    """Add a finished trial of a network drawn by chance."""
    rng = np.random.default_rng(seed)
    drawn = {name: rng.choice(np.array(d.choices, object)) if hasattr(d, "choices") else
             int(rng.integers(d.low, d.high + 1) - d.low) // d.step * d.step + d.low
             for name, d in space.distributions().items()}  # fmt: skip
    measures = measure(space.architecture(space.genotype(drawn)))
    measures = {key: measures[key] for key in ("stentr", "homoentr", "flops", "conv_macs", "params", "layers")}
    study.add_trial(
        optuna.create_trial(
            params=drawn,
            distributions=space.distributions(),
            values=[measures[name] for name in study.metric_names],
            constraints={"layers <= 20": measures["layers"] / 20 - 1, "flops <= 3e+06": measures["flops"] / 3e6 - 1},
            user_attrs={**measures, "candidates": 10, "within_budgets": True},
        )
    )
