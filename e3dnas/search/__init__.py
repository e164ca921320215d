"""The search: an Optuna study over a space. ``e3dnas.search(space, ...)`` runs one.

The package can be called like the function ``e3dnas.search.api.search``, so that ``e3dnas.search`` means one thing
whether or not a submodule of it has been imported.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e3dnas.search.api import search

__all__ = ["search"]


class _Callable(ModuleType):
    """A package that passes calls on to the function it is named after."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run a search; see ``e3dnas.search.api.search``."""
        from e3dnas.search.api import search

        return search(*args, **kwargs)


def __getattr__(name: str) -> Any:
    if name == "search":
        from e3dnas.search.api import search

        return search
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


sys.modules[__name__].__class__ = _Callable
