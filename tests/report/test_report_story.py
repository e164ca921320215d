"""What is told of a study: its best trials or its front, their figures, and the commands."""

import re
from pathlib import Path

import pytest
from made_studies import add_trial, make_study
from optuna.trial import TrialState

from e3dnas.measure.api import measure
from e3dnas.report.dashboard import story
from e3dnas.report.dashboard.story import Told, artifact_id, tell_story
from e3dnas.search.elite import elite, spread


def told_of(study, space, **given):
    return Told(study._study_id, study.study_name, space, study.metric_names, study.directions, **given)


def story_of(study, space, gone=(), **given):
    return tell_story(told_of(study, space, **given), study.get_trials(), {}, gone)


def within(study):
    return [t for t in study.get_trials() if max(t.constraints.values()) <= 0]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_best_are_different_and_within_the_budgets(direction):
    study, space = make_study(40, directions=(direction,))
    for trial in study.get_trials()[:20]:
        study.add_trial(trial)  # each network twice
    assert 10 < len(within(study)) < 60
    best = elite(study.get_trials(), study.directions, space, 5)
    values = sorted({t.value for t in within(study)}, reverse=direction == "maximize")
    assert [t.value for t in best] == values[:5]
    assert all(t.number < 40 for t in best)


def test_the_front_by_brute_force():
    study, space = make_study(60, directions=("maximize", "minimize", "minimize"))
    left = within(study)
    beaten = [
        any(all(b * s >= a * s for a, b, s in zip(one.values, other.values, (1, -1, -1), strict=True))
            and one.values != other.values for other in left)
        for one in left
    ]  # fmt: skip
    expected = {tuple(t.values) for t, is_beaten in zip(left, beaten, strict=True) if not is_beaten}
    front = elite(study.get_trials(), study.directions, space, 1)
    assert 3 < len(front) < len(left)
    assert {tuple(t.values) for t in front} == expected
    assert [t.values[0] for t in front] == sorted((t.values[0] for t in front), reverse=True)


def test_spread():
    assert spread([1, 2, 3], 3) == [1, 2, 3]
    assert spread(list(range(101)), 5) == [0, 25, 50, 75, 100]
    assert len(set(spread(list(range(13)), 12))) == 12


def test_the_study():
    study, space = make_study(30, bound=90.0)
    told = story_of(study, space, bound=90.0, folder=Path("runs/my run"), storage="sqlite:///x.db")
    best = max(within(study), key=lambda t: t.value)
    text = told.study
    assert "it maximises **stentr** within **layers ≥ 3 and ≤ 20**, **flops ≤ 3 M**" in text
    assert "30 of 40 trials have finished; 300 candidates were looked at." in text
    assert (
        f"### The best network: trial {best.number} ([open](/dashboard/studies/0/trials?numbers={best.number}))" in text
    )
    assert f"{best.value:.4f}" in text
    assert f"Gap to the proven optimum: **{100 * (90 - best.value) / best.value:.4f} %**" in text
    assert "no network here has stentr above 90.0000" in text
    assert "e3dnas export 'runs/my run' --name my_small --storage sqlite:///x.db --register" in text
    assert f"](/artifacts/0/{best._trial_id}/{artifact_id('small', best.number)})" in text
    assert len(re.findall(r"^\| \d", text, re.MULTILINE)) == len(told.trials) == len(told.pictures) == 5


def test_a_network_that_broke_a_budget_when_measured_again_is_not_the_best():
    study, space = make_study(30)
    first, second = sorted(within(study), key=lambda t: -t.value)[:2]
    told = story_of(study, space, refused={first.number})
    assert f"### The best network: trial {second.number} " in told.study
    assert first._trial_id not in told.trials


def test_without_bound_or_folder():
    study, space = make_study(8)
    text = story_of(study, space).study
    assert "optimum" not in text
    assert "```" not in text


def test_a_trial():
    study, space = make_study(30)
    told = story_of(study, space, folder=Path("r"))
    best = max(within(study), key=lambda t: t.value)
    note = told.trials[best._trial_id]
    assert note.startswith("**The best network within the budgets.**")
    shown = measure(space.architecture(space.genotype(best.params)))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in note.splitlines() if "conv" in line]
    assert [row[0] for row in rows if row[0] != r"conv\_macs"] == ["stem", "head"]
    stage = next(line for line in note.splitlines() if line.startswith("| stage1"))
    cells = [cell.strip() for cell in stage.strip("|").split("|")]
    of_stage = shown["stages"][1]
    assert cells[1] == f"{of_stage['depth']} x depthwise"
    assert cells[2:6] == [of_stage["kernel"], "16", str(of_stage["out"]), f"4x{of_stage['size']}x{of_stage['size']}"]
    assert f"e3dnas export r --name my_small_{best.number} --trial {best.number} --register" in note
    ranks = [note.partition("**")[2].partition("**")[0] for note in told.trials.values()]
    assert ranks[1:] == [f"Number {rank} within the budgets." for rank in range(2, 6)]


def test_pictures_are_drawn_and_stay_away_when_deleted():
    study, space = make_study(30)
    told = story_of(study, space)
    (name, picture), *_ = told.pictures.items()
    assert picture.svg().startswith(b"<svg ")
    assert re.fullmatch("[0-9a-f-]{36}", name)
    without = story_of(study, space, gone={name})
    assert name not in without.pictures
    assert name not in without.study + "".join(without.trials.values())
    assert without.trials.keys() == told.trials.keys()


def test_the_front(monkeypatch):
    monkeypatch.setattr(story, "OF_FRONT", 4)
    study, space = make_study(120, directions=("maximize", "minimize", "minimize"))
    whole = len(elite(study.get_trials(), study.directions, space, 1))
    assert whole > 4
    found = story_of(study, space, bound=90.0, folder=Path("r"))
    assert "it maximises **stentr** and minimises **flops** and minimises **params** within" in found.study
    assert f"### The front: {whole} networks" in found.study
    assert "Shown are 4 of them" in found.study
    assert "optimum" not in found.study
    assert len(found.pictures) == 4
    assert all(note.startswith(f"**On the front, with {whole - 1} others.**") for note in found.trials.values())
    first = max(within(study), key=lambda t: t.values[0])
    assert f"--name my_small_{first.number} --trial {first.number} --register" in found.study


def test_nothing_within_the_budgets_yet():
    study, space = make_study(0)
    assert "No network within the budgets has been found yet." in story_of(study, space).study
    trial = study.ask()
    study.tell(trial, state=TrialState.FAIL)
    told = story_of(study, space)
    assert "0 of 40 trials have finished, 1 failed; 0 candidates" in told.study
    assert (told.trials, told.pictures) == ({}, {})


def test_what_is_known_is_not_measured_again():
    study, space = make_study(20)
    known = {}
    first = tell_story(told_of(study, space), study.get_trials(), known)
    assert len(known) == 5
    known = {number: dict(measures, name="kept") for number, measures in known.items()}
    add_trial(study, space, 0)  # the same network as the first trial's
    again = tell_story(told_of(study, space), study.get_trials(), known)
    assert again.trials == first.trials
    assert {picture.measures["name"] for picture in again.pictures.values()} == {"kept"}


def test_names_are_no_markup():
    study, space = make_study(8, name="a|b *c* [x](http://y) <b> `d`")
    head = story_of(study, space).study.splitlines()[0]
    assert head == r"## a\|b \*c\* \[x\](http://y) \<b\> \`d\`"
