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
    "ON_A_MACHINE", "Budget", "Declaration", "HeadChoices", "Rules", "Score", "Search", "StageChoices", "StemChoices",
    "checked_name",
]  # fmt: skip

MAX_OBJECTIVES = 3
MAX_NAME = 100
Direction = Literal["maximize", "minimize"]
Sampler = Literal["evolution", "exact", "nsgaii", "random", "tpe"]
ON_A_MACHINE = ("latency_ms", "peak_memory_mib")
"""Measures that only a machine knows; their budgets say which one, and how the network runs there."""
SETTING = ("device", "batch", "threads", "dtype")


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
    """Limits on one measure, both inclusive; those of latency and peak memory say where and how the network runs."""

    min: float | None = Field(default=None, description="lower limit")
    max: float | None = Field(default=None, description="upper limit")
    device: Literal["cpu", "cuda"] | None = Field(
        default=None, description="latency_ms, peak_memory_mib: what the network runs on; none: cpu"
    )
    batch: int | None = Field(
        default=None, ge=1, le=4096, description="latency_ms, peak_memory_mib: clips at once; none: 1"
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="latency_ms on a cpu: threads of one pass; none: 1"
    )
    dtype: Literal["float32", "bfloat16", "float16"] | None = Field(
        default=None, description="latency_ms, peak_memory_mib: number format of weights and maps; none: float32"
    )

    @model_validator(mode="after")
    def _limits(self) -> Budget:
        if self.min is None and self.max is None:
            raise At((), "a budget needs 'min', 'max' or both; write for example {max: 2.0e9}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise At((), f"min {self.min:g} is above max {self.max:g}; swap them")
        if self.threads is not None and self.device == "cuda":
            raise At(("threads",), "says nothing of a GPU; delete it")
        return self

    @property
    def setting(self) -> dict[str, Any]:
        """The keys that say where and how the network runs, those that are given."""
        return {key: getattr(self, key) for key in SETTING if getattr(self, key) is not None}


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

    @model_validator(mode="after")
    def _settings_where_they_mean_something(self) -> Declaration:
        for name, budget in self.budgets.items():
            if name not in ON_A_MACHINE and budget.setting:
                key = next(iter(budget.setting))
                raise At(("budgets", name, key), f"only {' and '.join(ON_A_MACHINE)} run on a machine; delete it")
            if name in ON_A_MACHINE and budget.max is not None and budget.max <= 0:
                raise At(("budgets", name, "max"), f"must be above 0, not {budget.max:g}")
        return self

    @property
    def goals(self) -> dict[str, Direction]:
        """The measures that are sought, with ``maximize`` or ``minimize``: the objectives, or the score alone."""
        return dict(self.objectives) or {self.score.name: "maximize"}
