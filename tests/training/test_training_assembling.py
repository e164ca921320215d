"""What recipes are made into: optimisers, schedules, losses, averages, devices."""

import itertools
import math

import pytest
import torch
from made_training import ARCHITECTURE
from torch import nn

from e3dnas.errors import E3DNASError
from e3dnas.models import create_model
from e3dnas.training import load_recipe
from e3dnas.training.assembling import (
    make_accelerator,
    make_ema,
    make_loss,
    make_optimizer,
    make_schedule,
    seed_for,
)


def groups(recipe):
    model = create_model(ARCHITECTURE, num_classes=3)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    optimizer = make_optimizer(model, load_recipe(recipe))
    return {names[id(p)]: group for group in optimizer.param_groups for p in group["params"]}


def test_biases_and_bn_have_no_weight_decay():
    found = groups({"optimizer": {"weight_decay": 0.1}})
    assert found["stem.conv.weight"]["weight_decay"] == 0.1
    for name in ("stem.bn.weight", "stem.bn.bias", "stages.0.blocks.0.bn2.bias", "head.fc.bias"):
        assert found[name]["weight_decay"] == 0.0


def test_layer_decay_falls_from_the_head_to_the_stem():
    found = groups({"optimizer": {"layer_decay": 0.5}})
    scales = [found[f"{name}.weight"]["lr_scale"] for name in (
        "stem.conv", "stages.0.blocks.0.conv1", "stages.0.blocks.1.conv1", "stages.1.blocks.0.conv1", "final.conv",
        "head.fc",
    )]  # fmt: skip
    assert scales == sorted(scales)
    assert scales[-1] == 1.0
    assert [after / before for before, after in itertools.pairwise(scales)][:4] == [2.0] * 4


def test_options_reach_the_optimizer():
    assert groups({"optimizer": {"name": "adamw", "options": {"betas": [0.8, 0.95]}}})["head.fc.weight"]["betas"] == (
        0.8, 0.95,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("optimizer", "told"),
    [
        ({"name": "adamv"}, "optimizer.name: timm has no 'adamv'; did you mean 'adam"),
        ({"options": {"speed": 3}}, "optimizer: sgd cannot be made so: "),
        ({"name": "adamw", "options": {"betas": [2, 3]}}, "optimizer: adamw cannot be made so: "),
    ],
)
def test_wrong_optimizers(optimizer, told):
    with pytest.raises(E3DNASError) as error:
        groups({"optimizer": optimizer})
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def rates(recipe, updates=10):
    """The learning rate of every update."""
    recipe = load_recipe(recipe)
    optimizer = make_optimizer(nn.Linear(2, 2), recipe)
    schedule, found = make_schedule(optimizer, recipe, updates), []
    for update in range(recipe.epochs * updates):
        found.append(optimizer.param_groups[0]["lr"])
        schedule.step_update(update + 1)
    return found


def test_cosine_with_warm_up_against_its_formula():
    recipe = {"epochs": 10, "batch": 64, "optimizer": {"lr": 0.4, "lr_batch": 128}}
    found = rates({**recipe, "schedule": {"warmup_epochs": 2, "warmup_lr": 0.01, "min_lr": 0.001}})
    top = 0.2  # 0.4 * 64 / 128
    wanted = [0.01 + (top - 0.01) * n / 20 for n in range(20)]
    wanted += [0.001 + (top - 0.001) * (1 + math.cos(math.pi * n / 100)) / 2 for n in range(20, 100)]
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        ({"name": "constant"}, {0: 1.0, 99: 1.0}),
        ({"name": "step", "decay_epochs": 4}, {39: 1.0, 40: 0.1, 80: 0.01}),
        ({"name": "multistep", "milestones": [2, 5], "decay_rate": 0.5}, {18: 1.0, 21: 0.5, 51: 0.25}),
        ({"name": "poly", "decay_rate": 1.0}, {0: 1.0, 50: 0.5}),
    ],
    ids=lambda value: str(value.get("name", "")),
)
def test_other_schedules(schedule, wanted):
    found = rates({"epochs": 10, "optimizer": {"lr": 1.0}, "schedule": schedule})
    assert {update: found[update] for update in wanted} == pytest.approx(wanted)


@pytest.mark.parametrize("update", [0, 7, 35])
def test_a_schedule_follows_from_the_number_of_updates_alone(update):
    recipe = load_recipe({"epochs": 5, "schedule": {"warmup_epochs": 1}})
    optimizer = make_optimizer(nn.Linear(2, 2), recipe)
    make_schedule(optimizer, recipe, 10).step_update(update)
    assert optimizer.param_groups[0]["lr"] == rates({"epochs": 5, "schedule": {"warmup_epochs": 1}})[update]


def test_losses_of_labels_and_of_shares():
    logits, labels = torch.randn(4, 3), torch.tensor([0, 2, 1, 1])
    shares = nn.functional.one_hot(labels, 3).float()
    for recipe in ({}, {"label_smoothing": 0.1}, {"loss": "bce"}):
        loss = make_loss(load_recipe(recipe))
        assert torch.allclose(loss(logits, labels), loss(logits, shares))
    smooth = shares * 0.9 + 0.1 / 3
    wanted = -(smooth * logits.log_softmax(1)).sum(1).mean()
    assert torch.allclose(make_loss(load_recipe({"label_smoothing": 0.1}))(logits, labels), wanted)


def test_average():
    model = nn.Linear(2, 2)
    assert make_ema(model, load_recipe({})) is None
    ema = make_ema(model, load_recipe({"ema": {"decay": 0.75, "warmup": False}}))
    before = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 1
    ema.update(model, step=100)
    assert torch.allclose(ema.module.weight, before + 0.25)


def test_seeds_differ_by_every_part_and_fit_torch():
    seeds = {seed_for(0, "update", n, part) for n in range(100) for part in range(3)} | {seed_for(1, "update", 0, 0)}
    assert len(seeds) == 301
    assert seed_for(0, "order", 3) == seed_for(0, "order", 3)
    torch.manual_seed(max(seeds))


def test_devices():
    assert make_accelerator("cpu").device.type == "cpu"
    assert make_accelerator("cpu", "bf16").mixed_precision == "bf16"
    assert make_accelerator("cpu", "auto").mixed_precision == "no"  # and not that of the one before
    with pytest.raises(E3DNASError, match="fp16 needs a GPU"):
        make_accelerator("cpu", "fp16")
    with pytest.raises(E3DNASError, match="--device: must be one of auto, cpu, cuda, not 'gpu'"):
        make_accelerator("gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there():
    with pytest.raises(E3DNASError, match="--device cuda: PyTorch finds no GPU here; write cpu"):
        make_accelerator("cuda")
