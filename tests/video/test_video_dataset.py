"""Clips for a DataLoader: the same for every number of workers, resumable, and unharmed by broken files."""

import pickle

import made_videos as made
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from e3dnas.errors import E3DNASError
from e3dnas.video import (
    BrokenReport,
    BrokenVideo,
    ClipDataset,
    ClipOrder,
    Draw,
    Item,
    Sampling,
    Split,
    TrainTransform,
    collate_clips,
)  # fmt: skip
from e3dnas.video import TestTransform as Crops
from e3dnas.video.sampling import clip_indices, view_indices

SAMPLING = Sampling("dense", 4, 2)
TRAIN = TrainTransform(24, (24, 32), colour=0.2, randaugment=1)
COUNT = 11

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    paths = [made.tiny(folder / f"{number}.mp4", frames=8 + number) for number in range(COUNT)]
    return Split("train", tuple(Item(str(path), number % 3) for number, path in enumerate(paths)), ("a", "b", "c"))


def loader(split, order=None, workers=0, batch=3, **settings):
    dataset = ClipDataset(split, SAMPLING, TRAIN, seed=5, **settings)
    order = order or ClipOrder(len(dataset), seed=5)
    return DataLoader(dataset, batch, sampler=order, num_workers=workers, collate_fn=collate_clips)


def epoch_of(batches):
    return [(batch.clips, batch.labels.tolist(), batch.indices.tolist()) for batch in batches]


def same(one, other):
    return len(one) == len(other) and all(
        torch.equal(a[0], b[0]) and a[1:] == b[1:] for a, b in zip(one, other, strict=True)
    )


def test_clips_are_the_frames_that_sampling_chooses(split):
    dataset = ClipDataset(split, SAMPLING, lambda frames: frames.permute(3, 0, 1, 2))
    for place in (0, 7):
        sample = dataset[Draw(3, place)]
        expected = clip_indices(8 + place, SAMPLING, np.random.default_rng((0, 3, place)), 25.0)
        assert (sample.label, sample.place, sample.broken) == (place % 3, place, ())
        assert np.array_equal(sample.clip.permute(1, 2, 3, 0), made.decode_all(split.items[place].path)[expected])
    views = ClipDataset(split, SAMPLING, Crops(24, crops=3), clips=2)[7]
    assert views.clip.shape == (6, 3, 4, 24, 24)
    whole = made.decode_all(split.items[7].path)
    for clip, indices in enumerate(view_indices(15, SAMPLING, 2)):
        crops = Crops(24, crops=3)(torch.from_numpy(whole[indices]))
        assert torch.equal(views.clip[3 * clip : 3 * clip + 3], crops)


def test_number_of_workers_makes_no_difference(split):
    plain = epoch_of(loader(split))
    assert sorted(place for _, _, places in plain for place in places) == list(range(COUNT))
    assert [tuple(clips.shape) for clips, _, _ in plain] == [(3, 3, 4, 24, 24)] * 3 + [(2, 3, 4, 24, 24)]
    assert same(plain, epoch_of(loader(split, workers=2)))
    assert same(plain, epoch_of(loader(split)))


def test_epochs_differ_and_seeds_decide(split):
    dataset, other = (ClipDataset(split, SAMPLING, TRAIN, seed=seed) for seed in (5, 6))
    assert not torch.equal(dataset[Draw(0, 2)].clip, dataset[Draw(1, 2)].clip)
    assert not torch.equal(dataset[Draw(0, 2)].clip, other[Draw(0, 2)].clip)
    assert torch.equal(dataset[Draw(0, 2)].clip, dataset[2].clip)
    before = torch.get_rng_state()
    assert torch.equal(pickle.loads(pickle.dumps(dataset))[2].clip, dataset[2].clip)
    assert torch.equal(torch.get_rng_state(), before)


def test_orders():
    order = ClipOrder(100, seed=1)
    first, again = list(order), list(order)
    assert first == again
    assert sorted(draw.place for draw in first) == list(range(100))
    order.set_epoch(1)
    second = list(order)
    assert [draw.epoch for draw in second] == [1] * 100
    assert [draw.place for draw in second] != [draw.place for draw in first]
    assert [draw.place for draw in ClipOrder(4, shuffle=False)] == [0, 1, 2, 3]
    assert [draw.place for draw in ClipOrder(100, seed=2)] != [draw.place for draw in first]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_goes_on_where_it_was(split, workers):
    whole = epoch_of(loader(split))
    order = ClipOrder(COUNT, seed=5)
    batches = iter(loader(split, order, workers))
    for _ in range(2):
        next(batches)
        order.advance(3)
    state = pickle.loads(pickle.dumps(order.state_dict()))
    resumed = ClipOrder(COUNT, seed=5)
    resumed.load_state_dict(state)
    resumed.set_epoch(0)  # what a training loop says first: the epoch that is under way
    rest = loader(split, resumed, workers)
    assert len(rest) == 2
    assert same(epoch_of(rest), whole[2:])
    resumed.set_epoch(1)
    assert len(resumed) == COUNT


@pytest.mark.parametrize(("total", "world", "batch"), [(12, 2, 4), (13, 2, 4), (13, 4, 8)])
def test_processes_share_what_one_would_take(total, world, batch):
    one = [draw.place for draw in ClipOrder(total, seed=3)]
    orders = [ClipOrder(total, seed=3, rank=rank, world=world) for rank in range(world)]
    shares = [[draw.place for draw in order] for order in orders]
    assert len({len(share) for share in shares}) == 1
    each = batch // world
    together = [{place for share in shares for place in share[at : at + each]} for at in range(0, len(shares[0]), each)]
    for step in range(total // batch):
        assert together[step] == set(one[step * batch : (step + 1) * batch])
    for order, share in zip(orders, shares, strict=True):
        order.advance(batch)
        assert [draw.place for draw in order] == share[each:]
        assert len(order) == len(share) - each
    tested = [ClipOrder(total, shuffle=False, rank=rank, world=world, even=False) for rank in range(world)]
    assert sorted(draw.place for order in tested for draw in order) == list(range(total))


def test_orders_that_do_not_fit():
    state = ClipOrder(10, seed=1).state_dict()
    with pytest.raises(E3DNASError, match="cannot resume with total 11, the checkpoint has 10"):
        ClipOrder(11, seed=1).load_state_dict(state)
    with pytest.raises(E3DNASError, match="cannot resume with seed 2"):
        ClipOrder(10, seed=2).load_state_dict(state)
    with pytest.raises(E3DNASError, match="rank below world"):
        ClipOrder(10, rank=2, world=2)


@pytest.fixture
def spoilt(split, tmp_path):
    """The split with one broken file of each kind among its videos."""
    content = made.tiny(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video")
    made.audio(tmp_path / "sound.mp4")
    made.tiny(tmp_path / "one.mp4", frames=1)
    (tmp_path / "frames").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "frames/00001.jpg")
    names = ["cut.mp4", "empty.mp4", "text.mp4", "sound.mp4", "one.mp4", "frames", "gone.mp4"]
    items = [Item(str(tmp_path / name), 0) for name in names]
    return Split("train", (*split.items, *items), split.classes), {item.path for item in items}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("workers", [0, 2])
def test_broken_files_are_replaced_and_told_by_name(spoilt, workers):
    split, names = spoilt
    report = BrokenReport(len(split.items), most=0.5)
    batches = list(loader(split, workers=workers))
    for batch in batches:
        report.add(batch.broken)
    assert sum(len(batch.clips) for batch in batches) == len(split.items)  # training is not thinned out
    assert {split.items[place].path for batch in batches for place in batch.indices} <= {
        item.path for item in split.items
    } - names
    labels = {place: item.label for place, item in enumerate(split.items)}
    assert all(
        labels[place] == label
        for batch in batches
        for place, label in zip(batch.indices.tolist(), batch.labels.tolist(), strict=True)
    )
    assert set(report.reasons) == names
    assert len(report.lines(3)) == 4
    assert report.lines(3)[-1] == "and 4 more"
    assert any("has 1 frames; 2 or more are needed" in line for line in report.lines(99))
    assert same(epoch_of(batches), epoch_of(loader(split)))


def test_in_a_test_nothing_takes_the_place_of_a_broken_file(spoilt):
    split, names = spoilt
    dataset = ClipDataset(split, SAMPLING, Crops(24), clips=2)
    order = ClipOrder(len(dataset), shuffle=False, even=False)
    batches = list(DataLoader(dataset, 4, sampler=order, collate_fn=collate_clips))
    assert [place for batch in batches for place in batch.indices.tolist()] == list(range(COUNT))
    assert {one.path for batch in batches for one in batch.broken} == names
    assert len(batches[-1].clips) == len(batches[-1].labels) == 0  # a batch with nothing but broken files


@pytest.mark.timeout(60)
def test_a_split_of_nothing_but_broken_files_stops(tmp_path):
    items = tuple(Item(str(tmp_path / f"{number}.mp4"), 0) for number in range(40))
    split = Split("train", items, ("a",))
    report = BrokenReport(40)
    with pytest.raises(E3DNASError, match=r"of 40 videos cannot be read, more than 5 %: .*No such file.*data check"):
        list(map(report.add, (batch.broken for batch in loader(split, workers=2))))


def test_reports_count_each_video_once():
    report = BrokenReport(40, most=0.05)
    one, two, three = (BrokenVideo(f"{name}.mp4", "is empty") for name in "abc")
    report.add([one, one, two])
    report.add([two])
    assert len(report) == 2
    again = BrokenReport(40)
    again.load_state_dict(report.state_dict())
    with pytest.raises(E3DNASError, match="3 of 40 videos"):
        again.add([three])
    with pytest.raises(E3DNASError, match="1 of 40 videos"):
        BrokenReport(40, most=0).add([one])
    BrokenReport(3).add([one])  # one may be, however few there are


def test_settings_that_are_wrong(split):
    with pytest.raises(E3DNASError, match="clips: must be 1 or more"):
        ClipDataset(split, SAMPLING, TRAIN, clips=0)
    with pytest.raises(E3DNASError, match="split val: has no videos"):
        ClipDataset(Split("val", (), ("a",)), SAMPLING, TRAIN)
    with pytest.raises(E3DNASError, match="reader: must be one of"):
        ClipDataset(split, SAMPLING, TRAIN, reader="x")
    with pytest.raises(IndexError, match="there is no item 11"):
        ClipDataset(split, SAMPLING, TRAIN)[11]
