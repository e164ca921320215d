"""Stem, residual bottleneck block, stage and head convolution of a network (arXiv 2303.02693). Needs torch alone.

Every convolution here is one row of the layer table (``e3dnas.arch.table``), so the closed-form cost of an architecture
equals what thop counts on these modules. Shapes: B clips, C channels, T frames, H and W pixels.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn

from e3dnas.arch import Head, Stage, Stem
from e3dnas.models.checkpointing import checkpointed
from e3dnas.models.layers import SqueezeExcitation, Sum, activation, conv3d, shortcut

__all__ = ["Block", "HeadConv", "StageModule", "StemConv"]


class StemConv(nn.Module):
    """Convolution, with ``temporal_kernel`` a depthwise one in time after it (X3D, arXiv 2004.04730), BN, activation.

    Args:
        stem: the spec.
        channels: channels of the clip.
    """

    def __init__(self, stem: Stem, channels: int) -> None:
        super().__init__()
        self.conv = conv3d(channels, stem.out, stem.kernel, stem.stride)
        self.conv_t: nn.Module = nn.Identity()
        if stem.temporal_kernel:
            self.conv_t = conv3d(stem.out, stem.out, (stem.temporal_kernel, 1), groups=stem.out)
        self.bn = nn.BatchNorm3d(stem.out)
        self.act = activation(stem.activation)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Map clips (B, channels, T, H, W) to (B, out, ceil(T / stride_t), ceil(H / stride_s), ceil(W / stride_s))."""
        y_BCTHW: Tensor = self.act(self.bn(self.conv_t(self.conv(x_BCTHW))))
        return y_BCTHW


class Block(nn.Module):
    """One residual bottleneck block: 1x1x1, the middle convolution, 1x1x1, each with BN, plus the shortcut.

    Args:
        stage: the spec of its stage.
        c_in: channels that enter.
        first: whether it is the first block of its stage, the one that strides.
        squeezes: whether it has squeeze-excitation; needs ``stage.squeeze`` above 0.
        drop_path: what the branch passes through before the sum; none: nothing. A block without a shortcut ignores it,
            for nothing would be left of the sample.
    """

    def __init__(
        self, stage: Stage, c_in: int, *, first: bool, squeezes: bool = False, drop_path: nn.Module | None = None
    ) -> None:
        super().__init__()
        width, inner = stage.bottleneck, stage.inner_activation or stage.activation
        stride = stage.stride if first else (1, 1)
        factorised = stage.block == "factorised"
        self.conv1 = conv3d(c_in, width)
        self.bn1 = nn.BatchNorm3d(width)
        self.act1 = activation(stage.activation)
        self.conv2 = conv3d(
            width,
            width,
            kernel=(1, stage.kernel[1]) if factorised else stage.kernel,
            stride=(1, stride[1]) if factorised else stride,
            groups=width if stage.block == "depthwise" else 1,
        )
        self.bn2 = nn.BatchNorm3d(width)
        self.temporal: nn.Module = nn.Identity()
        if factorised and (stage.kernel[0] > 1 or stride[0] > 1):
            self.temporal = _temporal(width, stage.kernel[0], stride[0], inner)
        self.se: nn.Module = SqueezeExcitation(width, stage.squeeze) if squeezes else nn.Identity()
        self.act2 = activation(inner)
        self.conv3 = conv3d(width, stage.out)
        self.bn3 = nn.BatchNorm3d(stage.out)
        self.shortcut = shortcut(stage, c_in, stride)
        self.drop_path: nn.Module = nn.Identity()
        if drop_path is not None and self.shortcut is not None:
            self.drop_path = drop_path
        self.sum = Sum()
        self.act3 = activation(stage.activation)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Map (B, c_in, T, H, W) to (B, out, T', H', W'), sizes divided by the block's stride and rounded up."""
        y_BCTHW: Tensor = self.act1(self.bn1(self.conv1(x_BCTHW)))
        y_BCTHW = self.temporal(self.bn2(self.conv2(y_BCTHW)))
        y_BCTHW = self.bn3(self.conv3(self.act2(self.se(y_BCTHW))))
        if self.shortcut is not None:
            # The branch stands first: a sum takes the memory format of its first term, and pooling in time loses
            # channels-last.
            y_BCTHW = self.sum(self.drop_path(y_BCTHW), self.shortcut(x_BCTHW))
        out_BCTHW: Tensor = self.act3(y_BCTHW)
        return out_BCTHW


def _temporal(width: int, kernel_t: int, stride_t: int, inner: str) -> nn.Module:
    """Return the second half of a factorised convolution ((2+1)D, arXiv 1711.11248): activation, k_t x 1 x 1, BN."""
    conv = conv3d(width, width, (kernel_t, 1), (stride_t, 1))
    return nn.Sequential(OrderedDict(act=activation(inner), conv=conv, bn=nn.BatchNorm3d(width)))


class StageModule(nn.Module):
    """The blocks of one stage.

    Args:
        stage: the spec.
        c_in: channels that enter.
        drop_paths: one module a block (see ``Block``); none: no drop path.
    """

    def __init__(self, stage: Stage, c_in: int, drop_paths: Sequence[nn.Module] | None = None) -> None:
        super().__init__()
        self.grad_checkpointing = False
        self.blocks = nn.Sequential(
            *(
                Block(
                    stage,
                    c_in if i == 0 else stage.out,
                    first=i == 0,
                    squeezes=stage.squeeze > 0 and i % stage.se_every == 0,
                    drop_path=drop_paths[i] if drop_paths else None,
                )
                for i in range(stage.depth)
            )
        )

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Map (B, c_in, T, H, W) to (B, out, T', H', W'), sizes divided by the stage's stride and rounded up."""
        for block in self.blocks:
            x_BCTHW = checkpointed(block, x_BCTHW) if self.grad_checkpointing else block(x_BCTHW)
        return x_BCTHW


class HeadConv(nn.Module):
    """The 1x1x1 convolution after the last stage, with BN and activation.

    Args:
        head: the spec.
        c_in: channels of the last stage.
    """

    def __init__(self, head: Head, c_in: int) -> None:
        super().__init__()
        self.conv = conv3d(c_in, head.out)
        self.bn = nn.BatchNorm3d(head.out)
        self.act = activation(head.activation)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Map (B, c_in, T, H, W) to (B, out, T, H, W)."""
        y_BCTHW: Tensor = self.act(self.bn(self.conv(x_BCTHW)))
        return y_BCTHW
