"""Families and fronts on the command line: run, bound, show and export; stopped, killed, doubled; told as JSON."""

import json
import re
import signal
import time

import pytest

import e3dnas
from e3dnas.search.reading import read_runs

FAMILY = """extends: small.yaml
name: fam
family:
  a: {clip: {frames: 2}}
  b: {}
  c: {budgets: {layers: {max: 11}}}
"""
FRONT = """extends: small.yaml
name: edge
objectives: {stentr: maximize, flops: minimize}
search: {trials: 30}
"""


@pytest.fixture
def spaces(folder):
    (folder / "fam.yaml").write_text(FAMILY)
    (folder / "edge.yaml").write_text(FRONT)
    return folder


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != ".lock")


def proposals(out):
    return {member: [t.params for t in run.study.get_trials() if t.values] for member, run in read_runs(out).items()}


def test_a_family_run_and_the_same_command_again(cli, spaces):
    code, out, err = cli("run", "fam.yaml", "--no-bound", "--trials", 5)
    assert (code, err) == (0, "")
    for member in "abc":
        assert f"\nfam_{member}\n" in out
        assert f"written: runs/fam/{member}/result.json, runs/fam/{member}/best.yaml" in out
        assert f"next: e3dnas export runs/fam/{member} --name my_fam_{member} --register" in out
    steps = [line for member in "abc" for line in (f"fam_{member}:", "trial 5/5")]
    assert re.findall(r"^(?:fam_.:(?=\n)|trial 5/5)", out, re.MULTILINE) == steps
    assert out.endswith("      e3dnas report runs/fam\n")
    table = out.partition("\nfamily ")[2].splitlines()
    told = json.loads((spaces / "runs/fam/result.json").read_text())["family"]
    for row, member in zip(table[3:6], "abc", strict=True):
        assert row.split()[:3] == [member, f"{told[member]['best']['score']:.4f}", "-"]
    code, again, _ = cli("run", "fam.yaml", "--no-bound", "--trials", 5)
    assert code == 0
    assert again.count("resumed: 5 of 5 trials are there\n") == 3
    assert again.partition("\nfamily ")[2].splitlines()[1] == table[1]


def test_a_family_as_json_quiet_and_exported(cli, spaces):
    code, out, err = cli("run", "fam.yaml", "--json", "--no-bound", "--trials", 4, "--export-top", 1)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told == json.loads((spaces / "runs/fam/result.json").read_text())
    assert list(told["family"]) == ["a", "b", "c"]
    for member, result in told["family"].items():
        assert (result["trials"], result["bound"], result["complete"]) == (4, None, True)
        exported = e3dnas.measure(f"runs/fam/{member}/export/fam_{member}_1")
        assert exported["flops"] == result["best"]["flops"]
        assert exported["frames"] == (2 if member == "a" else 4)
    assert cli("run", "fam.yaml", "--quiet", "--no-bound", "--trials", 4) == (0, "", "")


def test_commands_on_a_familys_run(cli, spaces):
    assert cli("run", "fam.yaml", "--quiet", "--no-bound", "--trials", 4, "--out", "out é")[0] == 0
    before = files(spaces)
    named = "name one of its members: out é/a"
    for command in (("show", "out é"), ("show", "out é", "--trial", 1), ("export", "out é", "--name", "x"),
                    ("plot", "out é", "-o", "x.csv")):  # fmt: skip
        code, out, err = cli(*command)
        assert (code, out) == (2, "")
        assert len(err.splitlines()) == 1
        assert named in err
    assert "members: out é/a, out é/b, out é/c\n" in cli("export", "out é", "--name", "x")[2]
    assert files(spaces) == before
    best = json.loads((spaces / "out é/b/result.json").read_text())["best"]
    assert json.loads(cli("show", "out é/b", "--json")[1])["flops"] == best["flops"]
    assert json.loads(cli("show", "out é/b", "--trial", best["trial"], "--json")[1])["flops"] == best["flops"]
    code, out, _ = cli("export", "out é/b", "--name", "net")
    assert (code, out.splitlines()[0]) == (0, "exported: out é/b/export/net")
    assert e3dnas.measure("out é/b/export/net")["flops"] == best["flops"]


def test_the_exact_sampler_and_the_bound_of_a_family(cli, spaces):
    code, out, err = cli("bound", "fam.yaml", "--json")
    assert (code, err) == (0, "")
    bounds = json.loads(out)["family"]
    assert list(bounds) == ["a", "b", "c"]
    told = json.loads(cli("run", "fam.yaml", "--sampler", "exact", "--no-bound", "--json")[1])["family"]
    for member, result in told.items():
        assert (result["trials"], bounds[member]["exact"]) == (1, True)
        assert result["best"]["score"] == pytest.approx(bounds[member]["score"], abs=1e-9)
        assert result["best"]["architecture"] == bounds[member]["best"]["architecture"]
    code, out, _ = cli("bound", "fam.yaml")
    assert re.findall("proven bound: stentr ([0-9.]+)", out) == [f"{one['bound']:.10g}" for one in bounds.values()]
    code, out, _ = cli("bound", "fam.yaml", "--within", "1%", "--minimise", "params", "--json")
    assert all(one["best"]["stentr"] >= 0.99 * bounds[m]["score"] for m, one in json.loads(out)["family"].items())


def test_a_front_run(cli, spaces):
    code, out, err = cli("run", "edge.yaml")
    assert (code, err) == (0, "")
    result = json.loads((spaces / "runs/edge/result.json").read_text())
    count = len(result["top"])
    assert count > 12
    assert f"the front: 12 of {count} networks" in out
    assert re.search(r"trial 30/30  front \d+ networks  stentr [0-9.]+ to [0-9.]+  flops .+ to .+  ", out)
    assert f"{100 * result['share_of_exact_front']:.2f} % of the exact front's hypervolume" in out
    assert f"({len(result['exact_front'])} networks)" in out
    rows = re.findall(r"^ *(\d+) +([0-9.]+) ", out.partition("networks  ")[2].partition("30 trials, ")[0], re.MULTILINE)
    tops = {str(one["trial"]): f"{one['stentr']:.4f}" for one in result["top"]}
    assert len(rows) == 12
    assert all(tops[trial] == score for trial, score in rows)
    assert (rows[0][0], rows[-1][0]) == (str(result["top"][0]["trial"]), str(result["top"][-1]["trial"]))
    assert "no bound" not in out


def test_exports_of_a_front(cli, spaces):
    assert cli("run", "edge.yaml", "--quiet", "--no-bound", "--export-top", 3)[0] == 0
    top = json.loads((spaces / "runs/edge/result.json").read_text())["top"]
    spread = [top[0]["flops"], top[round((len(top) - 1) / 2)]["flops"], top[-1]["flops"]]
    assert [e3dnas.measure(f"runs/edge/export/edge_{rank}")["flops"] for rank in (1, 2, 3)] == spread
    assert cli("export", "runs/edge", "--name", "net", "--top", 3, "--to", "nets")[0] == 0
    assert sorted(path.name for path in (spaces / "nets").iterdir()) == ["net_1", "net_2", "net_3"]
    assert [e3dnas.measure(f"nets/net_{rank}")["flops"] for rank in (1, 2, 3)] == spread
    code, out, _ = cli("export", "runs/edge", "--name", "one")
    assert (code, out.count("exported: ")) == (0, 1)
    config = json.loads((spaces / "runs/edge/export/one/config.json").read_text())["e3dnas"]
    assert config["values"] == top[0]["values"]
    assert (config["trial"], config["score"]) == (top[0]["trial"], top[0]["stentr"])
    last = top[-1]["trial"]
    assert cli("export", "runs/edge", "--name", "last", "--trial", last)[0] == 0
    assert e3dnas.measure("runs/edge/export/last")["flops"] == top[-1]["flops"]
    assert json.loads(cli("show", "runs/edge", "--json")[1])["flops"] == top[0]["flops"]


def test_a_front_that_has_no_proof(cli, spaces):
    (spaces / "three.yaml").write_text("extends: edge.yaml\nname: three\nobjectives: {params: minimize}\n")
    code, out, _ = cli("run", "three.yaml", "--trials", 4)
    assert code == 0
    assert "no exact front: three: an exact front has two objectives, not 3" in out


def test_the_bound_of_a_front(cli, spaces):
    code, out, err = cli("bound", "edge.yaml", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["objectives"], told["exact"]) == ({"stentr": "maximize", "flops": "minimize"}, True)
    flops = [one["flops"] for one in told["front"]]
    assert flops == sorted(flops)
    assert all(one["values"]["flops"] == one["flops"] for one in told["front"])
    assert e3dnas.measure(told["front"][3]["architecture"])["stentr"] == pytest.approx(told["front"][3]["stentr"])
    code, out, _ = cli("bound", "edge.yaml")
    assert f"the front: 16 of {len(flops)} networks" in out
    assert f"edge: {len(flops)} networks on the front (exact: there is no other)" in out
    code, out, _ = cli("bound", "small.yaml", "--front", "flops", "--json")
    assert [one["values"] for one in json.loads(out)["front"]] == [one["values"] for one in told["front"]]
    (spaces / "none.yaml").write_text("extends: edge.yaml\nbudgets: {stentr: {min: 500}}\n")
    assert "no network within the budgets (proven: there is none)" in cli("bound", "none.yaml")[1]


MISTAKES = [
    (["run", "lean.yaml"], r"lean\.yaml:6: family\.b\.budgets\.flops\.max: 5 is out of reach"),
    (["run", "fam.yaml", "--sampler", "nsga"], r"search\.sampler: must be one of"),
    (["run", "fam.yaml", "--out", "small.yaml"], "--out small.yaml: is a file"),
    (["run", "fam.yaml", "--out", "."], r"--out \.: holds other files"),
    (["run", "fam.yaml", "--out", "runs/edge"], "runs/edge: holds the run of a single space, and this is a family"),
    (["bound", "lean.yaml", "--front", "flpos"], "unknown measure 'flpos'; did you mean 'flops'"),
    (["bound", "fam.yaml", "--front", "stentr"], "--front stentr: is the score of fam_a; name what it costs"),
    (["bound", "fam.yaml", "--front", "flops", "--within", "1%", "--minimise", "params"], "exclude one another"),
    (["bound", "fam.yaml", "--save", "x.yaml"], "--save x.yaml: a family has several; --json writes them all"),
    (["bound", "edge.yaml", "--save", "x.yaml"], "--save x.yaml: a front has many networks; --json"),
    (["bound", "small.yaml", "--front", "flops", "--save", "x.yaml"], "a front has many networks"),
    (["show", "fam.yaml"], "fam.yaml"),
    (["run", "runs"], "runs: is a directory"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_mistakes_are_one_clear_error(cli, spaces, arguments, message):
    (spaces / "lean.yaml").write_text("extends: small.yaml\nfamily:\n  a: {}\n  b:\n    budgets:\n      flops: 5\n")
    (spaces / "runs/edge").mkdir(parents=True)
    (spaces / "runs/edge/space.yaml").write_text(FRONT)
    before = files(spaces)
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1 or arguments == ["show", "fam.yaml"]
    assert re.search(message, err)
    assert files(spaces) == before


TRIALS = 30


def wait_for(process, out, member, count):
    """Wait until the journal holds so many told trials of a member's study."""
    journal, end = out / "study.journal", time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        lines = [json.loads(line) for line in journal.read_bytes().split(b"\n")[:-1]] if journal.exists() else []
        studies = [line["study_name"] for line in lines if line["op_code"] == 0]
        of = [line["study_id"] for line in lines if line["op_code"] == 4]
        if f"fam_{member}" in studies:
            told = [of[line["trial_id"]] for line in lines if line["op_code"] == 6]
            if told.count(studies.index(f"fam_{member}")) >= count:
                return
        time.sleep(0.02)
    pytest.fail(f"no {count} trials: {process.poll()}")


@pytest.fixture
def slow(spaces):
    """A family that can be stopped in the middle of its second member."""
    (spaces / "fam.yaml").write_text(FAMILY.replace("b: {}", "b: {search: {candidates: 1500}}"))
    return ["run", "fam.yaml", "--no-bound", "--trials", TRIALS]


def test_kill_9_in_the_middle_of_the_second_member(start, cli, spaces, slow):
    out = spaces / "killed"
    process = start(*slow, "--out", out, "--quiet")
    wait_for(process, out, "b", 6)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    told = proposals(out)
    assert list(told) == ["a", "b"]
    assert (len(told["a"]), 6 <= len(told["b"]) < TRIALS) == (TRIALS, True)
    assert (out / "a/result.json").exists()
    assert not (out / "b/result.json").exists()
    assert json.loads(cli("show", "killed/b", "--trial", 0, "--json")[1])["frames"] == 4
    assert cli(*slow, "--out", out, "--quiet") == (0, "", "")
    assert cli(*slow, "--out", "whole", "--quiet") == (0, "", "")
    assert proposals(out) == proposals(spaces / "whole")


def test_ctrl_c_in_the_middle_of_the_second_member(start, cli, spaces, slow):
    out = spaces / "stopped"
    process = start(*slow, "--out", out)
    wait_for(process, out, "b", 5)
    process.send_signal(signal.SIGINT)
    text, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert "stopped; the same command goes on from here" in text
    assert "next:" not in text
    assert "\nfam_b\n" in text
    assert "fam_c" not in text
    told = json.loads((out / "result.json").read_text())["family"]
    assert {member: one["complete"] for member, one in told.items()} == {"a": True, "b": False}
    code, text, _ = cli(*slow, "--out", out)
    assert code == 0
    assert f"fam_a:\nresumed: {TRIALS} of {TRIALS} trials are there\n" in text
    assert f"fam_b:\nresumed: {told['b']['trials']} of {TRIALS} trials are there\n" in text
