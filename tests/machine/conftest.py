"""A kept table of its own for every test, and a made machine in place of this one."""

import pytest
from made_machine import MadeMachine


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def machine(monkeypatch):
    made = MadeMachine()
    monkeypatch.setattr("e3dnas.machine.instruments.make_meter", lambda setting: made)
    return made
