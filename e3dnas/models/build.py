"""From any form of an architecture to a PyTorch model, through timm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
from torch import nn

from e3dnas.arch import Architecture, load_architecture
from e3dnas.models import registry

__all__ = ["create_model"]

assert registry  # its import is what registers the models


def create_model(architecture: Architecture | Mapping[str, Any] | str | Path, **timm_kwargs: Any) -> nn.Module:
    """Return ``timm.create_model('e3d', arch=architecture, ...)``, in a form that can be saved and rebuilt anywhere.

    Args:
        architecture: whatever ``load_architecture`` takes.
        **timm_kwargs: what ``timm.create_model`` and ``E3D`` take: ``num_classes``, ``drop_rate`` ...

    Raises:
        E3DNASError: there is no such architecture, or an argument is out of its range.
    """
    # As plain data, for timm writes it into config.json when the model is saved.
    model: nn.Module = timm.create_model("e3d", arch=load_architecture(architecture).to_dict(), **timm_kwargs)
    return model
