"""Exported folders: timm rebuilds them, with and without weights; nothing is overwritten by accident."""

import json
import re

import pytest
import timm
import torch

import e3dnas
from e3dnas.arch import load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.models import export_folder
from e3dnas.models.network import E3D

ARCHITECTURE = load_architecture(
    {
        "clip": {"frames": 4, "size": 24},
        "stem": {"out": 8},
        "stages": [{"depth": 2, "out": 8, "bottleneck": 16, "stride": "1x2x2"}],
        "head": {"out": 20, "hidden": 24},
    }
)


@pytest.fixture
def weights():
    torch.manual_seed(0)
    return E3D(ARCHITECTURE, 6).state_dict()


def test_a_design_without_weights(tmp_path):
    folder = export_folder(ARCHITECTURE, tmp_path / "net", "net", record={"seed": 1})
    model = timm.create_model(f"local-dir:{folder}")
    assert model.num_classes == 400
    assert model.arch == load_architecture(folder) == ARCHITECTURE.model_copy(update={"name": "net"})
    assert model.default_cfg["input_size"] == [3, 24, 24]
    assert timm.create_model(f"local-dir:{folder}", num_classes=174).get_classifier().out_features == 174
    assert not (folder / "model.safetensors").exists()
    with pytest.raises(E3DNASError, match="it has no weights; write pretrained=False"):
        timm.create_model(f"local-dir:{folder}", pretrained=True)


def test_weights_come_back_bit_for_bit(tmp_path, weights):
    scrambled = {k: v.to(memory_format=torch.channels_last_3d) if v.ndim == 5 else v for k, v in weights.items()}
    folder = export_folder(ARCHITECTURE, tmp_path / "net", "net", record={}, state_dict=scrambled, num_classes=6)
    model = timm.create_model(f"local-dir:{folder}", pretrained=True)
    assert model.state_dict().keys() == weights.keys()
    assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())
    other = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=174, in_chans=1)
    assert torch.equal(other.head.hidden.weight, weights["head.hidden.weight"])
    torch.testing.assert_close(other.stem.conv.weight, weights["stem.conv.weight"].sum(1, keepdim=True))
    features = timm.create_model(f"local-dir:{folder}", pretrained=True, features_only=True)
    assert torch.equal(features["stem"].conv.weight, weights["stem.conv.weight"])


def test_record_and_measurements_are_kept(tmp_path):
    folder = export_folder(ARCHITECTURE, tmp_path / "net", "net", record={"seed": 1})
    config = json.loads((folder / "config.json").read_text())
    table = ARCHITECTURE.table()
    measured = config["e3dnas"].pop("measured")
    assert config["e3dnas"] == {"seed": 1}
    assert measured["params"] == (table.repeat * table.weights).sum()
    assert measured["flops"] == (table.repeat * (table.macs + 4 * table.norm * table.outputs) + table.pooled).sum()
    readme = (folder / "README.md").read_text()
    assert f"{measured['flops']:,}" in readme
    assert re.search(r"import e3dnas.*\nimport timm\n\nmodel = timm.create_model\(\"local-dir:net\"\)", readme)


def test_timm_saves_what_it_can_rebuild(tmp_path):
    from timm.models import save_for_hf

    model = e3dnas.create_model(ARCHITECTURE, num_classes=6)
    save_for_hf(model, tmp_path / "saved", safe_serialization=True)
    again = timm.create_model(f"local-dir:{tmp_path / 'saved'}", pretrained=True)
    assert again.arch == ARCHITECTURE
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in again.state_dict().items())


def test_overwriting_is_asked_for_and_safe(tmp_path):
    folder = export_folder(ARCHITECTURE, tmp_path / "net", "one", record={})
    with pytest.raises(E3DNASError, match="exists and is not empty"):
        export_folder(ARCHITECTURE, folder, "two", record={})
    export_folder(ARCHITECTURE, folder, "two", record={}, overwrite=True)
    assert load_architecture(folder).name == "two"
    (folder / "thesis.txt").write_text("do not lose")
    with pytest.raises(E3DNASError, match=r"holds 'thesis.txt', which no export has written"):
        export_folder(ARCHITECTURE, folder, "three", record={}, overwrite=True)
    assert load_architecture(folder).name == "two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["net"]  # nothing half-written is left


def test_an_empty_folder_is_filled_and_a_file_is_not(tmp_path):
    (tmp_path / "empty").mkdir()
    export_folder(ARCHITECTURE, tmp_path / "empty", "net", record={})
    assert (tmp_path / "empty" / "config.json").is_file()
    (tmp_path / "file").write_text("")
    with pytest.raises(E3DNASError, match="is a file; name a folder"):
        export_folder(ARCHITECTURE, tmp_path / "file", "net", record={})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda w: {k: v for k, v in w.items() if k != "stem.conv.weight"},
            "'stem.conv.weight' of the architecture is",
        ),
        (lambda w: w | {"stem.conv.bias": torch.zeros(8)}, "has no 'stem.conv.bias'; did you mean"),
        (lambda w: w | {"head.fc.bias": torch.zeros(7)}, r"'head.fc.bias' has shape \(7,\), the architecture \(6,\)"),
    ],
    ids=["missing", "unknown", "shape"],
)
def test_foreign_weights_are_refused(tmp_path, weights, change, message):
    with pytest.raises(E3DNASError, match=message):
        export_folder(ARCHITECTURE, tmp_path / "net", "net", record={}, state_dict=change(weights), num_classes=6)
    assert not (tmp_path / "net").exists()


def test_a_record_that_is_no_data_is_refused(tmp_path):
    with pytest.raises(E3DNASError, match="record: must be plain data"):
        export_folder(ARCHITECTURE, tmp_path / "net", "net", record={"best": object()})
    assert list(tmp_path.iterdir()) == []
