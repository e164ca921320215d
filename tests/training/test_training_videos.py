"""Training, evaluation and prediction on real files, the broken ones among them."""

import json
import os
import shutil
from types import SimpleNamespace

import pytest
import timm
import torch
from made_training import ARCHITECTURE, Heard, architecture
from safetensors.torch import load_file

from e3dnas.errors import E3DNASError
from e3dnas.training import Options, TrainingFailed, evaluate, load_recipe, predict, train
from e3dnas.training.networks import find_network
from e3dnas.training.preprocessing import Preprocessing
from e3dnas.training.videos import VideoTraining, leaving_cores, worker_count
from e3dnas.video import ClipDataset, load_videos, make_demo

CLASSES = ("move_left", "move_right", "turn_clockwise")
RECIPE = {
    "epochs": 2, "batch": 4, "clip": {"sampling": "dense", "every": 1, "frames": 4, "size": 16},
    "optimizer": {"name": "adamw", "lr": 0.003}, "loader": {"workers": 0, "max_broken": 0.5},
    "test": {"clips": 2, "crops": 1}, "ema": {"decay": 0.5},
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "demo"
    make_demo(folder, classes=CLASSES, train=5, val=3, frames=10, size=32)
    return folder


def learn(out, data, recipe=RECIPE, listener=None, network=None, **given):
    return train(
        network or architecture(), data, out=out, recipe=recipe, listener=listener,
        options=Options(device="cpu", log_every=1), **given,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(demo, tmp_path_factory):
    """The folder of a training on the demo, and what was said."""
    torch.set_num_threads(1)
    out, heard = tmp_path_factory.mktemp("trained") / "run", Heard()
    assert learn(out, demo, listener=heard).model == out / "model"
    return out, heard


def test_what_is_said(trained):
    notes = "\n".join(trained[1].notes)
    assert "folders (train/, val/ with a folder for each class): 3 classes, train 15, val 9" in notes
    assert "names a side: videos are not flipped" in notes
    assert "network: small, clips of 4 x 16 x 16, random weights" in notes
    assert "validation: split val" in notes


def test_the_model_is_a_folder_for_timm(trained):
    folder = trained[0] / "model"
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "architecture.yaml", "config.json", "model.safetensors",
    }  # fmt: skip
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    best = load_file(trained[0] / "checkpoints" / "best" / "ema.safetensors")
    assert all(torch.equal(value, best[key]) for key, value in model.state_dict().items())
    assert tuple(model.pretrained_cfg["label_names"]) == CLASSES
    config = json.loads((folder / "config.json").read_text())
    assert config["e3dnas"]["preprocessing"] == {
        "frames": 4, "size": 16, "kind": "dense", "every": 1.0, "fps": None, "short_side": 18,
        "mean": [0.45] * 3, "std": [0.225] * 3, "still": False,
    }  # fmt: skip
    assert config["e3dnas"]["training"]["metrics"].keys() >= {"top1", "top5", "loss", "epoch"}
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0\n")
    assert "move_left, move_right, turn_clockwise" in card
    assert str(folder) not in card


def by_hand(trained, demo, views):
    """Probabilities of the validation videos, one by one and without a loader."""
    model = timm.create_model(f"local-dir:{trained[0]}/model", pretrained=True).eval()
    config = json.loads((trained[0] / "model" / "config.json").read_text())["e3dnas"]["preprocessing"]
    prepared, split = Preprocessing.from_dict(config, ""), load_videos(demo).held_out
    dataset = ClipDataset(split, prepared.sampling, prepared.test_transform(views[1]), clips=views[0])
    found = []
    for index in range(len(dataset)):
        clips = (dataset[index].clip.float() / 255 - 0.45) / 0.225
        with torch.inference_mode():
            found.append(torch.stack([model(clip[None])[0].softmax(0) for clip in clips]).mean(0))
    return torch.stack(found), torch.tensor([item.label for item in split.items]), split


@pytest.mark.parametrize("views", [(1, 1), (3, 3)])
def test_evaluation_against_one_by_one(trained, demo, views):
    shares, labels, _ = by_hand(trained, demo, views)
    found = evaluate(trained[0], demo, clips=views[0], crops=views[1], device="cpu", workers=0, batch=4)
    right = shares.argmax(1) == labels
    assert found.tested.top1 == float(right.double().mean())
    assert found.tested.top5 == 1.0
    assert found.tested.loss == pytest.approx(float(-shares[range(9), labels].log().mean()), rel=1e-4)
    for label, row in enumerate(found.per_class):
        assert (row["class"], row["videos"]) == (CLASSES[label], 3)
        assert row["right"] == float(right[labels == label].double().mean())
    data = found.to_dict()
    assert sum(map(sum, data["confusion"])) == 9
    json.dumps(data)


def test_prediction_against_one_by_one(trained, demo):
    shares, _, split = by_hand(trained, demo, (2, 1))  # the views of the recipe
    found = list(predict(trained[0], [item.path for item in split.items], top=2, device="cpu"))
    for share, one in zip(shares, found, strict=True):
        best = share.topk(2)
        assert [guess.name for guess in one.guesses] == [CLASSES[label] for label in best.indices]
        assert [guess.probability for guess in one.guesses] == pytest.approx(best.values.tolist(), rel=1e-4)


def test_windows_slide_to_the_end(trained, demo):
    video = load_videos(demo).held_out.items[0].path  # 10 frames at 25 a second
    (found,) = predict(trained[0], [video], window=0.16, stride=0.12, clips=1, device="cpu")
    assert [(one.start, one.end) for one in found.windows] == [(0.0, 0.16), (0.12, 0.28), (0.24, 0.4)]
    (whole,) = predict(trained[0], [video], window=9, clips=1, device="cpu")
    assert [(one.start, one.end) for one in whole.windows] == [(0.0, 0.4)]
    assert whole.windows[0].guesses == whole.guesses
    assert found.windows[0].guesses != found.windows[2].guesses


def test_a_still_clip_has_no_motion(trained, demo):
    prepared = Preprocessing.of(load_recipe(RECIPE, {"clip": {"still": True}}), find_network(architecture()), "dense")
    clips = torch.randint(0, 256, (2, 3, 5, 8, 8), dtype=torch.uint8)
    shown = prepared.to_input(clips, torch.device("cpu"), torch.preserve_format)
    wanted = (clips[:, :, 2:3].float() / 255 - 0.45) / 0.225
    assert torch.allclose(shown, wanted.expand(2, 3, 5, 8, 8), atol=1e-6)
    assert evaluate(trained[0], demo, still=True, device="cpu", workers=0).still


def test_classes_are_matched_by_name(trained, demo, tmp_path):
    for name in ("turn_clockwise", "move_right"):
        shutil.copytree(demo / "val" / name, tmp_path / "some" / "val" / name)
    found = evaluate(trained[0], tmp_path / "some", device="cpu", workers=0)
    assert [row["videos"] for row in found.per_class] == [0, 3, 3]
    (tmp_path / "some" / "val" / "move_right").rename(tmp_path / "some" / "val" / "move_rigth")
    with pytest.raises(
        E3DNASError, match=r"does not know the class 'move_rigth' of the data; did you mean 'move_right'"
    ):
        evaluate(trained[0], tmp_path / "some", device="cpu")


def test_fine_tuning_starts_from_the_weights(trained, demo, tmp_path):
    heard = Heard()
    learn(tmp_path / "run", demo, {**RECIPE, "epochs": 1}, heard, network=trained[0])
    assert any("weights of" in note and "model.safetensors" in note for note in heard.notes)


def test_resumed_in_the_middle_of_an_epoch_with_workers_and_mixing(demo, tmp_path):
    recipe = {**RECIPE, "augment": {"mixup": 0.4, "cutmix": 1.0, "randaugment": 1, "colour": 0.2, "erase": 0.3},
              "model": {"drop": 0.3}, "precision": {"deterministic": True}}  # fmt: skip

    class Stopper(Heard):
        def step(self, report):
            if report.update == 4:
                raise KeyboardInterrupt

    out, options = tmp_path / "stopped", Options(device="cpu", log_every=1, save_every=2)
    with pytest.raises(KeyboardInterrupt):
        train(architecture(), demo, out=out, recipe=recipe, listener=Stopper(), options=options)
    workers = load_recipe(recipe, {"loader": {"workers": 1}})
    train(architecture(), demo, out=out, recipe=workers, resume=True, options=options)
    learn(tmp_path / "whole", demo, recipe)
    a, b = (load_file(tmp_path / name / "checkpoints/last/model.safetensors") for name in ("stopped", "whole"))
    assert all(torch.equal(value, b[key]) for key, value in a.items())


@pytest.mark.parametrize("world", [2, 4])
def test_processes_share_the_clips_of_every_update(demo, world):
    recipe = load_recipe({**RECIPE, "batch": 4, "seed": 3})
    prepared = Preprocessing.of(recipe, find_network(architecture()), "dense")

    def updates(processes, start=0):
        ranks = []
        for rank in range(processes):
            near = SimpleNamespace(process_index=rank, num_processes=processes, device=torch.device("cpu"))
            data = VideoTraining(load_videos(demo), recipe, prepared, near)
            ranks.append([batch.indices for batch in data.train_batches(1, start)])
        return [sorted(index for part in parts for index in part) for parts in zip(*ranks, strict=True)]

    alone = updates(1)
    assert len(alone) == 3
    assert len({index for update in alone for index in update}) == 12
    assert updates(world) == alone
    assert updates(world, start=2) == alone[2:]


def test_broken_files_are_named_and_training_goes_on(demo, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(demo, data)
    (data / "train" / "move_left" / "00000.mp4").write_bytes(b"")
    whole = (data / "train" / "move_right" / "00001.mp4").read_bytes()
    (data / "train" / "move_right" / "00001.mp4").write_bytes(whole[: len(whole) // 2])
    (data / "val" / "move_left" / "00002.mp4").write_text("no video")
    heard = Heard()
    # 3 updates of 4 see 12 of 15 videos an epoch, so that after some epochs each has been seen.
    result = learn(tmp_path / "run", data, {**RECIPE, "epochs": 4}, heard)
    assert result.complete
    named = {path.removeprefix(f"{data}/"): why for path, why in heard.epochs[-1].broken.items()}
    assert named.keys() == {"train/move_left/00000.mp4", "train/move_right/00001.mp4", "val/move_left/00002.mp4"}
    assert "empty" in named["train/move_left/00000.mp4"]
    assert "val/move_left/00002.mp4" in str(heard.epochs[0].broken)
    assert heard.epochs[-1].row["broken"] == 3
    found = evaluate(tmp_path / "run", data, device="cpu", workers=0)
    assert [path.rsplit("/val/")[-1] for path in found.broken] == ["move_left/00002.mp4"]
    assert found.tested.count == 8
    (bad, good) = predict(tmp_path / "run", [data / "val/move_left/00002.mp4", data / "val/move_left/00001.mp4"])
    assert bad.problem
    assert not bad.guesses
    assert good.guesses
    with pytest.raises(TrainingFailed, match=r"2 of 15 videos cannot be read, more than 10 %") as failed:
        learn(tmp_path / "strict", data, load_recipe({**RECIPE, "epochs": 4}, {"loader": {"max_broken": 0.1}}))
    assert failed.value.alone  # told by whichever process meets it
    assert "optimizer.lr" not in str(failed.value)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda run, demo: find("e3d_s"), "e3d_s: is not trained; train it with: e3dnas train e3d_s"),
        (lambda run, demo: evaluate(run, demo, split="test"), "has no split test"),
        (lambda run, demo: evaluate(run, demo, crops=5), "crops: must be one of 1, 2, 3, not 5"),
        (lambda run, demo: predict(run, ["x"], top=0), "top: must be 1 or more, not 0"),
        (lambda run, demo: predict(run, ["x"], window=0.0), "window: must be seconds above 0, not 0.0"),
        (lambda run, demo: predict(run, ["x"], stride=1.0), "stride: needs a window"),
    ],
)
def test_wrong_requests(trained, demo, call, told):
    with pytest.raises(E3DNASError) as error:
        call(trained[0], demo)
    assert told in str(error.value)


def find(source):
    from e3dnas.training.trained import find_trained

    return find_trained(source)


def test_an_unfinished_training_has_no_model(demo, tmp_path):
    with pytest.raises(E3DNASError, match="there are 15 to train on"):
        learn(tmp_path / "run", demo, {**RECIPE, "batch": 16})
    assert not (tmp_path / "run").exists()
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    from e3dnas.arch.loading import save_architecture

    save_architecture(architecture(), tmp_path / "run" / "architecture.yaml")
    with pytest.raises(E3DNASError, match="the training has not ended"):
        find(tmp_path / "run")


def test_gray_networks_are_refused(demo, tmp_path):
    gray = {**ARCHITECTURE, "clip": {"frames": 4, "size": 16, "channels": 1}}
    from e3dnas.arch import load_architecture

    with pytest.raises(E3DNASError, match="takes clips of 1 channels, and videos have 3"):
        learn(tmp_path / "run", demo, network=load_architecture(gray))


def test_workers():
    def near(device, processes=1):
        return SimpleNamespace(device=torch.device(device), num_processes=processes)

    cores = len(os.sched_getaffinity(0))
    assert worker_count(3, near("cpu")) == 3
    assert worker_count(None, near("cuda")) == min(cores - 1, 8)
    assert worker_count(None, near("cpu", processes=cores)) == 0
    before = torch.get_num_threads()
    torch.set_num_threads(cores)
    with leaving_cores(1, near("cpu")):
        assert torch.get_num_threads() == max(1, cores - 1)
    assert torch.get_num_threads() == cores
    torch.set_num_threads(before)


def test_pushing_hands_a_whole_model_to_the_hub(trained, monkeypatch):
    import timm.models._hub as hub

    from e3dnas.training.exporting import push_to_hub

    class Hub:
        """Keeps what would be sent."""

        def __init__(self, **given):
            pass

        def create_repo(self, name, **given):
            return SimpleNamespace(repo_id=name)

        def file_exists(self, **given):
            return False

        def upload_folder(self, *, repo_id, folder_path, **given):
            shutil.copytree(folder_path, trained[0] / "sent")
            return f"https://example.org/{repo_id}"

    monkeypatch.setattr(hub, "HfApi", Hub)
    assert push_to_hub(trained[0] / "model", "me/small") == "https://example.org/me/small"
    sent = trained[0] / "sent"
    model = timm.create_model(f"local-dir:{sent}", pretrained=True)
    assert all(
        torch.equal(value, load_file(trained[0] / "model" / "model.safetensors")[key])
        for key, value in model.state_dict().items()
    )
    assert tuple(model.pretrained_cfg["label_names"]) == CLASSES
    assert find(sent).prepared == find(trained[0]).prepared
    assert not (sent / "pytorch_model.bin").exists()

    def unreachable(self, name, **given):
        raise RuntimeError("Name or service not known\nand more")

    monkeypatch.setattr(Hub, "create_repo", unreachable)
    with pytest.raises(E3DNASError, match=r"^--push-to-hub me/small: Name or service not known; .* --resume tries"):
        push_to_hub(trained[0] / "model", "me/small")
