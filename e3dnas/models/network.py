"""The network of any architecture, with the surface of a timm model.

Shapes: B clips, C channels, T frames, H and W pixels, N classes, F features before the classifier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from timm.layers.drop import DropPath
from timm.models._features import feature_take_indices
from torch import Tensor, nn

from e3dnas.arch import Architecture, load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.models.blocks import Block, HeadConv, StageModule, StemConv
from e3dnas.models.head import ClassifierHead

__all__ = ["E3D", "with_channels"]


class E3D(nn.Module):
    """A 3D CNN for video as its spec says (arXiv 2303.02693): stem, stages, head convolution, classifier.

    Args:
        arch: the architecture, or plain data, a file, a folder or a zoo name that ``load_architecture`` takes.
        num_classes: classes, 0 for features instead of logits.
        in_chans: channels of a clip, in place of those of the architecture; none: those of the architecture.
        global_pool: ``avg``, ``max``, or ``''`` (with ``num_classes=0``) for feature maps.
        drop_rate: dropout before the classifier, 0 to 1.
        drop_path_rate: rate at which the last residual branch is dropped, 0 to 1; it grows linearly from 0 with depth.
        zero_init_last: start every residual branch at zero, by the weight of its last BN.

    Raises:
        E3DNASError: there is no such architecture, or an argument is out of its range.
    """

    def __init__(
        self,
        arch: Architecture | Mapping[str, Any] | str | Path,
        num_classes: int = 400,
        in_chans: int | None = None,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        zero_init_last: bool = False,
    ) -> None:
        super().__init__()
        _check_rate("drop_rate", drop_rate)
        _check_rate("drop_path_rate", drop_path_rate)
        self.arch = with_channels(load_architecture(arch), in_chans)
        self.in_chans = self.arch.clip.channels
        self.num_classes = num_classes
        self.drop_rate = drop_rate
        self.drop_path_rate = drop_path_rate
        self.feature_info = _feature_info(self.arch)
        self.stem = StemConv(self.arch.stem, self.in_chans)
        self.stages = _stages(self.arch, drop_path_rate)
        self.final: nn.Module = HeadConv(self.arch.head, self.arch.stages[-1].out)
        self.num_features = self.arch.head.out
        _init_backbone(self, zero_init_last)
        self.head = ClassifierHead(self.arch.head, self.num_features, num_classes, global_pool, drop_rate)
        self.head_hidden_size = self.head.out_features

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Map clips (B, in_chans, T, H, W) to logits (B, N)."""
        return self.forward_head(self.forward_features(x_BCTHW))

    def forward_features(self, x_BCTHW: Tensor) -> Tensor:
        """Map clips to the feature maps that are pooled, (B, num_features, T', H', W')."""
        y_BCTHW: Tensor = self.final(self.stages(self.stem(x_BCTHW)))
        return y_BCTHW

    def forward_head(self, x_BCTHW: Tensor, pre_logits: bool = False) -> Tensor:
        """Map feature maps to logits (B, N), or with ``pre_logits`` to what enters the classifier, (B, F)."""
        x: Tensor = self.head(x_BCTHW, pre_logits=pre_logits)
        return x

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Return the outputs of stages, alone or after the final feature maps.

        Args:
            x: clips (B, C, T, H, W).
            indices: stages to take (negative: from the end), the last n for a number, all for none.
            norm: for timm's sake; there is no norm to apply.
            stop_early: do not run the stages after the last one taken.
            output_fmt: ``NCHW``, which here means (B, C, T, H, W).
            intermediates_only: leave out the final feature maps.

        Raises:
            E3DNASError: another format is asked for.
        """
        if output_fmt not in ("NCHW", "NCTHW"):
            raise E3DNASError(f"output_fmt: must be 'NCHW' (here B, C, T, H, W), not {output_fmt!r}")
        taken, last = feature_take_indices(len(self.stages), indices)
        intermediates: list[Tensor] = []
        x = self.stem(x)
        for i, stage in enumerate(self.stages):
            if stop_early and i > last:
                return intermediates if intermediates_only else (x, intermediates)
            x = stage(x)
            if i in taken:
                intermediates.append(x)
        if intermediates_only:
            return intermediates
        return self.final(x), intermediates

    def prune_intermediate_layers(
        self, indices: int | list[int] = 1, prune_norm: bool = False, prune_head: bool = True
    ) -> list[int]:
        """Drop what is not needed for the outputs of the stages at ``indices``; return these, counted from the start.

        Args:
            indices: stages to keep (negative: from the end), the last n for a number.
            prune_norm: drop the head convolution even where the last stage is kept.
            prune_head: drop pooling and classifier even where the last stage is kept.
        """
        taken, last = feature_take_indices(len(self.stages), indices)
        cut = last < len(self.stages) - 1
        self.stages = self.stages[: last + 1]
        if cut or prune_norm:
            self.final = nn.Identity()
            self.num_features = self.feature_info[last]["num_chs"]
        if cut or prune_norm or prune_head:
            self.reset_classifier(0, "")
        return list(taken)

    def reset_classifier(self, num_classes: int, global_pool: str | None = None, reset_other: bool = False) -> None:
        """Give the network a new classifier.

        Args:
            num_classes: classes, 0 for features instead of logits.
            global_pool: new pooling; none: as it was.
            reset_other: give it a new hidden layer, too.
        """
        self.head.reset(self.num_features, num_classes, global_pool, reset_hidden=reset_other)
        self.num_classes = num_classes
        self.head_hidden_size = self.head.out_features

    def get_classifier(self) -> nn.Module:
        """Return the linear layer that gives the logits, an ``nn.Identity`` where there is none."""
        return self.head.fc

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Compute every block again in the backward pass instead of keeping its activations."""
        for stage in self.stages:
            assert isinstance(stage, StageModule)
            stage.grad_checkpointing = enable

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Return timm's patterns of parameter names, by depth: stem, blocks (``coarse``: stages), head convolution."""
        blocks = r"^stages\.(\d+)" if coarse else r"^stages\.(\d+)\.blocks\.(\d+)"
        return {"stem": r"^stem", "blocks": blocks, "final": r"^final"}

    def no_weight_decay(self) -> set[str]:
        """Return the names of parameters without weight decay: none by name; timm spares biases and BN by itself."""
        return set()


def with_channels(architecture: Architecture, channels: int | None) -> Architecture:
    """Return the architecture for clips of so many channels; none: as it is.

    Raises:
        E3DNASError: ``channels`` is not a positive whole number.
    """
    if channels is None or channels == architecture.clip.channels:
        return architecture
    data = architecture.to_dict()
    data["clip"] |= {"channels": channels}
    return load_architecture(data)


def _check_rate(name: str, rate: float) -> None:
    if not 0.0 <= rate < 1.0:
        raise E3DNASError(f"{name}: must be at least 0 and below 1, not {rate!r}")


def _feature_info(architecture: Architecture) -> list[dict[str, Any]]:
    """Return what timm's feature extraction asks for: one entry a stage; ``reduction_t`` is ours, for time."""
    reduction_t, reduction = architecture.stem.stride
    info: list[dict[str, Any]] = []
    for i, stage in enumerate(architecture.stages):
        reduction_t, reduction = reduction_t * stage.stride[0], reduction * stage.stride[1]
        info.append({"num_chs": stage.out, "reduction": reduction, "reduction_t": reduction_t, "module": f"stages.{i}"})
    return info


def _stages(architecture: Architecture, drop_path_rate: float) -> nn.Sequential:
    rates = iter(_drop_path_rates(sum(stage.depth for stage in architecture.stages), drop_path_rate))
    stages, c_in = [], architecture.stem.out
    for stage in architecture.stages:
        stages.append(StageModule(stage, c_in, [_drop_path(next(rates)) for _ in range(stage.depth)]))
        c_in = stage.out
    return nn.Sequential(*stages)


def _drop_path_rates(blocks: int, last: float) -> Sequence[float]:
    """Return the rate of each block, from 0 to ``last`` in equal steps (stochastic depth, arXiv 1603.09382)."""
    return [last * i / max(blocks - 1, 1) for i in range(blocks)]


def _drop_path(rate: float) -> nn.Module:
    return DropPath(rate) if rate > 0 else nn.Identity()


def _init_backbone(model: nn.Module, zero_init_last: bool) -> None:
    """Draw the weights of convolutions (He, arXiv 1502.01852, by fan-out); BN starts as the identity."""
    for module in model.modules():
        if isinstance(module, nn.Conv3d):
            fan_out = module.out_channels // module.groups * math.prod(module.kernel_size)
            nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif zero_init_last and isinstance(module, Block) and module.shortcut is not None:
            torch.nn.init.zeros_(module.bn3.weight)
