"""Every way computes the same network, with the switch it is meant to have, and leaves nothing behind."""

import os
from dataclasses import replace

import pytest
import torch
from made_benched import tiny

from e3dnas.bench import entries, ways
from e3dnas.bench.clock import SWITCH, Clock, ready
from e3dnas.bench.entries import entries_of
from e3dnas.bench.plan import Plan
from e3dnas.bench.profiling import top_kernels
from e3dnas.bench.roofline import FOLDED, FUSED, PLAIN
from e3dnas.bench.subjects import Subject

INFER, TRAIN = Plan(batch=2, seconds=1e-3), Plan(batch=2, train=True, seconds=1e-3)


def silent(text):
    pass


def made(plan):
    return {
        "contiguous": ways.eager(tiny(), plan, last=False),
        "last": ways.eager(tiny(), plan, last=True),
        "ours": ways.eager(tiny(), plan, last=True, ours=True),
    } | ({} if plan.train else {"folded": ways.folded(tiny(), plan, last=True)})


@pytest.mark.parametrize("plan", [INFER, TRAIN], ids=["inference", "training"])
def test_all_ways_compute_the_same(plan):
    found = made(plan)
    assert {name: one.last for name, one in found.items() if name != "contiguous"} == dict.fromkeys(
        [name for name in found if name != "contiguous"], True
    )
    assert not found["contiguous"].last
    first = found["contiguous"].network(found["contiguous"].clips_BCTHW)
    assert first.std() > 0
    for one in found.values():
        torch.testing.assert_close(one.network(one.clips_BCTHW), first, rtol=1e-3, atol=1e-5)


def test_clips_are_random_and_the_same_for_all():
    clips = [one.clips_BCTHW for one in made(INFER).values()]
    assert all(torch.equal(one, clips[0]) for one in clips)
    assert 0.9 < clips[0].std() < 1.1


def test_a_training_step_has_gradients_of_its_own_and_leaves_none(monkeypatch):
    runner = ways.eager(tiny(), TRAIN, last=True, ours=True)
    norms = []

    def seen(set_to_none):
        norms.append(sum(float(p.grad.norm()) for p in runner.network.parameters()))
        type(runner.network).zero_grad(runner.network, set_to_none)

    runner.network.zero_grad = seen
    runner()
    runner()
    assert norms[0] > 0
    assert norms[1] == pytest.approx(norms[0], rel=1e-3)  # not added up
    assert all(p.grad is None for p in runner.network.parameters())


@pytest.mark.parametrize("before", [None, "1"])
def test_the_switch_is_set_for_a_step_alone(monkeypatch, before):
    monkeypatch.delenv(SWITCH, raising=False)
    if before:
        monkeypatch.setenv(SWITCH, before)
    found = {}
    for name, one in made(INFER).items():
        replace(one, model=lambda x, name=name: found.update({name: os.environ.get(SWITCH)}))()
    assert found == {"contiguous": "0", "last": "0", "ours": None, "folded": "0"}
    assert os.environ.get(SWITCH) == before


def test_bfloat16_is_weights_and_clips_or_autocast():
    half = ways.eager(tiny(), replace(INFER, dtype="bfloat16"), last=True)
    assert {p.dtype for p in half.network.parameters()} == {half.clips_BCTHW.dtype} == {torch.bfloat16}
    mixed = ways.eager(tiny(), replace(TRAIN, dtype="bfloat16"), last=True)
    seen = []
    mixed.network.stem.conv.register_forward_hook(lambda module, given, out: seen.append(out.dtype))
    mixed()
    assert seen == [torch.bfloat16]
    assert {p.dtype for p in mixed.network.parameters()} == {torch.float32}


def test_which_ways_there_are():
    subject = Subject("tiny", tiny())
    found = [(one.way, one.level) for one in entries_of(subject, INFER, silent)]
    assert found == [
        ("eager, contiguous", PLAIN), ("eager, channels_last_3d", PLAIN), ("our kernels, channels_last_3d", PLAIN),
        ("BN folded, our kernels, channels_last_3d", FOLDED),
    ]  # fmt: skip
    found = [(one.way, one.level) for one in entries_of(subject, replace(INFER, dtype="bfloat16"), silent)]
    assert [way for way, _ in found[:2]] == ["eager, contiguous", "eager, channels_last_3d"]
    assert [level for _, level in found] == [PLAIN, PLAIN, FOLDED]
    assert found[2][0] in ("BN folded, contiguous", "BN folded, channels_last_3d")
    found = [one.way for one in entries_of(subject, TRAIN, silent)]
    assert found == ["eager, contiguous", "eager, channels_last_3d", "our kernels, channels_last_3d"]
    found = [one.way for one in entries_of(subject, replace(TRAIN, dtype="bfloat16"), silent)]
    assert found == ["eager, contiguous", "eager, channels_last_3d"]


def test_a_compiler_that_fails_is_told_in_its_row(monkeypatch):
    def fails(model, **options):
        def call(x):
            raise RuntimeError("\n no C++ compiler here\nmore")

        return call

    monkeypatch.setattr(torch, "compile", fails)
    found = entries_of(Subject("tiny", tiny()), replace(TRAIN, compile=True), silent)[-2:]
    assert [one.way for one in found] == [
        "compiled, channels_last_3d", "compiled, our kernels, channels_last_3d",
    ]  # fmt: skip
    assert {(one.step, one.problem, one.level) for one in found} == {(None, "no C++ compiler here", FUSED)}


def test_memory_that_runs_out_is_told_and_other_failures_are_not_hidden(monkeypatch):
    errors = [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
    for error in errors:
        monkeypatch.setattr(entries, "Clock", lambda plan, error=error: lambda step: (_ for _ in ()).throw(error))
        assert {one.problem for one in entries_of(Subject("tiny", tiny()), INFER, silent)} == {"out of memory"}
    monkeypatch.setattr(entries, "Clock", lambda plan: lambda step: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        entries_of(Subject("tiny", tiny()), INFER, silent)


def test_threads_and_searching_are_set_back():
    before = torch.get_num_threads(), torch.backends.cudnn.benchmark
    seen = []

    def stopped():
        with ready(replace(INFER, threads=before[0] + 1)):
            seen.append((torch.get_num_threads(), torch.backends.cudnn.benchmark))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert seen == [(before[0] + 1, True)]
    assert (torch.get_num_threads(), torch.backends.cudnn.benchmark) == before


def test_the_clock_says_what_it_shows():
    assert Clock(INFER).text == "CPU time of the process"
    assert Clock(replace(INFER, threads=2)).text == "wall clock"
    assert Clock(INFER)(lambda: sum(range(200_000))) > Clock(INFER)(lambda: None)


def test_kernels_are_named_and_their_shares_add_up():
    found = top_kernels(ways.eager(tiny(), INFER, last=False), "cpu")
    assert any("conv" in one.name for one in found)
    assert [one.ms for one in found] == sorted((one.ms for one in found), reverse=True)
    assert 0.5 < sum(one.share for one in found) <= 1.0001
    assert min(one.calls for one in found) >= 1
