"""Which frames a file has, when each is shown and where decoding may start: read from its packets, decoding nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["PacketIndex", "scan"]

# Containers whose packets say when a frame is shown. Of the others (AVI, raw streams) FFmpeg guesses it, wrongly where
# frames are stored in another order than they are shown in.
TIMED = {"mov", "mp4", "matroska", "webm", "mpegts", "flv", "ogg", "asf", "nut", "mxf", "ivf", "gif"}


@dataclass(frozen=True)
class PacketIndex:
    """The frames of a stream as its packets announce them.

    Attributes:
        pts: (frames,) when each frame is shown, rising, in units of the stream's time base; empty where the packets do
            not say it, so that frames must be counted as they are decoded.
        keys: (keys,) the pts of the frames that decoding may start at, rising.
        entries: (keys,) where to seek to for each of them.
    """

    pts: npt.NDArray[np.int64]
    keys: npt.NDArray[np.int64]
    entries: npt.NDArray[np.int64]

    def key_before(self, index: int) -> int:
        """Return the position in ``keys`` of the last one that is shown no later than frame ``index``.

        A frame that is shown before a key frame but stored after it (an open group of pictures) needs the key frame
        before that one: so the order of showing decides, not that of storing.
        """
        return max(int(np.searchsorted(self.keys, self.pts[index], side="right")) - 1, 0)


def scan(container: InputContainer, stream: VideoStream) -> PacketIndex:
    """Read all packets of a stream.

    Raises:
        av.FFmpegError: the file cannot be read to its end.
        EOFError: it ends in the middle of a packet.
    """
    shown: list[int | None] = []
    keys: list[tuple[int, int]] = []
    corrupt = False
    for packet in container.demux(stream):
        if not packet.size or packet.is_discard:  # the end; and what an edit list hides
            continue
        corrupt = packet.is_corrupt
        shown.append(packet.pts)
        if packet.is_keyframe and packet.pts is not None:
            keys.append((packet.pts, packet.pts if packet.dts is None else min(packet.pts, packet.dts)))
    if corrupt:
        raise EOFError(f"the file ends within frame {len(shown) - 1}")
    times = [time for time in shown if time is not None]
    timed = bool(TIMED & set(container.format.name.split(","))) or not stream.codec_context.has_b_frames
    if not timed or len(times) < len(shown) or len(set(times)) < len(times) or not keys:
        nothing = np.zeros(0, np.int64)
        return PacketIndex(nothing, nothing, nothing)
    starts = np.array(sorted(keys), np.int64)
    return PacketIndex(np.sort(np.array(times, np.int64)), starts[:, 0].copy(), starts[:, 1].copy())
