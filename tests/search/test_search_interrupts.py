"""Ctrl-C: at once in a measure of the user's own, otherwise between trials; what was found is there and goes on."""

import json
import signal
import threading

import pytest

from e3dnas.search.api import search
from e3dnas.search.interrupts import Interrupts

STOPS = """
import signal
calls = []
def width(model):
    calls.append(1)
    if len(calls) == STOP:
        signal.raise_signal(signal.SIGINT)
        calls.append("not reached")
    return len(calls)
"""


def test_interrupts_wait_outside_measurements():
    interrupts = Interrupts()
    with interrupts.held():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            pytest.fail("the interrupt was forgotten")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupts_go_through_measurements():
    interrupts = Interrupts()
    interrupts.check()
    with interrupts.held(), pytest.raises(KeyboardInterrupt), interrupts.allowed():
        signal.raise_signal(signal.SIGINT)


def test_an_error_that_an_interrupt_leads_to_is_an_interrupt():
    def broken():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            raise AssertionError("Tried to pop from empty mode stack")

    interrupts = Interrupts()
    with interrupts.held(), pytest.raises(KeyboardInterrupt), interrupts.allowed():
        broken()
    with pytest.raises(AssertionError), Interrupts().allowed():
        raise AssertionError


def test_thop_is_not_interrupted(small, monkeypatch, tmp_path):
    from e3dnas.models import profile

    measure, done = profile.profile_architecture, []

    def pressed(architecture):
        if len(done) == 2:
            signal.raise_signal(signal.SIGINT)
        done.append(measure(architecture))
        return done[-1]

    monkeypatch.setattr(profile, "profile_architecture", pressed)
    result = search(small, out=tmp_path)
    assert (len(done), result.trials, result.complete) == (3, 2, False)


def test_other_threads_and_other_handlers_are_left_alone():
    def hold():
        with Interrupts().held():
            seen.append(signal.getsignal(signal.SIGINT))

    seen = []
    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        hold()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.default_int_handler, signal.SIG_IGN]


@pytest.mark.parametrize("stop", [1, 2, 9])
def test_ctrl_c_in_a_score(small, own_module, tmp_path, proposed, stop):
    module = own_module(STOPS.replace("STOP", str(stop)))
    space = small | {"score": f"{module}:width"}
    result = search(space, out=tmp_path / "run")
    assert (result.trials, result.failed, result.complete) == (stop - 1, 0, False)
    written = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (written["complete"], written["trials"]) == (False, stop - 1)
    assert (tmp_path / "run" / "best.yaml").exists() is (stop > 1)
    again = search(space, out=tmp_path / "run")
    assert (again.trials, again.complete) == (20, True)
    search(small | {"score": own_module(STOPS.replace("STOP", "0")) + ":width"}, out=tmp_path / "whole")
    assert len(proposed(tmp_path / "run")) == 20


@pytest.mark.parametrize("stop", [1, 7])
def test_ctrl_c_between_trials(large, tmp_path, proposed, stop):
    def press(progress):
        if progress.new_trials == stop:
            signal.raise_signal(signal.SIGINT)

    result = search(large, out=tmp_path / "run", on_trial=press)
    assert (result.trials, result.complete) == (stop, False)
    search(large, out=tmp_path / "run")
    search(large, out=tmp_path / "whole")
    assert proposed(tmp_path / "run") == proposed(tmp_path / "whole")
