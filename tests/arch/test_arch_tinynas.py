"""The authors' structure files: both ways, and never executed."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e3dnas.arch import load_architecture
from e3dnas.arch.tinynas import from_tinynas, parse_tinynas, to_tinynas
from e3dnas.errors import E3DNASError

STEM = {"class": "Conv3DKXBNRELU", "in": 3, "out": 24, "s": 2, "kt": 1, "k": 3}
BLOCK = {"class": "SuperRes3DK1DWK1", "in": 24, "out": 24, "s": 2, "kt": 1, "k": 5, "L": 3, "btn": 32}
HEAD = {"class": "Conv3DKXBNRELU", "in": 24, "out": 512, "s": 1, "kt": 1, "k": 1}
GOOD = [STEM, BLOCK, HEAD]


@pytest.mark.parametrize("text", [repr({"best_structures": [GOOD], "space_arch": "Cnn3DNet"}), repr([GOOD]), repr(GOOD),
                                  "\n  " + repr(GOOD) + "  # comment\n"],
                         ids=["whole", "list", "one", "spaced"])  # fmt: skip
def test_forms(text):
    assert parse_tinynas(text) == [GOOD]


def test_blocks_become_stages():
    found = from_tinynas(GOOD, frames=8, size=64, name="mine")
    stage = found.stages[0]
    assert (found.name, found.clip.frames, found.clip.size, found.clip.channels) == ("mine", 8, 64, 3)
    assert (found.stem.out, found.stem.kernel, found.stem.stride, found.head.out) == (24, (1, 3), (1, 2), 512)
    assert (stage.out, stage.kernel, stage.stride, stage.depth, stage.bottleneck) == (24, (1, 5), (1, 2), 3, 32)


odd = st.integers(0, 4).map(lambda i: 2 * i + 1)
structures = st.lists(
    st.fixed_dictionaries(
        {"out": st.integers(1, 600), "depth": st.integers(1, 20), "bottleneck": st.integers(1, 900),
         "kernel": st.tuples(odd, odd).map(list), "stride": st.integers(1, 3).map(lambda s: [1, s]),
         "activation": st.sampled_from(["relu", "silu"])}
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(stages=structures, stem=st.sampled_from(["relu", "silu"]), channels=st.integers(1, 5))
def test_round_trip(stages, stem, channels):
    network = load_architecture(
        {"clip": {"channels": channels}, "stem": {"out": 16, "activation": stem}, "stages": stages}
    )
    (structure,) = parse_tinynas(to_tinynas(network))
    assert from_tinynas(structure) == network


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch executed')", "open('executed', 'w')", "[].__class__", "(lambda: 1)()",
        "[x for x in (1, 2)]", "f'{1}'", "", "{'a':", "[" * 100_000, "-" * 100_000 + "1", "1+" * 100_000 + "1",
        "\0", "{[]: 1}", "9" * 10_000, "'\\d'", "a\nb", "print(1)\n",
    ],
    ids=lambda text: repr(text)[:24],
)  # fmt: skip
def test_what_is_no_literal(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(E3DNASError, match=r"^s\.txt:\d+: not a Python literal as the authors' code writes it"):
        parse_tinynas(text, "s.txt")
    assert os.listdir(tmp_path) == []  # noqa: PTH208


@pytest.mark.parametrize("text", ["{1, 2}", "5", "[]", "{}", "{'best_structures': 5}", "[[1, 2, 3]]", "[[]]", "None",
                                  repr([STEM, HEAD]), "b'x'", "'" + "x" * 2_000_000 + "'"],
                         ids=lambda text: text[:24])  # fmt: skip
def test_what_holds_no_structure(text):
    with pytest.raises(
        E3DNASError, match=r"^structure: holds no structure; expected \{'best_structures': \[\[\{'class'"
    ):
        parse_tinynas(text)


def test_a_huge_file(tmp_path):
    (tmp_path / "x.txt").write_text("[" + "1," * (1 << 20) + "]")
    with pytest.raises(E3DNASError, match=r"x\.txt: larger than 1 MiB"):
        load_architecture(tmp_path / "x.txt")
    (tmp_path / "y.txt").write_bytes(b"\xff")
    with pytest.raises(E3DNASError, match=r"y\.txt: not a text file in UTF-8"):
        load_architecture(tmp_path / "y.txt")


@pytest.mark.parametrize(
    ("structure", "message"),
    [
        ([STEM | {"class": "Conv3D"}, BLOCK, HEAD], r"block 0: 'class' must be Conv3DKXBNRELU or SuperRes3DK1DWK1, not"
         r" 'Conv3D'; did you mean 'Conv3DKXBNRELU'\?"),
        ([STEM | {"class": ["x"]}, BLOCK, HEAD], r"block 0: 'class' must be .*, not \['x'\]"),
        ([{}, BLOCK, HEAD], r"block 0: 'class' must be .*, not None"),
        ([BLOCK | {"in": 3}, BLOCK, HEAD], "block 0: 'class' must be Conv3DKXBNRELU, not SuperRes3DK1DWK1"),
        ([STEM, STEM | {"in": 24}, HEAD], "block 1: 'class' must be SuperRes3DK1DWK1"),
        ([STEM, BLOCK, BLOCK], "block 2: 'class' must be Conv3DKXBNRELU"),
        ([STEM, {k: v for k, v in BLOCK.items() if k != "btn"}, HEAD], "block 1: key 'btn' is missing"),
        ([STEM, BLOCK | {"bnt": 1}, HEAD], r"block 1: key 'bnt' is not supported; did you mean 'btn'\?"),
        ([STEM, BLOCK | {1: 2, "z": 3}, HEAD], "block 1: key '1' is not supported"),
        ([STEM, BLOCK | {"L": "3"}, HEAD], "block 1: every one of L, btn, in, k, kt, out, s must be a whole number"),
        ([STEM, BLOCK | {"L": True}, HEAD], "block 1: every one of .* must be a whole number"),
        ([STEM, BLOCK | {"k": 3.0}, HEAD], "block 1: every one of .* must be a whole number"),
        ([STEM, BLOCK | {"in": 8}, HEAD], "block 1: 'in' is 8, but block 0 gives 24"),
        ([STEM, BLOCK | {"g": 2}, HEAD], "block 1: only 'g': 1, 'inner_class': 'Res3DK1DWK1' and full padding"),
        ([STEM, BLOCK | {"inner_class": "X"}, HEAD], "block 1: only 'g': 1"),
        ([STEM | {"p": (0, 0, 0)}, BLOCK, HEAD], "block 0: only 'g': 1, .* full padding are supported"),
        ([STEM, BLOCK | {"act": "gelu"}, HEAD], "block 1: 'act' must be relu or swish, not 'gelu'"),
        ([STEM, BLOCK | {"act": [1]}, HEAD], r"block 1: 'act' must be relu or swish, not \[1\]"),
        ([STEM, BLOCK, HEAD | {"k": 3}], "block 2: the last convolution must be 1x1x1 of stride 1"),
        ([STEM, BLOCK, HEAD | {"s": 2}], "block 2: the last convolution must be 1x1x1 of stride 1"),
        ([STEM, BLOCK | {"L": 0}, HEAD], r"stages\[0\]\.depth: must be greater than or equal to 1, not 0"),
        ([STEM | {"k": 2}, BLOCK, HEAD], r"stem\.kernel: kernel sizes must be odd"),
        ([STEM | {"out": 10**30}, BLOCK | {"in": 10**30}, HEAD], r"stem\.out: must be less than or equal to 65536"),
    ],
)  # fmt: skip
def test_refuses(structure, message):
    with pytest.raises(E3DNASError, match="^f: " + message):
        from_tinynas(structure, file="f")


@pytest.mark.parametrize(
    "change",
    [{"block": "dense"}, {"se": 0.5}, {"shortcut": "projection"}, {"stride": "2x1x1"}, {"inner_activation": "silu"}],
    ids=lambda change: next(iter(change)),
)
def test_what_has_no_place_in_a_structure(change):
    stage = {"depth": 1, "out": 8, "bottleneck": 8}
    network = load_architecture({"stem": {"out": 8}, "stages": [stage, stage | change]})
    with pytest.raises(E3DNASError, match=r"stages\[1\]: a TinyNAS structure holds depthwise blocks with identity"):
        to_tinynas(network)


@pytest.mark.parametrize("stem", [{"stride": "2x2x2"}, {"temporal_kernel": 5}], ids=["stride", "temporal"])
def test_stems_that_have_no_place_in_a_structure(stem):
    network = load_architecture({"stem": {"out": 8} | stem, "stages": [{"depth": 1, "out": 8, "bottleneck": 8}]})
    with pytest.raises(E3DNASError, match="stem: temporal stride and temporal convolution have no place"):
        to_tinynas(network)
