"""The layer table: exact rows of small networks worked out by hand."""

import numpy as np
import pytest

from e3dnas.arch import load_architecture
from e3dnas.arch.expand import expand

COLUMNS = (
    "stage", "repeat", "c_in", "c_out", "groups", "kernel_t", "kernel_s", "stride_t", "stride_s", "frames", "size",
    "score_frames", "score_size", "main", "norm", "bias", "pooled", "level",
)  # fmt: skip


def rows(clip, stem, *stages, head=10):
    architecture = load_architecture({"clip": clip, "stem": stem, "stages": list(stages), "head": {"out": head}})
    table = architecture.table()
    columns = [np.broadcast_to(getattr(table, name), table.shape)[0] for name in COLUMNS]
    return [tuple(int(value) for value in row) for row in np.stack(columns, axis=1)]


CLIP = {"frames": 5, "size": 21}
STEM = {"out": 6}  # 5 x 11 x 11, scored 5 x 10 x 10
STEM_ROW = (0, 1, 3, 6, 1, 1, 3, 1, 2, 5, 11, 5, 10, 1, 1, 0, 0, 0)
STAGE = {"depth": 3, "out": 6, "bottleneck": 4, "kernel": "3x5x5", "stride": "1x2x2"}

CASES = {
    "depthwise": (
        STAGE,
        [
            (1, 1, 6, 4, 1, 1, 1, 1, 1, 5, 11, 5, 5, 1, 1, 0, 0, 1),
            (1, 1, 4, 4, 4, 3, 5, 1, 2, 5, 6, 5, 5, 1, 1, 0, 0, 1),
            (1, 1, 4, 6, 1, 1, 1, 1, 1, 5, 6, 5, 5, 1, 1, 0, 6 * 5 * 36, 1),
            (1, 2, 6, 4, 1, 1, 1, 1, 1, 5, 6, 5, 5, 1, 1, 0, 0, 1),
            (1, 2, 4, 4, 4, 3, 5, 1, 1, 5, 6, 5, 5, 1, 1, 0, 0, 1),
            (1, 2, 4, 6, 1, 1, 1, 1, 1, 5, 6, 5, 5, 1, 1, 0, 0, 1),
        ],
    ),
    "dense, wider: no shortcut": (
        STAGE | {"block": "dense", "out": 8},
        [
            (1, 1, 6, 4, 1, 1, 1, 1, 1, 5, 11, 5, 5, 1, 1, 0, 0, 1),
            (1, 1, 4, 4, 1, 3, 5, 1, 2, 5, 6, 5, 5, 1, 1, 0, 0, 1),
            (1, 1, 4, 8, 1, 1, 1, 1, 1, 5, 6, 5, 5, 1, 1, 0, 0, 1),
            (1, 2, 8, 4, 1, 1, 1, 1, 1, 5, 6, 5, 5, 1, 1, 0, 0, 1),
            (1, 2, 4, 4, 1, 3, 5, 1, 1, 5, 6, 5, 5, 1, 1, 0, 0, 1),
            (1, 2, 4, 8, 1, 1, 1, 1, 1, 5, 6, 5, 5, 1, 1, 0, 0, 1),
        ],
    ),
    "factorised, strides in time": (
        STAGE | {"block": "factorised", "depth": 2, "stride": "2x1x1"},
        [
            (1, 1, 6, 4, 1, 1, 1, 1, 1, 5, 11, 2, 10, 1, 1, 0, 0, 0),
            (1, 1, 4, 4, 1, 1, 5, 1, 1, 5, 11, 2, 10, 1, 1, 0, 0, 0),
            (1, 1, 4, 4, 1, 3, 1, 2, 1, 3, 11, 2, 10, 1, 1, 0, 0, 0),
            (1, 1, 4, 6, 1, 1, 1, 1, 1, 3, 11, 2, 10, 1, 1, 0, 6 * 3 * 121, 0),
            (1, 1, 6, 4, 1, 1, 1, 1, 1, 3, 11, 2, 10, 1, 1, 0, 0, 0),
            (1, 1, 4, 4, 1, 1, 5, 1, 1, 3, 11, 2, 10, 1, 1, 0, 0, 0),
            (1, 1, 4, 4, 1, 3, 1, 1, 1, 3, 11, 2, 10, 1, 1, 0, 0, 0),
            (1, 1, 4, 6, 1, 1, 1, 1, 1, 3, 11, 2, 10, 1, 1, 0, 0, 0),
        ],
    ),
    "factorised, 1x5x5: no temporal half": (
        STAGE | {"block": "factorised", "depth": 1, "kernel": "1x5x5", "stride": "1x1x1"},
        [
            (1, 1, 6, 4, 1, 1, 1, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
            (1, 1, 4, 4, 1, 1, 5, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
            (1, 1, 4, 6, 1, 1, 1, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
        ],
    ),
    "projection": (
        STAGE | {"shortcut": "projection", "depth": 1, "out": 8, "stride": "2x2x2"},
        [
            (1, 1, 6, 4, 1, 1, 1, 1, 1, 5, 11, 2, 5, 1, 1, 0, 0, 1),
            (1, 1, 4, 4, 4, 3, 5, 2, 2, 3, 6, 2, 5, 1, 1, 0, 0, 1),
            (1, 1, 4, 8, 1, 1, 1, 1, 1, 3, 6, 2, 5, 1, 1, 0, 0, 1),
            (1, 1, 6, 8, 1, 1, 1, 2, 2, 3, 6, 2, 5, 0, 1, 0, 0, 1),
        ],
    ),
    "projection where nothing changes": (
        STAGE | {"shortcut": "projection", "depth": 1, "stride": "1x1x1"},
        [
            (1, 1, 6, 4, 1, 1, 1, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
            (1, 1, 4, 4, 4, 3, 5, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
            (1, 1, 4, 6, 1, 1, 1, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
        ],
    ),
    "squeeze-excitation in every second block": (
        STAGE | {"depth": 5, "se": 0.5, "se_every": 2, "bottleneck": 24, "stride": "1x1x1"},
        [
            (1, 1, 6, 24, 1, 1, 1, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
            (1, 1, 24, 24, 24, 3, 5, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
            (1, 1, 24, 6, 1, 1, 1, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
            (1, 4, 6, 24, 1, 1, 1, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
            (1, 4, 24, 24, 24, 3, 5, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
            (1, 4, 24, 6, 1, 1, 1, 1, 1, 5, 11, 5, 10, 1, 1, 0, 0, 0),
            (1, 3, 24, 16, 1, 1, 1, 1, 1, 1, 1, 5, 10, 0, 0, 1, 0, 0),
            (1, 3, 16, 24, 1, 1, 1, 1, 1, 1, 1, 5, 10, 0, 0, 1, 0, 0),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_rows_of_one_stage(case):
    stage, expected = case
    last = expected[-1]
    head = (2, 1, stage["out"], 10, 1, 1, 1, 1, 1, expected[2][9], expected[2][10], *last[11:13], 1, 1, 0, 0, last[-1])
    if stage.get("block") == "factorised":
        head = (*head[:9], *last[9:11], *head[11:])
    assert rows(CLIP, STEM, stage) == [STEM_ROW, *expected, head]


def test_stem_with_a_temporal_convolution():
    found = rows(CLIP, STEM | {"temporal_kernel": 5, "stride": "2x2x2"}, STAGE | {"depth": 1})
    assert found[:2] == [
        (0, 1, 3, 6, 1, 1, 3, 2, 2, 3, 11, 2, 10, 1, 0, 0, 0, 0),  # no BN between the two
        (0, 1, 6, 6, 6, 5, 1, 1, 1, 3, 11, 2, 10, 1, 1, 0, 0, 0),
    ]


def test_levels_count_the_spatial_strides_of_stages():
    strides = ["1x1x1", "1x2x2", "2x1x1", "1x3x3"]
    found = rows(CLIP, STEM, *(STAGE | {"depth": 1, "stride": stride} for stride in strides))
    levels = {row[0]: row[-1] for row in found}
    assert levels == {0: 0, 1: 0, 2: 1, 3: 1, 4: 2, 5: 2}


def test_derived_columns():
    table = load_architecture({"clip": CLIP, "stem": STEM, "stages": [STAGE], "head": {"out": 10}}).table()
    assert table.fan_in[0, :4].tolist() == [27, 6, 75, 4]
    assert table.outputs[0, :3].tolist() == [6 * 605, 4 * 605, 4 * 180]
    assert table.macs[0, 2] == 75 * 4 * 180
    assert table.weights[0, 2] == 75 * 4 + 8
    assert table.shape == (1, 8)


def test_unused_rows_are_kept_for_populations_and_left_out_of_one():
    architecture = load_architecture({"clip": CLIP, "stem": STEM, "stages": [STAGE | {"depth": 1}]})
    full = expand(architecture.columns())
    assert (full.repeat == 0).sum() == 3  # the later blocks
    assert (architecture.table().repeat > 0).all()
    assert architecture.columns().count == 1
