"""The kept table of measured times: one file for each machine and setting, safe with several processes at once."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from e3dnas.config.locking import locked
from e3dnas.config.writing import replace_text
from e3dnas.errors import E3DNASError
from e3dnas.machine.setting import Setting, digest, fingerprint

__all__ = ["Store", "cache_folder", "measuring"]


def cache_folder() -> Path:
    """Return the folder that holds the tables, made if it is not there.

    Raises:
        E3DNASError: it cannot be made.
    """
    from platformdirs import user_cache_dir

    folder = Path(user_cache_dir("e3dnas")) / "machine"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise E3DNASError(
            f"{folder}: cannot be made, and measured times are kept there: {error.strerror}; "
            "set XDG_CACHE_HOME to another folder"
        ) from None
    return folder


@contextmanager
def measuring() -> Iterator[None]:
    """Hold the machine while something is measured, so that two measurements never run at once; waits for its turn."""
    path = cache_folder() / "measuring.lock"
    with ExitStack() as held:
        try:
            held.enter_context(locked(path))
        except OSError as error:
            raise E3DNASError(f"{path}: cannot be written: {error.strerror}") from None
        yield


class Store:
    """Measured times in milliseconds by name, of one machine and setting.

    Args:
        setting: the setting.

    Attributes:
        problem: what was wrong with the file that was there, "" if nothing was; it is written anew.
    """

    def __init__(self, setting: Setting) -> None:
        self.path = cache_folder() / f"{setting.device}-{digest(fingerprint(setting))}.json"
        self.problem = ""
        self._head = fingerprint(setting)
        self._times = self._read()

    @property
    def times(self) -> Mapping[str, float]:
        """All times that are known."""
        return self._times

    def add(self, times: Mapping[str, float]) -> None:
        """Keep more times; what other processes have written meanwhile stays."""
        if not times:
            return
        try:
            with locked(self.path.with_suffix(".lock")):
                self._times = self._read() | dict(times)
                replace_text(self.path, json.dumps({"of": self._head, "ms": self._times}, indent=1) + "\n")
        except OSError as error:
            raise E3DNASError(f"{self.path}: measured times cannot be kept: {error.strerror}") from None

    def _read(self) -> dict[str, float]:
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            return _times(data["ms"])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.problem = f"{self.path}: is no table of measured times; it is measured anew"
            return {}


def _times(data: Any) -> dict[str, float]:
    times = {str(key): float(value) for key, value in data.items()}
    if not all(math.isfinite(value) and value > 0 for value in times.values()):
        raise ValueError
    return times
