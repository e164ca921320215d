"""Budgets no network of the space can keep are refused before anything is written."""

import pytest

import e3dnas
from e3dnas.errors import E3DNASError
from e3dnas.search.api import search

SPACE = """clip: {frames: 4, size: 32}
stem: {out: [8, 16]}
stages:
  - {depth: {min: 1, max: 2}, out: [8, 16, 24], bottleneck: [16, 32], kernel: [1x3x3, 3x3x3], stride: 1x2x2}
head: {out: 32, hidden: 0}
search: {trials: 3}
budgets:
"""


def network(largest):
    stage = {"depth": 2, "out": 24, "bottleneck": 32, "kernel": "3x3x3"} if largest else {
        "depth": 1, "out": 8, "bottleneck": 16, "kernel": "1x3x3"}  # fmt: skip
    return e3dnas.measure(
        {
            "clip": {"frames": 4, "size": 32},
            "stem": {"out": 16 if largest else 8},
            "stages": [stage | {"stride": "1x2x2"}],
            "head": {"out": 32, "hidden": 0},
        }
    )


@pytest.mark.parametrize("measure", ["flops", "conv_macs", "params", "layers", "activations"])
@pytest.mark.parametrize("side", ["max", "min"])
def test_out_of_reach_by_one(tmp_path, monkeypatch, measure, side):
    monkeypatch.chdir(tmp_path)
    edge = network(largest=side == "min")[measure]
    path = tmp_path / "my space é.yaml"
    path.write_text(f"{SPACE}  layers: {{max: 100}}\n  {measure}: {{{side}: {edge + (1 if side == 'min' else -1)}}}\n"
                    .replace("  layers: {max: 100}\n" if measure == "layers" else "\0", ""))  # fmt: skip
    kind = "smallest" if side == "max" else "largest"
    line = 8 if measure == "layers" else 9
    message = (
        rf"my space é.yaml:{line}: budgets.{measure}.{side}: \d+ is out of reach: even the {kind} network of the space "
        rf"has {edge}; write at {'least' if side == 'max' else 'most'} that"
    )
    with pytest.raises(E3DNASError, match=message):
        search(path, out="run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("side", ["max", "min"])
def test_the_edge_itself_is_within_reach(small, side):
    space = small | {"stages": [small["stages"][0] | {"bottleneck": [16, 32]}]}
    edge = network(largest=side == "min")
    budgets = {name: {side: edge[name]} for name in ("flops", "params")}
    best = search(space | {"budgets": budgets, "search": {"trials": 10, "candidates": 200}}).best
    assert (best.measures["flops"], best.measures["params"]) == (edge["flops"], edge["params"])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("budgets: {flopz: {max: 1000}}", "mine.yaml:2: budgets.flopz: unknown measure 'flopz'; did you mean 'flops'?"),
        ("score: stentrr", "mine.yaml:2: score: unknown measure 'stentrr'; did you mean 'stentr'?"),
        (
            "score: {name: stentr, options: {stage_weights: [1, 2]}}",
            "mine.yaml:2: score: stage_weights: 2 weights for a network of 4 stages",
        ),
    ],
    ids=["budget", "score", "options"],
)
def test_wrong_measures_are_told_with_their_place(tmp_path, monkeypatch, line, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(f"extends: tiny\n{line}\n")
    with pytest.raises(E3DNASError) as error:
        search("mine.yaml", out="run")
    assert str(error.value).startswith(told)
    assert not (tmp_path / "run").exists()
