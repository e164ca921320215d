"""``e3dnas show``, ``models``, ``init`` and ``schema``."""

import json

import pytest

import e3dnas
from e3dnas.arch.loading import zoo_names

KEYS = ["name", "frames", "size", "stentr", "homoentr", "flops", "conv_macs", "params", "layers", "stages"]


@pytest.fixture
def run(cli):
    assert cli("run", "small.yaml", "--quiet", "--out", "r")[0] == 0
    assert cli("export", "r", "--name", "net", "--to", "net")[0] == 0
    return "r"


def test_every_form_of_a_network(cli, folder, run):
    best = json.loads((folder / "r/result.json").read_text())["best"]
    forms = ["r", "net", "r/best.yaml", "net/architecture.yaml", "net/config.json"]
    shown = [json.loads(cli("show", form, "--json")[1]) for form in forms]
    for form in shown:
        assert form.keys() >= set(KEYS)
        assert {k: form[k] for k in KEYS[3:9]} == {k: best[k] for k in KEYS[3:9]}
        assert [stage["name"] for stage in form["stages"]] == ["stem", "stage1", "stage2", "head"]
        assert sum(stage["flops"] for stage in form["stages"]) == form["flops"]
    trial = json.loads(cli("show", "r", "--trial", best["trial"], "--json")[1])
    assert trial["flops"] == best["flops"]
    other = json.loads(cli("show", "r", "--trial", 0, "--json")[1])
    assert other["stentr"] <= best["stentr"] or other["flops"] > 2e6
    code, _, err = cli("show", "r", "--trial", 99)
    assert (code, err) == (2, "error: --trial 99: the run has trials 0 to 19\n")


@pytest.mark.parametrize("name", zoo_names())
def test_zoo(cli, name):
    shown = json.loads(cli("show", name, "--json")[1])
    assert shown == e3dnas.measure(name)
    code, out, _ = cli("show", name)
    assert code == 0
    assert f"flops {shown['flops']:,} as thop counts" in out
    assert f"stentr {shown['stentr']:.4f}" in out


def test_another_clip(cli):
    shown = json.loads(cli("show", "e3d_s", "--frames", 5, "--size", 97, "--json")[1])
    assert (shown["frames"], shown["size"]) == (5, 97)
    assert shown["flops"] == e3dnas.measure("e3d_s", frames=5, size=97)["flops"] != e3dnas.measure("e3d_s")["flops"]


def test_the_authors_structure_file(cli, folder):
    from e3dnas.arch.tinynas import to_tinynas

    (folder / "best_structure.txt").write_text(str(to_tinynas(e3dnas.load_architecture("e3d_s"))))
    shown = json.loads(cli("show", "best_structure.txt", "--json")[1])
    assert shown["stentr"] == pytest.approx(202.8559146389, abs=1e-9)


def test_names_are_no_markup(cli, folder):
    architecture = e3dnas.load_architecture("e3d_s").model_copy(update={"name": "[/red] :smile:"})
    (folder / "odd.json").write_text(json.dumps(architecture.to_dict()))
    code, out, _ = cli("show", "odd.json")
    assert code == 0
    assert "[/red] :smile:: 13 frames" in out


def test_models(cli, run):
    assert cli("export", run, "--name", "mine", "--register")[0] == 0
    listed = json.loads(cli("models", "--json")[1])
    assert [model["name"] for model in listed] == [*zoo_names(), "mine"]
    assert listed[0] == {k: v for k, v in e3dnas.measure(zoo_names()[0]).items() if k != "stages"} | {"from": "zoo"}
    code, out, _ = cli("models")
    assert code == 0
    assert all(model["name"] in out for model in listed)


def test_a_broken_model_is_told_and_the_others_shown(cli, folder, run):
    cli("export", run, "--name", "mine", "--register")
    (folder / "home/models/mine/architecture.yaml").write_text("[/x]")
    listed = json.loads(cli("models", "--json")[1])
    assert "architecture.yaml" in listed[-1]["problem"]
    code, out, _ = cli("models")
    assert code == 0
    assert "e3d_s" in out


def test_init_writes_a_space_that_runs(cli, folder):
    code, out, _ = cli("init", "my space é.yaml")
    assert (code, out) == (0, "written: my space é.yaml\nnext: e3dnas run 'my space é.yaml'\n")
    text = (folder / "my space é.yaml").read_text()
    assert cli("init", "my space é.yaml")[0] == 2
    assert (folder / "my space é.yaml").read_text() == text
    code, out, _ = cli("run", "my space é.yaml", "--trials", 3, "--json")
    assert code == 0
    assert json.loads(out)["best"]["flops"] <= 5e8


def test_schema(cli):
    code, out, _ = cli("schema")
    schema = json.loads(out)
    assert code == 0
    assert schema["type"] == "object"
    assert schema["properties"].keys() >= {"clip", "stem", "stages", "head", "budgets", "score", "search", "extends"}
    assert all("description" in field for name, field in schema["properties"].items() if name != "extends")
