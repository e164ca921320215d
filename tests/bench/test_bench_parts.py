"""The parts of a network are the network."""

import pytest
import torch
from made_benched import OTHERS, TINY, tiny

from e3dnas.bench import ways
from e3dnas.bench.parts import flops_of_parts, measured_parts, modules_of
from e3dnas.bench.plan import Plan
from e3dnas.models.profile import profile_architecture


@pytest.mark.parametrize("data", [TINY, *OTHERS.values()], ids=["tiny", *OTHERS])
def test_parts_one_after_the_other_are_the_whole(data):
    runner = ways.eager(tiny(data), Plan(batch=2), last=False)
    x, parts = runner.clips_BCTHW, modules_of(runner.network)
    for part in parts.values():
        x = part(x)
    assert torch.equal(x, runner.network(runner.clips_BCTHW))
    held = [id(one) for part in parts.values() for one in part.parameters()]
    assert sorted(held) == sorted(id(one) for one in runner.network.parameters())


def test_operations_are_those_that_thop_counts():
    found = flops_of_parts(tiny())
    classifier = found.pop("classifier")
    assert sum(found.values()) == profile_architecture(tiny()).flops
    assert classifier == 16 * 8 + 8 * 400


@pytest.mark.parametrize("train", [False, True])
def test_parts_are_measured_as_they_are_used(train):
    plan = Plan(batch=2, train=train)
    runner = ways.eager(tiny(), plan, last=True, ours=train)
    seen = {}
    for name, module in modules_of(runner.network).items():
        module.register_forward_pre_hook(
            lambda module, given, name=name: seen.update({name: (tuple(given[0].shape), given[0].requires_grad)})
        )
    shares = []
    found = measured_parts(runner, tiny(), 1e-3, shares.append)
    assert [one.name for one in found] == ["stem", "stage1", "stage2", "head", "classifier"]
    assert sum(one.share for one in found) == pytest.approx(1)
    assert sum(one.flops_share for one in found) == pytest.approx(1)
    assert min(one.timing.median for one in found) > 0
    assert shares[-1] == 1
    assert seen == {
        "stem": ((2, 3, 4, 17, 17), False), "stage1": ((2, 8, 4, 9, 9), train), "stage2": ((2, 8, 4, 5, 5), train),
        "head": ((2, 16, 4, 5, 5), train), "classifier": ((2, 16, 4, 5, 5), train),
    }  # fmt: skip
    assert all(p.grad is None for p in runner.network.parameters())
