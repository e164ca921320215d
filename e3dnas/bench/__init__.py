"""How fast a network runs on this machine, in every way there is, and how far that is from what the machine could do.

The road: ``subjects`` finds what is meant, ``ways`` makes a step of each way to run it, ``rounds`` lets them take
turns, ``parts`` and ``profiling`` look into one step, ``roofline`` and ``ceilings`` say what would be possible. Names
are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e3dnas.bench.api import bench
    from e3dnas.bench.plan import Plan
    from e3dnas.bench.result import Bench
    from e3dnas.bench.tables import format_bench

__all__ = ["Bench", "Plan", "bench", "format_bench"]

_HOMES = {"Bench": "result", "Plan": "plan", "bench": "api", "format_bench": "tables"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
