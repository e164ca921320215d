"""Videos that cannot be read while a network is trained: counted, told by name, and too many of them stop it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from e3dnas.errors import E3DNASError
from e3dnas.video.base import BrokenVideo

__all__ = ["BrokenReport"]

SHOWN = 5


class BrokenReport:
    """What could not be read, by name; kept in the main process, fed with what batches bring from the workers.

    Args:
        total: videos of the split.
        most: the share of them, 0 .. 1, that may be broken. At least one may always be, unless it is 0.
    """

    def __init__(self, total: int, most: float = 0.05) -> None:
        self.total, self.most = total, most
        self.reasons: dict[str, str] = {}

    def add(self, broken: Iterable[BrokenVideo]) -> None:
        """Count videos, each once.

        Raises:
            E3DNASError: more than the share are broken.
        """
        for one in broken:
            self.reasons.setdefault(one.path, one.reason)
        if len(self.reasons) > (max(self.most * self.total, 1) if self.most else 0):
            raise E3DNASError(
                f"{len(self.reasons)} of {self.total:,} videos cannot be read, more than {100 * self.most:g} %: "
                f"{'; '.join(self.lines())}. Look at all with: e3dnas data check"
            )

    def lines(self, most: int = SHOWN) -> list[str]:
        """Return a line for each broken video with its reason, and at last how many more there are."""
        lines = [f"{path}: {reason}" for path, reason in sorted(self.reasons.items())]
        return lines if len(lines) <= most else [*lines[:most], f"and {len(lines) - most} more"]

    def __len__(self) -> int:
        return len(self.reasons)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"reasons": dict(self.reasons)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        self.reasons = dict(state["reasons"])
