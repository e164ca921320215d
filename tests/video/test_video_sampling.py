"""Which frames make a clip."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3dnas.errors import E3DNASError
from e3dnas.video.sampling import Sampling, clip_indices, view_indices

DENSE = Sampling("dense", 4, 3)
SEGMENT = Sampling("segment", 4)


@pytest.mark.parametrize(
    ("count", "sampling", "expected"),
    [
        (30, DENSE, [10, 13, 16, 19]),  # 20 frames are left over, half of them before it
        (10, DENSE, [0, 3, 6, 9]),
        (9, DENSE, [0, 3, 6, 0]),  # one too short: played again
        (1, DENSE, [0, 0, 0, 0]),
        (40, SEGMENT, [5, 15, 25, 35]),
        (8, SEGMENT, [1, 3, 5, 7]),
        (10, SEGMENT, [1, 3, 6, 8]),
        (2, SEGMENT, [0, 0, 1, 1]),
        (1, SEGMENT, [0, 0, 0, 0]),
        (100, Sampling("dense", 3, 2.5), [47, 49, 52]),
    ],
)
def test_the_clip_of_a_test(count, sampling, expected):
    assert clip_indices(count, sampling).tolist() == expected
    assert view_indices(count, sampling, 1).tolist() == [expected]


def test_views():
    assert view_indices(30, DENSE, 3).tolist() == [[0, 3, 6, 9], [10, 13, 16, 19], [20, 23, 26, 29]]
    assert view_indices(40, SEGMENT, 2).tolist() == [[2, 12, 22, 32], [7, 17, 27, 37]]
    assert view_indices(5, DENSE, 2).tolist() == [[0, 3, 1, 4]] * 2


def test_every_place_is_drawn_alike():
    rng = np.random.default_rng(0)
    starts = np.bincount([clip_indices(14, DENSE, rng)[0] for _ in range(5000)])
    assert len(starts) == 5
    assert starts.min() > 0.9 * 1000
    drawn = np.stack([clip_indices(22, SEGMENT, rng) for _ in range(5000)])
    assert ((drawn >= np.arange(4) * 5.5 - 1) & (drawn <= np.arange(1, 5) * 5.5)).all()  # each from its segment
    counts = np.bincount(drawn.ravel())  # of 22 frames, 20000 draws; frames that two segments share get half of both
    assert len(counts) == 22
    assert counts.min() > 0.85 * 20000 / 22
    assert counts.max() < 1.15 * 20000 / 22


def test_a_clip_lasts_equally_long_at_every_rate():
    sampling = Sampling("dense", 4, 6, fps=30)
    assert clip_indices(200, sampling, None, 60.0).tolist() == [81, 93, 105, 117]
    assert np.diff(clip_indices(200, sampling, None, 15.0)).tolist() == [3, 3, 3]
    assert np.diff(clip_indices(200, sampling, None, None)).tolist() == [6, 6, 6]
    assert np.diff(clip_indices(200, sampling, None, 25.0)).tolist() == [5, 5, 5]


@given(
    st.integers(1, 500), st.sampled_from(["dense", "segment"]), st.integers(1, 64), st.floats(0.1, 20),
    st.integers(1, 10), st.integers(0, 9),
)  # fmt: skip
def test_indices_are_frames_of_the_video(count, kind, frames, every, clips, seed):
    sampling = Sampling(kind, frames, every)
    clip = clip_indices(count, sampling, np.random.default_rng(seed))
    assert np.array_equal(clip, clip_indices(count, sampling, np.random.default_rng(seed)))
    for found in (clip, *view_indices(count, sampling, clips)):
        assert found.shape == (frames,)
        assert found.min() >= 0
        assert found.max() < count
        if kind == "segment":
            assert (np.diff(found) >= 0).all()


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"kind": "dens"}, "must be dense or segment, not 'dens'; did you mean 'dense'"), ({"frames": 0}, "frames must"),
     ({"every": -1}, "every must"), ({"fps": 0}, "fps must"), ({"every": float("nan")}, "every must")],
)  # fmt: skip
def test_settings_that_are_wrong(settings, told):
    with pytest.raises(E3DNASError, match=told):
        Sampling(**settings)
