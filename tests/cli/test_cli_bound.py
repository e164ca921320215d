"""``e3dnas bound``."""

import json

import pytest
from typer.testing import CliRunner

from e3dnas.arch import load_architecture
from e3dnas.cli.main import app
from e3dnas.errors import E3DNASError


def run(*arguments):
    return CliRunner().invoke(app, ["bound", *arguments])


def test_says_bound_gap_and_network():
    result = run("tiny")
    assert result.exit_code == 0
    assert "proven bound: stentr 60.416518" in result.output
    assert "gap: 0, proven the best" in result.output
    assert "stage3" in result.output


def test_json_and_file(tmp_path):
    saved = tmp_path / "best.yaml"
    result = run("tiny", "--json", "--save", str(saved))
    told = json.loads(result.output)
    assert told["exact"]
    assert told["bound"] == pytest.approx(told["score"], abs=1e-6)
    assert load_architecture(saved).to_dict() == told["best"]["architecture"]
    again = run("tiny", "--save", str(saved))
    assert isinstance(again.exception, E3DNASError)
    assert "is there already" in str(again.exception)


def test_least_within_a_share():
    best, lean = (json.loads(run("tiny", "--json", *more).output) for more in
                  ((), ("--within", "0.5%", "--minimise", "params")))  # fmt: skip
    assert lean["measure"] == "params"
    assert lean["best"]["params"] < best["best"]["params"]
    assert lean["best"]["stentr"] >= 0.995 * best["score"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--within", "0.1%"), "go together"),
        (("--within", "lots", "--minimise", "params"), "must be a share such as 0.1% or 0.001"),
        (("--within", "200%", "--minimise", "params"), "must be a share"),
    ],
    ids=["half", "text", "too much"],
)
def test_mistakes(arguments, told):
    result = run("tiny", *arguments)
    assert isinstance(result.exception, E3DNASError)
    assert told in str(result.exception)


def test_budget_nobody_can_keep(tmp_path):
    space = tmp_path / "none.yaml"
    space.write_text("extends: tiny\nbudgets: {flops: {max: 1.0e+6}, layers: {min: 20}}\n")
    assert "proven: there is none" in run(str(space)).output
