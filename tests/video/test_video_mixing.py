"""Mixup and CutMix: the share of a label is the share of pixels that come from its clip."""

import pytest
import torch

from e3dnas.errors import E3DNASError
from e3dnas.video.mixing import Mixer

B, C, T, H, W = 6, 3, 5, 20, 28


def batch(device="cpu"):
    """Clip i holds nothing but the value i + 1, and has the label i."""
    clips = torch.arange(1.0, B + 1, device=device).view(B, 1, 1, 1, 1).expand(B, C, T, H, W).contiguous()
    return clips, torch.arange(B, device=device)


DEVICES = ["cpu", pytest.param("cuda", marks=[
    pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")])]  # fmt: skip


@pytest.mark.parametrize("device", DEVICES)
def test_cutmix_replaces_the_share_of_pixels_that_the_label_says(device):
    clips, labels = batch(device)
    shares = set()
    for seed in range(50):
        mixed, targets = Mixer(B, cutmix=1.0)(clips, labels, seed)
        assert (type(mixed), mixed.shape, mixed.device.type) == (torch.Tensor, clips.shape, device)
        for place in range(B):
            for label in range(B):  # count the pixels that come from each clip
                share = (mixed[place] == label + 1).double().mean().item()
                assert targets[place, label].item() == pytest.approx(share, abs=1e-6)
        assert (mixed == mixed[:, :1, :1]).all()  # the same box in all channels and frames
        shares.add(round(targets.max(1).values[0].item(), 4))
    assert len(shares) > 20
    assert torch.equal(clips, batch(device)[0])  # what was given is as it was


@pytest.mark.parametrize("device", DEVICES)
def test_mixup_blends_by_the_share_that_the_label_says(device):
    clips, labels = batch(device)
    for seed in range(20):
        mixed, targets = Mixer(B, mixup=0.8)(clips, labels, seed)
        expected = targets @ torch.arange(1.0, B + 1, device=device)
        assert torch.allclose(mixed, expected.view(B, 1, 1, 1, 1).expand_as(mixed), atol=1e-5)
        assert ((targets > 0).sum(1) <= 2).all()


def test_targets_add_up_to_one_and_are_smoothed():
    clips, labels = batch()
    for settings in ({}, {"mixup": 1.0, "cutmix": 1.0}):
        _, targets = Mixer(B, **settings, smoothing=0.1)(clips, labels, 3)
        assert torch.allclose(targets.sum(1), torch.ones(B))
        assert targets.min() == pytest.approx(0.1 / B)
    same, plain = Mixer(B)(clips, labels)
    assert torch.equal(same, clips)
    assert torch.equal(plain, torch.eye(B))


def test_both_are_drawn_and_some_batches_are_left():
    clips, labels = batch()
    kinds = []
    for seed in range(200):
        mixed, _ = Mixer(B, mixup=1.0, cutmix=1.0, chance=0.6)(clips, labels, seed)
        whole = torch.equal(mixed, clips)
        kinds.append("none" if whole else "cut" if (mixed == mixed.round()).all() else "blend")
    counts = {kind: kinds.count(kind) for kind in ("none", "cut", "blend")}
    assert counts["none"] == pytest.approx(80, abs=25)
    assert counts["cut"] == pytest.approx(60, abs=25)


def test_a_seed_decides_and_leaves_the_global_generator_alone():
    clips, labels = batch()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again = (Mixer(B, cutmix=1.0)(clips, labels, 7) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(Mixer(B, cutmix=1.0)(clips, labels, 8)[1], first[1])
    assert torch.equal(Mixer(B, cutmix=1.0)(clips[:1], labels[:1], 7)[0], clips[:1])


def test_settings_that_are_wrong():
    with pytest.raises(E3DNASError, match="chance: must be 0 to 1"):
        Mixer(3, chance=2)
    with pytest.raises(E3DNASError, match="mixup: must be 0 to 1000"):
        Mixer(3, mixup=-1)
