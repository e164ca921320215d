"""Which tile serves which shape: wide loads where channels allow, few idle lanes, long offsets where needed."""

import pytest

pytest.importorskip("triton", reason="triton comes with PyTorch's wheels for CUDA only")

from e3dnas.kernels.geometry import Geometry
from e3dnas.kernels.launches import forward_launch, input_grad_launch, weight_grad_launch


@pytest.mark.parametrize(("channels", "itemsize", "vec"), [(96, 2, 8), (176, 4, 4), (36, 2, 4), (33, 2, 1), (6, 4, 2)])
def test_a_thread_loads_16_bytes_where_the_channels_allow(channels, itemsize, vec):
    assert forward_launch(Geometry(2, channels, 4, 8, 8, 3, 3, 1), itemsize).constants["VEC"] == vec


@pytest.mark.parametrize(("width", "columns"), [(5, 5), (10, 5), (80, 5), (8, 4), (7, 4), (14, 5), (1, 2), (2, 2)])
def test_columns_of_a_thread_leave_the_fewest_idle(width, columns):
    assert forward_launch(Geometry(2, 8, 4, 8, width, 3, 3, 1), 2).constants["QW"] == columns


@pytest.mark.parametrize("make", [forward_launch, input_grad_launch, weight_grad_launch])
@pytest.mark.parametrize("stride", [1, 2])
def test_tensors_of_more_elements_than_32_bits_count_get_long_offsets(make, stride):
    assert not make(Geometry(64, 96, 13, 40, 40, 3, 3, stride), 2).constants["LONG"]
    large = Geometry(172, 480, 16, 40, 41, 3, 3, stride)
    assert make(large, 2).constants["LONG"]


def test_a_weight_gradient_is_cut_into_parts_that_cover_it():
    for clips in (1, 3, 64):
        geometry = Geometry(clips, 176, 13, 10, 10, 3, 3, 1)
        launch = weight_grad_launch(geometry, 2)
        total, share = launch.numbers
        assert (launch.chunks - 1) * share < total <= launch.chunks * share
        assert launch.grid[0] * launch.chunks <= 1100
