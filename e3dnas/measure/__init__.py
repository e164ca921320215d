"""Numbers of a network: entropy scores, closed-form costs, what thop counts. ``e3dnas.measure(...)`` takes them all.

The package can be called like the function ``e3dnas.measure.api.measure``, so that ``e3dnas.measure`` means one thing
whether or not a submodule of it has been imported.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e3dnas.measure.api import measure

__all__ = ["measure"]


class _Callable(ModuleType):
    """A package that passes calls on to the function it is named after."""

    def __call__(self, architecture: Any, frames: int | None = None, size: int | None = None) -> Any:
        """Return the measures of ``architecture``; see ``e3dnas.measure.api.measure``."""
        from e3dnas.measure.api import measure

        return measure(architecture, frames=frames, size=size)


def __getattr__(name: str) -> Any:
    if name == "measure":
        from e3dnas.measure.api import measure

        return measure
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


sys.modules[__name__].__class__ = _Callable
