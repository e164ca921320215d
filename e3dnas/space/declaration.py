"""The form of a space file: every key with its default, meaning and unit. ``e3dnas schema`` prints it for editors."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict, model_validator

from e3dnas.arch.architecture import Clip
from e3dnas.arch.fields import Activation, Spec
from e3dnas.config import At, shown
from e3dnas.space.choices import (
    ActivationChoices,
    BlockChoices,
    Counts,
    DepthChoices,
    Fractions,
    KernelChoices,
    Ratios,
    ShortcutChoices,
    StrideChoices,
    TemporalKernels,
    Widths,
)

__all__ = [
    "Budget", "Declaration", "HeadChoices", "Rules", "Score", "Search", "StageChoices", "StemChoices", "checked_name",
]  # fmt: skip

MAX_OBJECTIVES = 3
MAX_NAME = 100
Direction = Literal["maximize", "minimize"]
Sampler = Literal["evolution", "exact", "nsgaii", "random", "tpe"]


def checked_name(name: str) -> str:
    """Return the name of a space, which its study and the folder of its runs are called by.

    Raises:
        At: it cannot be the name of a folder.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise At(("name",), f"must be letters, digits, '.', '_' and '-', not {shown(name)}")
    if len(name) > MAX_NAME:
        raise At(("name",), f"must have at most {MAX_NAME} characters, not {len(name)}: {shown(name)}")
    return name


class StemChoices(Spec):
    """Choices of the first convolution."""

    out: Widths = Field(default=(24,), description="channels out")
    kernel: KernelChoices = Field(default=((1, 3),), description="kernel, time x height x width")
    stride: StrideChoices = Field(default=((1, 2),), description="stride, time x height x width")
    temporal_kernel: TemporalKernels = Field(
        default=(0,), description="frames of a depthwise temporal convolution behind it, 0: none"
    )
    activation: ActivationChoices = Field(default=("relu",), description="activation after the BN")


class StageChoices(Spec):
    """Choices of one stage; see the spec of a concrete stage for what the fields mean."""

    block: BlockChoices = Field(default=("depthwise",), description="kind of block")
    depth: DepthChoices = Field(description="number of blocks")
    out: Widths = Field(description="channels out of every block")
    bottleneck: Widths | None = Field(default=None, description="channels inside a block; or say bottleneck_ratio")
    bottleneck_ratio: Ratios | None = Field(default=None, description="channels inside a block, over out")
    bottleneck_multiple: int = Field(
        default=8,
        ge=1,
        le=1024,
        description="bottleneck_ratio x out is rounded to the nearest multiple of this, ties to the even one",
    )
    kernel: KernelChoices = Field(default=((3, 3),), description="kernel of the middle convolution")
    stride: StrideChoices = Field(default=((1, 1),), description="stride of the first block")
    se: Fractions = Field(default=(0.0,), description="squeeze-excitation ratio, 0: none")
    se_every: Counts = Field(default=(1,), description="every n-th block squeezes, the first one included")
    shortcut: ShortcutChoices = Field(default=("identity",), description="shortcut where width or size change")
    activation: ActivationChoices = Field(default=("relu",), description="activation")
    inner_activation: ActivationChoices | None = Field(
        default=None, description="activation after the middle convolution; none: as 'activation'"
    )

    @model_validator(mode="after")
    def _one_bottleneck(self) -> StageChoices:
        if (self.bottleneck is None) == (self.bottleneck_ratio is None):
            raise At((), "write either 'bottleneck' (channels) or 'bottleneck_ratio' (channels over out), and one only")
        return self


class HeadChoices(Spec):
    """Choices of the head convolution, and what follows it."""

    out: Widths = Field(default=(512,), description="channels out of the head convolution")
    activation: ActivationChoices = Field(default=("relu",), description="activation after the BN")
    hidden: int = Field(default=2048, ge=0, le=65536, description="width of the layer before the classifier, 0: none")
    hidden_activation: Activation = Field(default="silu", description="activation of that layer")


class Rules(Spec):
    """Constraints between fields; every candidate is repaired until it keeps them."""

    widths_never_shrink: bool = Field(
        default=True, description="out of a stage is at least that of the stage (or stem) before it"
    )
    kernel_fit: float = Field(
        default=1.5,
        ge=0,
        le=64,
        description="a kernel whose side times this exceeds the map that enters its stage is shrunk by two pixels "
        "until it fits, 0: off",
    )


class Budget(Spec):
    """Limits on one measure, both inclusive."""

    min: float | None = Field(default=None, description="lower limit")
    max: float | None = Field(default=None, description="upper limit")

    @model_validator(mode="after")
    def _limits(self) -> Budget:
        if self.min is None and self.max is None:
            raise At((), "a budget needs 'min', 'max' or both; write for example {max: 2.0e9}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise At((), f"min {self.min:g} is above max {self.max:g}; swap them")
        return self


def _budget(value: Any) -> Any:
    return {"max": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Score(Spec):
    """What is maximised."""

    name: str = Field(default="stentr", description="a measure's name, or your own as package.module:function")
    options: dict[str, Any] = Field(default_factory=dict, description="keyword arguments of the score")


def _score(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class Search(Spec):
    """How the space is searched."""

    sampler: Sampler = Field(default="evolution", description="which Optuna sampler proposes the trials")
    trials: int = Field(default=250, ge=1, le=1_000_000, description="trials in all, those of earlier runs included")
    population: int | None = Field(
        default=None,
        ge=2,
        le=100_000,
        description="best trials that breed; none: 16 for evolution (100 with objectives), 50 for nsgaii",
    )
    candidates: int = Field(
        default=2000, ge=1, le=1_000_000, description="candidates looked at for each trial (evolution)"
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="the same seed gives the same result")


class Declaration(Spec):
    """A whole space file, defaults filled in."""

    name: str = Field(default="", description="name of the space and of its runs; none: the file's name")
    clip: Clip = Field(default_factory=Clip, description="the clip that the networks are made for")
    stem: StemChoices = Field(default_factory=StemChoices, description="the first convolution")
    stage_defaults: dict[str, Any] = Field(
        default_factory=dict, description="keys that every stage has unless it says otherwise"
    )
    stages: Annotated[tuple[StageChoices, ...], Strict(False), Field(min_length=1, max_length=64)] = Field(
        description="the stages, from the stem on"
    )
    head: HeadChoices = Field(default_factory=HeadChoices, description="what follows the last stage")
    rules: Rules = Field(default_factory=Rules, description="constraints between fields")
    budgets: dict[str, Annotated[Budget, BeforeValidator(_budget)]] = Field(
        default_factory=dict, description="limits by measure: {min, max}, or one number as the upper limit"
    )
    score: Annotated[Score, BeforeValidator(_score)] = Field(
        default_factory=Score, description="what is maximised: a name, or {name, options}"
    )
    objectives: dict[str, Direction] = Field(
        default_factory=dict,
        description="two or three measures, each maximize or minimize, instead of the score alone: the front is "
        "sought; options of the score hold for the objective of its name",
    )
    family: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="several spaces in one: name and what differs in it, such as clip and budgets; searched one by one",
    )
    search: Search = Field(default_factory=Search, description="how the space is searched")

    @model_validator(mode="after")
    def _name_is_a_file_name(self) -> Declaration:
        checked_name(self.name or "space")
        return self

    @model_validator(mode="after")
    def _several_objectives(self) -> Declaration:
        if self.objectives and not 2 <= len(self.objectives) <= MAX_OBJECTIVES:
            raise At(
                ("objectives",),
                f"two or three of them, not {len(self.objectives)}; a single one is written 'score: stentr'",
            )
        return self

    @property
    def goals(self) -> dict[str, Direction]:
        """The measures that are sought, with ``maximize`` or ``minimize``: the objectives, or the score alone."""
        return dict(self.objectives) or {self.score.name: "maximize"}
