"""The errors a user can cause: one base class, and the exit code of the command line on it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["E3DNASError", "nearest"]


class E3DNASError(ValueError):
    """A mistake in what the user gave: the message says the rule, the value, where, and what to write instead."""

    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``, or an empty string."""
    close = difflib.get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
