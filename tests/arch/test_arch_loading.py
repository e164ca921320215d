"""Every form an architecture is kept in, and what is said about those that are none."""

import ast
import json

import pytest

from e3dnas.arch import load_architecture
from e3dnas.arch.loading import save_architecture, zoo_names, zoo_path
from e3dnas.arch.tinynas import to_tinynas
from e3dnas.errors import E3DNASError


@pytest.mark.parametrize(
    ("name", "clip", "stages"),
    [
        ("e3d_s", (13, 160), [(24, 32, 3), (48, 96, 6), (120, 176, 6), (120, 176, 6), (256, 384, 6)]),
        ("e3d_m", (16, 224), [(24, 32, 3), (64, 96, 6), (120, 176, 6), (120, 176, 6), (184, 464, 6)]),
        ("e3d_l", (16, 312), [(24, 32, 3), (48, 120, 13), (120, 176, 13), (120, 176, 13), (192, 480, 13)]),
    ],
)
def test_zoo_is_the_papers_table(name, clip, stages):
    found = load_architecture(name)
    assert (found.name, found.clip.frames, found.clip.size) == (name, *clip)
    assert [(s.out, s.bottleneck, s.depth) for s in found.stages] == stages
    assert [s.kernel for s in found.stages] == [(1, 5), (3, 3), (3, 3), (3, 3), (3, 3)]
    assert [s.stride for s in found.stages] == [(1, 2), (1, 2), (1, 2), (1, 1), (1, 2)]
    assert (found.stem.out, found.head.out) == (24, 512)
    assert zoo_names() == ["e3d_l", "e3d_m", "e3d_s", "x3d_l", "x3d_m", "x3d_s", "x3d_xs"]
    assert load_architecture(zoo_path(name)) == found


def test_forms(tmp_path):
    network = load_architecture("e3d_s")
    save_architecture(network, tmp_path / "architecture.yaml")
    (tmp_path / "best_structure.txt").write_text(to_tinynas(network))
    run = tmp_path / "run"
    run.mkdir()
    save_architecture(network, run / "best.yaml")
    for source in (network, network.to_dict(), tmp_path, tmp_path / "architecture.yaml", run, str(run)):
        assert load_architecture(source) == network
    structure = load_architecture(tmp_path / "best_structure.txt")
    assert (structure.name, structure.stages, structure.clip) == ("best_structure", network.stages, network.clip)
    other = load_architecture(tmp_path / "best_structure.txt", frames=16, size=224)
    assert (other.clip.frames, other.clip.size) == (16, 224)
    assert load_architecture(tmp_path, frames=1).clip.frames == 1


def test_zoo_comes_before_a_file_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e3d_s").mkdir()
    assert load_architecture("e3d_s").name == "e3d_s"


def test_problems_in_a_config_json_are_told_as_it_is_written(tmp_path):
    data = load_architecture("e3d_s").to_dict()
    data["stages"][2]["kernel"] = "2x2x2"
    text = json.dumps({"model_args": {"arch": data}}, indent=1)
    (tmp_path / "config.json").write_text(text)
    line = [number for number, row in enumerate(text.splitlines(), start=1) if '"2x2x2"' in row][0]  # noqa: RUF015
    with pytest.raises(E3DNASError, match=rf"config\.json:{line}: model_args\.arch\.stages\[2\]\.kernel: kernel sizes"):
        load_architecture(tmp_path)


def test_problems_in_a_file_are_told_with_file_and_line(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("stem: {out: 8}\nstages:\n  - depth: 1\n    out: 8\n    botleneck: 8\n")
    with pytest.raises(E3DNASError) as caught:
        load_architecture(path)
    missing, unknown = str(caught.value).splitlines()
    assert missing == f"{path}:3: stages[0].bottleneck: missing; write bottleneck: ..."
    assert unknown.startswith(f"{path}:5: stages[0].botleneck: unknown key 'botleneck'; did you mean 'bottleneck'?")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("e3d_x", r"e3d_x: neither a file or folder nor one of the zoo's names \(e3d_l, e3d_m, .*\); did you mean"),
        ("x" * 5000, "neither a file or folder"),
        ("a\0b", "neither a file or folder"),
        ({}, "architecture: stem: missing"),
        ({1: 2}, r"architecture: \[1\]: Keys should be strings"),
    ],
)
def test_refuses(source, message):
    with pytest.raises(E3DNASError, match=message):
        load_architecture(source)


def test_a_folder_without_a_network(tmp_path):
    with pytest.raises(
        E3DNASError, match=r"no architecture in this folder; expected architecture\.yaml or config\.jso"
    ):
        load_architecture(tmp_path)


@pytest.mark.parametrize(("clip", "message"), [({"frames": 0}, "clip.frames"), ({"size": 10**9}, "clip.size")])
def test_impossible_clips(clip, message):
    with pytest.raises(E3DNASError, match=message):
        load_architecture("e3d_s", **clip)


@pytest.mark.parametrize("name", ["best_structure.txt", "structure", "structure.py"])
def test_structures_are_known_by_what_is_in_them(tmp_path, name):
    published = load_architecture("e3d_s")
    (tmp_path / name).write_text(to_tinynas(published))
    assert load_architecture(tmp_path / name).stages == published.stages
    literal = ast.literal_eval(to_tinynas(published))
    assert load_architecture(literal).stages == published.stages
    assert load_architecture(literal, frames=16, size=224).clip.size == 224
