"""The figures of a run: every number in them again from the study, by the plainest way there is."""

import math
from itertools import pairwise

import optuna
import pytest
from made_runs import FRONT, SPACE, made_run, within

import e3dnas
from e3dnas.bound import front
from e3dnas.errors import E3DNASError
from e3dnas.measure.api import measure
from e3dnas.report.runs.data import focus
from e3dnas.report.runs.figures import KINDS, NothingToDraw, check_kind, make_chart, network_page, network_picture
from e3dnas.report.runs.networks import stages
from e3dnas.report.runs.references import published
from e3dnas.report.runs.trials import cost_of


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = made_run(tmp_path_factory.mktemp("run"), 60, bound=51.25)
    kept = [within(trial) for trial in made.study.get_trials()]
    assert 10 < sum(kept) < 50
    return made


@pytest.fixture(scope="module")
def fronts(tmp_path_factory):
    return made_run(tmp_path_factory.mktemp("fronts"), 80, space=FRONT)


def series_of(chart):
    return {one.name: one for one in chart.series}


def test_history(run):
    chart = make_chart(run, "history")
    series, trials = series_of(chart), run.study.get_trials()
    inside, beyond = series["trials within the budgets"], series["beyond a budget"]
    assert dict(zip(inside.x, inside.y, strict=True)) == {t.number: t.value for t in trials if within(t)}
    assert dict(zip(beyond.x, beyond.y, strict=True)) == {t.number: t.value for t in trials if not within(t)}
    assert list(beyond.details["flops"]) == [t.user_attrs["flops"] for t in trials if not within(t)]
    best = series["best so far"]
    for trial in trials:  # the steps hold the best of all trials up to here
        so_far = [t.value for t in trials[: trial.number + 1] if within(t)]
        held = [y for x, y in zip(best.x, best.y, strict=True) if x <= trial.number]
        assert held[-1:] == ([max(so_far)] if so_far else [])
    assert best.x[-1] == trials[-1].number
    (line,) = chart.lines
    assert (line.axis, line.value, line.name) == ("y", 51.25, "proven bound 51.2500")
    assert chart.y.view[0] < max(best.y) < chart.y.view[1]
    assert chart.y.view[1] > 51.25
    outside = sum(not chart.y.view[0] <= t.value <= chart.y.view[1] for t in trials)
    assert (f"{outside} of 60 trials lie" in chart.note) is (outside > 0)


def test_history_of_infeasible_and_of_no_trials(tmp_path):
    space = SPACE | {"budgets": {"params": {"max": 10}}}
    chart = make_chart(made_run(tmp_path / "a", 5, space=space), "history")
    assert [one.name for one in chart.series] == ["beyond a budget"]
    assert "No bound is proven" in chart.note
    with pytest.raises(NothingToDraw, match="no trial has finished yet"):
        make_chart(made_run(tmp_path / "b", 0), "history")


def test_tradeoff(run):
    chart = make_chart(run, "tradeoff")
    series, trials = series_of(chart), [t for t in run.study.get_trials() if within(t)]
    inside = series["trials within the budgets"]
    assert list(zip(inside.x, inside.y, inside.details["trial"], strict=True)) == [
        (t.user_attrs["flops"], t.value, t.number) for t in trials
    ]
    assert [(line.axis, line.value) for line in chart.lines] == [("x", 2e6), ("x", 1e5)]
    best = max(trials, key=lambda t: t.value)
    star = series["best network"]
    assert (star.x, star.y, star.details["trial"]) == ([best.user_attrs["flops"]], [best.value], [best.number])
    exact = series["exact front"]
    proven = front(run.space, {"stentr": "maximize", "flops": "minimize"}).values.tolist()
    assert sorted(zip(exact.y, exact.x, strict=True)) == sorted(map(tuple, proven))
    assert all(a < b for a, b in pairwise(exact.x))
    assert all(a < b for a, b in pairwise(exact.y))
    for trial in trials:  # nothing found lies above it
        reached = [y for x, y in zip(exact.x, exact.y, strict=True) if x <= trial.user_attrs["flops"]]
        assert trial.value <= max(reached) + 1e-9
    shown = series["published networks"]
    for name, flops, score in zip(shown.details["network"], shown.x, shown.y, strict=True):
        own = e3dnas.measure(name, frames=4, size=32)
        assert (flops, score) == (own["flops"], pytest.approx(own["stentr"], rel=1e-12))
    foreign = "e3d_s, e3d_m, x3d_m, e3d_l, x3d_l are made for other clips"
    assert f"{foreign} and measured here on this run's 4 x 32 x 32" in chart.note
    assert "flops" in chart.x.label
    assert "as thop counts" in chart.x.label


def test_published_networks_at_home(tmp_path):
    space = SPACE | {"clip": {"frames": 13, "size": 160}, "budgets": {}}
    chart = make_chart(made_run(tmp_path, 5, space=space), "tradeoff")
    assert "e3d_m, e3d_l, x3d_l are made for other clips" in chart.note
    assert ", x3d_s, " in chart.note  # of the X3D that differ in their clips alone, the one made for this clip
    points = series_of(chart)["published networks"]
    places = dict(zip(points.details["network"], zip(points.x, points.y, strict=True), strict=True))
    assert places["e3d_s"] == (1980409600, pytest.approx(202.8559146389, abs=1e-9))


@pytest.mark.parametrize(
    ("changes", "cost"),
    [({}, "flops"), ({"budgets": {"params": {"max": 1e4}}}, "params"), ({"budgets": {}}, "flops"),
     ({"score": "flops"}, "layers"), ({"score": "flops", "budgets": {}}, "conv_macs")],
)  # fmt: skip
def test_the_cost_that_is_drawn(tmp_path, changes, cost):
    assert cost_of(made_run(tmp_path, 1, space=SPACE | changes)) == cost


def test_a_score_that_is_no_sum(tmp_path):
    space = SPACE | {"score": "mine:own"}
    run = made_run(tmp_path, 30, space=space, values=lambda params, measures: [math.log(measures["params"])])
    chart = make_chart(run, "tradeoff")
    assert "exact front" not in series_of(chart)
    assert "published networks" not in series_of(chart)
    assert "No exact front: mine:own cannot be bounded" in chart.note
    assert chart.y.label == "own"


def test_options_of_a_score_hold_for_published_networks(tmp_path):
    space = SPACE | {"score": {"name": "stentr", "options": {"stage_weights": [1, 1, 1, 1, 1]}}}
    run = made_run(tmp_path, 1, space=space | {"budgets": {}}, values=lambda params, measures: [1.0])
    by_name = {one.name: one for one in published(run)}
    assert by_name["e3d_s"].values["stentr"] != pytest.approx(by_name["e3d_s"].measures["stentr"])
    space["score"]["options"]["stage_weights"] = [1, 1, 1]  # of a network with other stages
    run = made_run(tmp_path, 1, space=space | {"budgets": {}}, values=lambda params, measures: [1.0])
    assert [one.values for one in published(run)] == [{"stentr": None}] * 5


@pytest.mark.parametrize("name", ["e3d_s", "e3d_l"])
def test_stages(name):
    measures = measure(name)
    chart = stages(measures)
    shares = {one.name: one.y for one in chart.series}
    assert chart.series[0].x == [stage["name"] for stage in measures["stages"]]
    assert sum(shares["flops"]) == pytest.approx(1, abs=1e-12)
    assert sum(shares["params"]) == pytest.approx(1, abs=1e-12)
    rest = math.log(measures["stages"][-1]["out"]) / measures["stentr"]
    assert sum(shares["stentr"]) == pytest.approx(1 - rest, abs=1e-12)


def test_stages_of_a_trial_and_of_the_best(run):
    best = max((t for t in run.study.get_trials() if within(t)), key=lambda t: t.value)
    assert make_chart(run, "stages") == make_chart(run, "stages", best.number)
    assert make_chart(run, "stages") != make_chart(run, "stages", (best.number + 1) % 60)
    with pytest.raises(E3DNASError, match="--trial 60: the run has trials 0 to 59"):
        make_chart(run, "stages", 60)


def test_importances_find_the_choice_that_matters(tmp_path):
    run = made_run(tmp_path, 120, values=lambda params, measures: [float(params["stage1.out"])],
                   space=SPACE | {"budgets": {}})  # fmt: skip
    chart = make_chart(run, "importances")
    (bars,) = chart.series
    assert bars.x[0] == "stage1.out"
    assert bars.y[0] > 0.5
    assert list(bars.y) == sorted(bars.y, reverse=True)
    assert sum(bars.y) == pytest.approx(1)
    assert set(bars.x) == {gene.name for gene in run.space.genes}
    assert "120 trials" in chart.note


def test_importances_look_at_trials_within_the_budgets(tmp_path):
    def misled(params, measures):
        beyond = measures["layers"] > 14 or not 1e5 <= measures["flops"] <= 2e6
        return [1000.0 + params["stem.out"] if beyond else float(params["stage2.bottleneck_ratio"])]

    run = made_run(tmp_path, 300, values=misled)
    kept = [t for t in run.study.get_trials() if within(t)]
    assert 50 < len(kept) < 250
    (bars,) = make_chart(run, "importances").series
    assert bars.x[0] == "stage2.bottleneck_ratio"
    assert len(run.study.get_trials()) == 300


@pytest.mark.parametrize(
    ("count", "values", "reason"),
    [(0, None, "in 20 trials within the budgets or more; this run has 0"), (19, None, "this run has 19"),
     (40, lambda params, measures: [7.0], "have the same score")],
    ids=["none", "few", "constant"],
)  # fmt: skip
def test_importances_that_cannot_be_told(tmp_path, count, values, reason):
    run = made_run(tmp_path, count, values=values, space=SPACE | {"budgets": {}})
    with pytest.raises(NothingToDraw, match=reason):
        make_chart(run, "importances")


def test_importances_of_few_trials_and_of_equal_ones(tmp_path):
    run = made_run(tmp_path / "few", 30, space=SPACE | {"budgets": {}})
    assert "With fewer than 50 trials it is rough" in make_chart(run, "importances").note
    params = run.study.get_trials()[0].params
    run = made_run(tmp_path / "same", 30, params=lambda i: params, space=SPACE | {"budgets": {}})
    with pytest.raises(NothingToDraw, match="cannot be told"):
        make_chart(run, "importances")


def beaten(values, others):
    """Whether one of the others is as good in both, score up and flops down, and better in one."""
    return any(o[0] >= values[0] and o[1] <= values[1] and o != values for o in others)


def test_the_front(fronts):
    chart = make_chart(fronts, "front")
    series = series_of(chart)
    values = [tuple(t.values) for t in fronts.study.get_trials() if within(t)]
    wanted = sorted({v for v in values if not beaten(v, values)}, key=lambda v: v[1])
    found = series["front found"]
    assert list(zip(found.y, found.x, strict=True)) == wanted
    assert found.kind == "steps"
    exact = front(fronts.space)
    assert sorted(zip(series["exact front"].y, series["exact front"].x, strict=True)) == sorted(
        map(tuple, exact.values.tolist())
    )
    inside = series["trials within the budgets"]
    assert sorted(zip(inside.y, inside.x, strict=True)) == sorted(values)
    assert (chart.x.title, chart.y.title) == ("flops", "stentr")
    share = _area(wanted, exact.values.tolist()) / _area(exact.values.tolist(), exact.values.tolist())
    assert f"They have {100 * share:.2f} % of the exact front's hypervolume" in chart.note
    with pytest.raises(NothingToDraw, match="--kind front shows"):
        make_chart(fronts, "history")


def _area(points, exact):
    """The area that points (score, flops) dominate above the worst of the exact front in each."""
    low, high = min(s for s, _ in exact), max(f for _, f in exact)
    area, right = 0.0, high
    for score, flops in sorted(points, key=lambda p: -p[0]):
        if flops < right and score > low:
            area += (right - flops) * (score - low)
            right = flops
    return area


def test_a_front_of_three(tmp_path):
    goals = {"stentr": "maximize", "params": "minimize", "flops": "minimize"}
    run = made_run(tmp_path, 100, space=SPACE | {"objectives": goals})
    chart = make_chart(run, "front")
    found = series_of(chart)["front found"]
    assert (found.kind, chart.x.title, chart.y.title) == ("points", "params", "stentr")
    rows = {tuple(t.values) for t in run.study.get_trials() if within(t)}
    assert set(zip(found.y, found.x, found.details["flops"], strict=True)) <= rows
    assert "With three objectives there is no exact front" in chart.note
    assert make_chart(run, "importances").series[0].y


def test_a_front_that_is_sought_upwards(tmp_path):
    goals = {"stentr": "maximize", "params": "maximize"}
    chart = make_chart(made_run(tmp_path, 40, space=SPACE | {"objectives": goals}), "front")
    assert series_of(chart)["front found"].kind == "points"  # what is reached at a cost says nothing of a higher one
    goals = {"flops": "minimize", "stentr": "maximize"}
    chart = make_chart(made_run(tmp_path, 40, space=SPACE | {"objectives": goals}), "front")
    assert (chart.x.title, chart.y.title, series_of(chart)["front found"].kind) == ("flops", "stentr", "steps")


def test_no_front_of_one_objective(run):
    with pytest.raises(NothingToDraw, match="has one objective, stentr"):
        make_chart(run, "front")


def test_the_network(run):
    assert network_picture(run, 3).startswith("<svg ")
    assert network_picture(run, 3) != network_picture(run)
    page = network_page(run, 3)
    assert "made, trial 3" in page
    assert page.count("<svg ") == 1
    assert ">stage2</th>" in page


def test_kinds():
    for kind in KINDS:
        check_kind(kind, None)
    with pytest.raises(E3DNASError, match=r"--kind histroy: must be one of history, .*did you mean 'history'"):
        check_kind("histroy", None)
    with pytest.raises(E3DNASError, match="--trial 3: --kind history shows all trials"):
        check_kind("history", 3)


@pytest.mark.parametrize(
    ("counted", "aims", "others", "view"),
    [
        ([], [], [], None),
        ([math.nan, math.inf], [], [], None),
        (list(range(11)), [], [], (0.55, 10.45)),  # the lowest tenth may be left out
        (list(range(11)), [21.0], [], (0.0, 22.0)),
        (list(range(11)), [], [14.0, 16.0], (0.35, 14.65)),  # near ones widen the view, far ones do not
        ([5.0], [], [], (4.75, 5.25)),
    ],
)
def test_what_is_shown_at_first(counted, aims, others, view):
    assert focus(counted, aims, others) == (None if view is None else pytest.approx(view))


def test_reading_changes_nothing(run):
    before = [(t.number, t.state, t.values) for t in run.study.get_trials()]
    names = optuna.get_all_study_names(run.study._storage)
    for kind in ("history", "tradeoff", "importances", "stages"):
        make_chart(run, kind)
    assert [(t.number, t.state, t.values) for t in run.study.get_trials()] == before
    assert optuna.get_all_study_names(run.study._storage) == names
