"""Real encoded files for the tests, and what they hold: found by decoding all of a file in order, without seeking."""

from fractions import Fraction

import av
import numpy as np

FRAMES, HEIGHT, WIDTH = 50, 48, 64
X264 = {"g": "12", "bf": "2", "sc_threshold": "0"}
OPEN_GOP = {"x264-params": "keyint=12:bframes=3:open-gop=1:scenecut=0:log=-1"}

# name of the file: encoder, its options, size of the frames
KINDS = {
    "h264.mp4": ("libx264", X264, (HEIGHT, WIDTH)),
    "open_gop.mp4": ("libx264", OPEN_GOP, (HEIGHT, WIDTH)),
    "open_gop.mkv": ("libx264", OPEN_GOP, (HEIGHT, WIDTH)),
    "stream.ts": ("libx264", OPEN_GOP, (HEIGHT, WIDTH)),
    "refresh.mkv": ("libx264", {"x264-params": "keyint=12:intra-refresh=1:log=-1"}, (HEIGHT, WIDTH)),
    "b_frames.avi": ("libx264", X264, (HEIGHT, WIDTH)),
    "vp9.webm": ("libvpx-vp9", {"g": "12", "deadline": "realtime", "cpu-used": "8"}, (HEIGHT, WIDTH)),
    "vp8.webm": ("libvpx", {"g": "12", "deadline": "realtime", "cpu-used": "8"}, (HEIGHT, WIDTH)),
    "odd.webm": ("libvpx-vp9", {"g": "12", "deadline": "realtime", "cpu-used": "8"}, (HEIGHT - 1, WIDTH + 3)),
    "mpeg4.avi": ("mpeg4", {"g": "12"}, (HEIGHT, WIDTH)),
    "mpeg4_b.avi": ("mpeg4", {"g": "12", "bf": "2"}, (HEIGHT, WIDTH)),
    "mjpeg.avi": ("mjpeg", {}, (HEIGHT, WIDTH)),
    "mjpeg.mov": ("mjpeg", {}, (HEIGHT, WIDTH)),
}


def pictures(count=FRAMES, height=HEIGHT, width=WIDTH):
    """Frames that all differ: a bar that runs, on a wall of noise whose colour changes."""
    rng = np.random.default_rng(0)
    wall = rng.integers(0, 60, (height, width, 3))
    for number in range(count):
        image = (wall + np.array((4 * number % 190, 60, 190 - 4 * number % 190))).astype(np.uint8)
        image[:, number * 3 % width : number * 3 % width + 8] = 255
        yield image


def encode(path, codec="libx264", options=X264, frames=None, fps=25, times=None, pix=None, turn=None):
    """Write a file; ``times`` are milliseconds of frames that do not come evenly, ``turn`` acts on the stream."""
    with av.open(str(path), "w") as container:
        frames = list(pictures()) if frames is None else frames
        stream = container.add_stream(codec, rate=fps, options=dict(options))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix or ("yuvj420p" if codec == "mjpeg" else "yuv420p")
        stream.codec_context.thread_count = 1
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if turn is not None:
            turn(stream)
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = int(times[number]), Fraction(1, 1000)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def tiny(path, frames=8):
    """Write a small file with a few frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fast = {
        ".webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}), ".avi": ("mpeg4", {}),
    }.get(path.suffix, ("libx264", {"preset": "ultrafast"}))  # fmt: skip
    return encode(path, *fast, frames=list(pictures(frames, 32, 48)))


def remux(source, path, before=0, options=None):
    """Copy a file's packets, ``before`` of its frames before time zero, where an edit list hides them."""
    with av.open(str(source)) as read, av.open(str(path), "w", options=options or {}) as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.dts is None:
                continue
            shift = round(before / 25 / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = stream
            written.mux(packet)
    return path


def audio(path):
    """Write a file with sound and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    return path


def decode_all(path):
    """Return all frames of a file, decoded in order, as stored: (frames, H, W, 3)."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
