"""Ceilings are measured on small tensors, and a cache that a measurement may keep something in is the test's own."""

import pytest


@pytest.fixture(autouse=True)
def small_ceilings(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("e3dnas.bench.ceilings.COPIED", {"cpu": 2**16})
    monkeypatch.setattr("e3dnas.bench.ceilings.SIDE", {"cpu": 16})
