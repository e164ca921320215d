"""Checkpoints: whole or not there, and safe to read."""

import pytest
import torch
from safetensors.torch import load_file

from e3dnas.errors import E3DNASError
from e3dnas.training import checkpoints
from e3dnas.training.checkpoints import Checkpoint, Checkpoints


def checkpoint(update, value=None, ema=True):
    weights = {"a.weight": torch.full((2, 3), float(update if value is None else value)), "steps": torch.tensor(update)}
    tensors = {"optimizer": {"state": {0: {"momentum": torch.ones(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}}
    return Checkpoint(update, weights, weights if ema else None, tensors, {"epoch": update // 10, "note": "é"})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_round_trip(tmp_path):
    kept = Checkpoints(tmp_path / "checkpoints")
    assert kept.load() is None
    kept.save(checkpoint(10), best=True)
    found = kept.load()
    assert (found.update, found.progress) == (10, {"epoch": 1, "note": "é"})
    assert torch.equal(found.model["a.weight"], torch.full((2, 3), 10.0))
    assert torch.equal(found.ema["steps"], torch.tensor(10))
    assert torch.equal(found.tensors["optimizer"]["state"][0]["momentum"], torch.ones(2))
    kept.save(checkpoint(20, ema=False), best=False)
    assert kept.load().ema is None


def test_the_best_and_the_last_are_kept(tmp_path):
    kept = Checkpoints(tmp_path)
    for update, best in ((0, False), (10, True), (20, False), (30, False)):
        kept.save(checkpoint(update), best=best)
    assert names(tmp_path) == ["best", "last", "step-00000010", "step-00000030"]
    assert (kept.load("best").update, kept.load().update) == (10, 30)
    kept.save(checkpoint(40), best=True)
    assert names(tmp_path) == ["best", "last", "step-00000040"]


def test_what_a_kill_has_left_is_cleared_and_never_taken_for_a_checkpoint(tmp_path, monkeypatch):
    kept = Checkpoints(tmp_path)
    kept.save(checkpoint(10), best=True)

    def broken(*given):
        raise KeyboardInterrupt  # as a kill: nothing that comes after it is done

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_progress_text", broken)
        with pytest.raises(KeyboardInterrupt):
            kept.save(checkpoint(20), best=True)
    assert kept.load().update == 10
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "_point", broken)
        with pytest.raises(KeyboardInterrupt):
            kept.save(checkpoint(20, value=-1), best=True)
    assert kept.load().update == 10
    kept.save(checkpoint(20), best=False)  # not the folder that was left: its weights may be others
    assert torch.equal(kept.load().model["a.weight"], torch.full((2, 3), 20.0))
    assert names(tmp_path) == ["best", "last", "step-00000010", "step-00000020"]


def test_weights_in_channels_last_are_written_as_they_are(tmp_path):
    weight = torch.randn(4, 3, 3, 3, 3).to(memory_format=torch.channels_last_3d)
    Checkpoints(tmp_path).save(Checkpoint(1, {"w": weight}, None, {}, {}), best=False)
    assert torch.equal(load_file(tmp_path / "last" / "model.safetensors")["w"], weight)


class Evil:
    def __reduce__(self):
        return (print, ("this must not run",))


@pytest.mark.parametrize("damage", ["evil", "cut", "no json", "not safetensors"])
def test_what_is_no_checkpoint_is_refused_unread(tmp_path, damage, capsys):
    kept = Checkpoints(tmp_path)
    kept.save(checkpoint(10), best=False)
    place = tmp_path / "last"
    if damage == "evil":
        torch.save({"optimizer": Evil()}, place / "optimizer.pt")
    elif damage == "cut":
        (place / "optimizer.pt").write_bytes((place / "optimizer.pt").read_bytes()[:100])
    elif damage == "no json":
        (place / "progress.json").write_text("{")
    else:
        (place / "model.safetensors").write_bytes(b"x" * 50)
    with pytest.raises(E3DNASError, match="last: cannot be read as a checkpoint: "):
        kept.load()
    assert "this must not run" not in capsys.readouterr().out


def test_a_disk_that_is_full(tmp_path, monkeypatch):
    kept = Checkpoints(tmp_path)
    kept.save(checkpoint(10), best=False)

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "_write", full)
    with pytest.raises(E3DNASError, match="the checkpoint cannot be written: No space left on device"):
        kept.save(checkpoint(20), best=False)
    assert kept.load().update == 10
