"""Reading video files with PyAV: the frames asked for, exact to the frame, decoding little else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from e3dnas.video.base import BrokenVideo, Image, Video
from e3dnas.video.packets import PacketIndex, scan

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

__all__ = ["PyAVVideo"]

# Only containers, and nothing but the file itself: a playlist named .mp4 must not make FFmpeg open other files.
FORMATS = (
    "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,nut,mxf,ivf,gif,dv,rm,m4v,h264,hevc,av1,obu,mjpeg,wtv"
)
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
I_PICTURE = 1  # FFmpeg's AV_PICTURE_TYPE_I
NEAR = 8  # frames; decoding so many on is no dearer than seeking
REMEMBERED = 1 << 24  # bytes; reading the packets of a longer file costs more than keeping what they say


class PyAVVideo(Video):
    """A video file read through PyAV, in the thread that asks.

    Opening reads all packets but decodes nothing, except of the few files whose packets do not say when frames are
    shown (B-frames in AVI): these are decoded to be counted. Colours are converted by the matrix and the range that the
    file names, BT.601 and limited where it names none; turned and mirrored recordings are put upright.

    Args:
        path: the file.
        threads: threads of the decoder; 1 starts none.

    Raises:
        BrokenVideo: it is no video, or has no frame that can be decoded.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.path, self.threads = path, threads
        self._opened: tuple[InputContainer, VideoStream] | None = None
        self._convert: Callable[..., VideoFrame] | None = None
        self._turned: int | None = None
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    def _look(self) -> None:
        from av import FFmpegError

        stream = self._stream()
        self.codec = stream.codec_context.name
        self._stored = stream.codec_context.width, stream.codec_context.height
        status = self.path.stat()
        try:
            if status.st_size < REMEMBERED:
                self._index = scan(self._container(), stream)
            else:
                self._index = _remembered(self.path, status.st_mtime_ns, status.st_size)
        except (FFmpegError, EOFError) as error:
            raise BrokenVideo(self.path, f"cannot be read to its end: {_reason(error)}") from None
        pts, base = self._index.pts, stream.time_base
        rate = float(stream.average_rate) if stream.average_rate else None
        self.count = len(pts) or sum(1 for _ in self._play())
        if not self.count:
            raise BrokenVideo(self.path, "has no frame that can be decoded")
        if len(pts) > 1 and base:
            seen = (len(pts) - 1) / float((int(pts[-1]) - int(pts[0])) * base)
            # What the file says is exact; what is measured is right where the rate varies.
            rate = rate if rate and abs(rate - seen) < 0.01 * seen else seen
        self.fps, self.seconds = rate, self.count / rate if rate else None

    @property
    def timed(self) -> bool:
        """Whether the file says when each frame is shown, so that one can be found without decoding what is before."""
        return len(self._index.pts) > 0

    @property
    def plain(self) -> bool:
        """Whether it is an MP4, QuickTime, Matroska or WebM file whose key frames are whole pictures."""
        if not self.timed or not {"mov", "matroska"} & set(self._container().format.name.split(",")):
            return False
        starts = np.searchsorted(self._index.pts, self._index.keys[1:2])
        return all(int(frame.pict_type) == I_PICTURE for start in starts for _, frame in self._seek([int(start)]))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None, "_convert": None}

    @property
    def rotation(self) -> int:  # noqa: D102
        if self._turned is None:
            self.arrays([0])
        return self._turned or 0

    def close(self) -> None:  # noqa: D102
        if self._opened is not None:
            self._opened[0].close()
            self._opened = self._convert = None

    def _container(self) -> InputContainer:
        if self._opened is None:
            self._opened = _open(self.path, self.threads)
        return self._opened[0]

    def _stream(self) -> VideoStream:
        self._container()
        assert self._opened is not None
        return self._opened[1]

    def _pick(self, indices: Sequence[int]) -> Iterator[tuple[int, Image]]:
        left = set(indices)
        if self.timed:
            for run in self._runs(indices):
                for index, frame in self._seek(run):
                    left.discard(index)
                    yield index, self._image(frame)
        if left:
            for index, frame in self._all():
                if index in left:
                    left.discard(index)
                    yield index, self._image(frame)
                if not left:
                    break

    def _all(self) -> Iterator[tuple[int, VideoFrame]]:
        """Decode the whole file; yields each frame with its index, told by its time, or by counting without times."""
        places: dict[int | None, int] = {int(time): place for place, time in enumerate(self._index.pts)}
        for counted, frame in enumerate(self._play()):
            # Where one frame is lost, counting would give all that come after it the index of the one before.
            index = places.get(frame.pts) if self.timed else counted
            if index is not None:
                yield index, frame

    def _runs(self, indices: Sequence[int]) -> list[list[int]]:
        """Return the indices in runs: each is decoded from one key frame on."""
        runs = [[indices[0]]]
        for before, index in pairwise(indices):
            key = self._index.key_before(index)
            start = int(np.searchsorted(self._index.pts, self._index.keys[key]))
            if start > before + NEAR:
                runs.append([])
            runs[-1].append(index)
        return runs

    def _seek(self, run: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
        """Decode a run from the key frame before it; yields what is found, and ends early where seeking fails."""
        from av import FFmpegError

        key = self._index.key_before(run[0])
        first = int(self._index.keys[key])
        wanted = {int(self._index.pts[index]): index for index in run}
        # By the time of showing, as most containers are searched; by that of decoding where that goes too far.
        for time in (first, int(self._index.entries[key])):
            try:
                self._container().seek(time, stream=self._stream(), backward=True)
            except FFmpegError:
                continue
            for frame in self._decode(until=first):
                # Frames shown before the key frame may lack what they were made from.
                if frame.pts is not None and frame.pts >= first and frame.pts in wanted:
                    yield wanted.pop(frame.pts), frame
                if not wanted:
                    return

    def _play(self) -> Iterator[VideoFrame]:
        """Decode the whole file from its start."""
        self.close()
        yield from self._decode()

    def _decode(self, until: int | None = None) -> Iterator[VideoFrame]:
        """Decode from where the file stands; with ``until`` only if that is no later than this time."""
        from av import FFmpegError

        try:
            for packet in self._container().demux(self._stream()):
                if until is not None:
                    if packet.pts is None or packet.pts > until:
                        return
                    until = None
                try:
                    frames = packet.decode()
                except FFmpegError:  # one packet that is damaged: what comes after it may be whole
                    continue
                yield from frames
        except FFmpegError:
            return

    def _image(self, frame: VideoFrame) -> Image:
        if self._convert is None:
            self._convert = _converter(self.threads)
        # A stream may change its size on the way: all frames get that of the stream.
        rgb = self._convert(frame, width=self._stored[0], height=self._stored[1], format="rgb24")
        return self._upright(frame, np.asarray(rgb.to_ndarray(), np.uint8))

    def _upright(self, frame: VideoFrame, image: Image) -> Image:
        """Turn and mirror a frame by its display matrix (ISO 14496-12, 6.2.2), which maps stored x, y to seen ones."""
        sides: Any = frame.side_data
        matrix = next((np.frombuffer(side, "<i4") for side in sides if side.type.name == "DISPLAYMATRIX"), None)
        self._turned = 0
        if matrix is None or len(matrix) < 9:
            return image
        a, b, c, d = (int(matrix[place]) for place in (0, 1, 3, 4))  # x' = a x + c y, y' = b x + d y
        self._turned = round(frame.rotation / 90) * 90 % 360
        if abs(a) < abs(b):
            image, across, down = image.transpose(1, 0, 2), c, b
        else:
            across, down = a, d
        return image[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]


def _open(path: Path, threads: int) -> tuple[InputContainer, VideoStream]:
    import av
    from av.stream import Disposition

    try:
        # "file:" keeps FFmpeg from reading a protocol into a name with a colon.
        container = av.open(f"file:{path}", options=OPTIONS)
    except av.FFmpegError as error:
        raise BrokenVideo(path, f"is no video that can be read: {_reason(error)}") from None
    # A cover picture of an audio file stands in it as a video stream.
    streams = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    if not streams:
        held = ", ".join(sorted({one.type for one in container.streams})) or "nothing"
        container.close()
        raise BrokenVideo(path, f"has no video stream, only {held}")
    stream = streams[0]
    if stream.codec_context is None:
        container.close()
        raise BrokenVideo(path, "is encoded in a way that FFmpeg does not know")
    stream.codec_context.thread_count = threads
    return container, stream


def _converter(threads: int) -> Callable[..., VideoFrame]:
    """Return what converts a frame: a function of the frame, width, height and format."""
    import av
    from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

    convert = VideoReformatter().reformat
    if int(av.__version__.split(".")[0]) >= 17:
        return partial(convert, threads=threads)  # else it starts a thread for each processor

    def told(frame: VideoFrame, **wanted: Any) -> VideoFrame:
        # Before PyAV 17 matrix and range of the frame are passed over unless those of the target differ from them;
        # to RGB the target's mean nothing.
        return convert(
            frame, **wanted, src_colorspace=frame.colorspace, src_color_range=frame.color_range,
            dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG,
        )  # fmt: skip

    return told


@lru_cache(maxsize=256)
def _remembered(path: Path, changed: int, size: int) -> PacketIndex:
    """Return the index of a long file, read once a process; ``changed`` and ``size`` make it the same file."""
    container, stream = _open(path, 1)
    with container:
        return scan(container, stream)


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text)[:1].lower() + str(text)[1:]
