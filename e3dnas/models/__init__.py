"""The PyTorch side: blocks, the network, its registration with timm, conversion of weights, export.

Names are imported when first used: ``registered_models`` costs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e3dnas.models.build import create_model
    from e3dnas.models.convert import convert_cnn3dnet
    from e3dnas.models.export import export_folder
    from e3dnas.models.network import E3D
    from e3dnas.models.registering import register_folder
    from e3dnas.models.user_models import registered_models, unregister

__all__ = [
    "E3D", "convert_cnn3dnet", "create_model", "export_folder", "register_folder", "registered_models", "unregister",
]  # fmt: skip

_HOMES = {
    "E3D": "network", "convert_cnn3dnet": "convert", "create_model": "build", "export_folder": "export",
    "register_folder": "registering", "registered_models": "user_models", "unregister": "user_models",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
