"""The dashboard over HTTP: ours shows constraints as they are, the plain one opens the same journal."""

import json
import threading
import urllib.request

import optuna
import optuna_dashboard
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from e3dnas.errors import E3DNASError
from e3dnas.measure.registry import MEASURES
from e3dnas.report.dashboard import ConstrainedView, make_dashboard
from e3dnas.search.api import search
from e3dnas.search.reading import read_run
from e3dnas.space import load_space


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """A run with trials within the budgets and beyond them, one beyond them the best of all."""
    folder = tmp_path_factory.mktemp("run")
    space = load_space("tiny", {"budgets": {"flops": {"max": 1.5e8}}})
    search(space, out=folder, sampler="random", trials=25)
    return folder


@pytest.fixture
def get(out):
    server = make_dashboard(read_run(out).study)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    assert server.server_address[0] == "127.0.0.1"

    def fetch(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}", timeout=60) as answer:
            return answer.read()

    yield fetch
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_api(get, out):
    assert b"<title>" in get("/dashboard/studies")
    (study,) = json.loads(get("/api/studies"))["study_summaries"]
    assert study["study_name"] == "tiny"
    assert study["direction" if "direction" in study else "directions"] in ("maximize", ["maximize"])
    detail = json.loads(get("/api/studies/0?after=0"))
    trials = read_run(out).study.get_trials()
    assert len(detail["trials"]) == len(trials) == 25
    assert detail["objective_names"] == ["stentr"]
    beyond = 0
    for shown, trial in zip(detail["trials"], trials, strict=True):
        flops, layers = trial.user_attrs["flops"], trial.user_attrs["layers"]
        assert shown["constraints"] == pytest.approx([flops / 1.5e8 - 1, layers / 26 - 1])
        assert {p["name"]: p["param_external_value"] for p in shown["params"]} == {
            name: str(value) for name, value in trial.params.items()
        }
        attrs = {attr["key"]: attr["value"] for attr in shown["user_attrs"]}
        told = {f"constraint {key}" for key in trial.constraints}
        assert attrs.keys() == {*MEASURES, "candidates", "within_budgets", *told}
        assert attrs["constraint layers <= 26"] == str(trial.constraints["layers <= 26"])
        assert attrs["flops"] == str(flops)
        beyond += max(shown["constraints"]) > 0
    assert 0 < beyond < 25
    best = detail["best_trials"] if "best_trials" in detail else [detail["best_trial"]]
    assert [max(one["constraints"]) <= 0 for one in best] == [True]
    assert best[0]["values"][0] == max(t.value for t in trials if max(t.constraints.values()) <= 0)
    assert best[0]["values"][0] < max(t.value for t in trials)


def test_nothing_is_written(get, out):
    before = (out / "study.journal").read_bytes()
    get("/api/studies/0?after=0")
    assert (out / "study.journal").read_bytes() == before
    assert all("constraints" not in t.system_attrs for t in read_run(out).study.get_trials())


def test_the_plain_dashboard_opens_the_journal(out):
    app = optuna_dashboard.wsgi(JournalStorage(JournalFileBackend(str(out / "study.journal"))))
    status = []
    environment = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/studies/0", "QUERY_STRING": "after=0",
                   "SERVER_NAME": "x", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}  # fmt: skip
    body = b"".join(app(environment, lambda state, headers, error=None: status.append(state)))
    assert status == ["200 OK"]
    assert len(json.loads(body)["trials"]) == 25


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_best_is_within_its_constraints(direction):
    study = optuna.create_study(direction=direction)
    view = ConstrainedView(study._storage)
    with pytest.raises(ValueError, match="No feasible trials"):
        view.get_best_trial(study._study_id)
    for value, excess in ((1.0, 0.0), (2.0, -1.0), (9.0, 0.5), (-9.0, 0.5), (2.0, 0.0)):
        study.add_trial(optuna.create_trial(value=value, constraints={"c": excess}))
    assert view.get_best_trial(study._study_id).number == (1 if direction == "maximize" else 0)
    assert view.get_trial(2).system_attrs["constraints"] == [0.5]


def test_a_taken_port(out):
    study = read_run(out).study
    server = make_dashboard(study)
    with server, pytest.raises(E3DNASError, match=rf"--port {server.server_port}: Address already in use; choose"):
        make_dashboard(study, server.server_port)
