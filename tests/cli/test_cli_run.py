"""``e3dnas run``: what it prints and writes, and every mistake as one line and exit code 2."""

import json
import re

import optuna
import pytest

import e3dnas
from e3dnas.search.run_folder import RunFolder


def test_a_run_and_the_same_command_again(cli, folder):
    code, out, err = cli("run", "small.yaml")
    assert (code, err) == (0, "")
    assert "best networks within the budgets" in out
    assert "next: e3dnas export runs/small --name my_small --register" in out
    assert "written: runs/small/result.json, runs/small/best.yaml" in out
    assert "trial 20/20" in out
    assert "resumed" not in out
    assert max(map(len, out.split("trial 20/20")[1].splitlines()[1:])) <= 80
    result = json.loads((folder / "runs" / "small" / "result.json").read_text())
    assert f"{result['best']['score']:.4f}" in out
    assert f"flops {result['best']['flops']:,} as thop counts" in out
    code, again, _ = cli("run", "small.yaml")
    assert code == 0
    assert again.startswith("resumed: 20 of 20 trials are there\n")
    assert cli("run", "small.yaml", "--trials", 22)[1].startswith("resumed: 20 of 22 trials are there\ntrial 21/22")


def test_json_and_nothing_else(cli, folder):
    code, out, err = cli("run", "small.yaml", "--json", "--trials", 5, "--export-top", 2)
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((folder / "runs/small/result.json").read_text())
    assert set(json.loads(out)) == {
        "space", "study", "sampler", "seed", "best", "top", "trials", "failed", "candidates", "seconds", "complete",
        "bound", "gap", "objectives",
        "versions",
    }  # fmt: skip
    assert (folder / "runs/small/export/small_2/config.json").is_file()


def test_quiet(cli, folder):
    assert cli("run", "small.yaml", "--quiet", "--trials", 5, "--export-top", 1) == (0, "", "")
    assert (folder / "runs/small/best.yaml").is_file()


def test_options_reach_the_search(cli, folder):
    url = f"sqlite:///{folder}/my db.sqlite"
    code, out, _ = cli(
        "run", "small.yaml", "--out", "wo anders é [/b]", "--trials", 4, "--seed", 7, "--sampler", "random",
        "--storage", url, "--study", "s", "--json",
    )  # fmt: skip
    result = json.loads(out)
    assert code == 0
    assert [result[k] for k in ("trials", "seed", "sampler", "study", "candidates")] == [4, 7, "random", "s", 4]
    assert (folder / "wo anders é [/b]" / "result.json").is_file()
    code, out, _ = cli("run", "small.yaml", "--out", "wo anders é [/b]", "--trials", 4, "--seed", 7, "--sampler",
                       "random", "--storage", url, "--study", "s")  # fmt: skip
    assert out.startswith("resumed: 4 of 4")
    assert "written: wo anders é [/b]/result.json" in out
    if result["best"]:
        assert "next: e3dnas export 'wo anders é [/b]' --name" in out
    assert cli("show", "wo anders é [/b]", "--trial", 3, "--storage", url, "--json")[0] == 0


def test_shipped_spaces_need_no_file(cli, folder):
    code, out, _ = cli("run", "tiny", "--trials", 12, "--json")
    assert code == 0
    assert json.loads(out)["best"]["flops"] <= 3e7
    assert (folder / "runs" / "tiny" / "space.yaml").is_file()


def test_export_top(cli, folder):
    code, out, _ = cli("run", "small.yaml", "--export-top", 3)
    assert code == 0
    assert re.findall("exported: (.*)", out) == [f"runs/small/export/small_{rank}" for rank in (1, 2, 3)]
    top = json.loads((folder / "runs/small/result.json").read_text())["top"]
    for rank, found in enumerate(top[:3], start=1):
        config = json.loads((folder / f"runs/small/export/small_{rank}/config.json").read_text())
        assert config["e3dnas"]["trial"] == found["trial"]
        assert config["e3dnas"]["score"] == found["score"]
        measures = e3dnas.measure(folder / f"runs/small/export/small_{rank}")
        assert (measures["flops"], measures["params"]) == (found["flops"], found["params"])


def test_nothing_within_the_budgets(cli, folder):
    space = (folder / "small.yaml").read_text().replace("layers: {max: 14}", "stentr: {max: 1}")
    (folder / "tight.yaml").write_text(space)
    code, out, _ = cli("run", "tight.yaml", "--trials", 3, "--export-top", 1)
    assert code == 0
    assert "no network within the budgets was found; try more --trials, or wider budgets" in out
    assert json.loads((folder / "runs/tight/result.json").read_text())["best"] is None
    assert cli("export", "runs/tight", "--name", "x")[::2] == (
        2, "error: runs/tight: no network within the budgets has been found yet; run more --trials\n",
    )  # fmt: skip


def test_failures_are_shown(cli, folder):
    (folder / "own_cli_score.py").write_text(
        "calls = []\ndef score(model):\n    calls.append(1)\n    if len(calls) % 2 == 0:\n"
        "        raise RuntimeError('now and then [/x] :smile:')\n    return 1.0\n"
    )
    with (folder / "small.yaml").open("a") as file:
        file.write("score: own_cli_score:score\n")
    code, out, err = cli("run", "small.yaml", "--trials", 6)
    assert (code, err) == (0, "")
    assert "trial 6/6  3 failed" in out
    assert "3 trials, 3 failed (score own_cli_score:score: raised RuntimeError: now and then [/x] :smile:)" in out


MISTAKES = [
    (["run", "no_such.yaml"], "no_such.yaml: neither a file nor a shipped space"),
    (["run", "e3dd"], r"did you mean 'e3d"),
    (["run", "."], r"is a directory"),
    (["run", ""], "."),
    (["run", "empty.yaml"], "empty.yaml: the file is empty"),
    (
        ["run", "small.yaml", "--sampler", "nsga"],
        "search.sampler: must be one of evolution, exact, nsgaii, random, tpe",
    ),
    (["run", "small.yaml", "--trials", "2000000000"], "search.trials: must be less than or equal to 1000000"),
    (["run", "small.yaml", "--seed", "5000000000"], "search.seed: must be less than or equal to"),
    (["run", "small.yaml", "--storage", "mysql://no", "--trials", "1"], "--storage mysql://no: cannot be opened: "),
    (["run", "small.yaml", "--out", "small.yaml"], "--out small.yaml: is a file; name a folder"),
    (["run", "small.yaml", "--out", "."], r"--out \.: holds other files and is no run of e3dnas"),
    (["show", "e3d_x"], "did you mean 'e3d_"),
    (["show", "."], "no architecture in this folder"),
    (["show", "e3d_s", "--trial", "1"], "e3d_s: no run in this folder"),
    (["show", "empty.yaml"], "empty.yaml: the file is empty"),
    (["export", ".", "--name", "x"], "no run in this folder"),
    (["export", ".", "--name", "x", "--best", "--top", "2"], "--trial, --best and --top exclude one another"),
    (["dashboard", "."], "no run in this folder"),
    (["init", "small.yaml"], "small.yaml: is there already; name a new file"),
    (["init", "no/such/folder.yaml"], "no/such/folder.yaml: cannot be written: No such file or directory"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_mistakes_are_one_clear_error(cli, folder, arguments, message):
    (folder / "empty.yaml").touch()
    before = sorted(folder.iterdir())
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert re.search(message, err)
    assert sorted(folder.iterdir()) == before


def test_a_changed_space_and_fresh(cli, folder):
    cli("run", "small.yaml", "--trials", 3)
    code, out, err = cli("run", "small.yaml", "--trials", 3, "--seed", 1)
    assert (code, out) == (2, "")
    assert err == (
        "error: study 'small' was made with another space (search.seed: 0 -> 1); its trials would not compare. Start "
        "anew with --fresh, or keep both with another --out (and --study, in one --storage)\n"
    )
    assert cli("run", "small.yaml", "--trials", 3, "--seed", 1, "--fresh")[0] == 0
    assert json.loads((folder / "runs/small/old-1/result.json").read_text())["seed"] == 0


def studies(url):
    return {one.study_name: one.n_trials for one in optuna.get_all_study_summaries(url)}


def test_fresh_in_a_storage_keeps_what_was_there(cli, folder):
    url = f"sqlite:///{folder}/s.db"
    assert cli("run", "small.yaml", "--trials", 4, "--storage", url)[0] == 0
    assert cli("run", "small.yaml", "--trials", 3, "--storage", url, "--fresh")[0] == 0
    assert studies(url) == {"small": 3, "small-old-1": 4}
    optuna.create_study(study_name="precious", storage=url).add_trial(optuna.trial.create_trial(value=1.0))
    asked = ("run", "small.yaml", "--out", "other", "--storage", url, "--study", "precious", "--fresh")
    code, _, err = cli(*asked)
    assert (code, err) == (2, "error: study 'precious' was not made by e3dnas; choose another name with --study\n")
    assert studies(url)["precious"] == 1


def test_a_folder_of_another_space_is_left_alone(cli, folder):
    cli("run", "small.yaml", "--trials", 3)
    best = (folder / "runs/small/best.yaml").read_bytes()
    (folder / "other.yaml").write_text("extends: small.yaml\nname: other\n")
    code, _, err = cli("run", "other.yaml", "--trials", 3, "--out", "runs/small")
    assert code == 2
    assert "folder 'runs/small' was made with another space (name: small -> other)" in err
    assert (folder / "runs/small/best.yaml").read_bytes() == best


def test_an_exported_folder_with_weights_stays_as_it_is(cli, folder):
    cli("run", "small.yaml", "--trials", 3, "--export-top", 1)
    weights = folder / "runs/small/export/small_1/model.safetensors"
    weights.write_text("mine")
    code, out, _ = cli("run", "small.yaml", "--trials", 20, "--export-top", 1)
    assert code == 0
    assert "left as it is" in out
    assert weights.read_text() == "mine"


def test_what_the_system_refuses_is_one_line(cli, folder):
    code, _, err = cli("show", "e3d_s", "--save", f"{'x' * 300}.yaml")
    assert (code, err.count("\n")) == (2, 1)
    assert err.endswith("File name too long\n")


def test_a_folder_in_use(cli, folder):
    with RunFolder(folder / "runs/small").locked():
        code, _, err = cli("run", "small.yaml")
    assert code == 2
    assert "another run is at work here; wait for it, or choose another --out" in err
