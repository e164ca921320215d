"""Pooling, hidden layer, dropout and classifier, which can be taken apart as timm's users do."""

from __future__ import annotations

from torch import Tensor, nn

from e3dnas.arch import Head
from e3dnas.errors import E3DNASError, nearest
from e3dnas.models.layers import activation

__all__ = ["ClassifierHead"]

POOLS = {"avg": nn.AdaptiveAvgPool3d, "max": nn.AdaptiveMaxPool3d}


class ClassifierHead(nn.Module):
    """Maps feature maps to logits: global pool, hidden layer with activation, dropout, linear classifier.

    Without pooling (``''``) there is no hidden layer and no classifier: what comes in goes out.

    Args:
        spec: width and activation of the hidden layer.
        features: channels that enter.
        num_classes: classes, 0 for none: the head then ends with the hidden layer.
        global_pool: ``avg``, ``max`` or ``''``.
        drop_rate: dropout before the classifier, 0 to 1.
    """

    def __init__(self, spec: Head, features: int, num_classes: int, global_pool: str, drop_rate: float) -> None:
        super().__init__()
        self.spec = spec
        self.drop_rate = drop_rate
        self.pool: nn.Module = nn.Identity()
        self.hidden: nn.Module = nn.Identity()
        self.act: nn.Module = nn.Identity()
        self.drop: nn.Module = nn.Identity()
        self.fc: nn.Module = nn.Identity()
        self.global_pool = ""
        self.reset(features, num_classes, global_pool)

    @property
    def out_features(self) -> int:
        """Channels that enter the classifier, or leave the head where there is none."""
        return self.hidden.out_features if isinstance(self.hidden, nn.Linear) else self.features

    def reset(
        self, features: int, num_classes: int, global_pool: str | None = None, *, reset_hidden: bool = False
    ) -> None:
        """Give the head a new classifier, and new pooling where ``global_pool`` is given.

        The hidden layer keeps its weights, unless ``reset_hidden`` or a change of ``features`` asks for a new one.

        Raises:
            E3DNASError: unknown pooling, a negative number of classes, or classes without pooling.
        """
        pool = self.global_pool if global_pool is None else global_pool
        _check(num_classes, pool)
        like = next((p for p in self.parameters()), None)
        self.global_pool, self.features = pool, features
        self.pool = nn.Sequential(POOLS[pool](1), nn.Flatten(1)) if pool else nn.Identity()
        self._reset_hidden(bool(pool) and self.spec.hidden > 0, reset_hidden)
        self.drop = nn.Dropout(self.drop_rate) if pool else nn.Identity()
        self.fc = _linear(self.out_features, num_classes) if num_classes else nn.Identity()
        if like is not None:
            self.to(device=like.device, dtype=like.dtype)

    def _reset_hidden(self, wanted: bool, renew: bool) -> None:
        if not wanted:
            self.hidden, self.act = nn.Identity(), nn.Identity()
        elif renew or not isinstance(self.hidden, nn.Linear) or self.hidden.in_features != self.features:
            self.hidden, self.act = _linear(self.features, self.spec.hidden), activation(self.spec.hidden_activation)

    def forward(self, x_BCTHW: Tensor, pre_logits: bool = False) -> Tensor:
        """Map (B, features, T, H, W) to (B, num_classes), or with ``pre_logits`` to (B, out_features)."""
        x: Tensor = self.drop(self.act(self.hidden(self.pool(x_BCTHW))))
        if not pre_logits:
            x = self.fc(x)
        return x


def _check(num_classes: int, pool: str) -> None:
    if pool not in (*POOLS, ""):
        raise E3DNASError(f"global_pool: must be 'avg', 'max' or '', not {pool!r}{nearest(str(pool), POOLS)}")
    if num_classes < 0:
        raise E3DNASError(f"num_classes: must be 0 (no classifier) or more, not {num_classes}")
    if num_classes and not pool:
        raise E3DNASError(
            f"global_pool: '' leaves feature maps, which cannot be classified into {num_classes} classes; "
            "write global_pool='avg', or num_classes=0 for the feature maps"
        )


def _linear(c_in: int, c_out: int) -> nn.Linear:
    """Return a linear layer of small weights (standard deviation 0.01, as X3D's classifier) and zero bias."""
    linear = nn.Linear(c_in, c_out)
    nn.init.trunc_normal_(linear.weight, std=0.01)
    nn.init.zeros_(linear.bias)
    return linear
