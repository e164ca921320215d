"""The dashboard over HTTP: constraints as they are, notes and pictures, and the plain one opens the same journal."""

import base64
import json
import threading
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from contextlib import contextmanager

import optuna
import optuna_dashboard
import pytest
from made_studies import add_trial, make_study
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend

from e3dnas.errors import E3DNASError
from e3dnas.measure.registry import MEASURES
from e3dnas.report.dashboard import telling
from e3dnas.report.dashboard.server import ConstrainedView, make_dashboard
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


@pytest.fixture
def serve(monkeypatch):
    """Serve a study; what is called asks for a path, with PUT, POST or DELETE where there is data."""
    monkeypatch.setattr(telling, "PATIENCE", -1.0)

    @contextmanager
    def start(study, **given):
        server = make_dashboard(study, **given)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()

        def ask(path, method="GET", data=None):
            request = urllib.request.Request(
                f"http://127.0.0.1:{server.server_port}{path}", method=method,
                data=None if data is None else json.dumps(data).encode(), headers={"Content-Type": "application/json"},
            )  # fmt: skip
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.status, answer.read(), answer.headers
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read(), error.headers

        yield ask
        server.shutdown()
        thread.join()
        server.server_close()

    return start


def detail(ask, study_id=0):
    return json.loads(ask(f"/api/studies/{study_id}?after=0")[1])


def stored(study):
    """Everything the storage holds of a study."""
    storage, number = study._storage, study._study_id
    return repr((storage.get_study_system_attrs(number), storage.get_study_user_attrs(number),
                 storage.get_all_trials(number)))  # fmt: skip


def test_notes_and_pictures(serve):
    study, _ = make_study(30, bound=90.0)
    before = stored(study)
    with serve(study) as ask:
        shown = detail(ask)
        assert "### The best network" in shown["note"]["body"]
        assert shown["note"]["version"] == 0
        told = [trial for trial in shown["trials"] if trial["note"]["body"]]
        assert len(told) == 5
        assert [t["number"] for t in shown["trials"] if t["artifacts"]] == [t["number"] for t in told]
        (best,) = shown["best_trials"]
        assert "The best network within the budgets" in best["note"]["body"]
        (artifact,) = best["artifacts"]
        assert artifact == {"artifact_id": artifact["artifact_id"], "filename": f"trial {best['number']}.svg",
                            "mimetype": "image/svg+xml", "encoding": None}  # fmt: skip
        path = f"/artifacts/0/{best['trial_id']}/{artifact['artifact_id']}"
        assert f"]({path})" in best["note"]["body"]
        assert f"]({path})" in shown["note"]["body"]
        status, picture, headers = ask(path)
        assert (status, headers["Content-Type"]) == (200, "image/svg+xml")
        assert ET.fromstring(picture).tag.endswith("svg")
        assert ask(path[:-1] + ("0" if path[-1] != "0" else "1"))[0] == 404
        ask("/api/studies")
        ask("/csv/0")
    assert stored(study) == before


def test_the_best_is_one_that_kept_its_budgets_when_it_was_measured_again(serve):
    study, _ = make_study(30)
    with serve(study) as ask:
        (first,) = detail(ask)["best_trials"]
        study.set_user_attr("e3dnas:again", {str(first["number"]): {"within": False, "measures": {}}})
        shown = detail(ask)
        (second,) = shown["best_trials"]
        assert second["number"] != first["number"]
        assert f"### The best network: trial {second['number']} " in shown["note"]["body"]


def test_a_picture_is_served_to_whom_asks_for_nothing_else(serve):
    from e3dnas.report.dashboard.story import artifact_id

    study, _ = make_study(30)
    best = max((t for t in study.get_trials() if max(t.constraints.values()) <= 0), key=lambda t: t.value)
    with serve(study) as ask:
        assert ask(f"/artifacts/0/{best._trial_id}/{artifact_id('small', best.number)}")[0] == 200


def test_the_notes_of_a_live_study_go_on(serve):
    study, space = make_study(3)
    with serve(study) as ask:
        assert "3 of 40 trials" in detail(ask)["note"]["body"]
        for seed in range(3, 20):
            add_trial(study, space, seed)
        assert "20 of 40 trials" in detail(ask)["note"]["body"]
        study.set_user_attr("e3dnas:bound", 99.0)
        assert "above 99.0000" in detail(ask)["note"]["body"]


def test_it_is_cheap_to_ask_again(monkeypatch):
    study, _ = make_study(10)
    view = ConstrainedView(study._storage)
    first = view.get_study_system_attrs(0)
    monkeypatch.setattr(telling, "tell_story", None)
    monkeypatch.setattr(telling, "PATIENCE", -1.0)
    assert view.get_study_system_attrs(0) == first
    monkeypatch.setattr(telling, "PATIENCE", 60.0)
    monkeypatch.setattr(study._storage, "get_all_trials", None)
    assert view.get_study_system_attrs(0) == first


@pytest.mark.parametrize("body", ["mine: **ours** no more", "", "x" * 5000])
def test_a_saved_note_wins(serve, body):
    study, space = make_study(10)
    with serve(study) as ask:
        trial = next(t for t in detail(ask)["trials"] if t["note"]["body"])["trial_id"]
        for path in ("/api/studies/0/note", f"/api/studies/0/{trial}/note"):
            assert ask(path, "PUT", {"version": 1, "body": body})[0] == 204
        assert ask("/api/studies/0/note", "PUT", {"version": 1, "body": "late"})[0] == 409
        add_trial(study, space, 11)
        shown = detail(ask)
        assert shown["note"] == {"version": 1, "body": body}
        assert shown["trials"][trial]["note"] == {"version": 1, "body": body}
        assert ask("/api/studies/0/note", "PUT", {"version": 2, "body": "again"})[0] == 204
        assert detail(ask)["note"] == {"version": 2, "body": "again"}
    assert optuna_dashboard.get_note(study) == "again"


def test_a_note_saved_as_it_was_goes_on(serve):
    study, space = make_study(10)
    with serve(study) as ask:
        told = detail(ask)["note"]["body"]
        assert ask("/api/studies/0/note", "PUT", {"version": 1, "body": told})[0] == 204
        for seed in range(10, 15):
            add_trial(study, space, seed)
        shown = detail(ask)["note"]
        assert shown["version"] == 1
        assert "15 of 40 trials" in shown["body"]
        altered = shown["body"].replace("15 of 40", "many")
        assert ask("/api/studies/0/note", "PUT", {"version": 2, "body": altered})[0] == 204
        assert detail(ask)["note"]["body"] == altered


def test_a_deleted_picture_stays_away(serve):
    study, _ = make_study(30)
    with serve(study) as ask:
        (best,) = detail(ask)["best_trials"]
        name = best["artifacts"][0]["artifact_id"]
        assert ask(f"/api/artifacts/0/{best['trial_id']}/{name}", "DELETE")[0] == 204
        (best,) = detail(ask)["best_trials"]
        assert ask(f"/artifacts/0/{best['trial_id']}/{name}")[0] == 404
        assert name not in best["note"]["body"]
    with serve(study) as ask:  # and so it does the next time
        assert detail(ask)["best_trials"][0]["artifacts"] == []


def test_uploads_are_kept_in_the_folder(serve, tmp_path):
    study, _ = make_study(3)
    file = {"file": "data:text/plain;base64," + base64.b64encode(b"hello").decode(), "filename": "a.txt"}
    with serve(study, folders={"small": tmp_path}) as ask:
        status, body, _ = ask("/api/artifacts/0", "POST", file)
        assert status == 201
        name = json.loads(body)["artifact_id"]
        assert ask(f"/artifacts/0/{name}")[1] == b"hello"
    assert [path.name for path in tmp_path.rglob("*-*")] == [name]
    with serve(study, folders={"small": tmp_path}) as ask:
        assert [a["filename"] for a in detail(ask)["artifacts"]] == ["a.txt"]
        assert ask(f"/api/artifacts/0/{name}", "DELETE")[0] == 204
    assert list(tmp_path.rglob("*-*")) == []
    with serve(study) as ask:
        assert ask("/api/artifacts/0", "POST", file)[0] == 500


def test_renaming_copies_nothing_of_ours(serve):
    study, _ = make_study(10, bound=90.0)
    mine, theirs = (dict(t.user_attrs) for t in study.get_trials()[:2])
    with serve(study) as ask:
        ask("/api/studies/0/1/note", "PUT", {"version": 1, "body": "keep me"})
        assert ask("/api/studies/0/rename", "POST", {"study_name": "other"})[0] == 201
        (summary,) = json.loads(ask("/api/studies")[1])["study_summaries"]
        shown = detail(ask, summary["study_id"])
        assert "## other" in shown["note"]["body"]
        assert shown["trials"][1]["note"]["body"] == "keep me"
        pictured = [trial for trial in shown["trials"] if trial["artifacts"]]
        assert {len(trial["artifacts"]) for trial in pictured} == {1}
        for trial in pictured:
            path = f"/artifacts/{summary['study_id']}/{trial['trial_id']}/{trial['artifacts'][0]['artifact_id']}"
            assert ask(path)[0] == 200
            assert trial["number"] == 1 or path in trial["note"]["body"]
    renamed = optuna.load_study(study_name="other", storage=study._storage).get_trials()
    assert [t.user_attrs for t in renamed[:2]] == [mine, theirs]
    assert not any("artifact" in key or key == "constraints" for t in renamed for key in t.system_attrs)


def test_every_study_of_ours_and_no_other(serve):
    storage = InMemoryStorage()
    study, _ = make_study(10, storage=storage, name="one")
    make_study(20, storage=storage, name="two", directions=("maximize", "minimize"))
    foreign = optuna.create_study(storage=storage, study_name="foreign")
    foreign.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    broken = optuna.create_study(storage=storage, study_name="broken")
    broken.set_user_attr("e3dnas:space", '{"stages": 3}')
    with serve(study) as ask:
        assert "## one" in detail(ask, 0)["note"]["body"]
        front = detail(ask, 1)
        assert "### The front" in front["note"]["body"]
        assert front["objective_names"] == ["stentr", "flops"]
        for number in (2, 3):
            shown = detail(ask, number)
            assert shown["note"] == {"version": 0, "body": ""}
            assert not any(trial["artifacts"] for trial in shown["trials"])
        assert ask("/api/studies/9?after=0")[0] == 404


def test_fronts_are_within_the_budgets(serve):
    study, _ = make_study(60, directions=("maximize", "minimize"))
    beyond = {tuple(t.values) for t in study.get_trials() if max(t.constraints.values()) > 0}
    within = {tuple(t.values) for t in study.get_trials()} - beyond
    assert max(beyond) > max(within)
    with serve(study) as ask:
        shown = {tuple(trial["values"]) for trial in detail(ask)["best_trials"]}
    assert shown == {
        (score, cost) for score, cost in within
        if not any(s >= score and c <= cost and (s, c) != (score, cost) for s, c in within)
    }  # fmt: skip


def test_trials_of_another_kind_do_no_harm(serve):
    study, _ = make_study(3)
    study.add_trial(optuna.create_trial(value=1e9))
    with serve(study) as ask:
        assert len(detail(ask)["trials"]) == 4
