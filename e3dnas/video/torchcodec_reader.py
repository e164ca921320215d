"""Reading video files with TorchCodec, where it is installed: the same frames as PyAV's."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from e3dnas.errors import E3DNASError
from e3dnas.video.base import Image, Video
from e3dnas.video.pyav_reader import PyAVVideo

__all__ = ["TorchCodecVideo", "decoders", "open_torchcodec"]


def open_torchcodec(path: Path, threads: int = 1) -> Video:
    """Open a file with TorchCodec; with PyAV where TorchCodec would give other frames.

    It gives other frames than a decoder that plays the whole file: of MPEG transport streams, of streams without whole
    key frames (intra refresh), and of files whose packets do not say when frames are shown (B-frames in AVI).

    Args:
        path: the file.
        threads: threads of the decoder.

    Raises:
        BrokenVideo: it is no video.
        E3DNASError: TorchCodec cannot start on this system.
    """
    decoders()
    known = PyAVVideo(path, threads)
    return TorchCodecVideo(known) if known.plain else known


def decoders() -> Any:
    """Import ``torchcodec.decoders``.

    Raises:
        E3DNASError: it finds no FFmpeg on this system.
    """
    try:
        return importlib.import_module("torchcodec.decoders")
    except (ImportError, OSError, RuntimeError) as error:
        raise E3DNASError(
            f"reader: torchcodec cannot start ({str(error).strip().splitlines()[0]}); it needs FFmpeg on the "
            "system; write pyav, which brings its own"
        ) from None


class TorchCodecVideo(Video):
    """A video file read through TorchCodec; what TorchCodec fails at, PyAV reads.

    Args:
        known: the same file opened with PyAV, which has counted its frames.
    """

    def __init__(self, known: PyAVVideo) -> None:
        self._known = known
        self._decoder: Any = None
        self.path, self.count, self.fps = known.path, known.count, known.fps
        self.seconds, self.codec = known.seconds, known.codec
        known.close()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_decoder": None}

    @property
    def rotation(self) -> int:  # noqa: D102
        return self._known.rotation

    def close(self) -> None:  # noqa: D102
        self._decoder = None
        self._known.close()

    def _pick(self, indices: Sequence[int]) -> Iterator[tuple[int, Image]]:
        try:
            if self._decoder is None:
                self._decoder = decoders().VideoDecoder(
                    str(self.path), dimension_order="NHWC", num_ffmpeg_threads=self._known.threads
                )
            if len(self._decoder) != self.count:
                raise IndexError
            found = self._decoder.get_frames_at(list(indices)).data.numpy()
        except (RuntimeError, ValueError, IndexError):
            yield from self._known._pick(indices)
        else:
            yield from zip(indices, found, strict=True)
