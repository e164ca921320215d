"""A training's moving parts, and how they become a checkpoint and come back from one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from e3dnas.errors import E3DNASError
from e3dnas.training.assembling import make_ema, make_loss, make_optimizer, make_schedule
from e3dnas.training.checkpoints import Checkpoint
from e3dnas.training.meters import NotFinite, Settled
from e3dnas.training.networks import prepare_batch_norm, set_training

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import Tensor, nn

    from e3dnas.training.recipe import Recipe

__all__ = ["Parts", "Progress"]


@dataclass
class Progress:
    """Where a training stands, as plain data.

    Attributes:
        update: updates made.
        epoch: epochs finished, which is the number of the one that runs, counted from 0.
        position: updates made in that one.
        seen: sums over the clips of that one.
        rows: rows of metrics.csv.
        best: the best validation so far: ``top1``, ``loss``, ``epoch``; empty: none yet.
        broken: files that could not be used, and why.
        seconds: time spent so far, of all runs together.
    """

    update: int = 0
    epoch: int = 0
    position: int = 0
    seen: Settled = field(default_factory=Settled)
    rows: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Any] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Progress:
        """Return what ``asdict`` has made plain data of."""
        return cls(**{**data, "seen": Settled(**data["seen"])})


class Parts:
    """Network, optimiser, schedule, loss and average, made as the recipe says.

    Args:
        network: the network; it is moved to the device.
        recipe: the recipe.
        accelerator: Accelerate's view of this process.
        updates_per_epoch: updates of an epoch.

    Attributes:
        network: the bare network, whose weights are saved.
        model: what is called in training: the network, wrapped for mixed precision and several processes.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, accelerator: Accelerator, updates_per_epoch: int) -> None:
        self.recipe, self.accelerator = recipe, accelerator
        kind = recipe.model.batch_norm
        device, processes = accelerator.device.type, accelerator.num_processes
        self.network = prepare_batch_norm(network, kind, device=device, processes=processes)
        self.network.to(accelerator.device).to(memory_format=self.memory_format)
        bare = make_optimizer(self.network, recipe)
        self.schedule = make_schedule(bare, recipe, updates_per_epoch)
        self.loss = make_loss(recipe).to(accelerator.device)
        self.ema = make_ema(self.network, recipe)
        if recipe.precision.compile:
            self.network.compile()
        self.model, self.optimizer = accelerator.prepare(self.network, bare)

    @property
    def memory_format(self) -> Any:
        """The memory format of weights and clips."""
        import torch

        wanted = self.recipe.precision.channels_last
        on_gpu = self.accelerator.device.type == "cuda"
        return torch.channels_last_3d if wanted or (wanted is None and on_gpu) else torch.preserve_format

    @property
    def judged(self) -> nn.Module:
        """The network that is validated and exported: the average, where there is one."""
        judged: nn.Module = self.network if self.ema is None else self.ema.module
        return judged

    @property
    def lr(self) -> float:
        """The learning rate of the layer that learns fastest."""
        return max(float(group["lr"]) for group in self.optimizer.param_groups)

    def train_mode(self) -> None:
        """Put the network into training mode, but for frozen BN."""
        set_training(self.model, self.recipe.model.batch_norm)

    def snapshot(self, progress: Progress) -> Checkpoint:
        """Return a checkpoint.

        Raises:
            NotFinite: a weight is not finite, so that nobody could go on from it.
        """
        model = self.network.state_dict()
        _check_finite(model, progress.update)
        tensors: dict[str, Any] = {"optimizer": self.optimizer.state_dict()}
        if self.accelerator.scaler is not None:
            tensors["scaler"] = self.accelerator.scaler.state_dict()
        ema = None if self.ema is None else self.ema.module.state_dict()
        data = asdict(progress)
        return Checkpoint(data.pop("update"), model, ema, tensors, data)

    def restore(self, checkpoint: Checkpoint) -> Progress:
        """Go back to a checkpoint, and return where it stood.

        Raises:
            E3DNASError: it is of another network or optimiser.
        """
        try:
            self.network.load_state_dict(dict(checkpoint.model))
            if self.ema is not None:
                self.ema.module.load_state_dict(dict(checkpoint.ema or {}))
            self.optimizer.load_state_dict(checkpoint.tensors["optimizer"])
            if self.accelerator.scaler is not None:
                self.accelerator.scaler.load_state_dict(checkpoint.tensors["scaler"])
            progress = Progress.of({"update": checkpoint.update, **checkpoint.progress})
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise E3DNASError(f"the checkpoint does not fit: {str(error).splitlines()[0]}") from None
        self.schedule.step_update(progress.update)
        return progress


def _check_finite(weights: Mapping[str, Tensor], update: int) -> None:
    import torch

    floating = {key: value for key, value in weights.items() if value.is_floating_point()}
    finite = torch.stack([torch.isfinite(value).all() for value in floating.values()])
    if not bool(finite.all()):
        name = list(floating)[int((~finite).nonzero()[0])]
        raise NotFinite(f"the weights of {name} are not finite after update {update}", alone=True)
