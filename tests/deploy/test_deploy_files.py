"""Every format: the same logits as PyTorch for any number of clips, and what a file says of itself."""

import importlib
import json
import zipfile

import numpy as np
import pytest
from made_networks import CLASSES, PREPROCESSING, clips_of, logits_of

import e3dnas
from e3dnas.deploy import FORMATS, load
from e3dnas.errors import E3DNASError

ALL = pytest.mark.parametrize("name", FORMATS)


@ALL
def test_equals_pytorch_for_any_number_of_clips(written, network, name):
    deployed = load(written(name).path, threads=1)
    for count in (1, 2, 5):
        clips = clips_of(network, count, seed=count)
        expected, found = logits_of(network, clips), deployed.predict(clips.numpy())
        assert (found.dtype, found.shape) == (np.float32, (count, 3))
        assert np.abs(expected).max() > 0.1
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    given = clips.numpy().astype(np.float64).transpose(0, 1, 2, 4, 3)
    given.setflags(write=False)
    assert np.array_equal(deployed.predict(given.transpose(0, 1, 2, 4, 3)), found)  # any array will do, or a tensor
    assert np.array_equal(deployed.predict(clips), found)


@ALL
def test_says_what_it_is(written, network, name):
    result = written(name)
    deployed = load(result.path)
    assert deployed.format == name
    assert (deployed.classes, deployed.preprocessing) == (CLASSES, PREPROCESSING)
    assert deployed.architecture == network.arch
    meta = deployed.metadata
    assert (meta.views, meta.random_seed, meta.version) == ({"clips": 2, "crops": 3}, None, e3dnas.__version__)
    assert 0 < result.deviation < 1e-5 * result.scale
    assert result.bytes == sum(file.stat().st_size for file in FORMATS[name].files(result.path))


def entry(path, name):
    """Return the metadata, read without the package."""
    if name == "onnx":
        return {one.key: one.value for one in importlib.import_module("onnx").load(path).metadata_props}["e3dnas"]
    if name == "openvino":
        return importlib.import_module("openvino").Core().read_model(path).get_rt_info(["e3dnas"]).astype(str)
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(one for one in archive.namelist() if one.endswith("/e3dnas.json")))


@ALL
def test_others_can_read_what_it_says(written, name):
    data = json.loads(entry(written(name).path, name))
    assert (data["classes"], data["preprocessing"]) == (list(CLASSES), PREPROCESSING)


def test_onnx_is_plain(written):
    path = written("onnx").path
    onnx = importlib.import_module("onnx")
    found = onnx.load(path)
    onnx.checker.check_model(found, full_check=True)
    assert [(one.domain, one.version) for one in found.opset_import] == [("", 18)]
    assert "BatchNormalization" not in {node.op_type for node in found.graph.node}
    axes = {one.name: len(one.dims) for one in found.graph.initializer}
    assert {axes[node.input[1]] for node in found.graph.node if node.op_type == "Conv"} == {4}
    dims = found.graph.input[0].type.tensor_type.shape.dim
    assert (dims[0].dim_param, [one.dim_value for one in dims[1:]]) == ("batch", [3, 4, 15, 15])
    assert not list(path.parent.glob("*.data"))


def test_openvino_is_imported_without_its_telemetry(written):
    written("openvino")
    said = importlib.import_module("openvino.tools.ovc.telemetry_utils").tm.__name__
    assert said == "openvino.tools.ovc.telemetry_stub"


def test_bf16(written, network):
    clips = clips_of(network, 2)
    found = load(written("torch-export").path, precision="bf16").predict(clips)
    exact = logits_of(network, clips)
    assert 1e-4 < np.abs(found - exact).max() / np.abs(exact).max() < 0.1
    with pytest.raises(E3DNASError, match="precision: ONNX Runtime computes this file in f32 alone"):
        load(written("onnx").path, precision="bf16")


@ALL
@pytest.mark.parametrize("shape", [(1, 3, 4, 16, 16), (3, 4, 15, 15), (0, 3, 4, 15, 15), (1, 1, 4, 15, 15)], ids=str)
def test_clips_of_another_size(written, name, shape):
    with pytest.raises(E3DNASError, match=r"takes clips \(B, 3, 4, 15, 15\), not \("):
        load(written(name).path).predict(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"device": "gpu"}, "device: must be cpu or cuda, not 'gpu'"),
        ({"precision": "int8"}, "precision: must be f32 or bf16, not 'int8'"),
        ({"threads": 0}, "threads: must be 1 or more, not 0"),
    ],
)
def test_wrong_options(written, given, told):
    with pytest.raises(E3DNASError, match=told):
        load(written("torch-export").path, **given)
