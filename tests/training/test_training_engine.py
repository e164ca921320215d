"""The loop: parts of an update, reports, stops, and what stops it."""

import os
import signal

import pytest
import torch
from made_training import RECIPE, Heard, clips, run
from safetensors.torch import load_file

from e3dnas.errors import E3DNASError
from e3dnas.training import TrainingFailed
from e3dnas.training.folder import TrainingFolder

PLAIN = {"epochs": 2, "batch": 8, "model": {"batch_norm": "frozen"}, "optimizer": {"lr": 0.1}}


def weights(out, name="model", which="last"):
    return load_file(out / "checkpoints" / which / f"{name}.safetensors")


def test_parts_of_an_update_add_up_to_the_whole(tmp_path):
    run(tmp_path / "one", recipe=PLAIN)
    run(tmp_path / "four", recipe={**PLAIN, "accumulate": 4})
    one, four = weights(tmp_path / "one"), weights(tmp_path / "four")
    for key, value in one.items():
        torch.testing.assert_close(four[key], value, rtol=1e-4, atol=1e-6)


def test_one_update_is_that_of_plain_pytorch(tmp_path):
    """One update of SGD with momentum, gradient clipping and warm-up, done by hand."""
    from e3dnas.training.assembling import seed_for

    recipe = {**PLAIN, "epochs": 1, "batch": 44, "clip_grad": 0.01, "optimizer": {"lr": 0.1, "weight_decay": 0.01}}
    run(tmp_path / "run", recipe=recipe, save_every=None)
    data = clips()
    torch.manual_seed(seed_for(0, "weights"))
    from e3dnas.models import create_model

    model = create_model(tmp_path / "run" / "architecture.yaml", num_classes=3)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            module.eval()
            module.requires_grad_(False)
    torch.nn.functional.cross_entropy(model(data.clips), data.labels).backward()
    learning = {key: p for key, p in model.named_parameters() if p.requires_grad}
    norm = torch.nn.utils.clip_grad_norm_(learning.values(), 0.01)
    assert norm > 0.015
    found = weights(tmp_path / "run")
    for key, parameter in learning.items():
        decay = 0.01 if parameter.ndim > 1 else 0.0
        wanted = parameter - 0.1 * 1.9 * (parameter.grad + decay * parameter)  # timm's sgd has Nesterov momentum
        torch.testing.assert_close(found[key], wanted.detach(), rtol=1e-5, atol=1e-7)


def test_it_learns_and_the_average_is_what_is_judged(tmp_path):
    heard = Heard()
    recipe = {**RECIPE, "epochs": 12, "optimizer": {"name": "adamw", "lr": 0.02}}
    result = run(tmp_path / "run", recipe=recipe, listener=heard, save_every=None, log_every=2)
    assert result.best["top1"] == 1.0
    assert heard.epochs[-1].row["train_loss"] < 0.8 * heard.epochs[0].row["train_loss"]
    best = weights(tmp_path / "run", "ema", "best")
    assert not all(torch.equal(value, best[key]) for key, value in weights(tmp_path / "run", "model", "best").items())
    from e3dnas.models import create_model

    model = create_model(tmp_path / "run" / "architecture.yaml", num_classes=3).eval()
    model.load_state_dict(best)
    pixels, labels = clips().held_out
    with torch.inference_mode():
        loss = torch.nn.functional.cross_entropy(model(pixels), labels)
    assert result.best["loss"] == pytest.approx(float(loss), rel=1e-4)


def test_reports(tmp_path):
    heard = Heard()
    run(tmp_path / "run", listener=heard, log_every=2, save_every=None)
    assert [report.update for report in heard.steps] == [2, 4, 5, 6, 8, 10, 12, 14, 15]
    assert [report.epoch for report in heard.steps] == [1] * 3 + [2] * 3 + [3] * 3
    assert all(
        report.updates == 15 and report.clips_per_sec > 0 and 0 <= report.wait_share <= 1 for report in heard.steps
    )
    assert heard.steps[-1].seconds_left == 0
    row = heard.epochs[0].row
    mean = sum(report.loss * (2 if report.update != 5 else 1) for report in heard.steps[:3]) / 5
    assert row["train_loss"] == pytest.approx(mean, rel=1e-5)
    assert any(note == "learning rate: 0.05 (sgd), not scaled" for note in heard.notes)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_writes_a_checkpoint_and_leaves_nothing_undone(tmp_path, number):
    class Stopper(Heard):
        def step(self, report):
            if report.update == 7:
                os.kill(os.getpid(), number)

    result = run(tmp_path / "stopped", listener=Stopper(), save_every=None)
    assert (result.complete, result.epochs) == (False, 1)
    assert TrainingFolder(tmp_path / "stopped").checkpoints.load().update == 8
    assert signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL)
    assert run(tmp_path / "stopped", resume=True).complete
    run(tmp_path / "whole")
    for key, value in weights(tmp_path / "whole").items():
        assert torch.equal(weights(tmp_path / "stopped")[key], value)


def test_a_loss_that_is_not_finite_stops_and_names_the_clips(tmp_path):
    data = clips()
    data.clips[9] = torch.inf
    with pytest.raises(TrainingFailed) as failed:
        run(tmp_path / "run", recipe=PLAIN, data=data, log_every=3, save_every=1)
    told = str(failed.value)
    assert "the loss is nan at update" in told
    named = told.split("of the clips ")[1].split(";")[0].split(", ")
    assert "9" in named
    assert len(named) == 8
    assert "checkpoints/last" in told
    assert failed.value.exit_code == 1
    update = int(told.split("at update ")[1].split(",")[0])
    kept = TrainingFolder(tmp_path / "run").checkpoints.load()
    assert kept.update == update - 1
    assert all(torch.isfinite(value).all() for value in kept.model.values())


def test_weights_that_are_not_finite_are_not_kept(tmp_path):
    recipe = {**PLAIN, "model": {}, "optimizer": {"lr": 1e38}}
    with pytest.raises(TrainingFailed, match=r"not finite|is nan|is inf"):
        run(tmp_path / "run", recipe=recipe)
    kept = TrainingFolder(tmp_path / "run").checkpoints.load()
    assert all(torch.isfinite(value).all() for value in kept.model.values() if value.is_floating_point())


def test_too_few_clips(tmp_path):
    with pytest.raises(
        E3DNASError, match="an update takes 64 clips, and there are 44 to train on; write a smaller batch"
    ):
        run(tmp_path / "run", recipe={"batch": 64})
    assert not (tmp_path / "run").exists()


def test_a_folder_in_use(tmp_path):
    class Second(Heard):
        def step(self, report):
            with pytest.raises(E3DNASError, match="another training is at work here"):
                run(tmp_path / "run", resume=True)

    run(tmp_path / "run", recipe={**PLAIN, "epochs": 1, "batch": 44}, listener=Second())


@pytest.mark.parametrize("kind", ["file", "other files"])
def test_a_folder_of_something_else(tmp_path, kind):
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("x")
    else:
        out.mkdir()
        (out / "recipe.yaml").write_text("mine")
    with pytest.raises(E3DNASError, match=r"name a folder|holds other files and is no training"):
        run(out)
    assert out.is_file() or [path.name for path in out.iterdir()] == ["recipe.yaml"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu(tmp_path):
    for name, precision in (("plain", {"amp": "no", "channels_last": False}), ("fast", {"amp": "bf16"})):
        heard = Heard()
        recipe = {**PLAIN, "epochs": 6, "model": {}, "precision": precision}
        run(tmp_path / name, recipe=recipe, listener=heard, device="cuda")
        assert heard.steps[-1].gpu_gib > 0
        assert heard.steps[-1].loss < heard.steps[0].loss
