"""``e3dnas data check`` and ``e3dnas data demo``."""

import json
import re
import subprocess
import sys

import pytest

SMALL = ("--classes", "grow,move_up", "--train", 3, "--val", 2, "--frames", 6, "--size", 32)


@pytest.fixture
def videos(cli, folder):
    code, out, err = cli("data", "demo", "set", *SMALL)
    assert (code, out, err) == (0, "written: set (2 classes, train 6, val 4)\n", "")
    return folder / "set"


def test_check_of_a_set_that_is_well(cli, videos):
    code, out, err = cli("data", "check", "set")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "set: folders, recognised by train/, val/ with a folder for each class"
    assert re.search(r"^usable +6 +4 *$", out, re.M)
    assert re.search(r"^sizes +32x32 +32x32 *$", out, re.M)
    assert re.search(r"^move_up +3 +2 *$", out, re.M)
    assert "all videos can be read, every class has some" in out
    code, out, _ = cli("data", "check", "set", "--full", "--workers", 1, "--json")
    told = json.loads(out)
    assert (code, told["ok"], told["problems"], told["layout"]) == (0, True, [], "folders")
    train = told["splits"]["train"]
    assert {key: train[key] for key in ("videos", "usable", "broken", "missing")} == {
        "videos": 6, "usable": 6, "broken": 0, "missing": 0,
    }  # fmt: skip
    assert train["frames"] == {"least": 6, "median": 6, "most": 6}
    assert train["seconds"]["median"] == pytest.approx(6 / 25)
    assert (train["sizes"], train["codecs"], train["classes"]) == ({"32x32": 6}, {"h264": 6}, {"grow": 3, "move_up": 3})


def test_check_tells_what_is_wrong_by_name(cli, videos):
    whole = (videos / "train/grow/00000.mp4").read_bytes()
    (videos / "train/grow/00000.mp4").write_bytes(whole[:900])
    (videos / "train/grow/[red]1.mp4").write_bytes(b"")
    for path in (videos / "val/move_up").iterdir():
        path.write_text("no video")
    (videos / "train/new").mkdir()
    (videos / "train/grow/notes.txt").write_text("x")
    code, out, err = cli("data", "check", "set")
    assert (code, err) == (1, "")
    assert re.search(r"set/train/grow/00000.mp4: is cut off: 900 of [\d,]+ bytes are there", out)
    assert "set/train/grow/[red]1.mp4: is empty (0 bytes)" in out
    assert "train: 2 cannot be read" in out
    assert "val: 2 of its classes have no video that can be read" in out
    code, out, _ = cli("data", "check", "set", "--json")
    told = json.loads(out)
    assert (code, told["ok"]) == (1, False)
    assert told["splits"]["val"]["empty_classes"] == ["move_up", "new"]
    assert set(told["splits"]["train"]["broken_files"]) == {"set/train/grow/00000.mp4", "set/train/grow/[red]1.mp4"}
    assert told["splits"]["train"]["ignored_files"] == ["set/train/grow/notes.txt"]


def test_full_finds_a_frame_that_three_would_not(cli, videos):
    from e3dnas.video.pyav_reader import PyAVVideo

    with pytest.MonkeyPatch.context() as patch:
        pick = PyAVVideo._pick
        patch.setattr(PyAVVideo, "_pick", lambda self, indices: (one for one in pick(self, indices) if one[0] != 1))
        assert cli("data", "check", "set")[0] == 0
        code, out, _ = cli("data", "check", "set", "--full")
    assert code == 1
    assert "frame 1 of 6 cannot be decoded" in out


def test_missing_and_shared_videos(cli, videos):
    (videos / "train.csv").write_text("train/grow/00000.mp4 0\ntrain/move_up/00000.mp4 1\ngone.mp4 1\n")
    (videos / "val.csv").write_text("train/grow/00000.mp4 0\nval/move_up/00000.mp4 1\n")
    code, out, _ = cli("data", "check", "set")
    assert code == 1
    assert "kinetics, recognised by train.csv, val.csv" in out
    assert "train  set/gone.mp4: is not there" in out
    assert "train: 1 are in its list but not there" in out
    assert "1 videos stand in more than one split, e.g. set/train/grow/00000.mp4" in out
    assert cli("data", "check", "set", "--layout", "folders")[0] == 0


def test_many_classes_are_told_by_the_fewest_and_the_most(cli, folder, videos):
    clip = (videos / "train/grow/00000.mp4").read_bytes()
    for label in range(30):
        for number in range(1 + label % 3):
            path = folder / f"many/train/class{label:02d}/{number}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(clip)
    code, out, _ = cli("data", "check", "many")
    assert code == 0
    assert "30 classes, videos that can be read: the 10 with fewest and with most" in out
    assert len(re.findall(r"^class\d\d ", out, re.M)) == 20


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["check", "nowhere"], "nowhere: is not there; give the folder of a data set"),
        (["check", "."], r"no layout is recognised|has folders of videos"),
        (["check", "set", "--layout", "x"], "--layout 'x': must be one of"),
        (["check", "set", "--reader", "x"], "reader: must be one of pyav, torchcodec"),
        (["demo", "set"], "set: is there already and not empty; name a new folder"),
        (["demo", "new", "--classes", "grow, shrnk"], "'shrnk' is no motion; did you mean 'shrink'"),
        (["demo", "new", "--size", "31"], "size: must be even"),
    ],
)
def test_wrong_usage(cli, folder, videos, arguments, told):
    code, out, err = cli("data", *arguments)
    assert (code, out) == (2, "")
    assert re.search(told, err)
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not (folder / "new").exists()


def test_help(cli):
    for command in ((), ("check",), ("demo",)):
        code, out, _ = cli("data", *command, "--help")
        assert code == 0
        assert "Usage: " in out


def test_checking_loads_no_torch(videos):
    code = (
        "import sys; from e3dnas.cli.main import main; sys.argv = ['e3dnas', 'data', 'check', 'set', '--json']; main()"
    )
    code = f"import atexit, sys; atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr)); {code}"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=videos.parent
    )  # fmt: skip
    assert run.stderr.splitlines() == ["False"]
