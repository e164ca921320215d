"""Ctrl-C and termination between two updates, so that a checkpoint is written first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["StopAsked"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopAsked:
    """Whether somebody has asked this process to stop. A second Ctrl-C stops at once."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take charge of the signals, unless something else has or this is not the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        ours = [one for one in SIGNALS if signal.getsignal(one) in (signal.SIG_DFL, signal.default_int_handler)]
        before = {one: signal.signal(one, self._take) for one in ours}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
