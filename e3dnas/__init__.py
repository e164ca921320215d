"""e3dnas designs video CNNs for a compute budget without training (arXiv 2303.02693), as models for timm.

Importing it is light, yet timm knows the models from then on, whichever of the two is imported first: they are
registered at once where timm is imported already, and otherwise when it is.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from wrapt import register_post_import_hook

if TYPE_CHECKING:
    from e3dnas.arch import Architecture, load_architecture
    from e3dnas.errors import E3DNASError
    from e3dnas.measure.api import measure
    from e3dnas.models import create_model
    from e3dnas.search.api import search, search_family
    from e3dnas.space import load_family, load_space

    __version__: str

__all__ = [
    "Architecture", "E3DNASError", "__version__", "create_model", "load_architecture", "load_family", "load_space",
    "measure", "search", "search_family",
]  # fmt: skip

_HOMES = {
    "Architecture": "e3dnas.arch", "load_architecture": "e3dnas.arch", "load_space": "e3dnas.space",
    "load_family": "e3dnas.space", "search_family": "e3dnas.search.api",
    "create_model": "e3dnas.models", "E3DNASError": "e3dnas.errors",
}  # fmt: skip
# Packages that can be called: e3dnas.measure(...) and, with the same name, e3dnas.measure.entropy.
_CALLABLE = ("measure", "search")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _CALLABLE:
        return importlib.import_module(f"e3dnas.{name}")
    if name == "__version__":
        return _version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("e3dnas")
    except PackageNotFoundError:
        return "0+not.installed"


def _register_models(timm: Any) -> None:
    importlib.import_module("e3dnas.models.registry")


register_post_import_hook(_register_models, "timm")
