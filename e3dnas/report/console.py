"""The console everything is printed to."""

from __future__ import annotations

from rich.console import Console

__all__ = ["make_console"]


def make_console(*, quiet: bool = False, piped_width: int | None = None) -> Console:
    """Return a console that prints names and messages as they are: brackets are no markup, ``:x:`` is no emoji.

    Args:
        quiet: print nothing.
        piped_width: columns where the output is no terminal; rich's default is 80.
    """
    console = Console(quiet=quiet, markup=False, emoji=False, highlight=False)
    if piped_width is not None and not console.is_terminal:
        console.width = piped_width
    return console
