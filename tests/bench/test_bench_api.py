"""A whole bench, and what it refuses."""

import json
import os

import pytest
import torch
from made_benched import OTHERS, TINY, tiny

import e3dnas
from e3dnas.bench import Plan, bench, entries, format_bench
from e3dnas.bench.clock import SWITCH
from e3dnas.bench.plan import make_plan
from e3dnas.bench.roofline import FUSED, PLAIN
from e3dnas.errors import E3DNASError

QUICK = Plan(batch=2, seconds=1e-3)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, data in {"a": TINY, "b": OTHERS["dense"], "other": {**TINY, "clip": {"frames": 4, "size": 16}}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    return tmp_path


def test_two_networks_in_one_run(files, monkeypatch):
    monkeypatch.setenv(SWITCH, "1")
    before = torch.get_num_threads()
    told = []
    found = bench(["a.json", "b.json", "a.json"], QUICK, lambda text, share: told.append((text, share)))
    assert (os.environ[SWITCH], torch.get_num_threads()) == ("1", before)
    assert [row.model for row in found.rows] == ["a.json"] * 4 + ["b.json"] * 4
    first = found.rows[0]
    assert first.speedup == 1
    for row in found.rows:
        floor = next(one for one in found.floors[row.model] if one.level == row.level)
        assert row.clips_per_sec == pytest.approx(2e3 / row.timing.median)
        assert row.share == pytest.approx(floor.ms / row.timing.median)
        assert row.timing.least <= row.timing.median <= row.timing.p95
        assert row.kernels
    assert found.rows[0].peak_mib == found.rows[1].peak_mib > 0
    assert found.rows[2].peak_mib is None
    assert set(found.parts) == {"a.json", "b.json"}
    assert {text for text, _ in told} >= {"what the device can do", "steps of all in turn", "parts of b.json"}
    assert all(0 <= share <= 1 for _, share in told)


def test_training_and_plain_data(files):
    found = bench(["a.json"], make_plan("cpu", 2, 1, "float32", train=True, seconds=1e-3)).to_dict()
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again == found
    assert set(found) == {"setting", "versions", "ceilings", "floors", "rows", "parts", "notes"}
    assert found["setting"] == {
        "device": "cpu", "batch": 2, "threads": 1, "dtype": "float32", "train": True, "compile": False,
        "seconds": 1e-3, "clip": "3 x 4 x 17 x 17", "clock": "CPU time of the process",
    }  # fmt: skip
    assert [row["way"] for row in found["rows"]] == [
        "eager, contiguous", "eager, channels_last_3d", "our kernels, channels_last_3d",
    ]  # fmt: skip
    assert set(found["rows"][0]) == {
        "model", "way", "median_ms", "p95_ms", "least_ms", "steps", "clips_per_sec", "peak_mib", "speedup", "level",
        "floor_share", "problem", "kernels",
    }  # fmt: skip
    assert set(found["rows"][0]["kernels"][0]) == {"name", "ms", "calls", "share"}
    assert [one["level"] for one in found["floors"]["a.json"]] == [PLAIN, FUSED]
    assert [one["part"] for one in found["parts"]["a.json"]["parts"]] == [
        "stem", "stage1", "stage2", "head", "classifier",
    ]  # fmt: skip
    assert {"python", "torch", "timm", "CPU"} <= set(found["versions"])


@pytest.mark.parametrize(
    ("format", "file", "runtime"),
    [
        ("torch-export", "net.pt2", "torch.export"),
        ("onnx", "net.onnx", "ONNX Runtime"),
        ("openvino", "net.xml", "OpenVINO"),
    ],
)
def test_an_exported_file_beside_its_network(files, format, file, runtime):
    from e3dnas.deploy import FORMATS, export
    from e3dnas.deploy.formats import check_installed

    try:
        check_installed(FORMATS[format], writing=True)
    except E3DNASError as error:
        pytest.skip(str(error))

    export(e3dnas.create_model(TINY, num_classes=3), files / file, format)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    found = bench([file, "a.json"], QUICK)
    assert torch.get_num_threads() == 2  # torch.export's files set it for the process
    torch.set_num_threads(before)
    row = found.rows[0]
    assert (row.model, row.way, row.level, row.speedup, row.peak_mib) == (file, runtime, FUSED, 1, None)
    assert (len(found.rows), set(found.parts)) == (5, {"a.json"})
    assert (runtime == "torch.export") == bool(row.kernels)
    assert {"onnx": "onnxruntime", "openvino": "openvino"}.get(format, "torch") in found.versions
    with pytest.raises(E3DNASError, match="cannot be trained; leave out --train"):
        bench([file], make_plan("cpu", 1, 1, train=True))


def test_text_has_every_way_part_and_version(files):
    from rich.console import Console

    found = bench(["a.json"], QUICK)
    console = Console(width=140, record=True, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
    with console.file:
        console.print(format_bench(found))
    text = console.export_text()
    wanted = [row.way for row in found.rows] + [
        "stage2",
        "classifier",
        torch.__version__,
        "GB/s",
        "op by op",
        "--compile",
    ]
    assert [one for one in wanted if one not in text] == []


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (
            ["a.json", "other.json"],
            "--against other.json: takes clips of 3 x 4 x 16 x 16 and a.json of 3 x 4 x 17 x 17",
        ),
        (["e3d_x"], "did you mean"),
        (["none.onnx"], "none.onnx: no such file"),
    ],
)
def test_networks_that_cannot_be_compared(files, names, told):
    with pytest.raises(E3DNASError) as error:
        bench(names, QUICK)
    assert told in str(error.value)


def test_no_memory_for_any_way_is_the_users_to_change(files, monkeypatch):
    def no_memory(plan):
        def clock(step):
            raise torch.OutOfMemoryError("CUDA out of memory")

        return clock

    monkeypatch.setattr(entries, "Clock", no_memory)
    with pytest.raises(E3DNASError, match=r"^--batch 2: out of memory; name a smaller one$"):
        bench(["a.json"], QUICK)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"device": "gpu"}, "--device: must be one of auto, cpu, cuda, not 'gpu'"),
        ({"dtype": "bfloat"}, "--dtype: must be float32 or bfloat16, not 'bfloat'; did you mean 'bfloat16'?"),
        ({"seconds": 0.0}, "--seconds: must be above 0"),
        ({"seconds": float("nan")}, "--seconds: must be above 0"),
        ({"threads": 4096}, "--threads: 4096 is more than the"),
    ],
)
def test_plans_that_cannot_be(arguments, told):
    with pytest.raises(E3DNASError, match="^" + told.replace("?", r"\?")):
        make_plan(**{"device": "cpu", **arguments})


def test_plans_follow_the_device(monkeypatch):
    assert make_plan("cpu") == Plan("cpu", 1, torch.get_num_threads(), "float32", False, False, 10.0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(E3DNASError, match=r"^--device cuda: PyTorch finds no GPU here; write cpu$"):
        make_plan("cuda")
    assert make_plan("auto").device == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    plan = make_plan("auto")
    assert (plan.device, plan.batch, plan.dtype, plan.compile) == ("cuda", 64, "bfloat16", True)
    assert not make_plan("auto", compile=False).compile


def test_the_tiny_network_is_what_the_tests_take_it_for():
    assert tiny().clip.size == 17
