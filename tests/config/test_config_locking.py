"""One process at a time; the dead, and the forked, hold nothing."""

import select
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

from e3dnas.config.locking import locked
from e3dnas.errors import E3DNASError

HOLDER = """
import os, sys, time
from pathlib import Path
from e3dnas.config.locking import locked
with locked(Path(sys.argv[1])):
    child = os.fork() == 0 if sys.argv[2] == "forks" else False
    if child or sys.argv[2] == "alone":
        print("held", flush=True)
    time.sleep(5 if child else 60)
    if child:
        os._exit(0)
"""

WAITER = """
import sys
from pathlib import Path
from e3dnas.config.locking import locked
print("waits", flush=True)
with locked(Path(sys.argv[1])):
    print("got it", flush=True)
"""


@contextmanager
def holder(path, how="alone"):
    """Another process that holds the lock; killed at the end."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path), how], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield
        finally:
            process.kill()
            process.stdout.close()


def test_another_process_is_told_and_the_next_one_gets_it(tmp_path):
    path = tmp_path / "lock"
    with holder(path), pytest.raises(E3DNASError, match="wait for it"), locked(path, "wait for it"):
        raise AssertionError("held twice")
    with locked(path, "wait for it"):
        pass


def test_a_child_does_not_go_on_holding_what_its_dead_parent_held(tmp_path):
    path = tmp_path / "lock"
    with holder(path, "forks"), pytest.raises(E3DNASError, match="held"), locked(path, "held"):
        raise AssertionError("held twice")
    taken = False
    with locked(path, "still held"):
        taken = True
    assert taken


def test_without_a_message_it_waits_for_its_turn(tmp_path):
    path = tmp_path / "lock"
    command = [sys.executable, "-c", WAITER, str(path)]
    with ExitStack() as held:
        held.enter_context(locked(path))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "waits\n"
            assert not select.select([process.stdout], [], [], 0.2)[0]
            held.close()
            assert process.stdout.readline() == "got it\n"


def test_a_file_that_cannot_be_made_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError), locked(tmp_path / "none" / "lock"):
        pass
