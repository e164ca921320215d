"""Numbers as people read them."""

from __future__ import annotations

__all__ = ["format_count", "format_gap", "format_seconds", "format_share"]

UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def format_count(value: float) -> str:
    """Write a count with four digits and a unit: 1980409600 is ``1.980 G``."""
    for size, unit in UNITS:
        if abs(value) >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g}"


def format_share(part: float, whole: float) -> str:
    """Write a share in percent."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def format_gap(gap: float) -> str:
    """Write a gap in percent; what is below the precision of the bound is 0."""
    return "0 %" if gap < 1e-9 else f"{100 * gap:.4f} %"


def format_seconds(seconds: float) -> str:
    """Write a duration: ``8.2 s``, ``3 min 05 s``, ``2 h 07 min``."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
