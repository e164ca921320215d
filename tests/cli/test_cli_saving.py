"""``--save`` of show and bound."""

import pytest

from e3dnas.arch import load_architecture


@pytest.mark.parametrize("name", ["net.yaml", "net.json", "net.txt"])
def test_every_form_reads_back_as_the_same_network(cli, folder, name):
    code, _, err = cli("show", "e3d_m", "--save", name)
    assert (code, err) == (0, "")
    back = load_architecture(folder / name, frames=16, size=224)
    published = load_architecture("e3d_m")
    assert back.stages == published.stages
    assert (back.clip, back.stem, back.head.out) == (published.clip, published.stem, published.head.out)


def test_what_is_there_stays(cli, folder):
    (folder / "net.yaml").write_text("mine")
    for arguments in (("show", "e3d_s"), ("bound", "small.yaml")):
        code, _, err = cli(*arguments, "--save", "net.yaml")
        assert code == 2
        assert err == "error: --save net.yaml: is there already; name a new file\n"
    assert (folder / "net.yaml").read_text() == "mine"


def test_no_such_folder(cli):
    code, _, err = cli("show", "e3d_s", "--save", "nowhere/net.yaml")
    assert code == 2
    assert "--save nowhere/net.yaml: cannot be written: No such file or directory" in err
