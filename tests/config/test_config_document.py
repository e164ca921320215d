"""YAML and JSON files: what is read, what is refused, and where it is said to stand."""

import math

import pytest

from e3dnas.config import Document, dump_yaml, merge, read_document
from e3dnas.config.document import Place, path_text
from e3dnas.errors import E3DNASError


def read(tmp_path, content, name="file.yaml"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_document(path)


@pytest.mark.parametrize(
    ("content", "data"),
    [
        ("a: 1\nb: {c: [2, x]}\n", {"a": 1, "b": {"c": [2, "x"]}}),
        ('{"a": 1,\n\t"b": [true, null, 1.5]}', {"a": 1, "b": [True, None, 1.5]}),
        (b"\xef\xbb\xbfa: 1\n", {"a": 1}),
        ("a: 1\r\nb:\r\n  - 2\r\n", {"a": 1, "b": [2]}),
        ("a: 2.0e9\nb: 1e5\nc: 2e+9\nd: .5", {"a": 2e9, "b": 1e5, "c": 2e9, "d": 0.5}),
        ("a: 0x10\nb: 1_000\nc: -3", {"a": 16, "b": 1000, "c": -3}),
        ("a: 1x3x3\nb: '1'\nc: \"x\"\nd: yes\ne: ~", {"a": "1x3x3", "b": "1", "c": "x", "d": "yes", "e": None}),
        ("a: &x 5\nb: *x\nc: &y true\nd: *y\ne: &z t", {"a": 5, "b": 5, "c": True, "d": True, "e": "t"}),
        ("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3", {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("é: ü # comment\n", {"é": "ü"}),
        ("a: {}\nb: []", {"a": {}, "b": []}),
        ('{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
    ],
    ids=["block", "json", "bom", "crlf", "floats", "ints", "texts", "aliases", "merge", "anchor-twice", "literal",
         "unicode", "empty-collections", "json-surrogates"],
)  # fmt: skip
def test_reads(tmp_path, content, data):
    found = read(tmp_path, content).data
    assert found == data
    assert_plain(found)


def assert_plain(value):
    assert type(value) in (dict, list, int, float, str, bool, type(None))
    for inner in value.values() if type(value) is dict else value if type(value) is list else ():
        assert_plain(inner)


def test_not_a_number_is_left_to_the_checks(tmp_path):
    data = read(tmp_path, "a: .nan\nb: -.inf").data
    assert math.isnan(data["a"])
    assert data["b"] == -math.inf


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": the file is empty; write a mapping"),
        ("# nothing\n", ": the file is empty"),
        ("- 1\n- 2", r":1: the top level must be a mapping \('key: value' lines\), not a list"),
        ("hello", ":1: the top level must be a mapping .* not a single value"),
        ("a: 1\nb: 2\na: 3\n", ':3: found duplicate key "a"; every key may stand once, so delete one'),
        ("a:\n  b: 1\n  c: 2\n  b: 1\n", ':4: found duplicate key "b"'),
        ('{"a": 1,\n"a": 1}', ':2: found duplicate key "a"'),
        ("a:\n\tb: 1", r":2: not valid YAML: found character '\\t'"),
        ("a: {b: 1\nc: 2", ":2: not valid YAML"),
        ("a: 'x", ":1: not valid YAML"),
        ("a: *nowhere", ":1: not valid YAML: found undefined alias 'nowhere'"),
        ("a: 1\n---\nb: 2", ":2: not valid YAML: but found another document"),
        ("x: 1\na: !!python/object/apply:os.system ['echo']", ":2: .*the tag '.*os.system' is not allowed; delete it"),
        ("a: !!python/object:os.system {x: 1}", ":1: .*the tag .* is not allowed"),
        ("a: !mine [1]", ":1: .*the tag '!mine' is not allowed"),
        ("a: !!int '5'", ":1: .*the tag .* is not allowed"),
        ("a: !!set {x, y}", ":1: .*the tag .* is not allowed"),
        ("x: 1\na:\n  b: 2024-01-01", ":3: a.b: '2024-01-01' is a date; to mean a text, write it in quotes"),
        ("a: 2024-01-01 10:00:00", ":1: a: .* is a datetime"),
        ("a: 2024-13-41", ":1: not valid YAML"),
        ("a:\n  1: 2", ":1: a: key 1 is no text; write it in quotes"),
        ("~: 2", ":1: key None is no text"),
        ("true: 2", ":1: key True is no text"),
        ("? [a, b]\n: 1", r":1: key \('a', 'b'\) is no text"),
        ("x: 1\na: &a [1, *a]", r":2: .*the alias \*a stands inside what it stands for"),
        ("a: &a\n  b: {c: *a}", r":2: .*the alias \*a stands inside"),
        ("a: " + "[" * 50_000, ":1: not valid YAML: nested more than 32 levels deep"),
        ("{a: " * 5_000, ":1: not valid YAML: nested more than 32 levels deep"),
        ("a: [" + "1," * 30_000 + "1]", ":1: not valid YAML: holds more than 20000 values"),
        ("a: " + "9" * 5000, ":1: not valid YAML: Exceeds the limit"),
        (b"a: \x00", ":1: not valid YAML: unacceptable character"),
        (bytes(range(256)), ": not a text file in UTF-8"),
        ("a: é".encode("utf-16"), ": not a text file in UTF-8"),
        (b"a: " + b"x" * (1 << 20), ": larger than 1 MiB; this is not a file written for e3dnas"),
    ],
)  # fmt: skip
def test_refuses(tmp_path, content, message):
    with pytest.raises(E3DNASError, match="file.yaml" + message):
        read(tmp_path, content)


@pytest.mark.parametrize("form", ["[{}]", "{{<<: [{}], k{i}: *a{below}}}"], ids=["lists", "merges"])
def test_aliases_that_multiply(tmp_path, form):
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{i}: &a{i} " + form.format(", ".join([f"*a{i - 1}"] * 9), i=i, below=i - 1) for i in range(1, 20)]
    with pytest.raises(E3DNASError, match="expands to more than 20000 values; anchors and aliases must not multiply"):
        read(tmp_path, "\n".join(lines))


def test_refuses_what_is_no_file(tmp_path):
    with pytest.raises(E3DNASError, match="is a directory; name a file in it"):
        read_document(tmp_path)
    with pytest.raises(E3DNASError, match=r"nothing\.yaml: no such file"):
        read_document(tmp_path / "nothing.yaml")
    with pytest.raises(E3DNASError, match="cannot be read: File name too long"):
        read_document("x" * 5000)
    with pytest.raises(E3DNASError, match="larger than 1 MiB"):
        read_document("/dev/zero")


def test_unreadable_file(tmp_path, monkeypatch):
    path = tmp_path / "file.yaml"
    path.write_text("a: 1")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)  # root may read everything
    with pytest.raises(E3DNASError, match=r"file\.yaml: cannot be read: Permission denied"):
        read_document(path)


def test_places(tmp_path):
    document = read(tmp_path, "a: 1\nb:\n  c: 2\n  d:\n  - x\n  - {e: 5}\nf: &f {g: 1}\nh: *f\n")
    file = document.file
    for path, line in {
        (): 1, ("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "d"): 4, ("b", "d", 0): 5, ("b", "d", 1, "e"): 6,
        ("b", "d", 1, "nothing", "here"): 6, ("nothing",): 1, ("h",): 8,
    }.items():  # fmt: skip
        assert document.place(path) == f"{file}:{line}", path
    assert document.where(("b", "d", 1, "z")) == f"{file}:6: b.d[1].z"
    assert Document("", {"a": 1}).where(("a",)) == "a"
    assert Document("", {"a": 1}).where(()) == ""


@pytest.mark.parametrize(
    ("path", "text"), [((), ""), (("a",), "a"), (("a", 0, "b", 1, 2), "a[0].b[1][2]"), ((3, "x"), "[3].x")]
)
def test_path_text(path, text):
    assert path_text(path) == text


def test_merge():
    base = Document("base", {"a": 1, "m": {"x": 1, "y": {"z": 2}}, "l": [1, 2], "s": {"t": 1}},
                    {(): Place("base", 1), ("a",): Place("base", 2, ("a",)), ("m",): Place("base", 3, ("m",)),
                     ("m", "x"): Place("base", 4, ("m", "x")), ("m", "y"): Place("base", 5, ("m", "y")),
                     ("l",): Place("base", 6, ("l",)), ("l", 1): Place("base", 7, ("l", 1))})  # fmt: skip
    over = Document("over", {"m": {"y": {"w": 3}}, "l": [3], "s": 5, "n": {"k": 1}},
                    {(): Place("over", 1), ("m",): Place("over", 2, ("m",)), ("m", "y"): Place("over", 3, ("m", "y")),
                     ("m", "y", "w"): Place("over", 4, ("m", "y", "w")), ("l",): Place("over", 5, ("l",))})  # fmt: skip
    merged = merge(base, over)
    assert merged.data == {"a": 1, "m": {"x": 1, "y": {"z": 2, "w": 3}}, "l": [3], "s": 5, "n": {"k": 1}}
    assert base.data["m"] == {"x": 1, "y": {"z": 2}}
    assert [merged.place(p) for p in [("a",), ("m", "x"), ("m", "y", "w"), ("l", 1), ()]] == [
        "base:2", "base:4", "over:4", "over:5", "over:1",
    ]  # fmt: skip


def test_merged_plain_data_stands_in_no_file():
    base = Document("base", {"s": {"t": 1, "u": 2}}, {(): Place("base", 1), ("s",): Place("base", 2, ("s",)),
                                                     ("s", "t"): Place("base", 3, ("s", "t"))})  # fmt: skip
    merged = merge(base, Document("", {"s": {"t": 0}}))
    assert (merged.where(("s", "t")), merged.where(("s", "u")), merged.file) == ("s.t", "base:2: s.u", "base")


def test_dump_reads_back(tmp_path):
    data = {
        "name": "x: # y",
        "clip": {"frames": 13},
        "stages": [{"kernel": "1x3x3", "se": 0.5}, {"on": None}],
        "b": True,
    }
    text = dump_yaml(data)
    assert "- {kernel: 1x3x3, se: 0.5}" in text
    assert read(tmp_path, text).data == data
