"""What a video is to the rest of the code, whatever reads it, and the one error of a video that cannot be used."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    import torch

__all__ = ["IMAGES", "BrokenVideo", "Image", "Video"]

IMAGES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".webp"))
"""Endings of files that are taken for frames."""

Image = npt.NDArray[np.uint8]
"""One frame, (H, W, 3), RGB, as it is meant to be seen."""


class BrokenVideo(E3DNASError):
    """A video file or frame folder that cannot be used.

    Attributes:
        path: the file or folder.
        reason: what is wrong with it, in one line.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = str(path), reason

    def __reduce__(self) -> tuple[Any, ...]:  # a worker process sends it
        return type(self), (self.path, self.reason)


class Video(ABC):
    """A video open for reading. Frame i is the i-th that a decoder shows when it plays the whole file.

    Use it with ``with``, or close it; a copy sent to another process opens the file again there when it is needed.

    Attributes:
        path: the file or folder.
        count: frames.
        fps: frames a second on average; None where nothing says so (frame folders).
        seconds: how long it is shown; None where nothing says so.
        codec: how it is encoded, e.g. ``h264``.
    """

    path: Path
    count: int
    fps: float | None
    seconds: float | None
    codec: str

    @abstractmethod
    def _pick(self, indices: Sequence[int]) -> Iterator[tuple[int, Image]]:
        """Yield (index, frame) for each of the indices, which rise strictly and are in range, in any order."""

    @property
    def rotation(self) -> int:
        """Degrees, counterclockwise, that the stored frames are turned by to be seen upright: 0, 90, 180 or 270."""
        return 0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames as they are meant to be seen, in pixels."""
        height, width = self.arrays([0]).shape[1:3]
        return int(height), int(width)

    def arrays(self, indices: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Return the frames at ``indices`` as (len(indices), H, W, 3); see ``frames``."""
        if not len(indices):
            raise ValueError("no indices: ask for one frame or more")
        wanted, places = np.unique(np.asarray(indices, np.int64), return_inverse=True)
        if wanted[0] < 0 or wanted[-1] >= self.count:
            bad = int(wanted[0] if wanted[0] < 0 else wanted[-1])
            raise IndexError(f"{self.path}: there is no frame {bad}; it has frames 0 to {self.count - 1}")
        found: npt.NDArray[np.uint8] | None = None
        where = {int(index): place for place, index in enumerate(wanted)}
        for index, image in self._pick([int(index) for index in wanted]):
            if found is None:
                found = np.empty((len(wanted), *image.shape), np.uint8)
            if image.shape != found.shape[1:]:
                raise BrokenVideo(self.path, f"frame {index} has another size than the frames before it")
            found[where.pop(index)] = image
        if where or found is None:
            raise BrokenVideo(self.path, f"frame {min(where)} of {self.count} cannot be decoded")
        # Most often every frame is wanted once and in order: then nothing is copied.
        return found if np.array_equal(places, np.arange(len(found))) else found[places]

    def frames(self, indices: Sequence[int]) -> torch.Tensor:
        """Return frames, decoding only what they need.

        Args:
            indices: which frames, from 0; in any order, and any of them more than once.

        Returns:
            uint8 (len(indices), H, W, 3), RGB, upright.

        Raises:
            BrokenVideo: one of them cannot be decoded.
            IndexError: there is no such frame.
        """
        import torch

        return torch.from_numpy(self.arrays(indices))

    def close(self) -> None:  # noqa: B027  # not every kind of video holds a file open
        """Close the file; the next call for frames opens it again."""

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
