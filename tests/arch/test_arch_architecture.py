"""The spec: what it accepts, what it refuses and how, and that it comes back equal from every form."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from e3dnas.arch import Architecture, load_architecture
from e3dnas.arch.architecture import squeeze_width
from e3dnas.arch.fields import parse_kernel, parse_stride
from e3dnas.arch.loading import save_architecture
from e3dnas.errors import E3DNASError

STAGE = {"depth": 2, "out": 8, "bottleneck": 16}
PLAIN = {"stem": {"out": 8}, "stages": [STAGE]}

odd = st.integers(0, 15).map(lambda i: 2 * i + 1)
width = st.integers(1, 65536)
activation = st.sampled_from(["relu", "silu"])
kernel = st.tuples(odd, odd).map(list)
stride = st.tuples(st.integers(1, 16), st.integers(1, 16)).map(list)
stage = st.fixed_dictionaries(
    {"depth": st.integers(1, 1024), "out": width, "bottleneck": width},
    optional={
        "block": st.sampled_from(["depthwise", "dense", "factorised"]), "kernel": kernel, "stride": stride,
        "se": st.floats(0, 1), "se_every": st.integers(1, 1024), "activation": activation,
        "shortcut": st.sampled_from(["identity", "projection"]),
        "inner_activation": st.one_of(st.none(), activation),
    },
)  # fmt: skip
name = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), max_size=40)
architectures = st.fixed_dictionaries(
    {
        "stem": st.fixed_dictionaries(
            {"out": width},
            optional={
                "kernel": kernel, "stride": stride, "temporal_kernel": odd | st.just(0), "activation": activation,
            },
        ),
        "stages": st.lists(stage, min_size=1, max_size=4),
    },
    optional={
        "name": name,
        "clip": st.fixed_dictionaries(
            {}, optional={"frames": st.integers(1, 64), "size": st.integers(1, 512), "channels": st.integers(1, 9)}
        ),
        "head": st.fixed_dictionaries(
            {}, optional={"out": width, "hidden": st.integers(0, 65536), "hidden_activation": activation}
        ),
    },
)  # fmt: skip


def built(data):
    try:
        return load_architecture(data)
    except E3DNASError as error:
        if "can be counted" in str(error):  # the only rule that the strategy may break
            return None
        raise


@settings(max_examples=40, deadline=None)
@given(data=architectures)
def test_round_trips(tmp_path_factory, data):
    architecture = built(data)
    if architecture is None:
        return
    folder = tmp_path_factory.mktemp("round")
    save_architecture(architecture, folder / "a.yaml")
    (folder / "a.json").write_text(json.dumps(architecture.to_dict()))
    config = {"model_args": {"arch": architecture.to_dict()}, "architecture": "e3d"}
    (folder / "config.json").write_text(json.dumps(config, indent="\t"))
    for source in (architecture.to_dict(), folder / "a.yaml", str(folder / "a.json"), folder / "config.json", folder):
        found = load_architecture(source)
        assert found == architecture
        assert hash(found) == hash(architecture)
    assert Architecture.model_validate_json(json.dumps(architecture.to_dict())) == architecture


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stages": []}, "stages: must have at least 1 of them, not 0"),
        ({"stages": [STAGE] * 65}, "stages: must have at most 64 of them"),
        ({"stages": None}, "stages: must be a list, not None"),
        ({"stages": {"a": STAGE}}, "stages: must be a list"),
        ({"stages": ["x"]}, r"stages\[0\]: must be a mapping of keys to values, not 'x'"),
        ({"stages": [STAGE, {"depth": 1}]}, r"stages\[1\]\.out: missing; write out: \.\.\."),
        ({"stages": [STAGE | {"depht": 1}]}, r"stages\[0\]\.depht: unknown key 'depht'; did you mean 'depth'\? Known"),
        ({"stages": [STAGE | {"depth": 0}]}, r"stages\[0\]\.depth: must be greater than or equal to 1, not 0"),
        ({"stages": [STAGE | {"depth": 1025}]}, r"depth: must be less than or equal to 1024, not 1025"),
        ({"stages": [STAGE | {"depth": True}]}, r"depth: must be a valid integer, not True"),
        ({"stages": [STAGE | {"depth": "2"}]}, r"depth: must be a valid integer, not '2'"),
        ({"stages": [STAGE | {"out": 65537}]}, r"out: must be less than or equal to 65536"),
        ({"stages": [STAGE | {"out": 10**5000}]}, r"out: must be less than .*, not a number too long to write"),
        ({"stages": [STAGE | {"out": -8}]}, r"out: must be greater than or equal to 1, not -8"),
        ({"stages": [STAGE | {"se": float("nan")}]}, r"se: must be a finite number, not nan"),
        ({"stages": [STAGE | {"se": float("inf")}]}, r"se: must be a finite number, not inf"),
        ({"stages": [STAGE | {"se": 1.5}]}, r"se: must be less than or equal to 1, not 1\.5"),
        ({"stages": [STAGE | {"kernel": "2x3x3"}]}, r"kernel sizes must be odd, from 1 to 31, not '2x3x3'; write for"),
        ({"stages": [STAGE | {"kernel": "3x33x33"}]}, r"kernel sizes must be odd, from 1 to 31"),
        ({"stages": [STAGE | {"kernel": "3x3x5"}]}, r"must be as high as wide, not '3x3x5'; write for example 1x3x3"),
        ({"stages": [STAGE | {"kernel": 3}]}, r"a kernel is time x height x width, written like 1x3x3, not 3"),
        ({"stages": [STAGE | {"kernel": "3x3"}]}, r"a kernel is time x height x width"),
        ({"stages": [STAGE | {"kernel": [True, 3]}]}, r"a kernel is time x height x width"),
        ({"stages": [STAGE | {"kernel": [3.0, 3]}]}, r"a kernel is time x height x width"),
        ({"stages": [STAGE | {"kernel": None}]}, r"a kernel is time x height x width"),
        ({"stages": [STAGE | {"kernel": "-1x3x3"}]}, r"a kernel is time x height x width"),
        ({"stages": [STAGE | {"kernel": [-1, 3]}]}, r"kernel sizes must be odd, from 1 to 31, not \[-1, 3\]"),
        ({"stages": [STAGE | {"kernel": "9" * 5000}]}, r"written like 1x3x3, not '9{56}\.\.\."),
        ({"stages": [STAGE | {"stride": "0x1x1"}]}, r"strides must be from 1 to 16, not '0x1x1'; write for example 1x"),
        ({"stages": [STAGE | {"stride": "1x17x17"}]}, r"strides must be from 1 to 16"),
        ({"stages": [STAGE | {"block": "depthwize"}]}, r"block: must be one of depthwise, dense, factorised, not 'dep.*"
         r"; did you mean 'depthwise'\?"),
        ({"stages": [STAGE | {"activation": "gelu"}]}, r"activation: must be one of relu, silu, not 'gelu'"),
        ({"stem": {"out": 8, "temporal_kernel": 2}}, r"stem\.temporal_kernel: must be odd, or 0 for none, not 2"),
        ({"stem": {"out": 8, "temporal_kernel": 33}}, r"stem\.temporal_kernel: must be less than or equal to 31"),
        ({"stem": 8}, "stem: must be a mapping of keys to values, not 8"),
        ({"clip": {"frames": 0}}, r"clip\.frames: must be greater than or equal to 1, not 0"),
        ({"clip": {"size": 8193}}, r"clip\.size: must be less than or equal to 8192, not 8193"),
        ({"name": "a\nb"}, r"name: must be one line of printable text, not 'a\\nb'"),
        ({"name": "x" * 256}, r"name: .*at most 255 characters"),
        ({"name": "\ud800"}, r"name: must be a valid string"),
        ({"nome": "x"}, r"nome: unknown key 'nome'; did you mean 'name'\? Known: clip, head, name, stages, stem"),
    ],
)  # fmt: skip
def test_refuses(change, message):
    with pytest.raises(E3DNASError, match="^architecture: .*" + message):
        load_architecture(PLAIN | change)


def test_networks_beyond_counting_are_refused():
    huge = STAGE | {"block": "dense", "bottleneck": 65536, "depth": 1024, "kernel": "31x31x31"}
    with pytest.raises(
        E3DNASError, match=r"the network has .* multiply-accumulates; at most 9\.01e\+15 can be counted"
    ):
        load_architecture(PLAIN | {"stages": [huge], "clip": {"frames": 4096, "size": 8192}})


@pytest.mark.parametrize(
    ("value", "pair"),
    [("1x3x3", (1, 3)), ("31x31x31", (31, 31)), ([3, 5], (3, 5)), ((3, 5, 5), (3, 5)), ([1, 1, 1], (1, 1))],
)
def test_kernels(value, pair):
    assert parse_kernel(value) == pair


@pytest.mark.parametrize(("value", "pair"), [("1x2x2", (1, 2)), ([2, 3], (2, 3)), ("16x16x16", (16, 16))])
def test_strides(value, pair):
    assert parse_stride(value) == pair


def test_defaults_are_the_papers():
    found = load_architecture(PLAIN)
    assert (found.clip.frames, found.clip.size, found.clip.channels) == (13, 160, 3)
    assert (found.stem.kernel, found.stem.stride, found.head.out, found.head.hidden) == ((1, 3), (1, 2), 512, 2048)
    assert (found.stages[0].block, found.stages[0].shortcut, found.stages[0].squeeze) == ("depthwise", "identity", 0)


def test_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        load_architecture(PLAIN).stem.out = 9


def test_data_leaves_out_what_is_not_said():
    data = load_architecture(PLAIN).to_dict()
    assert "inner_activation" not in data["stages"][0]
    assert data["stages"][0]["kernel"] == "3x3x3"
    assert load_architecture(PLAIN | {"stages": [STAGE | {"inner_activation": "silu"}]}).to_dict()["stages"][0][
        "inner_activation"
    ] == "silu"  # fmt: skip


def test_another_clip():
    network = load_architecture(PLAIN)
    assert network.with_clip() == network
    other = network.with_clip(frames=16, size=224)
    assert (other.clip.frames, other.clip.size, other.stages) == (16, 224, network.stages)
    for wrong, message in (({"frames": 0}, "clip.frames: must be"), ({"size": True}, "clip.size: must be a valid int")):
        with pytest.raises(E3DNASError, match=message):
            network.with_clip(**wrong)


@pytest.mark.parametrize(
    ("bottleneck", "se", "squeeze"),
    [(54, 0.0625, 8), (108, 0.0625, 8), (216, 0.0625, 16), (432, 0.0625, 32), (100, 0, 0), (1, 1.0, 8), (64, 0.25, 16),
     (88, 0.5, 48), (19, 1.0, 24)],
)  # fmt: skip
def test_squeeze_widths_are_x3ds(bottleneck, se, squeeze):
    assert squeeze_width(bottleneck, se) == squeeze
