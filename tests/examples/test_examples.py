"""Every example runs as the README says, in a small setting."""

import importlib.util
import sys
from pathlib import Path

import pytest

from e3dnas.search.api import search

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_search_and_build_builds_and_runs(capsys):
    load("search_and_build").main(space="tiny", trials=5)
    printed = capsys.readouterr().out
    assert "trial" in printed
    assert "logits: (2, 174)" in printed
    # E3D-S with 174 classes: the backbone, 512 -> 2048 -> 174 with biases
    assert f"{1_976_232 + 512 * 2048 + 2048 + 2048 * 174 + 174:,}" in printed


@pytest.mark.parametrize("score", ["lean", "spread"])
def test_own_score_is_maximised(tmp_path, score):
    text = (EXAMPLES / "own_score.yaml").read_text()
    if score == "spread":
        text = text.replace('"own_score:lean", options: {weight: 2.0}', '"own_score:spread"')
    (tmp_path / "own_score.yaml").write_text(text)
    (tmp_path / "own_score.py").write_text((EXAMPLES / "own_score.py").read_text())
    try:
        result = search(tmp_path / "own_score.yaml", trials=12 if score == "lean" else 3)
    finally:
        sys.modules.pop("own_score", None)
    scores = [found.score for found in result.top]
    assert scores == sorted(scores, reverse=True)
    assert result.best.measures["flops"] <= 3.0e7
    if score == "lean":
        import math

        expected = result.best.measures["stentr"] - 2.0 * math.log(result.best.measures["params"])
        assert result.best.score == pytest.approx(expected, abs=1e-9)
