"""The kept table: round trips, damage, several processes, and what keeps tables apart."""

import json
import multiprocessing
import time

import pytest

from e3dnas.errors import E3DNASError
from e3dnas.machine.setting import Setting
from e3dnas.machine.store import Store, measuring


def test_times_come_back():
    Store(Setting()).add({"a": 1.5, "b": 2.0})
    store = Store(Setting())
    assert (store.times, store.problem) == ({"a": 1.5, "b": 2.0}, "")


@pytest.mark.parametrize(
    "other", [Setting(threads=2), Setting(batch=2), Setting(dtype="bfloat16")], ids=["threads", "batch", "dtype"]
)
def test_settings_have_tables_of_their_own(other):
    Store(Setting()).add({"a": 1.0})
    assert Store(other).times == {}


def test_other_code_or_switches_have_tables_of_their_own(monkeypatch):
    Store(Setting()).add({"a": 1.0})
    monkeypatch.setenv("E3DNAS_KERNELS", "0")
    assert Store(Setting()).times == {}
    monkeypatch.delenv("E3DNAS_KERNELS")
    assert Store(Setting()).times == {"a": 1.0}
    monkeypatch.setattr("e3dnas.machine.setting._code", lambda: "another")
    assert Store(Setting()).times == {}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"ms": {"a": "x"}}', '{"ms": {"a": -1}}', '{"ms": {"a": NaN}}', "\x00"]
)
def test_a_damaged_table_is_told_and_made_anew(text):
    store = Store(Setting())
    store.path.write_text(text)
    store = Store(Setting())
    assert store.times == {}
    assert str(store.path) in store.problem
    store.add({"a": 1.0})
    assert Store(Setting()).times == {"a": 1.0}
    assert json.loads(store.path.read_text())["of"]["threads"] == 1


def _add(number):
    store = Store(Setting())
    for i in range(20):
        store.add({f"{number}.{i}": 1.0 + i})


def _hold(path, name):
    with measuring():
        with path.open("a") as file:
            file.write(f"+{name}")
        time.sleep(0.05)
        with path.open("a") as file:
            file.write(f"-{name}")


def test_several_processes_lose_nothing_and_never_measure_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    log = tmp_path / "log"
    jobs = [context.Process(target=_add, args=(i,)) for i in range(3)]
    jobs += [context.Process(target=_hold, args=(log, i)) for i in range(3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)
    assert [job.exitcode for job in jobs] == [0] * 6
    assert len(Store(Setting()).times) == 60
    text = log.read_text()
    assert sorted(text[i : i + 4] for i in range(0, 12, 4)) == ["+0-0", "+1-1", "+2-2"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(E3DNASError, match="set XDG_CACHE_HOME"):
        Store(Setting())
