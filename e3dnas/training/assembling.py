"""What a recipe is made into: timm's optimiser, schedule, loss and average, and Accelerate's device handling."""

from __future__ import annotations

import hashlib
import importlib
import os
from typing import TYPE_CHECKING, Any

from e3dnas.errors import E3DNASError, nearest

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from torch import nn

    from e3dnas.training.recipe import Recipe

__all__ = [
    "make_accelerator", "make_ema", "make_loss", "make_optimizer", "make_schedule", "seed_for", "set_deterministic",
]  # fmt: skip

DEVICES = ("auto", "cpu", "cuda")
FORMATS = ("auto", "no", "bf16", "fp16")


def make_accelerator(device: str = "auto", amp: str = "no", accumulate: int = 1) -> Accelerator:
    """Return Accelerate's view of this process: the device, the number format, the processes beside it.

    Args:
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
        amp: ``auto``, ``no``, ``bf16`` or ``fp16``; see the recipe.
        accumulate: parts of an update.

    Raises:
        E3DNASError: there is no such device, or it cannot compute in this format.
    """
    import torch
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState
    from accelerate.utils import GradientAccumulationPlugin

    if device not in DEVICES:
        raise E3DNASError(f"--device: must be one of {', '.join(DEVICES)}, not {device!r}{nearest(device, DEVICES)}")
    if amp not in FORMATS:
        raise E3DNASError(f"--amp: must be one of {', '.join(FORMATS)}, not {amp!r}{nearest(amp, FORMATS)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise E3DNASError("--device cuda: PyTorch finds no GPU here; write cpu")
    on_gpu = device != "cpu" and torch.cuda.is_available()
    if amp == "auto":
        amp = "bf16" if on_gpu and torch.cuda.is_bf16_supported() else "no"
    if amp == "fp16" and not on_gpu:
        raise E3DNASError("precision.amp, --amp: fp16 needs a GPU; write no, or bf16")
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        AcceleratorState._reset_state(
            reset_partial_state=True
        )  # an earlier training in this process may have set others
    # Our loader makes whole updates only; Accelerate's own loader, which it would ask for the end, is not used.
    plugin = GradientAccumulationPlugin(num_steps=accumulate, sync_with_dataloader=False)
    return Accelerator(cpu=not on_gpu, mixed_precision=amp, gradient_accumulation_plugin=plugin)


def set_deterministic(wanted: bool) -> None:
    """Have PyTorch use algorithms that give the same bits again, or raise where there is none."""
    import torch

    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
    torch.use_deterministic_algorithms(wanted)
    torch.backends.cudnn.deterministic = wanted
    torch.backends.cudnn.benchmark = not wanted


def seed_for(*parts: int | str) -> int:
    """Return a seed for what the parts name: the recipe's seed, a use, an update, a process.

    Random numbers follow from where they are used and not from what was drawn before, so a training that was stopped
    goes on with the same ones, and no state of a generator is kept.
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1  # torch takes 63 bits


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return timm's optimiser; layers are told apart by the model's ``group_matcher``.

    Raises:
        E3DNASError: timm has no such optimiser, or it does not take the options.
    """
    timm_optim: Any = importlib.import_module("timm.optim")
    wanted, known = recipe.optimizer, timm_optim.list_optimizers()
    if wanted.name.lower() not in known:
        raise E3DNASError(
            f"optimizer.name: timm has no {wanted.name!r}{nearest(wanted.name, known)}; e.g. sgd, adamw, lamb, lion"
        )
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in wanted.options.items()}
    try:
        optimizer: torch.optim.Optimizer = timm_optim.create_optimizer_v2(
            model, opt=wanted.name, lr=recipe.lr, weight_decay=wanted.weight_decay, momentum=wanted.momentum,
            layer_decay=wanted.layer_decay, **options,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise E3DNASError(f"optimizer: {wanted.name} cannot be made so: {str(error).splitlines()[0]}") from None
    return optimizer


def make_schedule(optimizer: torch.optim.Optimizer, recipe: Recipe, updates_per_epoch: int) -> Any:
    """Return timm's schedule; ``step_update(n)`` sets the learning rate after n updates, whatever came before."""
    timm_scheduler: Any = importlib.import_module("timm.scheduler")
    wanted = recipe.schedule
    schedule, _ = timm_scheduler.create_scheduler_v2(
        optimizer,
        sched="step" if wanted.name == "constant" else wanted.name,
        num_epochs=recipe.epochs,
        decay_epochs=wanted.decay_epochs,
        decay_milestones=list(wanted.milestones),
        decay_rate=1.0 if wanted.name == "constant" else wanted.decay_rate,
        min_lr=wanted.min_lr,
        warmup_lr=min(wanted.warmup_lr, recipe.lr),
        warmup_epochs=wanted.warmup_epochs,
        step_on_epochs=False,
        updates_per_epoch=updates_per_epoch,
    )
    schedule.step_update(0)
    return schedule


def make_loss(recipe: Recipe) -> nn.Module:
    """Return the loss of logits (B, N) against labels (B,) or, of mixed clips, shares of classes (B, N)."""
    from torch import nn

    if recipe.loss == "bce":
        timm_loss: Any = importlib.import_module("timm.loss")
        loss: nn.Module = timm_loss.BinaryCrossEntropy(smoothing=recipe.label_smoothing)
        return loss
    return nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)


def make_ema(model: nn.Module, recipe: Recipe) -> Any:
    """Return timm's moving average of the model; None where the recipe wants none."""
    if recipe.ema is None:
        return None
    timm_utils: Any = importlib.import_module("timm.utils")
    return timm_utils.ModelEmaV3(model, decay=recipe.ema.decay, use_warmup=recipe.ema.warmup)
