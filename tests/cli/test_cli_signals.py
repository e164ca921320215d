"""Processes that are killed, interrupted, doubled; pipes that close."""

import json
import random
import re
import signal
import time

import pytest

from e3dnas.search.reading import read_run
from e3dnas.search.sampler import FAILURE

TRIALS = 150


def sequence(out):
    trials = [t for t in read_run(out).study.get_trials() if t.state.name == "COMPLETE" or FAILURE in t.user_attrs]
    return [t.params for t in trials]


@pytest.fixture
def space(folder):
    """Long enough to be killed in the middle of."""
    text = (folder / "small.yaml").read_text().replace("candidates: 50", "candidates: 1000")
    (folder / "long.yaml").write_text(text)
    return "long.yaml"


def wait_for_trials(process, out, count):
    """Wait until the journal holds so many told trials."""
    journal = out / "study.journal"
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if journal.exists() and len(re.findall(rb'"op_code": ?6', journal.read_bytes())) >= count:
            return
        time.sleep(0.02)
    pytest.fail(f"no {count} trials: {process.poll()} {process.stderr.read() if process.poll() is not None else ''}")


def test_kill_9_costs_at_most_the_running_trial(start, cli, folder, space):
    out = folder / "killed"
    luck = random.Random(0)
    told = 0
    for kills in range(2):
        process = start("run", space, "--out", out, "--trials", TRIALS, "--quiet")
        wait_for_trials(process, out, told + kills + 20)  # a killed trial is told as failed
        time.sleep(luck.random() / 8)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        finished = sequence(out)
        assert len(finished) >= told + 20
        told = len(finished)
    assert told < TRIALS
    assert not (out / "result.json").exists()
    code, text, _ = cli("run", space, "--out", out, "--trials", TRIALS, "--json")
    assert code == 0
    assert cli("run", space, "--out", "whole", "--trials", TRIALS, "--quiet") == (0, "", "")
    result, whole = json.loads(text), json.loads((folder / "whole" / "result.json").read_text())
    assert sequence(out) == sequence(folder / "whole")
    assert result["best"]["architecture"] == whole["best"]["architecture"]
    counts = ("trials", "failed", "candidates")
    assert [result[key] for key in counts] == [whole[key] for key in counts]


def test_ctrl_c_keeps_what_was_found(start, cli, folder, space):
    out = folder / "stopped"
    process = start("run", space, "--out", out, "--trials", TRIALS)
    wait_for_trials(process, out, 30)
    second = start("run", space, "--out", out, "--trials", TRIALS)
    assert second.wait(60) == 2
    assert "another run is at work here" in second.stderr.read()
    process.send_signal(signal.SIGINT)
    text, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert "stopped; the same command goes on from here" in text
    assert "\x1b" not in text
    result = json.loads((out / "result.json").read_text())
    assert 30 <= result["trials"] < TRIALS
    assert (result["complete"], result["failed"]) == (False, 0)
    assert len(sequence(out)) == result["trials"]
    code, text, _ = cli("run", space, "--out", out, "--trials", result["trials"] + 10)
    assert code == 0
    assert text.startswith(f"resumed: {result['trials']} of {result['trials'] + 10} trials are there")


def test_ctrl_c_while_starting(start, folder, space):
    process = start("run", space)
    time.sleep(0.8)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in errors or process.returncode == -signal.SIGINT  # before the program is there at all


def test_a_closed_pipe_is_no_traceback(start):
    process = start("schema")
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.wait(60)
    process.stdout = open("/dev/null")  # noqa: PTH123, SIM115  (the fixture closes it)
