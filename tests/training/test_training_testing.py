"""Counting what is right: views averaged as probabilities, top-5, the confusion matrix."""

import pytest
import torch
from torch import nn

from e3dnas.errors import E3DNASError
from e3dnas.training.assembling import make_accelerator
from e3dnas.training.data import Batch
from e3dnas.training.meters import Clock, Meter, TrainingFailed
from e3dnas.training.testing import run_test, view_probabilities

CLASSES = 8


class Logits(nn.Module):
    """Takes the first pixels of a clip for its logits; notes how many clips come at once."""

    def __init__(self):
        super().__init__()
        self.most = 0

    def forward(self, x):
        assert not self.training
        self.most = max(self.most, len(x))
        return x[:, 0, 0, 0, :CLASSES]


class Held:
    """Test data of given logits (B, V, N)."""

    classes = tuple("abcdefgh")

    def __init__(self, logits, labels, most=3):
        self.logits, self.labels, self.most = logits, labels, most
        self.views, self.share = logits.shape[1], len(labels)

    def batches(self):
        for start in range(0, len(self.labels), 2):
            some = slice(start, start + 2)
            clips = self.logits[some].flatten(0, 1)[:, None, None, None, :]
            yield Batch(clips, self.labels[some], list(range(start, start + len(self.labels[some]))))

    def prepare(self, batch, device, memory_format):
        return batch.clips, batch.labels


def test_no_video_that_can_be_read_is_no_result():
    held = Held(torch.zeros(0, 2, CLASSES), torch.zeros(0, dtype=torch.long))
    with pytest.raises(E3DNASError, match="not one of the videos to test with could be read"):
        run_test(Logits(), held, make_accelerator("cpu"), torch.preserve_format)


@pytest.mark.parametrize("views", [1, 4])
def test_against_counting_by_hand(views):
    generator = torch.Generator().manual_seed(1)
    logits, labels = 3 * torch.randn(25, views, CLASSES, generator=generator), torch.arange(25) % (CLASSES - 1)
    model, told = Logits().train(), []
    found = run_test(
        model, Held(logits, labels), make_accelerator("cpu"), torch.preserve_format, lambda *now: told.append(now)
    )
    shares = [sum(one[v].softmax(0) for v in range(views)) / views for one in logits]
    ranked = [sorted(range(CLASSES), key=lambda label, share=share: -share[label]) for share in shares]
    assert found.count == 25
    assert found.top1 == sum(rank[0] == label for rank, label in zip(ranked, labels, strict=True)) / 25
    assert found.top5 == sum(label in rank[:5] for rank, label in zip(ranked, labels.tolist(), strict=True)) / 25
    assert found.top1 < found.top5 < 1
    loss = -sum(share[label].log() for share, label in zip(shares, labels, strict=True)) / 25
    assert found.loss == pytest.approx(float(loss), rel=1e-5)
    for right in range(CLASSES):
        for guess in range(CLASSES):
            times = sum(rank[0] == guess and label == right for rank, label in zip(ranked, labels, strict=True))
            assert found.confusion[right, guess] == times
    assert model.training  # as it was
    assert model.most <= 3
    assert told[-1] == (25, 25)


def test_probabilities_are_averaged_and_not_logits():
    logits = torch.tensor([[[9.0, 0.0], [0.0, 1.0]]])  # sure of the one, then rather the other
    clips = logits.flatten(0, 1)[:, None, None, None, :]

    class Two(nn.Module):
        def forward(self, x):
            return x[:, 0, 0, 0]

    found = view_probabilities(Two(), clips, 2)
    assert torch.allclose(found, logits.softmax(2).mean(1))
    assert not torch.allclose(found, logits.mean(1).softmax(1))


def test_a_right_class_of_probability_zero_is_a_large_loss_and_no_infinite_one():
    logits = torch.full((1, 1, CLASSES), -200.0)
    logits[0, 0, 0] = 200.0
    found = run_test(Logits(), Held(logits, torch.tensor([3])), make_accelerator("cpu"), torch.preserve_format)
    assert 50 < found.loss < 1000


def test_meter_sums_parts_and_starts_again():
    meter = Meter(make_accelerator("cpu"))
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
    meter.add(1, [0, 1, 2], torch.tensor(0.5), logits, torch.tensor([0, 0, 0]))
    meter.add(1, [3], torch.tensor(1.5), logits[:1], torch.tensor([[0.4, 0.6]]))  # mixed: the larger part counts
    found = meter.settle(lambda indices: [])
    assert (found.loss, found.hits, found.count, found.stop) == (3.0, 2, 4, False)
    assert (found.mean_loss, found.top1) == (0.75, 0.5)
    assert meter.settle(lambda indices: [], stop=True).stop
    meter.add(7, [4, 5], torch.tensor(torch.inf), logits[:2], torch.tensor([0, 1]))
    with pytest.raises(TrainingFailed, match="the loss is inf at update 7, in process 0, of the clips e, f"):
        meter.settle(lambda indices: ["abcdef"[index] for index in indices])


def test_clock_counts_waiting(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("e3dnas.training.meters.time.perf_counter", lambda: now[0])
    clock = Clock(start=0.0)

    def slow():
        for _ in range(3):
            now[0] += 1.0
            yield 1

    for _ in clock.timed(slow()):
        now[0] += 3.0
    assert clock.read() == (12.0, 0.25)
    now[0] += 5.0
    assert clock.read() == (5.0, 0.0)
