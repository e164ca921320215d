"""The colours of figures: one a role, each for light and for dark.

What is drawn is drawn in the light ones, which are all different; a page turns each into its CSS variable.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["DARK", "LIGHT", "colour_css", "recolour"]

LIGHT = {
    "main": "#2f6db3", "muted": "#86919f", "best": "#d1551f", "bound": "#1d8a5b", "reference": "#8250b8",
    "limit": "#5b6776", "ink": "#1d2531", "faint": "#566275", "grid": "#e4e8ed",
    "ground": "#fefefe",
}  # fmt: skip
"""On white. The six roles can be told apart by the colour-blind, and by symbol and stroke in grey."""

DARK = {
    "main": "#6fa8e8", "muted": "#7c8794", "best": "#ff9257", "bound": "#4fcb94", "reference": "#c39af0",
    "limit": "#a3afbd", "ink": "#e4e8ef", "faint": "#9aa6b6", "grid": "#2a323d",
    "ground": "#14181e",
}  # fmt: skip


def colour_css() -> str:
    """Return the colours as CSS variables ``--chart-main`` and so on, for light and dark."""
    light, dark = (
        " ".join(f"--chart-{name}: {value};" for name, value in colours.items()) for colours in (LIGHT, DARK)
    )
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


def recolour(text: str, change: Callable[[str], str] = lambda name: f"var(--chart-{name})") -> str:
    """Return a drawing with each light colour replaced by what ``change`` makes of its name; its CSS variable."""
    for name, value in LIGHT.items():
        text = text.replace(value, change(name))
    return text
