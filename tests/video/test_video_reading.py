"""Reading: every frame of every kind of file is the one that a full decode gives, and nothing is left open."""

import os
import pickle
import random
import threading
from pathlib import Path

import av
import made_videos as made
import numpy as np
import pytest
import torch
from PIL import Image

from e3dnas.errors import E3DNASError
from e3dnas.video.opening import open_video
from e3dnas.video.pyav_reader import PyAVVideo


def torchcodec():
    try:
        import torchcodec.decoders  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        return False
    return True


READERS = [
    "pyav",
    pytest.param("torchcodec", marks=pytest.mark.skipif(not torchcodec(), reason="TorchCodec cannot start here")),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Give files by name, each made once."""
    folder = tmp_path_factory.mktemp("files")

    def get(name):
        path = folder / name
        if not path.exists():
            codec, options, (height, width) = made.KINDS[name]
            made.encode(path, codec, options, list(made.pictures(made.FRAMES, height, width)))
        return path

    return get


def asked(count, times=25):
    """Indices in every order, some more than once; the first and the last; all."""
    rng = random.Random(0)
    yield from ([0], [count - 1], list(range(count)), list(range(count))[::-1])
    for _ in range(times):
        yield rng.choices(range(count), k=rng.randint(1, 6))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", made.KINDS)
def test_exact_to_the_frame(files, name, reader):
    path = files(name)
    whole = made.decode_all(path)
    assert len({frame.tobytes() for frame in whole}) == len(whole) == made.FRAMES  # a wrong frame would be seen
    with open_video(path, reader=reader) as video:
        assert video.count == made.FRAMES
        assert video.size == whole.shape[1:3] == made.KINDS[name][2]
        for indices in asked(video.count):
            found = video.frames(indices)
            assert found.dtype == torch.uint8
            if (reader, name) == ("torchcodec", "odd.webm"):  # it interpolates colours of odd widths in another way
                nearest = [np.abs(whole.astype(int) - frame).mean((1, 2, 3)) for frame in found.numpy()]
                assert [int(np.argmin(one)) for one in nearest] == indices
                assert max(one.min() for one in nearest) < 1
                continue
            assert np.array_equal(found.numpy(), whole[indices]), indices


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.webm"])
def test_frames_that_do_not_come_evenly(tmp_path, name, reader):
    times = np.cumsum(np.random.default_rng(1).integers(10, 90, made.FRAMES))
    codec, options = ("libx264", made.X264) if name.endswith("mp4") else ("libvpx-vp9", {"cpu-used": "8"})
    path = made.encode(tmp_path / name, codec, options, times=times)
    whole = made.decode_all(path)
    with open_video(path, reader=reader) as video:
        assert video.count == len(whole) == made.FRAMES
        assert video.fps == pytest.approx(1000 * (made.FRAMES - 1) / (times[-1] - times[0]), rel=0.02)
        assert video.seconds == pytest.approx(video.count / video.fps)
        for indices in asked(video.count):
            assert np.array_equal(video.arrays(indices), whole[indices])


@pytest.mark.parametrize("reader", READERS)
def test_frames_that_an_edit_list_hides_are_not_there(files, tmp_path, reader):
    path = made.remux(files("h264.mp4"), tmp_path / "edited.mp4", before=7)
    whole = made.decode_all(path)
    assert len(whole) == made.FRAMES - 7
    assert np.array_equal(whole, made.decode_all(files("h264.mp4"))[7:])
    with open_video(path, reader=reader) as video:
        assert video.count == len(whole)
        for indices in asked(video.count):
            assert np.array_equal(video.arrays(indices), whole[indices])


turnable = pytest.mark.skipif(
    not hasattr(av.VideoStream, "set_display_rotation"), reason="this PyAV writes no turned recordings"
)


@turnable
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_turned_recordings_are_upright(tmp_path, degrees, reader):
    path = made.encode(tmp_path / "turned.mp4", turn=lambda stream: stream.set_display_rotation(degrees))
    stored = made.decode_all(path)
    with open_video(path, reader=reader) as video:
        upright = np.rot90(stored[3], degrees // 90)  # both counterclockwise
        assert np.array_equal(video.arrays([3])[0], upright)
        assert (video.rotation, video.size) == (degrees % 360, upright.shape[:2])


@turnable
def test_mirrored_recordings_are_upright(tmp_path):
    path = made.encode(tmp_path / "m.mp4", turn=lambda stream: stream.set_display_rotation(90, hflip=True))
    stored = made.decode_all(path)
    plain = open_video(made.encode(tmp_path / "p.mp4", turn=lambda stream: stream.set_display_rotation(90)))
    with open_video(path) as video, plain:
        found = video.arrays([3])[0]
        assert found.shape == stored[3].transpose(1, 0, 2).shape
        turned = plain.arrays([3])[0]
        assert any(np.array_equal(found, flipped) for flipped in (turned[::-1], turned[:, ::-1]))


COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128), (250, 250, 250), (8, 8, 8), (200, 120, 40)]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("matrix", ["ITU709", "ITU601"])
@pytest.mark.parametrize("span", ["MPEG", "JPEG"])
def test_colours_are_those_that_were_encoded(tmp_path, matrix, span, reader):
    from av.video.reformatter import ColorRange, Colorspace

    image = np.repeat(np.array(COLOURS, np.uint8)[None], 48, 0).repeat(32, 1)
    path = tmp_path / "colours.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "4"})
        stream.height, stream.width, stream.pix_fmt = *image.shape[:2], "yuv420p"
        stream.codec_context.colorspace = int(Colorspace[matrix])
        stream.codec_context.color_range = int(ColorRange[span])
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace[matrix], dst_color_range=ColorRange[span]
        )
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    with open_video(path, reader=reader) as video:
        middles = video.arrays([0])[0][24, 16::32].astype(int)
    assert np.abs(middles - COLOURS).max() <= 3


def test_little_more_is_decoded_than_is_asked_for(files, monkeypatch):
    decoded = []
    decode = PyAVVideo._decode

    def counting(self, until=None):
        for frame in decode(self, until):
            decoded.append(frame.pts)
            yield frame

    monkeypatch.setattr(PyAVVideo, "_decode", counting)
    with open_video(files("h264.mp4")) as video:
        assert not decoded  # opening decodes nothing
        video.arrays([49])
        assert len(decoded) <= 6  # from the key frame 48 on, and those the decoder holds back
        decoded.clear()
        video.arrays([1, 26, 25])
        assert len(decoded) <= 12
        assert len(decoded) == len(set(decoded))


def test_a_video_can_be_sent_to_another_process(files):
    with open_video(files("h264.mp4")) as video:
        expected = video.arrays([5, 30])
        copy = pickle.loads(pickle.dumps(video))
    with copy:
        assert np.array_equal(copy.arrays([5, 30]), expected)


def test_nothing_is_left_open_and_no_thread_is_started(files):
    def state():
        files, tasks = (len(list(Path("/proc/self", name).iterdir())) for name in ("fd", "task"))
        return files, tasks, threading.active_count()

    before = state()
    for name in ("h264.mp4", "vp9.webm", "b_frames.avi"):
        with open_video(files(name)) as video:
            video.arrays([3, 40])
            assert state()[1:] == before[1:]
    with pytest.raises(E3DNASError):
        open_video(__file__)
    assert state() == before


def test_frames_that_are_not_there(files):
    with open_video(files("h264.mp4")) as video:
        for wrong in ([50], [-1], [0, 3, 99]):
            with pytest.raises(IndexError, match="it has frames 0 to 49"):
                video.arrays(wrong)


def cut(source, path, share):
    content = source.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.8, 0.97])
@pytest.mark.parametrize("name", ["h264.mp4", "open_gop.mkv", "vp9.webm", "mpeg4.avi", "mjpeg.avi", "mjpeg.mov"])
def test_files_that_are_cut_off_are_told(files, tmp_path, name, share):
    path = cut(files(name), tmp_path / name, share)
    with pytest.raises(E3DNASError, match=r"is cut off|is no video|cannot be read") as caught:
        open_video(path)
    assert (caught.value.path, caught.value.exit_code) == (str(path), 2)
    assert "\n" not in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.reason) == (str(caught.value), caught.value.reason)


def test_an_mp4_with_its_index_first_is_told_to_be_cut_off(files, tmp_path):
    first = tmp_path / "first.mp4"
    made.remux(files("h264.mp4"), first, options={"movflags": "faststart"})
    content = first.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert open_video(first).count == made.FRAMES
    with pytest.raises(E3DNASError, match=r"is cut off: [\d,]+ of [\d,]+ bytes are there"):
        open_video(cut(first, tmp_path / "cut.mp4", 0.7))


def test_a_frame_that_cannot_be_decoded_is_told(files, tmp_path):
    content = bytearray(files("vp9.webm").read_bytes())
    with av.open(str(files("vp9.webm"))) as container:
        spoilt = [packet for packet in container.demux(video=0) if packet.size][20]
        place = content.index(bytes(spoilt))
        content[place : place + spoilt.size] = bytes(spoilt.size)
    path = tmp_path / "spoilt.webm"
    path.write_bytes(content)
    with open_video(path) as video:
        video.arrays([0, 11, 47])  # what does not need it is there
        with pytest.raises(E3DNASError, match="frame 20 of 50 cannot be decoded"):
            video.arrays([20])


def pipe(path):
    os.mkfifo(path)
    return path


def written(content):
    def write(path):
        path.write_bytes(content)
        return path

    return write


def picture(path):
    Image.new("RGB", (64, 48)).save(path, format="JPEG")
    return path


PLAYLIST = b"#EXTM3U\n#EXTINF:10,\nh264.mp4\n#EXT-X-ENDLIST\n"
BROKEN = {
    "not there": (lambda path: path, "cannot be read: No such file"),
    "empty": (written(b""), r"is empty \(0 bytes\)"),
    "text": (written(b"this is no video\n" * 50), "is no video that can be read"),
    "noise": (written(random.Random(0).randbytes(5000)), "is no video that can be read"),
    "playlist": (written(PLAYLIST), "is no video that can be read"),
    "list of files": (written(b"ffconcat version 1.0\nfile h264.mp4\n"), "is no video that can be read"),
    "picture": (picture, "is no video that can be read"),
    "sound": (made.audio, "has no video stream, only audio"),
    "pipe": (pipe, "is neither a file nor a folder"),
    "folder": (lambda path: path.mkdir() or path, "has no images in it"),
    "zero byte": (lambda path: Path(f"{path}\0"), "is no name of a file"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.timeout(20)
def test_broken_files(tmp_path, kind):
    make, told = BROKEN[kind]
    made.tiny(tmp_path / "h264.mp4")
    with pytest.raises(E3DNASError, match=told):
        open_video(make(tmp_path / "broken.mp4"))


def test_what_is_in_a_file_counts_not_its_ending(files, tmp_path):
    path = tmp_path / "named: wrongly %d.avi"
    path.write_bytes(files("vp9.webm").read_bytes())
    with open_video(path) as video:
        assert (video.codec, video.count) == ("vp9", made.FRAMES)


def test_a_folder_of_frames(tmp_path):
    for number in (1, 2, 9, 10, 11):
        Image.new("RGB", (20, 10), (number * 20, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("x")
    with open_video(tmp_path) as video:
        assert (video.count, video.size, video.fps, video.seconds) == (5, (10, 20), None, None)
        assert video.arrays([4, 0, 3])[:, 0, 0, 0].tolist() == [220, 20, 200]
    (tmp_path / "2.png").write_bytes(b"")
    with pytest.raises(E3DNASError, match=r"2\.png cannot be decoded"):
        video.arrays([1])
    Image.new("RGB", (30, 10)).save(tmp_path / "2.png")
    with pytest.raises(E3DNASError, match="another size"):
        video.arrays([0, 1])


def test_a_folder_of_jpgs_is_what_the_jpgs_are(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(1, 6):
        picture = Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8))
        picture.convert("L" if number == 2 else "RGB").save(tmp_path / f"{number:05d}.jpg")
    with open_video(tmp_path) as video:
        for place in range(5):
            expected = np.asarray(Image.open(tmp_path / f"{place + 1:05d}.jpg").convert("RGB"))
            assert np.array_equal(video.arrays([place])[0], expected)


def test_readers_that_are_not_there(tmp_path, monkeypatch):
    with pytest.raises(E3DNASError, match="must be one of pyav, torchcodec, not 'decord'"):
        open_video(tmp_path, reader="decord")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(E3DNASError, match="torchcodec is not installed"):
        open_video(tmp_path, reader="torchcodec")
