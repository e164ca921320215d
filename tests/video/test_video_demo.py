"""The demo data: real files whose class only time tells."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import ks_2samp, kstest
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

from e3dnas.errors import E3DNASError
from e3dnas.video.demo import make_demo
from e3dnas.video.digits import MOTIONS, ZOOMS, _pose, draw_clip, handwritten_digits
from e3dnas.video.layouts import load_videos
from e3dnas.video.opening import open_video


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "set"
    assert make_demo(folder, train=24, val=10) == {"train": 192, "val": 80}
    return folder


@pytest.fixture(scope="module")
def grey(demo):
    """Frames as they are decoded, without colour: {split: ((videos, frames, 64, 64), labels)}."""
    data, read = load_videos(demo), {}
    for name, split in data.splits.items():
        videos = []
        for item in split.items:
            with open_video(item.path) as video:
                videos.append(video.arrays(range(video.count)).mean(3))
        read[name] = np.stack(videos), np.array([item.label for item in split.items])
    return read


def test_what_is_written(demo):
    data = load_videos(demo)
    assert (data.layout, data.classes, data.mirror) == ("folders", tuple(sorted(MOTIONS)), False)
    assert {name: split.counts() for name, split in data.splits.items()} == {"train": [24] * 8, "val": [10] * 8}
    with open_video(data.train.items[0].path) as video:
        assert (video.count, video.size, video.fps, video.codec) == (32, (64, 64), 25, "h264")
    assert sum(path.stat().st_size for path in demo.rglob("*.mp4")) < 272 * 8000


def motion(video):
    """Return how the brightness flows, without any learning: across, down, turning, growing.

    The optical flow (u, v) = (a, b) + c * (-y, x) + d * (x, y) around the middle of what changes, by least squares; on
    frames whose opposite sides are joined.
    """
    video = gaussian_filter(video, (0, 1.5, 1.5), mode="wrap")
    flows = []
    for first, second in pairwise(video):
        change, both = second - first, (first + second) / 2
        down, across = ((np.roll(both, -1, axis) - np.roll(both, 1, axis)) / 2 for axis in (0, 1))
        weight = np.abs(change) * (np.abs(change) > 0.25 * np.abs(change).max())
        turns = np.exp(2j * np.pi * np.arange(64) / 64)
        middle = [np.angle((weight.sum(axis) * turns).sum()) * 32 / np.pi for axis in (0, 1)]
        x, y = ((np.arange(64) - one + 32) % 64 - 32 for one in middle)
        x, y = np.meshgrid(x, y)
        near = (weight > 0) & (np.hypot(x, y) < 20)
        parts = np.stack([across, down, x * down - y * across, x * across + y * down], -1)[near]
        flows.append(np.linalg.lstsq(parts, -change[near], rcond=None)[0])
    return np.median(flows, 0) * [1, 1, 12, 12]  # turning and growing as pixels at the digit's edge


def test_single_frames_do_not_tell_the_class_and_motion_does(grey):
    (train, labels), (val, truth) = grey["train"], grey["val"]
    chance = 1 / len(MOTIONS)
    # Four standard deviations above chance would be 27 %: a frame that told one class in four away would be seen.
    for frame in (0, 13, 31):
        fine = train[:, frame].reshape(len(train), -1)
        small, held = (
            one[:, frame].reshape(len(one), 16, 4, 16, 4).mean((2, 4)).reshape(len(one), -1) for one in (train, val)
        )
        looks = np.stack([[one.mean(), one.std(), one.min(), one.max()] for one in fine])
        judged = np.stack([[one.mean(), one.std(), one.min(), one.max()] for one in val[:, frame]])
        for classifier, seen, asked in (
            (RidgeClassifier(1e6), small, held),
            (KNeighborsClassifier(1), small, held),
            (KNeighborsClassifier(5), looks, judged),
        ):
            share = (classifier.fit(seen, labels).predict(asked) == truth).mean()
            assert share < 2.2 * chance, (frame, classifier)
    moved, asked = (np.stack([motion(video) for video in one]) for one in (train, val))
    share = (KNeighborsClassifier(5).fit(moved, labels).predict(asked) == truth).mean()
    assert share > 0.85


def test_motions_are_what_they_are_named(grey):
    """Of the flow, only the part that the name says stands out, with its sign."""
    videos, labels = grey["train"]
    names = sorted(MOTIONS)
    expected = {
        "move_right": (0, 1), "move_left": (0, -1), "move_down": (1, 1), "move_up": (1, -1), "turn_clockwise": (2, 1),
        "turn_counterclockwise": (2, -1), "grow": (3, 1), "shrink": (3, -1),
    }  # fmt: skip
    for label, name in enumerate(names):
        flow = np.median([motion(video) for video in videos[labels == label]], 0)
        part, sign = expected[name]
        assert np.argmax(np.abs(flow)) == part, (name, flow)
        assert np.sign(flow[part]) == sign, (name, flow)


@pytest.mark.parametrize("name", MOTIONS)
def test_place_turn_and_size_of_a_frame_are_uniform_for_every_class(name):
    time = np.array([0.0, 7.0, 31.0])
    poses = np.array([_pose(name, time, 64, np.random.default_rng(seed)) for seed in range(500)])
    x, y, angle, zoom = np.moveaxis(poses, 1, 0)  # each (videos, times)
    growth = np.log(zoom / ZOOMS[0]) / np.log(ZOOMS[1] / ZOOMS[0])
    for values in (x / 64 % 1, y / 64 % 1, angle / (2 * np.pi) % 1, growth):
        for column in values.T:
            assert kstest(column, "uniform").pvalue > 1e-4


def test_brightness_and_colour_are_alike_for_all_classes():
    digits = handwritten_digits()
    looks = {
        name: [draw_clip(name, digits, 3, 32, np.random.default_rng(seed))[2] for seed in range(150)]
        for name in MOTIONS
    }
    for measure in (np.max, np.mean, np.std, np.min):
        told = {name: [measure(image) for image in images] for name, images in looks.items()}
        for values in told.values():
            assert ks_2samp(values, np.concatenate(list(told.values()))).pvalue > 1e-4


def test_the_same_arguments_give_the_same_files(tmp_path):
    settings = {"classes": ("grow", "move_up"), "train": 2, "val": 1, "frames": 6, "size": 32}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_demo(tmp_path / name, seed=seed, **settings)
    files = [sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*.mp4")) for name in "abc"]
    assert files[0] == files[1] == files[2]
    assert len(files[0]) == 6
    one, again, other = ([(tmp_path / name / path).read_bytes() for path in files[0]] for name in "abc")
    assert one == again
    assert len(set(one)) == 6
    assert not set(one) & set(other)


def test_validation_shows_other_digits(monkeypatch):
    from e3dnas.video import demo

    shown = {}
    monkeypatch.setattr(demo, "draw_clip", lambda motion, digits, *rest: shown.setdefault(len(digits), digits))
    for split in ("train", "val"):
        demo._frames(split, "grow", 0, 4, 32, 0)
    many, few = (shown[count] for count in sorted(shown, reverse=True))
    assert len(many) + len(few) == len(handwritten_digits())
    assert len(few) > 300


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"classes": ("grow", "moveup")}, r"'moveup' is no motion; did you mean 'move_up'"),
        ({"classes": ("grow",)}, "classes: must be two or more"),
        ({"classes": ("grow", "grow")}, "each once"),
        ({"train": 0}, "train: must be 1 to"),
        ({"size": 33}, "size: must be even"),
        ({"size": 8}, "size: must be 16 to 512"),
        ({"frames": 1}, "frames: must be 4 to 1000"),
    ],
)
def test_settings_that_are_wrong(tmp_path, settings, told):
    with pytest.raises(E3DNASError, match=told):
        make_demo(tmp_path / "new", **settings)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_and_nothing_half_written_is_left(tmp_path):
    small = {"classes": ("grow", "shrink"), "train": 1, "val": 1, "frames": 4, "size": 16}
    (tmp_path / "mine").mkdir()
    make_demo(tmp_path / "mine", **small)  # an empty one is filled
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(E3DNASError, match="is there already and not empty"):
        make_demo(tmp_path / "mine", **small)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_demo(tmp_path / "new", **small, progress=stop)
    with pytest.raises(E3DNASError, match="cannot be written"):
        make_demo(tmp_path / "mine/train/grow/00000.mp4/below", **small)
    assert sorted(tmp_path.rglob("*")) == before
