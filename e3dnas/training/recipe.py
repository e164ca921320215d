"""The form of a recipe file: every key with its default, meaning, unit and range.

Whatever changes the result of a training stands here; where it is written, and how often, does not.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from e3dnas.arch.fields import Spec
from e3dnas.config import At
from e3dnas.training.recipe_data import Augmentation, ClipSampling, Loader, Views

__all__ = ["Ema", "ModelOptions", "Optimizer", "Precision", "Recipe", "Schedule"]

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ModelOptions(Spec):
    """What is set at the network before it is trained."""

    drop: float = Field(default=0.0, ge=0.0, lt=1.0, description="dropout before the classifier, as a share")
    drop_path: float = Field(
        default=0.0, ge=0.0, lt=1.0, description="share of samples whose last residual branch is dropped; grows from 0"
    )
    weights: bool = Field(default=True, description="start from the weights that the model comes with, if it has any")
    batch_norm: Literal["train", "frozen", "sync"] = Field(
        default="train",
        description="train: statistics of each process's clips; frozen: statistics, scale and shift stay as they are; "
        "sync: statistics of the clips of all processes (GPU)",
    )
    zero_init_last: bool = Field(default=False, description="start every residual branch at zero")
    grad_checkpointing: bool = Field(
        default=False, description="compute activations again in the backward pass, for less memory"
    )


class Optimizer(Spec):
    """One of timm's optimisers. Biases and BN have no weight decay."""

    name: str = Field(
        default="sgd", description="name in timm's registry: sgd (with Nesterov momentum), adamw, lamb ..."
    )
    lr: float = Field(default=0.05, gt=0.0, description="highest learning rate")
    lr_batch: int | None = Field(
        default=None,
        ge=1,
        description="the batch that lr is meant for: lr is scaled by batch / lr_batch; none: as it is",
    )
    momentum: Share = Field(default=0.9, description="momentum, of optimisers that have one; beta_1 is in options")
    weight_decay: float = Field(default=5e-5, ge=0.0, description="weight decay")
    layer_decay: float | None = Field(
        default=None, gt=0.0, le=1.0, description="learning rate of each layer over that of the next one; none: equal"
    )
    options: dict[str, Any] = Field(default_factory=dict, description="further arguments of the optimiser")


class Schedule(Spec):
    """One of timm's learning-rate schedules, stepped at every update."""

    name: Literal["cosine", "step", "multistep", "tanh", "poly", "constant"] = Field(
        default="cosine", description="form of the decay"
    )
    warmup_epochs: float = Field(default=0.0, ge=0.0, description="epochs of linear warm-up, part of all epochs")
    warmup_lr: float = Field(default=1e-5, ge=0.0, description="learning rate at the start of the warm-up, not scaled")
    min_lr: float = Field(default=0.0, ge=0.0, description="lowest learning rate of a decay")
    decay_rate: float = Field(default=0.1, gt=0.0, description="factor of a step (step, multistep), power (poly)")
    decay_epochs: float = Field(default=30.0, gt=0.0, description="epochs between steps (step)")
    milestones: tuple[int, ...] = Field(default=(), strict=False, description="epochs of the steps (multistep)")


class Ema(Spec):
    """A moving average of the weights, evaluated and exported in place of them (timm's ModelEmaV3)."""

    decay: float = Field(default=0.9998, gt=0.0, lt=1.0, description="share of the old average at every update")
    warmup: bool = Field(default=True, description="start with a smaller decay that grows with the updates")


class Precision(Spec):
    """How it is computed."""

    amp: Literal["auto", "no", "bf16", "fp16"] = Field(
        default="auto", description="mixed precision; auto: bf16 on a GPU that can, no elsewhere"
    )
    channels_last: bool | None = Field(default=None, description="channels_last_3d memory format; none: on a GPU only")
    compile: bool = Field(default=False, description="compile the network with torch.compile")
    deterministic: bool = Field(
        default=False, description="use only algorithms that give the same bits again (slower on a GPU)"
    )


class Recipe(Spec):
    """A whole recipe; ``load_recipe`` reads one from a file."""

    name: str = Field(default="recipe", description="name of the recipe")
    seed: int = Field(
        default=0, ge=0, lt=2**32, description="seed of weights, order, sampling, augmentation and dropout"
    )
    epochs: int = Field(default=50, ge=1, description="times that every clip is seen")
    batch: int = Field(default=32, ge=1, description="clips of one update, over all processes and parts")
    accumulate: int = Field(
        default=1, ge=1, description="parts that an update's clips are computed in, for less memory"
    )
    label_smoothing: float = Field(default=0.0, ge=0.0, lt=1.0, description="share of a label spread over all classes")
    loss: Literal["cross_entropy", "bce"] = Field(
        default="cross_entropy", description="cross entropy, or binary cross entropy of every class"
    )
    clip_grad: float | None = Field(default=None, gt=0.0, description="largest norm of the gradient; none: any")
    clip: ClipSampling = Field(default=ClipSampling(), description="which frames, and how large")
    augment: Augmentation = Field(default=Augmentation(), description="changes of the clips in training")
    model: ModelOptions = Field(default=ModelOptions(), description="the network")
    optimizer: Optimizer = Field(default=Optimizer(), description="the optimiser")
    schedule: Schedule = Field(default=Schedule(), description="the learning rate over time")
    ema: Ema | None = Field(default=None, description="moving average of the weights; none: no average")
    precision: Precision = Field(default=Precision(), description="number formats and kernels")
    test: Views = Field(default=Views(), description="views of a video in the test, the default of `e3dnas eval`")
    loader: Loader = Field(default=Loader(), description="reading of the files")

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if self.batch % self.accumulate:
            raise At(("accumulate",), f"must divide the batch of {self.batch}, and {self.accumulate} does not")
        if self.schedule.warmup_epochs >= self.epochs:
            raise At(
                ("schedule", "warmup_epochs"),
                f"{self.schedule.warmup_epochs:g} epochs of warm-up leave nothing of {self.epochs}; write fewer",
            )
        if self.loss == "bce" and self.label_smoothing and (self.augment.mixup or self.augment.cutmix):
            raise At(("label_smoothing",), "with bce, labels are smoothed or mixed, not both; set one of them to 0")
        return self

    @property
    def lr(self) -> float:
        """The highest learning rate for this batch: scaled linearly where the recipe names the batch it is for."""
        scale = self.batch / self.optimizer.lr_batch if self.optimizer.lr_batch else 1.0
        return self.optimizer.lr * scale
