"""``e3dnas eval``."""

import json

import pytest
import torch
from made_trainings import make_trained


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    torch.set_num_threads(1)
    return make_trained(tmp_path_factory.mktemp("made"))


def test_figures_and_classes(cli, made):
    code, out, err = cli("eval", made / "trained", "--data", made / "data", "--workers", "0")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split("  ")[0].strip() == "val: 6 videos, 2 clips x 1 crops, probabilities averaged"
    assert lines[1].startswith("top-1 ")
    assert "chance 33.33 %" in lines[1]
    assert [line.split()[:2] for line in lines if line.startswith(("move", "grow"))] == [
        ["grow", "2"], ["move_left", "2"], ["move_right", "2"],
    ]  # fmt: skip


def test_json_and_picture(cli, made, tmp_path):
    asked = ("eval", made / "trained" / "model", "--data", made / "data", "--workers", "0", "--clips", "1", "--still")
    code, out, err = cli(*asked, "--json", "-o", tmp_path / "confusion.png")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["videos"], found["clips"], found["crops"], found["still"]) == (6, 1, 1, True)
    assert [sum(row) for row in found["confusion"]] == [2, 2, 2]
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")
    code, out, err = cli(*asked, "-o", tmp_path / "confusion.png")
    assert code == 2
    assert "is there already; name a new file, or replace it with --force" in err
    assert cli(*asked, "-o", tmp_path / "confusion.png", "--force")[0] == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["small.yaml"], "small.yaml: is not trained; train it with: e3dnas train"),
        (["trained", "--split", "test"], "has no split test"),
        (["trained", "-o", "x.txt"], "--output x.txt: must end with .png, .svg, .pdf"),
        (["trained", "--crops", "4"], "--crops"),
        (["nothing"], "nothing: neither a file or folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(cli, made, monkeypatch, given, told):
    monkeypatch.chdir(made)
    code, _, err = cli("eval", *given, "--data", "data")
    assert code == 2
    assert told in err
