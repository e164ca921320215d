"""``e3dnas export``: folders for timm, names that a new process knows, and files for other runtimes."""

import json
import os
import subprocess
import sys

import pytest
import timm
import torch

import e3dnas
from e3dnas.deploy import load


@pytest.fixture
def run(cli):
    assert cli("run", "small.yaml", "--quiet", "--out", "my run")[0] == 0
    return "my run"


def top_of(folder):
    return json.loads((folder / "my run" / "result.json").read_text())["top"]


@pytest.mark.parametrize("choice", [[], ["--best"], ["--trial", "3"], ["--trial", "0"]], ids=" ".join)
def test_one(cli, folder, run, choice):
    code, out, err = cli("export", run, "--name", "net", *choice)
    assert (code, err) == (0, "")
    target = folder / run / "export" / "net"
    assert out == (
        "exported: my run/export/net\n"
        "load it in Python: import e3dnas, timm; timm.create_model('local-dir:my run/export/net')\n"
    )
    config = json.loads((target / "config.json").read_text())
    wanted = top_of(folder)[0]["trial"] if not choice or choice == ["--best"] else int(choice[1])
    assert config["e3dnas"]["trial"] == wanted
    shown = json.loads(cli("show", run, "--trial", wanted, "--json")[1])
    assert e3dnas.measure(target)["flops"] == shown["flops"] == config["e3dnas"]["flops"]
    model = timm.create_model(f"local-dir:{target}", num_classes=7)
    assert model.eval()(torch.rand(1, 3, 4, 32, 32)).shape == (1, 7)


def test_top(cli, folder, run):
    code, out, _ = cli("export", run, "--name", "net", "--top", 3, "--to", "folder é")
    assert code == 0
    for rank, found in enumerate(top_of(folder)[:3], start=1):
        assert f"exported: folder é/net_{rank}\n" in out
        assert e3dnas.measure(f"folder é/net_{rank}")["stentr"] == pytest.approx(found["score"], abs=1e-9)
    assert cli("export", run, "--name", "all", "--top", 500, "--to", "all")[0] == 0
    assert 3 <= len(list((folder / "all").iterdir())) <= 20


def test_registered_for_a_new_process(cli, folder, run):
    code, out, _ = cli("export", run, "--name", "my_own_net", "--register")
    assert code == 0
    assert "registered: my_own_net\n" in out
    assert "timm.create_model('my_own_net')" in out
    code = "import timm, e3dnas, torch; model = timm.create_model('my_own_net', num_classes=174).eval(); " \
           "print(tuple(model(torch.rand(2, 3, 4, 32, 32)).shape))"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert (done.returncode, done.stdout) == (0, "(2, 174)\n"), done.stderr


def test_nothing_is_overwritten_unasked(cli, folder, run):
    assert cli("export", run, "--name", "twice", "--register")[0] == 0
    code, out, err = cli("export", run, "--name", "twice", "--register", "--trial", 0)
    assert (code, out) == (2, "")
    assert "twice" in err
    assert cli("export", run, "--name", "twice", "--trial", 0)[0] == 2
    assert cli("export", run, "--name", "twice", "--register", "--trial", 0, "--overwrite")[0] == 0
    config = json.loads((folder / "home/models/twice/config.json").read_text())
    assert config["e3dnas"]["trial"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name", "e3d_s", "--register"], "e3d_s"),
        (["--name", "Not Allowed", "--register"], "Not Allowed"),
        (["--name", "resnet50", "--register"], "resnet50"),
        (["--name", "../../escape"], "escape"),
        (["--name", ""], "name"),
        (["--name", "x", "--trial", "20"], "--trial 20: the run has trials 0 to 19"),
        (["--name", "x", "--to", "small.yaml"], "small.yaml: is a file; name a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes(cli, folder, run, arguments, message):
    before = sorted(folder.rglob("*"))
    code, out, err = cli("export", run, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert sorted(folder.rglob("*")) == before


def test_a_file_of_a_run(cli, folder, run):
    code, out, err = cli("export", run, "--format", "torch-export", "--trial", 3, "--seed", 5)
    assert (code, err) == (0, f"warning: {run} has no weights; those in the file are random (seed 5)\n")
    assert out.startswith("exported: my run_3.pt2 (torch-export, ")
    assert "batch 1 and 2, deviate from PyTorch by at most " in out
    deployed = load(folder / "my run_3.pt2")
    shown = json.loads(cli("show", run, "--trial", 3, "--json")[1])
    assert e3dnas.measure(deployed.architecture)["flops"] == shown["flops"]
    assert (deployed.metadata.random_seed, deployed.predict(torch.rand(1, 3, 4, 32, 32)).shape) == (5, (1, 400))
    assert cli("export", run, "--format", "torch-export", "--to", "best.pt2")[0] == 0
    assert load("best.pt2").architecture.stages == e3dnas.load_architecture(run).stages
    code, out, err = cli("export", run, "--format", "torch-export", "--to", "best.pt2")
    assert (code, out) == (2, "")
    assert "best.pt2: is there already" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--format", "onx"],
            "--format 'onx': must be one of timm, onnx, openvino, torch-export; did you mean 'onnx'?",
        ),
        (["--format", "torch-export", "--top", "2"], "--top: is for --format timm"),
        (["--format", "torch-export", "--register"], "--register: is for --format timm"),
        (["--format", "torch-export", "--to", "x.onnx"], "must end with .pt2; write x.pt2"),
        (["--format", "torch-export", "--name", "../x"], "--name '../x': must be letters"),
        ([], "Missing option '--name'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_of_files(cli, folder, arguments, told):
    code, out, err = cli("export", "e3d_s", *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert sorted(entry.name for entry in folder.iterdir()) == ["small.yaml"]
