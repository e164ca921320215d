"""A file appears whole and right, or not at all; what cannot be read is said in one line."""

import importlib.util

import numpy as np
import pytest
import torch
from made_networks import clips_of, lacking, make, needs

from e3dnas.deploy import FORMATS, export, load
from e3dnas.errors import E3DNASError

pytestmark = pytest.mark.skipif(bool(lacking("torch-export")), reason=lacking("torch-export"))
ALL = pytest.mark.parametrize("name", FORMATS)


def files(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("harm", [3.0, float("nan")])
def test_what_deviates_is_not_written(tmp_path, network, monkeypatch, harm):
    from e3dnas.deploy import preparing

    honest = preparing.plain

    def wrong(model):
        found = honest(model)
        found.head.fc.bias.data[0] += harm
        return found

    target = tmp_path / "net.pt2"
    target.write_text("old")
    monkeypatch.setattr(preparing, "plain", wrong)
    with pytest.raises(E3DNASError, match="not written: torch-export deviates from PyTorch by"):
        export(network, target, "torch-export", overwrite=True)
    assert (files(tmp_path), target.read_text()) == (["net.pt2"], "old")


def test_nothing_is_left_where_writing_fails(tmp_path, network, monkeypatch):
    from e3dnas.deploy import openvino_file, torch_file

    def half(model, example, metadata, path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    for module, name in ((torch_file, "net.pt2"), (openvino_file, "net.xml")):
        monkeypatch.setattr(module, "write", half)
        monkeypatch.setattr("e3dnas.deploy.exporting.check_installed", lambda *given, **more: None)
        wanted = next(one for one in FORMATS.values() if name.endswith(one.suffix))
        with pytest.raises(E3DNASError, match=f"{name}: cannot be written: No space left on device"):
            export(network, tmp_path / name, wanted.name)
    assert files(tmp_path) == []


def test_nothing_is_replaced_unasked(tmp_path, network):
    (tmp_path / "net.pt2").write_text("mine")
    with pytest.raises(E3DNASError, match=r"net.pt2: is there already; name another file, or replace it"):
        export(network, tmp_path / "net.pt2", "torch-export")
    (tmp_path / "net.bin").write_text("mine")
    with pytest.raises(E3DNASError, match=r"net.bin: is there already"):
        export(network, tmp_path / "net.xml", "openvino")
    assert export(network, tmp_path / "net.pt2", "torch-export", overwrite=True).bytes > 1000
    assert files(tmp_path) == ["net.bin", "net.pt2"]


def test_the_network_stays_as_it_is(tmp_path):
    model = make().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    export(model, tmp_path / "net.pt2", "torch-export")
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(one.requires_grad for one in model.parameters())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("net.onnx", "openvino"), "net.onnx: a file for openvino must end with .xml; write net.xml"),
        (("net", "onnx"), "net: a file for onnx must end with .onnx; write net.onnx"),
        (("there/net.pt2", "torch-export"), "there is no folder"),
        (("net.pt2", "torch"), "--format 'torch': must be one of onnx, openvino, torch-export; did you mean 'torch-"),
    ],
)
def test_wrong_targets(tmp_path, network, given, told):
    with pytest.raises(E3DNASError) as error:
        export(network, tmp_path / given[0], given[1])
    assert told in str(error.value)
    assert files(tmp_path) == []


def test_wrong_networks(tmp_path, network):
    with pytest.raises(E3DNASError, match="classes: 2 names for a network of 3 classes"):
        export(network, tmp_path / "net.pt2", "torch-export", classes=("a", "b"))
    with pytest.raises(E3DNASError, match="model: must be an E3D, not Linear"):
        export(torch.nn.Linear(1, 1), tmp_path / "net.pt2", "torch-export")


@pytest.mark.parametrize(
    ("missing", "name", "writing", "reading"),
    [
        ({"onnxscript", "onnx"}, "onnx", "onnx: needs onnx and onnxscript, not installed here; pip install", None),
        ({"onnxruntime"}, "onnx", "pip install 'e3dnas[onnx]', or pip install onnxruntime", "needs onnxruntime"),
        ({"openvino"}, "openvino", "pip install 'e3dnas[openvino]', or pip install openvino", "needs openvino"),
    ],
    ids=["exporter", "onnxruntime", "openvino"],
)
def test_missing_packages(tmp_path, network, written, monkeypatch, missing, name, writing, reading):
    file, find = written(name).path, importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else find(name))
    with pytest.raises(E3DNASError) as error:
        export(network, tmp_path / f"net{FORMATS[name].suffix}", name)
    assert writing in str(error.value)
    if reading:
        with pytest.raises(E3DNASError, match=reading):
            load(file)
    else:
        assert load(file).predict(clips_of(network, 1)).shape == (1, 3)
    assert files(tmp_path) == []


def test_an_old_pytorch(tmp_path, network, monkeypatch):
    monkeypatch.setattr("e3dnas.deploy.formats.version", lambda name: {"torch": "2.8.1+cpu"}[name])
    with pytest.raises(E3DNASError, match=r"torch-export: needs PyTorch 2\.9 or newer, and 2\.8\.1\+cpu is installed"):
        export(network, tmp_path / "net.pt2", "torch-export")
    (tmp_path / "net.pt2").touch()
    with pytest.raises(E3DNASError, match=r"torch-export: needs PyTorch 2\.9"):
        load(tmp_path / "net.pt2")


@ALL
@pytest.mark.parametrize("content", [b"", b"nonsense", None], ids=["empty", "nonsense", "cut off"])
def test_broken_files(tmp_path, written, name, content):
    result = written(name)
    for file in FORMATS[name].files(result.path):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    path = tmp_path / result.path.name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content is None else content)
    with pytest.raises(E3DNASError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_files_of_others(tmp_path):
    needs("onnx")
    import onnx

    one = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    two = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [one], [two])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(E3DNASError, match=r"other.onnx: was not written by `e3dnas export`"):
        load(tmp_path / "other.onnx")
    onnx.helper.set_model_props(model, {"e3dnas": '{"version": 1}'})
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(E3DNASError, match=r"other.onnx: what it says of its network cannot be read: 'classes'"):
        load(tmp_path / "other.onnx")


def test_files_that_are_not_there(tmp_path, written):
    with pytest.raises(E3DNASError, match=r"net.onnx: no such file"):
        load(tmp_path / "net.onnx")
    with pytest.raises(E3DNASError, match=r"net.pth: must be an exported file: .onnx \(onnx\), .xml"):
        load(tmp_path / "net.pth")
    alone = tmp_path / "alone.xml"
    alone.write_bytes(written("openvino").path.read_bytes())
    with pytest.raises(E3DNASError, match=r"alone.xml: its weights, alone.bin, are not beside it"):
        load(alone)


def test_random_weights_are_said(tmp_path, network):
    export(network, tmp_path / "net.pt2", "torch-export", random_seed=7)
    deployed = load(tmp_path / "net.pt2")
    assert (deployed.metadata.random_seed, deployed.classes, deployed.preprocessing) == (7, (), None)
    assert np.isfinite(deployed.predict(clips_of(network, 1))).all()
