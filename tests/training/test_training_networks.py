"""Which network is meant, with which weights, and its BN."""

import pytest
import torch
from made_training import ARCHITECTURE, architecture
from safetensors.torch import load_file
from torch import nn

from e3dnas.errors import E3DNASError
from e3dnas.models import create_model, export_folder
from e3dnas.training import load_recipe
from e3dnas.training.networks import build_network, find_network, prepare_batch_norm, set_training

RECIPE = load_recipe({})


@pytest.fixture
def exported(tmp_path):
    """A folder with weights of a network of three classes, whose names it does not know."""
    model = create_model(ARCHITECTURE, num_classes=3)
    return export_folder(
        architecture(), tmp_path / "small", "small", record={}, state_dict=model.state_dict(), num_classes=3
    )


def test_sources(exported, tmp_path):
    assert find_network("e3d_s").architecture.clip.frames == 13
    assert find_network(architecture()).name == "small"
    found = find_network(exported)
    assert (found.name, found.weights, found.classes) == ("small", exported / "model.safetensors", ())
    (tmp_path / "run").mkdir()
    exported.rename(tmp_path / "run" / "model")  # as the folder of a training holds it
    assert find_network(tmp_path / "run").weights == tmp_path / "run" / "model" / "model.safetensors"
    with pytest.raises(E3DNASError, match="did you mean 'e3d_s'"):
        find_network("e3d_x")


def test_clips_of_the_recipe(exported):
    clip = find_network(exported).for_clips(load_recipe({"clip": {"frames": 6, "size": 32}})).architecture.clip
    assert (clip.frames, clip.size) == (6, 32)


def test_weights_and_classifier(exported):
    weights = load_file(exported / "model.safetensors")
    same, told = build_network(find_network(exported), RECIPE, ["a", "b", "c"])
    assert all(torch.equal(value, weights[key]) for key, value in same.state_dict().items())
    assert told.endswith("model.safetensors")
    other, told = build_network(find_network(exported), RECIPE, ["a", "b"])
    assert torch.equal(other.state_dict()["stem.conv.weight"], weights["stem.conv.weight"])
    assert other.state_dict()["head.fc.weight"].shape == (2, 8)
    assert told.endswith("with a new classifier")
    fresh, told = build_network(find_network(exported), load_recipe({"model": {"weights": False}}), ["a", "b", "c"])
    assert not torch.equal(fresh.state_dict()["stem.conv.weight"], weights["stem.conv.weight"])
    assert told == "random weights"


def test_a_classifier_of_other_classes_is_not_kept(exported):
    config = exported / "config.json"
    config.write_text(
        config.read_text().replace('"num_classes": 3,', '"num_classes": 3, "label_names": ["a", "b", "c"],', 1)
    )
    assert find_network(exported).classes == ("a", "b", "c")
    for classes, kept in ((["a", "b", "c"], True), (["a", "c", "b"], False)):
        assert build_network(find_network(exported), RECIPE, classes)[1].endswith("new classifier") is not kept


def test_weights_of_another_network(exported):
    other = create_model("e3d_s", num_classes=3)
    torch.manual_seed(0)
    from safetensors.torch import save_file

    save_file(other.state_dict(), exported / "model.safetensors")
    with pytest.raises(E3DNASError, match=r"its weights are not those of this network: '.*' does not fit"):
        build_network(find_network(exported), RECIPE, ["a"])


def test_options_of_the_recipe():
    recipe = load_recipe({"model": {"drop": 0.3, "drop_path": 0.2, "zero_init_last": True, "grad_checkpointing": True}})
    model, _ = build_network(find_network(architecture()), recipe, ["a", "b"])
    assert (model.drop_rate, model.drop_path_rate) == (0.3, 0.2)
    assert not model.stages[0].blocks[1].bn3.weight.any()
    assert all(stage.grad_checkpointing for stage in model.stages)


def norms(model):
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm3d)]


def test_frozen_bn_changes_in_nothing():
    model = prepare_batch_norm(create_model(ARCHITECTURE, num_classes=2), "frozen", device="cpu", processes=1)
    before = {key: value.clone() for key, value in model.state_dict().items() if ".bn" in key}
    set_training(model, "frozen")
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    model(torch.randn(2, 3, 4, 16, 16)).sum().backward()
    optimizer.step()
    assert len(before) > 20
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in before.items())
    assert model.training
    assert model.head.training
    assert not any(norm.training for norm in norms(model))


def test_synchronised_bn():
    model = create_model(ARCHITECTURE, num_classes=2)
    count = len(norms(model))
    assert prepare_batch_norm(model, "sync", device="cpu", processes=1) is model
    with pytest.raises(E3DNASError, match=r"model\.batch_norm: sync needs GPUs"):
        prepare_batch_norm(model, "sync", device="cpu", processes=2)
    synchronised = prepare_batch_norm(model, "sync", device="cuda", processes=2)
    assert sum(isinstance(module, nn.SyncBatchNorm) for module in synchronised.modules()) == count > 5
