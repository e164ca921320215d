"""Batch norm folded into the convolutions before it: in evaluation mode it is a scale and a shift of each channel."""

from __future__ import annotations

import copy

from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from e3dnas.errors import E3DNASError

__all__ = ["fold_batchnorm"]


def fold_batchnorm(model: nn.Module) -> nn.Module:
    """Return a copy of a network, for use alone, whose batch norms are folded into the convolutions before them.

    W' = W * gamma / sqrt(var + eps), b' = beta + (b - mean) * gamma / sqrt(var + eps), output channel by output channel
    (``torch.nn.utils.fuse_conv_bn_eval``). The copy is in evaluation mode and gives what the network gives there, up to
    rounding; a network that was folded before comes back as it is.

    Args:
        model: a network of this package, or modules of one. In every module of them a batch norm stands after the
            convolution whose output it takes, as ``StemConv``, ``Block`` and ``HeadConv`` have it.

    Raises:
        E3DNASError: a batch norm has no convolution before it.
    """
    folded = copy.deepcopy(model).eval()
    for where, parent in list(folded.named_modules()):
        before: str | None = None
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv3d):
                before = name
            elif isinstance(child, nn.BatchNorm3d):
                convolution = getattr(parent, before) if before else None
                if convolution is None or convolution.out_channels != child.num_features:
                    raise E3DNASError(f"{where}.{name}: no convolution before this batch norm, into which it could go")
                setattr(parent, str(before), fuse_conv_bn_eval(convolution, child))
                setattr(parent, name, nn.Identity())
                before = None
    return folded
