"""``e3dnas predict``."""

import importlib.util
import json

import pytest
import torch
from made_trainings import CLASSES, make_trained


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    torch.set_num_threads(1)
    return make_trained(tmp_path_factory.mktemp("made"))


def test_classes_with_probabilities(cli, made, monkeypatch):
    monkeypatch.chdir(made)
    code, out, err = cli("predict", "trained", "data/val/grow/00000.mp4", "--device", "cpu")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "data/val/grow/00000.mp4:"
    assert {line.split()[-1] for line in lines[1:]} == set(CLASSES)
    shares = [float(line.split()[0]) for line in lines[1:]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.2)


def test_json_windows_and_a_broken_file(cli, made, monkeypatch):
    monkeypatch.chdir(made)
    (made / "broken.mp4").write_bytes(b"")
    files = ["broken.mp4", "data/val/grow/00000.mp4"]
    code, out, err = cli("predict", "trained", *files, "--window", "0.2", "--top", "1", "--json")
    assert (code, err) == (1, "")
    bad, good = json.loads(out)
    assert "empty" in bad["problem"]
    assert (len(good["guesses"]), [one["start"] for one in good["windows"]]) == (1, [0.0, 0.08, 0.2])
    code, out, err = cli("predict", "trained", *files, "--window", "0.2")
    assert code == 1
    assert out.splitlines()[0].startswith("broken.mp4: is empty")
    assert "    0.08 to 0.28 s  " in out


@pytest.mark.parametrize(
    ("name", "file", "package"),
    [
        ("onnx", "net.onnx", "onnxscript"),
        ("openvino", "net.xml", "openvino"),
        ("torch-export", "trained.pt2", "torch"),
    ],
)
def test_an_exported_file_sees_the_same(cli, made, monkeypatch, name, file, package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install 'e3dnas[{name}]'")
    monkeypatch.chdir(made)
    code, out, err = cli(
        "export", "trained/model", "--format", name, *(["--to", file] if file != "trained.pt2" else [])
    )
    assert (code, out.splitlines()[0].split()[1], err) == (0, file, "")
    videos = ["data/val/grow/00000.mp4", "data/val/move_left/00001.mp4", "--window", "0.2", "--json"]
    code, found, err = cli("predict", file, *videos)
    assert (code, err) == (0, "")
    expected = json.loads(cli("predict", "trained", *videos, "--device", "cpu")[1])
    for ours, theirs in zip(json.loads(found), expected, strict=True):
        assert ours["path"] == theirs["path"]
        for one, other in zip([ours, *ours["windows"]], [theirs, *theirs["windows"]], strict=True):
            shares = {guess["name"]: guess["probability"] for guess in one["guesses"]}
            assert shares == pytest.approx({g["name"]: g["probability"] for g in other["guesses"]}, abs=1e-4)
    given = ["--data", "data", "--device", "cpu", "--json"]
    tested, wanted = (json.loads(cli("eval", one, *given)[1]) for one in (file, "trained"))
    assert tested["confusion"] == wanted["confusion"]
    assert tested["loss"] == pytest.approx(wanted["loss"], abs=1e-4)


def test_a_file_of_a_design_cannot_tell_classes(cli, made, monkeypatch):
    monkeypatch.chdir(made)
    assert cli("export", "small.yaml", "--format", "torch-export")[0] == 0
    code, out, err = cli("predict", "small.pt2", "data/val/grow/00000.mp4")
    assert (code, out) == (2, "")
    assert "small.pt2: does not say which classes it tells apart and how clips are made" in err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["e3d_s", "x.mp4"], "e3d_s: is not trained; train it with: e3dnas train e3d_s --data FOLDER"),
        (["trained", "x.mp4", "--window", "0"], "window: must be seconds above 0, not 0.0"),
        (["trained", "x.mp4", "--stride", "1"], "stride: needs a window; write both"),
        (["trained"], "Missing argument"),
        (["net.onx", "x.mp4"], "net.onx: neither a file or folder nor"),
        (["none.onnx", "x.mp4"], "none.onnx: no such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(cli, made, monkeypatch, given, told):
    monkeypatch.chdir(made)
    code, out, err = cli("predict", *given)
    assert (code, out) == (2, "")
    assert told in err
