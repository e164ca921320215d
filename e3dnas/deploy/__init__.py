"""Deployment: a network as one file for ONNX Runtime, OpenVINO or PyTorch, and the same few calls for all of them.

The road: ``export`` folds a network, records its graph, writes it with its metadata, loads the file again and compares
it with PyTorch; ``load`` gives back something with ``predict``. Names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e3dnas.deploy.exporting import Exported, export
    from e3dnas.deploy.formats import FORMATS, format_of
    from e3dnas.deploy.metadata import Metadata
    from e3dnas.deploy.runtime import Deployed, load

__all__ = ["FORMATS", "Deployed", "Exported", "Metadata", "export", "format_of", "load"]

_HOMES = {
    "Deployed": "runtime", "Exported": "exporting", "FORMATS": "formats", "Metadata": "metadata", "export": "exporting",
    "format_of": "formats", "load": "runtime",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
