"""A .pt2 archive that could run code is not loaded."""

import json
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from e3dnas.deploy import load
from e3dnas.deploy.archive import check_archive
from e3dnas.errors import E3DNASError


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def remade(source, target, *, more=None, change=None):
    """Write an archive again, with members added or changed, the names without the folder they are all in."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            folder, _, short = name.partition("/")
            content = old.read(name)
            new.writestr(name, (change or {}).get(short, lambda same: same)(content))
        for short, content in (more or {}).items():
            new.writestr(f"{folder}/{short}", content)
    return target


def edited(edit):
    """Return a change of the text of a member that must change something."""

    def change(content):
        found = edit(content.decode())
        assert found != content.decode()
        return found.encode()

    return change


def first_weight_pickled(text):
    data = json.loads(text)
    next(iter(data["config"].values()))["use_pickle"] = True
    return json.dumps(data)


MODEL, WEIGHTS = "models/model.json", "data/weights/model_weights_config.json"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"more": {"data/aotinductor/model/net.so": b"x"}}, "data/aotinductor/model/net.so"),
        ({"more": {"data/weights/model.pt": b"x"}}, "data/weights/model.pt"),
        ({"change": {WEIGHTS: edited(first_weight_pickled)}}, "use_pickle"),
        ({"change": {MODEL: edited(lambda t: t.replace("torch.ops.aten.silu.default", "torch.hub.load"))}},
         "torch.hub.load"),
        ({"change": {MODEL: edited(lambda t: t.replace("integer=True", "integer=print(1)"))}}, "integer=print"),
    ],
    ids=["library", "older pickle", "pickled weight", "function", "expression"],
)  # fmt: skip
def test_refused(written, tmp_path, given, told):
    path = remade(written("torch-export").path, tmp_path / "net.pt2", **given)
    with pytest.raises(E3DNASError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: will not be loaded")
    assert told in str(error.value)


def test_a_pickle_is_not_run(written, tmp_path):
    marker = tmp_path / "was run"
    path = remade(
        written("torch-export").path, tmp_path / "net.pt2",
        change={"data/sample_inputs/model.pt": lambda content: pickled(tmp_path / "x.pt", Touch(marker))},
    )  # fmt: skip
    with pytest.raises(E3DNASError, match=r"will not be loaded.*sample_inputs"):
        load(path)
    assert not marker.exists()


def pickled(file, thing):
    torch.save(thing, file, pickle_module=pickle)
    return file.read_bytes()


def test_plain_example_inputs_pass(written, tmp_path):
    inputs = pickled(tmp_path / "x.pt", ((torch.zeros(2, 3),), {}))
    path = remade(
        written("torch-export").path, tmp_path / "net.pt2", change={"data/sample_inputs/model.pt": lambda _: inputs}
    )
    check_archive(path)
