"""Ctrl-C at moments that leave a study whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupts"]


class Interrupts:
    """Lets Ctrl-C through while a user's own measures are taken, which may be slow; keeps it waiting otherwise.

    Optuna would leave half a record behind, and PyTorch a default device that was meant for a moment.
    """

    def __init__(self) -> None:
        self._asked = False
        self._allowed = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take charge of Ctrl-C, unless something else has or this is not the main thread."""
        main = threading.current_thread() is threading.main_thread()
        if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield
            return
        signal.signal(signal.SIGINT, self._take)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let Ctrl-C through at once; an error that it leads to is its own."""
        self._allowed = True
        try:
            self.check()
            yield
        except Exception:
            self.check()
            raise
        finally:
            self._allowed = False

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if Ctrl-C has been pressed meanwhile."""
        if self._asked:
            raise KeyboardInterrupt

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if self._allowed:
            raise KeyboardInterrupt
