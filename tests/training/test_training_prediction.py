"""Where the windows of a video lie."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from e3dnas.training.prediction import _spans
from e3dnas.video import BrokenVideo


def spans(count, fps, window, stride):
    found = _spans(SimpleNamespace(path=Path("x.mp4"), count=count, fps=fps), window, stride)
    assert all(rate == fps for _, _, rate in found)
    return [(first, length) for first, length, _ in found]


@pytest.mark.parametrize(
    ("count", "fps", "window", "stride", "expected"),
    [
        (100, 25.0, 2.0, 1.0, [(0, 50), (25, 50), (50, 50)]),
        (101, 25.0, 2.0, 1.0, [(0, 50), (25, 50), (50, 50), (51, 50)]),  # what is left over ends with the video
        (30, 25.0, 2.0, 1.0, [(0, 30)]),  # shorter than a window
        (50, 25.0, 2.0, 1.0, [(0, 50)]),
        (1, 25.0, 2.0, 1.0, [(0, 1)]),
        (3, 10.0, 0.01, 0.001, [(0, 1), (1, 1), (2, 1)]),  # less than a frame
        (100, 25.0, 1.0, 9.0, [(0, 25), (75, 25)]),  # a stride longer than the video
    ],
)
def test_windows(count, fps, window, stride, expected):
    assert spans(count, fps, window, stride) == expected


@pytest.mark.parametrize("fps", [24000 / 1001, 30000 / 1001, 12.5, 7.0])
def test_windows_do_not_drift(fps):
    count = int(600 * fps)
    found = spans(count, fps, 1.0, 0.5)
    for place, (first, _) in enumerate(found[:-1]):
        assert abs(first / fps - 0.5 * place) <= 0.5 / fps + 1e-9
    assert found[-1][0] + found[-1][1] == count
    assert sorted(set(found)) == found


def test_a_folder_of_frames_has_no_seconds():
    with pytest.raises(BrokenVideo, match="does not say how fast it plays"):
        spans(10, None, 1.0, 0.5)
