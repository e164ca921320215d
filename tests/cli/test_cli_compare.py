"""``e3dnas compare``: every form of a network, tables, JSON and the page."""

import json

import pytest

import e3dnas


@pytest.fixture
def other(folder):
    """A file with a network of the zoo, made a little cheaper."""
    data = e3dnas.load_architecture("e3d_s").to_dict() | {"name": "e3d_s"}
    data["stages"][0]["depth"] = 1
    (folder / "other.json").write_text(json.dumps(data))
    return "other.json"


def test_table(cli, other):
    code, out, err = cli("compare", "e3d_s", other)
    assert (code, err) == (0, "")
    assert "measures, in percent of e3d_s" in out
    assert out.count("e3d_s  e3d_s (other.json)") == 2
    ratio = e3dnas.measure("other.json")["flops"] / e3dnas.measure("e3d_s")["flops"]
    assert 0.9 < ratio < 0.97
    assert f"{100 * ratio:.2f} %" in out
    assert "clips differ" not in out


def test_json(cli, other, folder):
    code, out, _ = cli("compare", "e3d_s", "e3d_m", other, "--json", "--html", "page.html")
    assert code == 0
    told = json.loads(out)
    assert [one["label"] for one in told] == ["e3d_s", "e3d_m", "e3d_s (other.json)"]
    for one, source in zip(told, ["e3d_s", "e3d_m", other], strict=True):
        assert {k: v for k, v in one.items() if k not in ("label", "ratios")} == e3dnas.measure(source)
        assert one["ratios"]["params"] == one["params"] / told[0]["params"]
    assert (folder / "page.html").is_file()


def test_one_clip_for_all(cli):
    assert "The clips differ" in cli("compare", "e3d_s", "e3d_m")[1]
    out = cli("compare", "e3d_s", "e3d_m", "--frames", 5, "--size", 96)[1]
    assert "The clips differ" not in out
    assert out.count("5 x 96 x 96") == 2
    told = json.loads(cli("compare", "e3d_s", "e3d_m", "--frames", 5, "--size", 96, "--json")[1])
    assert [one["flops"] for one in told] == [e3dnas.measure(n, frames=5, size=96)["flops"] for n in ("e3d_s", "e3d_m")]


def test_a_run_a_folder_and_a_registered_name(cli, folder):
    assert cli("run", "small.yaml", "--quiet", "--trials", 5, "--out", "r")[0] == 0
    assert cli("export", "r", "--name", "mine", "--register")[0] == 0
    told = json.loads(cli("compare", "r", "r/export/mine", "mine", "r/best.yaml", "--json")[1])
    assert len({one["label"] for one in told}) == 4
    assert len({one["stentr"] for one in told}) == 1


def test_page(cli, other, folder):
    code, out, _ = cli("compare", "e3d_s", other, "--html", "page.html")
    assert code == 0
    assert out.endswith("written: page.html\n")
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert page.count("<svg ") == 2
    code, out, err = cli("compare", "e3d_s", other, "--html", "page.html")
    assert (code, out, err) == (2, "", "error: --html page.html: is there already; name a new file\n")
    assert (folder / "page.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["e3d_s"], "error: compare e3d_s: needs two networks or more; name another, such as e3d_s\n"),
        (["e3d_s", "e3d_x"], "did you mean"),
        (
            ["e3d_s", "e3d_m", "--html", "none/page.html"],
            "error: --html none/page.html: cannot be written: No such file",
        ),
    ],
)
def test_mistakes(cli, arguments, told):
    code, out, err = cli("compare", *arguments)
    assert (code, out) == (2, "")
    assert told in err
