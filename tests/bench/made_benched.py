"""Small networks with everything a network may have, for clips with odd sides."""

from e3dnas.arch import load_architecture

TINY = {
    "name": "tiny",
    "clip": {"frames": 4, "size": 17},
    "stem": {"out": 8, "temporal_kernel": 3},
    "stages": [
        {"depth": 2, "out": 8, "bottleneck": 12, "stride": "1x2x2", "se": 0.5, "se_every": 2},
        {"depth": 2, "out": 16, "bottleneck": 16, "kernel": "1x5x5", "activation": "silu"},
    ],
    "head": {"out": 16, "hidden": 8},
}
OTHERS = {
    "plain widths": {**TINY, "stem": {"out": 8}},
    "projection": {
        **TINY,
        "stages": [{"depth": 3, "out": 12, "bottleneck": 16, "stride": "1x2x2", "shortcut": "projection"}],
    },
    "factorised, strides in time": {
        **TINY,
        "stages": [{"block": "factorised", "depth": 2, "out": 8, "bottleneck": 16, "stride": "2x2x2", "se": 0.25}],
    },
    "dense": {**TINY, "stages": [{"block": "dense", "depth": 2, "out": 8, "bottleneck": 8, "stride": "2x1x1"}]},
}


def tiny(data=TINY):
    """Return a small network."""
    return load_architecture(data)
