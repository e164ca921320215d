"""Pixels of clips: right, and the same for all frames."""

import numpy as np
import pytest
import torch
from PIL import Image

from e3dnas.errors import E3DNASError
from e3dnas.video.transforms import TestTransform as Crops
from e3dnas.video.transforms import TrainTransform, normalise


def still(frames=5, height=40, width=60):
    """One noisy frame, several times: what is the same in all frames of it before must be so after."""
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))
    return image.expand(frames, height, width, 3)


@pytest.mark.parametrize(
    "settings",
    [{}, {"flip": 1.0}, {"colour": 0.4}, {"randaugment": 3, "magnitude": 20}, {"erasing": 1.0},
     {"flip": 0.5, "colour": 0.4, "randaugment": 2, "erasing": 0.5}],
)  # fmt: skip
def test_all_frames_are_treated_alike(settings):
    transform = TrainTransform(24, (24, 32), **settings)
    different = set()
    for seed in range(30):
        torch.manual_seed(seed)
        clip = transform(still())
        assert (clip.shape, clip.dtype, clip.is_contiguous()) == ((3, 5, 24, 24), torch.uint8, True)
        assert (clip == clip[:, :1]).all()
        torch.manual_seed(seed)
        assert torch.equal(transform(still()), clip)
        different.add(clip.numpy().tobytes())
    assert len(different) > 25


def test_order_of_frames_and_channels_is_kept():
    frames = torch.zeros(4, 30, 30, 3, dtype=torch.uint8)
    for time in range(4):
        for channel in range(3):
            frames[time, :, :, channel] = 50 * time + channel
    clip = TrainTransform(20, (20, 24))(frames)
    views = Crops(20, crops=3)(frames)
    for found in (clip, *views):
        assert found[:, :, 7, 3].tolist() == [[50 * time + channel for time in range(4)] for channel in range(3)]


def test_a_crop_is_what_scaling_first_would_give():
    """At the scale 1 it is a piece of the frame; its place is drawn evenly."""
    frames = still(1, 40, 60)
    tops, lefts = [], []
    for seed in range(400):
        torch.manual_seed(seed)
        clip = TrainTransform(32, (40, 40), flip=0)(frames)[:, 0].permute(1, 2, 0)
        pieces = {(top, left): frames[0, top : top + 32, left : left + 32] for top in range(9) for left in range(29)}
        places = [place for place, piece in pieces.items() if torch.equal(piece, clip)]
        assert len(places) == 1
        tops.append(places[0][0])
        lefts.append(places[0][1])
    assert (set(tops), set(lefts)) == (set(range(9)), set(range(29)))


def test_scaling_is_that_of_pillow():
    frames = still(2, 60, 90)
    clip = Crops(30)(frames)[0, :, 1]
    scaled = Image.fromarray(frames[1].numpy()).resize((45, 30), Image.Resampling.BILINEAR).crop((7, 0, 37, 30))
    difference = np.abs(clip.permute(1, 2, 0).numpy().astype(int) - np.asarray(scaled))
    assert difference.max() <= 1


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_flips(chance):
    frames = torch.zeros(2, 20, 20, 3, dtype=torch.uint8)
    frames[:, :, :10] = 255
    torch.manual_seed(0)
    clips = [TrainTransform(20, (20, 20), flip=chance)(frames) for _ in range(200)]
    flipped = np.mean([bool(clip[0, 0, 0, 0] == 0) for clip in clips])
    assert flipped == pytest.approx(chance, abs=0.1 if chance == 0.5 else 0)


@pytest.mark.parametrize(("height", "width"), [(20, 50), (50, 20), (20, 20)])
def test_crops_at_the_middle_and_the_ends(height, width):
    frames = still(3, height, width)
    pieces = frames.permute(3, 0, 1, 2)
    room = max(height, width) - 20
    expected = [
        pieces[..., :20, place : place + 20] if width >= height else pieces[..., place : place + 20, :20]
        for place in (0, room // 2, room)
    ]
    three, one, two = (Crops(20, crops=crops)(frames) for crops in (3, 1, 2))
    assert three.shape == (3, 3, 3, 20, 20)
    assert all(torch.equal(found, piece) for found, piece in zip(three, expected, strict=True))
    assert torch.equal(one[0], expected[1])
    assert all(torch.equal(found, piece) for found, piece in zip(two, expected[::2], strict=True))


def test_a_longer_short_side_leaves_room():
    assert Crops(20, 25, crops=3)(still(2, 50, 80)).shape == (3, 3, 2, 20, 20)
    assert Crops(24)(still(2, 7, 90)).shape == (1, 3, 2, 24, 24)


def test_boxes_are_erased_in_all_frames_with_the_mean():
    torch.manual_seed(0)
    frames = torch.full((4, 40, 40, 3), 255, dtype=torch.uint8)
    clip = TrainTransform(40, (40, 40), erasing=1.0)(frames)
    erased = clip != 255
    assert 0.01 < erased.float().mean() < 0.4
    assert set(clip[erased].tolist()) == {115}  # 0.45 * 255
    assert (erased == erased[:1, :1]).all()


def test_normalising():
    clip = torch.randint(0, 256, (2, 3, 4, 5, 6), dtype=torch.uint8)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 0.125)
    expected = (clip.double().numpy() / 255 - np.reshape(mean, (3, 1, 1, 1))) / np.reshape(std, (3, 1, 1, 1))
    assert np.allclose(normalise(clip, mean, std).numpy(), expected, atol=1e-5)
    assert np.allclose(normalise(clip).numpy(), (clip.numpy() / 255 - 0.45) / 0.225, atol=1e-5)
    assert normalise(clip[0], dtype=torch.bfloat16).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: TrainTransform(32, (30, 40)), "short_side: must be two numbers from the size 32 up, not 30, 40"),
        (lambda: TrainTransform(32, (40, 36)), "short_side"),
        (lambda: TrainTransform(32, (32, 32), flip=1.5), "flip: must be 0 to 1"),
        (lambda: Crops(32, 20), "short_side: must be at least the size 32"),
        (lambda: Crops(32, crops=4), "crops: must be 1, 2 or 3"),
    ],
)
def test_settings_that_are_wrong(make, told):
    with pytest.raises(E3DNASError, match=told):
        make()
