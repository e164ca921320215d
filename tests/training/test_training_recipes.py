"""Recipe files, what they extend, and single keys set on top."""

import pytest

from e3dnas.errors import E3DNASError
from e3dnas.training import load_recipe, parse_settings, shipped_recipes


def test_shipped_recipes():
    names = {"default", "demo", "kinetics400", "something_v1", "something_v2", "ucf101"}
    assert shipped_recipes().keys() == names
    for name in names:
        assert load_recipe(name).name == name
    # What FIELD says of X3D-S on Kinetics and X3D-M on Something-Something.
    kinetics, something = load_recipe("kinetics400"), load_recipe("something_v1")
    assert (kinetics.epochs, kinetics.batch, kinetics.lr) == (300, 128, 0.1)
    assert (kinetics.schedule.warmup_epochs, kinetics.schedule.warmup_lr) == (35, 0.01)
    assert (kinetics.optimizer.momentum, kinetics.optimizer.weight_decay, kinetics.model.drop) == (0.9, 5e-5, 0.5)
    assert [round(160 * side) for side in kinetics.augment.short_side] == [182, 228]
    assert (kinetics.test.clips, kinetics.test.crops, kinetics.clip.sampling) == (10, 3, "dense")
    assert (something.epochs, something.batch, something.augment.flip, something.clip.sampling) == (
        100, 64, False, "segment",
    )  # fmt: skip
    assert [round(224 * side) for side in something.augment.short_side] == [256, 320]
    assert load_recipe("something_v2", {"name": "something_v1"}) == something


def test_extending_a_file_and_a_shipped_recipe(tmp_path):
    (tmp_path / "base.yaml").write_text("extends: demo\nepochs: 7\noptimizer: {lr: 0.5}\n")
    (tmp_path / "mine.yaml").write_text("extends: base.yaml\nbatch: 4\n")
    recipe, demo = load_recipe(tmp_path / "mine.yaml"), load_recipe("demo")
    assert (recipe.name, recipe.epochs, recipe.batch, recipe.optimizer.lr) == ("mine", 7, 4, 0.5)
    assert recipe.optimizer.weight_decay == demo.optimizer.weight_decay


def test_linear_scaling():
    recipe = load_recipe({"batch": 256, "optimizer": {"lr": 0.1, "lr_batch": 64}})
    assert recipe.lr == pytest.approx(0.4)
    assert load_recipe({"batch": 256, "optimizer": {"lr": 0.1}}).lr == 0.1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epochs: 0\n", "mine.yaml:1: epochs: must be greater than or equal to 1, not 0"),
        ("seed: 1\noptimizer: {lrr: 1}\n", "mine.yaml:2: optimizer.lrr: unknown key 'lrr'; did you mean 'lr'?"),
        ("augment: {short_side: [2, 1]}\n", "mine.yaml:1: augment.short_side: must be two numbers from 1 up"),
        ("batch: 32\naccumulate: 3\n", "mine.yaml:2: accumulate: must divide the batch of 32, and 3 does not"),
        ("epochs: 5\nschedule: {warmup_epochs: 5}\n", "mine.yaml:2: schedule.warmup_epochs: 5 epochs of warm-up leave"),
        ("loss: bce\nlabel_smoothing: 0.1\naugment: {mixup: 0.2}\n", "mine.yaml:2: label_smoothing: with bce, labels"),
        ("loss: cross\n", "mine.yaml:1: loss: must be one of cross_entropy, bce, not 'cross'; did you mean"),
        ("test: {crops: 4}\n", "mine.yaml:1: test.crops: must be one of 1, 2, 3, not 4"),
        ("extends: mine.yaml\n", "mine.yaml:1: extends: mine.yaml leads back to this file"),
        ("extends: kinetics40\n", "'kinetics40' is neither a file beside this one nor a shipped recipe"),
        ("extends: [a]\n", "mine.yaml:1: extends: must be a file or the name of a shipped recipe, not ['a']"),
        ("model: {drop: .nan}\n", "mine.yaml:1: model.drop"),
    ],
)
def test_wrong_files(tmp_path, text, told):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(E3DNASError) as error:
        load_recipe(tmp_path / "mine.yaml")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_no_such_recipe():
    with pytest.raises(
        E3DNASError, match=r"kinetics: neither a file nor a shipped recipe .* did you mean 'kinetics400'"
    ):
        load_recipe("kinetics")


def test_settings_are_yaml():
    settings = [
        "optimizer.lr=5e-2",
        "ema=null",
        "augment.flip=true",
        "optimizer.options={betas: [0.9, 0.95]}",
        "name= x",
    ]
    assert parse_settings(settings) == {
        "optimizer": {"lr": 0.05, "options": {"betas": [0.9, 0.95]}},
        "ema": None,
        "augment": {"flip": True},
        "name": "x",
    }


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["epochs"], "--set epochs: must be key=value; write for example --set optimizer.lr=0.05"),
        (["=3"], "--set =3: must be key=value"),
        (["a..b=3"], "must be key=value"),
        (["epochs="], "--set epochs=: there is no value after '='; write null for none"),
        (["epochs=3", "epochs=4"], "--set epochs=4: epochs has been set by another --set"),
        (["ema=null", "ema.decay=0.9"], "--set ema.decay=0.9: 'ema' has been set to None by another --set"),
        (["clip.size=[3"], "--set clip.size=[3: the value is not valid YAML"),
        (["epochz=3"], "--set epochz: unknown key 'epochz'; did you mean 'epochs'?"),
        (["optimizer.lr=fast"], "--set optimizer.lr: must be a valid number, not 'fast'"),
        (["epochs=1.5"], "--set epochs: must be a valid integer, not 1.5"),
        (["ema.decay=2"], "--set ema.decay: must be less than 1, not 2"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_settings(settings, told):
    with pytest.raises(E3DNASError) as error:
        load_recipe("demo", parse_settings(settings))
    assert told in str(error.value)


def test_a_recipe_file_comes_back_equal(tmp_path):
    from e3dnas.config import dump_yaml

    recipe = load_recipe("default")
    (tmp_path / "recipe.yaml").write_text(dump_yaml(recipe.model_dump(mode="json")))
    assert load_recipe(tmp_path / "recipe.yaml") == recipe
