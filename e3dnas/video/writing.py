"""Writing a video file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from e3dnas.video.base import Image

__all__ = ["write_video"]


def write_video(path: Path, frames: list[Image], *, fps: int = 25, quality: int = 18) -> None:
    """Encode frames as H.264; the same frames give the same file.

    Args:
        path: the file to write; its ending names the container, e.g. ``.mp4``.
        frames: (H, W, 3) each, RGB; H and W even.
        fps: frames a second.
        quality: the constant rate factor: 0 is lossless, 51 worst.
    """
    import av

    height, width = frames[0].shape[:2]
    with av.open(f"file:{path}", "w", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": str(quality), "preset": "veryfast"}
        stream.codec_context.thread_count = 1  # the number of threads changes what is written
        for image in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
