"""Layouts: each is recognised and read as its makers mean it; lists that are wrong are told with file and line."""

import json

import made_videos as made
import pytest
from PIL import Image

from e3dnas.errors import E3DNASError
from e3dnas.video.layouts import load_videos
from e3dnas.video.opening import open_video


def frames_in(folder, count=3):
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        Image.new("RGB", (32, 24), (number * 40, 0, 0)).save(folder / f"{number:05d}.jpg")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def named(split):
    """Return the items of a split as (last parts of the path, name of the class)."""
    return [("/".join(item.path.split("/")[-2:]), split.classes[item.label]) for item in split.items]


def make_folders(root):
    made.tiny(root / "train/cats/a b.mp4")
    made.tiny(root / "train/dogs/one.avi")
    frames_in(root / "train/dogs/two")
    write(root / "train/dogs/notes.txt", "no video")
    write(root / "train/dogs/.hidden.mp4", "")
    made.tiny(root / "validation/dogs/x.webm")
    (root / "test/empty").mkdir(parents=True)


def make_kinetics(root):
    made.tiny(root / "clips/riding a bike/a.mp4")
    made.tiny(root / "clips/riding a bike/b, c.mp4")
    made.tiny(root / "clips/yoga/d.mp4")
    write(root / "train.csv", "clips/riding a bike/a.mp4 0\nclips/riding a bike/b, c.mp4 0\n\nclips/gone.mp4 1\n")
    write(root / "val.csv", "\ufeff" + str(root / "clips/yoga/d.mp4") + ",1\r\n")


def make_v1(root):
    for one in (7, 12, 100):
        frames_in(root / f"20bn-something-something-v1/{one}")
    write(root / "something-something-v1-labels.csv", "Turning [something]\nDropping [something]\n")
    write(root / "something-something-v1-train.csv", "7;Turning [something]\n100;Dropping [something]\n")
    write(root / "something-something-v1-validation.csv", "12;Turning [something]\n13;Turning [something]\n")
    write(root / "something-something-v1-test.csv", "200\n")


def make_v2(root):
    made.tiny(root / "videos/1.webm")
    made.tiny(root / "videos/2.mp4")
    made.tiny(root / "videos/3.webm")
    write(root / "labels/something-something-v2-labels.json", '{"Pushing something": "1", "Dropping something": "0"}')
    rows = [{"id": str(one), "label": "x", "template": "Pushing [something]", "placeholders": []} for one in (1, 2)]
    write(root / "labels/something-something-v2-train.json", json.dumps(rows, indent=1))
    rows = [{"id": one, "template": "Dropping [something]"} for one in (3, 4)]
    write(root / "labels/something-something-v2-validation.json", json.dumps(rows))


def make_ucf101(root):
    for path in ("YoYo/v_YoYo_g01_c01.avi", "YoYo/v_YoYo_g02_c01.avi", "Archery/v_Archery_g01_c01.avi"):
        made.tiny(root / "UCF-101" / path)
    write(root / "ucfTrainTestlist/classInd.txt", "1 Archery\r\n2 YoYo\r\n")
    write(root / "ucfTrainTestlist/trainlist01.txt", "YoYo/v_YoYo_g01_c01.avi 2\nYoYo/v_YoYo_g09_c01.avi 2\n")
    write(root / "ucfTrainTestlist/testlist01.txt", "Archery/v_Archery_g01_c01.avi\nYoYo/v_YoYo_g02_c01.avi\n")
    write(root / "ucfTrainTestlist/trainlist02.txt", "Archery/v_Archery_g01_c01.avi 1\n")
    write(root / "ucfTrainTestlist/testlist02.txt", "YoYo/v_YoYo_g02_c01.avi\n")


def make_official(root):
    made.tiny(root / "train/-aBc_d_000010_000020.mp4")
    made.tiny(root / "train/tying tie/e_000000_000010.mp4")
    made.tiny(root / "val/tying_tie/f_000007_000017.mkv")
    header = "label,youtube_id,time_start,time_end,split,is_cc\n"
    rows = 'yoga,-aBc_d,10,20,train,0\n"tying tie",e,0,10,train,1\nyoga,gone,1,11,train,0\n'
    write(root / "annotations/train.csv", header + rows)
    write(root / "annotations/val.csv", header + "tying tie,f,7.0,17.0,val,0\n")
    write(root / "annotations/test.csv", "youtube_id,time_start,time_end,split\ng,1,11,test\n")


def make_unsplit(root):
    for name in ("a", "b", "c", "d", "e", "f"):
        made.tiny(root / f"run/{name}.mp4")
    made.tiny(root / "jump/x.avi")
    frames_in(root / "jump/y")
    write(root / "jump/notes.txt", "no video")
    write(root / "README/about.txt", "no video")


# layout: how it is made, its splits, whether it may be mirrored, what is missing, sampling
LAYOUTS = {
    "folders": (make_folders, {
        "train": [("cats/a b.mp4", "cats"), ("dogs/one.avi", "dogs"), ("dogs/two", "dogs")],
        "val": [("dogs/x.webm", "dogs")], "test": [],
    }, True, 0, "dense"),
    "kinetics": (make_kinetics, {
        "train": [("riding a bike/a.mp4", "class 0"), ("riding a bike/b, c.mp4", "class 0")],
        "val": [("yoga/d.mp4", "class 1")],
    }, True, 1, "dense"),
    "kinetics-official": (make_official, {
        "train": [("train/-aBc_d_000010_000020.mp4", "yoga"), ("tying tie/e_000000_000010.mp4", "tying tie")],
        "val": [("tying_tie/f_000007_000017.mkv", "tying tie")],
    }, True, 1, "dense"),
    "classes": (make_unsplit, {  # c.mp4 and y come first by sha256sum of their names
        "train": [("jump/x.avi", "jump"), *((f"run/{name}.mp4", "run") for name in "abdef")],
        "val": [("jump/y", "jump"), ("run/c.mp4", "run")],
    }, True, 0, "dense"),
    "something-v1": (make_v1, {
        "train": [("20bn-something-something-v1/7", "Turning [something]"),
                  ("20bn-something-something-v1/100", "Dropping [something]")],
        "val": [("20bn-something-something-v1/12", "Turning [something]")],
    }, False, 1, "segment"),
    "something-v2": (make_v2, {
        "train": [("videos/1.webm", "Pushing something"), ("videos/2.mp4", "Pushing something")],
        "val": [("videos/3.webm", "Dropping something")],
    }, False, 1, "segment"),
    "ucf101": (make_ucf101, {
        "train": [("YoYo/v_YoYo_g01_c01.avi", "YoYo")],
        "test": [("Archery/v_Archery_g01_c01.avi", "Archery"), ("YoYo/v_YoYo_g02_c01.avi", "YoYo")],
    }, True, 1, "dense"),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_are_recognised_and_read(tmp_path, name):
    make, splits, mirror, missing, sampling = LAYOUTS[name]
    make(tmp_path)
    data = load_videos(tmp_path)
    assert (data.layout, data.mirror, data.sampling) == (name, mirror, sampling)
    assert {split: named(found) for split, found in data.splits.items()} == splits
    assert sum(len(split.missing) for split in data.splits.values()) == missing
    assert data.told().startswith(f"{name} (")
    for split in data.splits.values():
        assert split.classes == data.classes
        assert sum(split.counts()) == len(split.items)
        for item in split.items:
            with open_video(item.path) as video:
                assert video.count >= 3
                video.arrays([0, 1])
    assert load_videos(str(tmp_path), layout=name).splits == data.splits


def test_numbers_of_classes(tmp_path):
    make_v1(tmp_path)  # sorted by their text
    assert load_videos(tmp_path).classes == ("Dropping [something]", "Turning [something]")
    for make, expected in ((make_v2, ("Dropping something", "Pushing something")), (make_ucf101, ("Archery", "YoYo"))):
        folder = tmp_path / make.__name__
        make(folder)
        assert load_videos(folder).classes == expected


def test_classes_of_csv_lists(tmp_path):
    make_kinetics(tmp_path)
    (tmp_path / "train.csv").write_text("clips/riding a bike/a.mp4 0\n")
    assert load_videos(tmp_path).classes == ("riding a bike", "yoga")  # each in a folder of its own
    write(tmp_path / "classes.txt", "cycling\nstretching\nresting\n")
    assert load_videos(tmp_path).classes == ("cycling", "stretching", "resting")
    (tmp_path / "classes.txt").unlink()
    write(tmp_path / "classids.json", '{"\\"bike\\"": 0, "yoga": 1}')
    assert load_videos(tmp_path).classes == ("bike", "yoga")


def test_folds_of_ucf101(tmp_path):
    make_ucf101(tmp_path)
    second = load_videos(tmp_path, fold=2)
    assert named(second.train) == [("Archery/v_Archery_g01_c01.avi", "Archery")]
    assert second.held_out.name == "test"
    with pytest.raises(E3DNASError, match=r"no trainlist03.txt; it has folds 01, 02"):
        load_videos(tmp_path, fold=3)


def test_what_is_held_out_stays_so_where_videos_are_added(tmp_path):
    for number in range(40):
        write(tmp_path / f"old/{number}.mp4", "")
        write(tmp_path / f"turn left/{number}.mp4", "")
    before = load_videos(tmp_path)
    assert [split.counts() for split in before.splits.values()] == [[32, 32], [8, 8]]
    assert not before.mirror
    for number in range(40, 50):
        write(tmp_path / f"old/{number}.mp4", "")
    after = load_videos(tmp_path)
    moved = set(before.splits["val"].items) ^ set(after.splits["val"].items)
    assert len(moved) <= 4  # ten more of one class are two more held out
    assert not set(after.splits["val"].items) & set(after.train.items)


@pytest.mark.parametrize(
    ("names", "mirror"),
    [
        (["jump", "run"], True), (["turn left", "run"], False), (["move_right", "x"], False), (["clockwise"], False),
        (["turn_counterclockwise"], False), (["Left-hand"], False), (["MoveRight", "x"], False),
        (["bright", "leftover", "copyright"], True),
    ],
)  # fmt: skip
def test_classes_that_name_a_side_are_not_mirrored(tmp_path, names, mirror):
    for name in names:
        write(tmp_path / "train" / name / "a.mp4", "")
    data = load_videos(tmp_path)
    assert data.mirror is mirror
    assert all(split.mirror is mirror for split in data.splits.values())
    assert bool(data.notes) is not mirror


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


V2_TRAIN = "labels/something-something-v2-train.json"
V2_LABELS = "labels/something-something-v2-labels.json"
V1_TRAIN = "something-something-v1-train.csv"
UCF = "ucfTrainTestlist"
# how the set is made, the list, what is changed to what, what is told
WRONG = {
    "no label": (make_kinetics, "train.csv", "a.mp4 0", "a.mp4", r"train.csv:1: must be 'path label'"),
    "negative label": (make_kinetics, "train.csv", "gone.mp4 1", "gone.mp4 -1", r"train.csv:4: label -1 must be 0 or"),
    "huge label": (make_kinetics, "train.csv", "gone.mp4 1", "gone.mp4 99999999999", r"label 99999999999 is too high"),
    "official times": (make_official, "annotations/train.csv", "10,20", "ten,20", r"train.csv:2: must be label,yout"),
    "official label": (make_official, "annotations/val.csv", "tying", "tyin",
                       r"val.csv:2: label 'tyin tie' is not in train.csv; did you mean 'tying tie'"),
    "v1 line": (make_v1, V1_TRAIN, "100;", "100,", r"train.csv:2: must be 'id;label'"),
    "v1 label": (make_v1, V1_TRAIN, "Turning", "Turnin",
                 r"train.csv:1: label 'Turnin \[something\]' is not in .*; did you mean 'Turning \[something\]'\?"),
    "v2 label": (make_v2, V2_TRAIN, "Pushing", "Puhsing", r"train.json:2: template .* mean 'Pushing something'"),
    "v2 key": (make_v2, V2_TRAIN, '"id"', '"ids"', r"train.json:2: must be an object with 'id' and 'template'"),
    "v2 json": (make_v2, V2_TRAIN, '"2",', '"2"', r"train.json:\d+: is no JSON: Expecting ',' delimiter"),
    "v2 cut off": (make_v2, V2_TRAIN, "]\n }\n]", "]\n }", r"train.json:\d+: is no JSON"),
    "v2 list": (make_v2, V2_TRAIN, "[\n", "{\n", r"train.json: must be one list of objects"),
    "v2 numbers": (make_v2, V2_LABELS, '"1"', '"2"', r"must give each label a number"),
    "ucf index": (make_ucf101, f"{UCF}/classInd.txt", "2 Y", "3 Y", r"classInd.txt:2: must be '2 NameOfClass'"),
    "ucf class": (make_ucf101, f"{UCF}/trainlist01.txt", "YoYo/v_YoYo_g09", "YoYoo/v",
                  r"trainlist01.txt:2: class 'YoYoo' .*'YoYo'"),
    "ucf label": (make_ucf101, f"{UCF}/trainlist01.txt", "g09_c01.avi 2", "g09_c01.avi 1",
                  r"trainlist01.txt:2: label 1 must be 2"),
    "ucf path": (make_ucf101, f"{UCF}/testlist01.txt", "Archery/", "", r"testlist01.txt:1: must be 'Class/video.avi'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_lists_that_are_wrong(tmp_path, kind):
    make, name, old, new, told = WRONG[kind]
    make(tmp_path)
    change(tmp_path / name, old, new)
    with pytest.raises(E3DNASError, match=told) as caught:
        load_videos(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_label_beyond_the_named_classes(tmp_path):
    make_kinetics(tmp_path)
    write(tmp_path / "classes.txt", "a\n")
    with pytest.raises(E3DNASError, match=r"train.csv:4: label 1 must be 0 to 0, as .*classes.txt has 1 classes"):
        load_videos(tmp_path)


def test_the_line_of_a_json_object_is_its_own(tmp_path):
    make_v2(tmp_path)
    path = tmp_path / V2_TRAIN
    rows = [json.dumps({"id": str(one), "template": "Pushing [something]"}) for one in range(200)]
    rows[150] = json.dumps({"id": "150", "template": "?"})
    path.write_text("[" + ",\n".join(rows) + "]")
    with pytest.raises(E3DNASError, match=r"train.json:151: template '\?'"):
        load_videos(tmp_path)


def test_no_utf_8(tmp_path):
    make_kinetics(tmp_path)
    (tmp_path / "train.csv").write_bytes(b"clips/a.mp4 0\nclips/caf\xe9.mp4 0\n")
    with pytest.raises(E3DNASError, match=r"train.csv:2: is no UTF-8"):
        load_videos(tmp_path)


def test_folders_that_are_no_data_set(tmp_path):
    with pytest.raises(E3DNASError, match="is not there"):
        load_videos(tmp_path / "no")
    with pytest.raises(E3DNASError, match=r"no layout is recognised; write train/<class>/video.mp4"):
        load_videos(tmp_path)
    made.tiny(tmp_path / "flat/a.mp4")
    with pytest.raises(E3DNASError, match="has videos but no classes"):
        load_videos(tmp_path / "flat")
    with pytest.raises(E3DNASError, match=r"has one folder of videos \(flat\), and a network needs two classes"):
        load_videos(tmp_path)
    with pytest.raises(E3DNASError, match="is a file"):
        load_videos(tmp_path / "flat/a.mp4")
    with pytest.raises(E3DNASError, match=r"--layout 'ucf': must be one of .*; did you mean 'ucf101'"):
        load_videos(tmp_path, layout="ucf")
    with pytest.raises(E3DNASError, match="has not the layout ucf101"):
        load_videos(tmp_path, layout="ucf101")
    (tmp_path / "empty/train/x").mkdir(parents=True)
    with pytest.raises(E3DNASError, match="has no video, read as folders"):
        load_videos(tmp_path / "empty")
    for name in ("val", "validation"):
        (tmp_path / "empty" / name / "x").mkdir(parents=True)
    with pytest.raises(E3DNASError, match="both stand for the split val"):
        load_videos(tmp_path / "empty")


def test_lists_whose_videos_are_all_elsewhere(tmp_path):
    write(tmp_path / "train.csv", "a/b.mp4 0\nc.mp4 1\n")
    with pytest.raises(E3DNASError, match=r"its lists name 2 that are not there, e.g. .*a/b.mp4"):
        load_videos(tmp_path)


def test_splits_that_are_not_there(tmp_path):
    made.tiny(tmp_path / "train/a/x.mp4")
    data = load_videos(tmp_path)
    with pytest.raises(E3DNASError, match=r"has no split val or test\. It has train"):
        data.held_out  # noqa: B018
