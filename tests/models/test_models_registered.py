"""Names known to timm: ``import e3dnas`` is light and registers in any order; a user's own models, sound and broken."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch

import e3dnas
from e3dnas.arch import load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.models import E3D, export_folder, register_folder, registered_models, unregister

ARCHITECTURE = load_architecture(
    {
        "clip": {"frames": 4, "size": 24, "channels": 2},
        "stem": {"out": 8},
        "stages": [{"depth": 1, "out": 8, "bottleneck": 16, "stride": "1x2x2"}],
        "head": {"out": 20, "hidden": 24},
    }
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("E3DNAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def exported(tmp_path):
    torch.manual_seed(0)
    weights = E3D(ARCHITECTURE, 6).state_dict()
    folder = export_folder(ARCHITECTURE, tmp_path / "x", "x", record={}, state_dict=weights, num_classes=6)
    return folder, weights


def python(code, **env):
    run = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code], env=os.environ | env, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    return run.returncode, run.stdout.strip(), run.stderr


def test_importing_is_light_and_registers_when_timm_comes():
    heavy = "torch", "timm", "numpy", "optuna", "pydantic", "ruamel.yaml", "rich"
    code = f"""if True:
        import sys, e3dnas, e3dnas.models
        e3dnas.models.registered_models()
        print([name for name in {heavy} if name in sys.modules])
        import e3dnas.models.profile  # what a search measures with
        print("torch" in sys.modules, "timm" in sys.modules)
        import timm
        print(timm.list_models("e3d*"))
    """
    status, out, error = python(code)
    assert status == 0, error
    assert out.splitlines() == ["[]", "True False", "['e3d', 'e3d_l', 'e3d_m', 'e3d_s']"]


def in_worker(queue):
    queue.put((timm.is_model("e3d_s"), type(timm.create_model("e3d", arch=ARCHITECTURE.to_dict())).__name__))


def test_spawned_workers_know_the_models():
    """The worker imports this file, and so timm before e3dnas."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    worker = context.Process(target=in_worker, args=(queue,))
    worker.start()
    assert queue.get(timeout=120) == (True, "E3D")
    worker.join(60)
    assert worker.exitcode == 0


def test_the_names_of_the_package():
    import e3dnas.measure.cost

    assert callable(e3dnas.measure)
    assert callable(e3dnas.search)
    assert e3dnas.measure.cost.flops is not None
    assert e3dnas.load_architecture is load_architecture
    assert isinstance(e3dnas.__version__, str)
    assert set(e3dnas.__all__) <= set(dir(e3dnas))
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        _ = e3dnas.serach


def test_calling_a_package_is_calling_its_function(monkeypatch):
    import types

    api = types.ModuleType("e3dnas.measure.api")
    api.measure = lambda architecture, frames, size: (architecture, frames, size)
    monkeypatch.setitem(sys.modules, "e3dnas.measure.api", api)
    assert e3dnas.measure("e3d_s", size=224) == ("e3d_s", None, 224)
    api = types.ModuleType("e3dnas.search.api")
    api.search = lambda *args, **kwargs: (args, kwargs)
    monkeypatch.setitem(sys.modules, "e3dnas.search.api", api)
    assert e3dnas.search("space", trials=3) == (("space",), {"trials": 3})


def test_create_model_takes_any_form():
    model = e3dnas.create_model(ARCHITECTURE, num_classes=3)
    assert model(torch.rand(2, 2, 4, 24, 24)).shape == (2, 3)
    assert model.default_cfg["input_size"] == (2, 24, 24)


def test_e3d_needs_an_architecture_and_the_zoo_has_its_own():
    with pytest.raises(E3DNASError, match=r"needs an architecture; write timm\.create_model"):
        timm.create_model("e3d")
    with pytest.raises(E3DNASError, match="e3d_s: has its own architecture"):
        timm.create_model("e3d_s", arch="e3d_m")


def test_unknown_configuration_is_an_error():
    with pytest.raises(TypeError, match="frames"):
        timm.create_model("e3d_s", pretrained_cfg_overlay={"frames": 13})


def test_weights_that_do_not_exist_are_not_invented(exported):
    with pytest.raises(E3DNASError, match="e3d_s: pretrained=True, but it has no weights"):
        timm.create_model("e3d_s", pretrained=True)
    folder, weights = exported
    overlay = {"file": str(folder / "model.safetensors"), "num_classes": 6}
    model = timm.create_model("e3d", arch=ARCHITECTURE, pretrained=True, pretrained_cfg_overlay=overlay)
    assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())


def test_a_registered_model_is_there_now(home, exported):
    folder, weights = exported
    assert register_folder(folder, "my_net_now") == home / "models" / "my_net_now"
    assert registered_models() == {"my_net_now": home / "models" / "my_net_now"}
    model = timm.create_model("my_net_now", pretrained=True)
    assert model.num_classes == 6
    assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())
    assert timm.is_model_pretrained("my_net_now")
    with pytest.raises(E3DNASError, match="registered already"):
        register_folder(folder, "my_net_now")
    renamed = export_folder(ARCHITECTURE, folder.parent / "y", "y", record={})
    register_folder(renamed, "my_net_now", replace=True)
    assert timm.create_model("my_net_now").num_classes == 400
    with pytest.raises(E3DNASError, match="my_net_now: pretrained=True, but it has no weights"):
        timm.create_model("my_net_now", pretrained=True)
    unregister("my_net_now")
    assert registered_models() == {}
    with pytest.raises(E3DNASError, match="no model of this name"):
        unregister("my_net_now")


def test_a_new_process_knows_sound_models_and_leaves_broken_ones_out(home, exported):
    folder, weights = exported
    register_folder(folder, "my_sound")
    for name, text in (("my_torn", "{"), ("my_empty", None), ("resnet50", (folder / "config.json").read_text())):
        (home / "models" / name).mkdir()
        if text:
            (home / "models" / name / "config.json").write_text(text)
    code = """if True:
        import warnings
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", RuntimeWarning)
            import e3dnas.models.convert  # needs timm itself: the models are registered halfway through
        told = [str(w.message) for w in seen if "left out" in str(w.message)]
        print([name for name in ("my_torn", "my_empty", "resnet50") if not any(repr(name) in t for t in told)])
        import timm
        print(timm.list_models("my_*"), type(timm.create_model("resnet50")).__name__)
        model = timm.create_model("my_sound", num_classes=174, pretrained=True)
        print(model.num_classes, model.in_chans, float(model.head.hidden.weight.sum()))
    """
    status, out, error = python(code, E3DNAS_HOME=str(home))
    assert status == 0, error
    total = float(weights["head.hidden.weight"].sum())
    assert out.splitlines() == ["[]", "['my_sound'] ResNet", f"174 2 {total}"]


@pytest.mark.parametrize("name", ["", "My_net", "my-net", "1net", "../net", "a" * 65, "my net"])
def test_names_are_checked(home, exported, name):
    with pytest.raises(E3DNASError, match="name: must be lower-case letters"):
        register_folder(exported[0], name)
    assert not home.exists()


@pytest.mark.parametrize("name", ["e3d_s", "e3d", "resnet50"])
def test_names_of_timm_are_taken(home, exported, name):
    with pytest.raises(E3DNASError, match=f"{name}: timm has a model of this name"):
        register_folder(exported[0], name)
    assert registered_models() == {}


def test_only_exported_folders_are_registered(home, tmp_path):
    with pytest.raises(E3DNASError, match=r"no config.json in it"):
        register_folder(tmp_path, "my_folder")


def test_home_defaults_to_the_users_data(monkeypatch):
    from e3dnas.models.user_models import home as folder

    monkeypatch.delenv("E3DNAS_HOME", raising=False)
    assert folder().name == "e3dnas"
    assert folder().is_relative_to(Path(os.environ.get("XDG_DATA_HOME") or Path.home()))
