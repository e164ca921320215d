"""The grouped journal: a plain Optuna journal to everybody else, whole after a kill, right between processes."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._storage import JournalOperation
from optuna.trial import TrialState

from e3dnas.measure.registry import resolve
from e3dnas.search.journal import TRIAL_LOCAL, KernelLock, open_journal
from e3dnas.search.sampler import EvolutionSampler
from e3dnas.search.screening import Screen
from e3dnas.space import load_space


def objective(trial):
    x = trial.suggest_int("x", 0, 100)
    trial.suggest_categorical("kind", ["a", "b"])
    trial.report(x / 2, 0)
    trial.set_constraint("x <= 50", x / 50 - 1)
    trial.set_user_attr("size", {"of": [x, None, "é"]})
    return float(x)


def told(study):
    return [(t.number, t.state, t.value, t.params, t.user_attrs, t.constraints, t.intermediate_values)
            for t in study.get_trials()]  # fmt: skip


def plainly(path, name):
    return optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(path))))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a journal é.log"


def test_operation_codes_are_optunas():
    local = {"SET_TRIAL_PARAM", "SET_TRIAL_INTERMEDIATE_VALUE", "SET_TRIAL_USER_ATTR", "SET_TRIAL_SYSTEM_ATTR"}
    assert {int(JournalOperation[name]) for name in local} == TRIAL_LOCAL
    rest = {"CREATE_STUDY", "DELETE_STUDY", "SET_STUDY_USER_ATTR", "SET_STUDY_SYSTEM_ATTR", "CREATE_TRIAL",
            "SET_TRIAL_STATE_VALUES", "DISCARD_TRIALS"}  # fmt: skip
    assert {operation.name for operation in JournalOperation} == local | rest


def test_everything_is_in_the_file_for_everybody(path):
    study = optuna.create_study(study_name="s", storage=open_journal(path), sampler=optuna.samplers.RandomSampler(0))
    study.optimize(objective, n_trials=12)
    study.set_user_attr("told", [1, 2])
    reopened = optuna.load_study(study_name="s", storage=open_journal(path))
    plain = plainly(path, "s")
    assert told(study) == told(reopened) == told(plain)
    assert plain.user_attrs == reopened.user_attrs == {"told": [1, 2]}
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_trial_costs_two_writes(path, monkeypatch):
    storage = open_journal(path)
    study = optuna.create_study(study_name="s", storage=storage, sampler=optuna.samplers.RandomSampler(0))
    writes = []
    append = JournalFileBackend.append_logs
    monkeypatch.setattr(JournalFileBackend, "append_logs", lambda *a: (writes.append(1), append(*a))[1])
    study.optimize(objective, n_trials=10)
    assert len(writes) == 20


def test_two_handles_see_each_other(path):
    first = optuna.create_study(study_name="s", storage=open_journal(path), sampler=optuna.samplers.RandomSampler(0))
    second = optuna.load_study(study_name="s", storage=open_journal(path), sampler=optuna.samplers.RandomSampler(1))
    for _ in range(5):
        a, b = first.ask(), second.ask()
        for study, trial in ((second, b), (first, a)):
            study.tell(trial, objective(trial))
    assert told(first) == told(second) == told(plainly(path, "s"))
    assert [t.number for t in first.get_trials()] == list(range(10))


@pytest.mark.parametrize(
    "torn", [b'{"op_code": 4, "worker', b"x" * 200_000, b"{}"], ids=["half a record", "longer than a block", "short"]
)
@pytest.mark.parametrize("live", [False, True], ids=["on opening", "under a running study"])
def test_a_torn_last_line_is_mended(path, torn, live):
    study = optuna.create_study(study_name="s", storage=open_journal(path), sampler=optuna.samplers.RandomSampler(0))
    study.optimize(objective, n_trials=3)
    before = path.read_bytes()
    with path.open("ab") as file:
        file.write(torn)
    if not live:
        study = optuna.load_study(study_name="s", storage=open_journal(path), sampler=optuna.samplers.RandomSampler(1))
        assert path.read_bytes() == before
    study.optimize(objective, n_trials=2)
    assert path.read_bytes().startswith(before)
    assert told(study) == told(plainly(path, "s"))
    assert len(study.trials) == 5


def test_a_file_of_one_torn_line_becomes_empty(path):
    path.write_bytes(b"half a line")
    open_journal(path)
    assert path.read_bytes() == b""


def test_the_lock_dies_with_its_holder(path):
    path.touch()
    code = f"from e3dnas.search.journal import KernelLock; KernelLock({str(path)!r}).acquire(); print('held', flush=1);"
    holder = subprocess.Popen([sys.executable, "-c", code + "import time; time.sleep(60)"], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout.readline() == b"held\n"
        holder.send_signal(signal.SIGKILL)
        started = time.perf_counter()
        lock = KernelLock(str(path))
        assert lock.acquire()
        lock.release()
        assert time.perf_counter() - started < 10  # Optuna's own locks wait for 30 s


def work(path, trials, own):
    """What one of several processes does; ``own`` gets the numbers of its trials."""
    screen = Screen(load_space("tiny"), [resolve("stentr")], ())
    space = screen.space
    study = optuna.load_study(
        study_name="s", storage=open_journal(path), sampler=EvolutionSampler(screen, candidates=20, seed=3)
    )

    def score(trial):
        params = {name: trial._suggest(name, d) for name, d in space.distributions().items()}
        return float(screen(space.genotype(params)[None]).values[0, 0])

    study.optimize(score, n_trials=trials, callbacks=[lambda study, trial: own.put((os.getpid(), trial.number))])


def test_processes_lose_and_double_nothing(path):
    optuna.create_study(study_name="s", storage=open_journal(path), direction="maximize")
    context = multiprocessing.get_context("spawn")
    own = context.Queue()
    workers = [context.Process(target=work, args=(path, 40, own)) for _ in range(2)]
    for worker in workers:
        worker.start()
    told_of = [own.get(timeout=120) for _ in range(80)]
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert sorted(number for _, number in told_of) == list(range(80))
    study = plainly(path, "s")
    assert [t.number for t in study.get_trials()] == list(range(80))
    assert {t.state for t in study.get_trials()} == {TrialState.COMPLETE}
    names = load_space("tiny").distributions().keys()
    assert all(t.params.keys() == names for t in study.get_trials())
