"""What a training shows: lines where the output is piped, bars in a terminal, curves and tables at the end."""

import io

import torch
from rich.console import Console

from e3dnas.training.curves import plot_curves
from e3dnas.training.evaluation import Evaluation
from e3dnas.training.events import EpochReport, StepReport
from e3dnas.training.tables import format_evaluation, plot_confusion
from e3dnas.training.testing import Tested
from e3dnas.training.view import TrainingView, epoch_line, step_line

STEP = StepReport(
    update=30, updates=100, epoch=2, epochs=5, loss=1.23456, top1=0.5, lr=0.012345, clips_per_sec=81.24,
    wait_share=0.034, seconds=12.0, seconds_left=3725.4, gpu_gib=7.25,
)  # fmt: skip
ROW = {
    "epoch": 2, "update": 40, "lr": 0.01, "train_loss": 1.5, "train_top1": 0.25, "val_loss": 1.25, "val_top1": 0.5,
    "val_top5": 1.0, "broken": 0, "seconds": 75.2,
}  # fmt: skip


def console(terminal=False):
    return Console(
        file=io.StringIO(), force_terminal=terminal, width=140, markup=False, highlight=False, color_system=None
    )


def test_lines():
    assert step_line(STEP) == (
        "epoch 2/5  step 30/100  loss 1.2346  top-1 50.0 %  lr 0.0123  81.2 clips/s  waits 3 %  to go 1:02:05  "
        "GPU 7.2 GiB"
    )
    assert epoch_line(EpochReport(ROW, 5, True, {})) == (
        "epoch 2/5 done  loss 1.5000  top-1 25.0 %  validation: loss 1.2500  top-1 50.0 %  top-5 100.0 %  0:01:15"
        "  (best)"
    )
    alone = {**ROW, "val_loss": None, "val_top1": None, "val_top5": None}
    assert epoch_line(EpochReport(alone, 5, False, {})) == "epoch 2/5 done  loss 1.5000  top-1 25.0 %  0:01:15"


def test_piped_output_is_a_line_now_and_then_and_names_new_broken_files_once():
    out = console()
    with TrainingView(out, every=30) as view:
        view.note("data: [here]")
        for _ in range(5):  # 12 seconds each
            view.step(STEP)
        view.testing(1, 2)
        broken = {f"{number}.mp4": "is empty" for number in range(7)}
        view.epoch(EpochReport(ROW, 5, True, broken))
        view.epoch(EpochReport({**ROW, "epoch": 3}, 5, True, {**broken, "new.mp4": "is cut off"}))
    lines = out.file.getvalue().splitlines()
    assert lines[0] == "data: [here]"
    assert lines[1] == step_line(STEP)
    assert lines[2] == epoch_line(EpochReport(ROW, 5, True, {}))
    assert lines[3] == "  7 files cannot be used; new in this epoch:"
    assert lines[4] == "    0.mp4: is empty"
    assert lines[9] == "    and 2 more; all are in checkpoints/last/progress.json"
    assert lines[-1] == "    new.mp4: is cut off"
    assert len(lines) == 13


def test_terminal_has_bars():
    out = console(terminal=True)
    with TrainingView(out) as view:
        view.step(STEP)
        view.testing(1, 2)
        view._progress.refresh()
        view.epoch(EpochReport(ROW, 5, True, {}))
    text = out.file.getvalue()
    assert "step 30/100  loss 1.2346" in text
    assert "1/2 videos" in text
    assert "epoch 2/5 done" in text


def test_pictures_are_written_whole(tmp_path):
    rows = [{**ROW, "epoch": number} for number in range(1, 4)]
    plot_curves(rows, "title", tmp_path / "curves.png")
    plot_curves([{**ROW, "val_loss": None, "val_top1": None}], "one epoch, no validation", tmp_path / "one.svg")
    plot_confusion(torch.eye(3).long(), ("a", "b", "c"), "title", tmp_path / "confusion.pdf")
    plot_confusion(torch.zeros(70, 70).long(), tuple(map(str, range(70))), "empty", tmp_path / "many.png")
    assert {path.name for path in tmp_path.iterdir()} == {"curves.png", "one.svg", "confusion.pdf", "many.png"}
    svg = (tmp_path / "one.svg").read_text()
    assert svg.startswith("<?xml")


def evaluation(classes, confusion, broken=None):
    tested = Tested(0.5, 0.75, 1.0, int(confusion.sum()), confusion, 2.0, 10.0, 0.5)
    return Evaluation("run", "data", "val", (10, 3), False, classes, tested, broken or {}, 2)


def shown(found):
    out = console()
    out.print(format_evaluation(found))
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def test_table_of_classes():
    lines = shown(
        evaluation(("cat", "dog", "none"), torch.tensor([[3, 1, 0], [0, 4, 0], [0, 0, 0]]), {"x.mp4": "is empty"})
    )
    assert lines[0] == "val: 8 videos, 10 clips x 3 crops, probabilities averaged"
    assert lines[1] == "top-1 75.00 %   top-5 100.00 %   loss 0.5000   chance 33.33 %"
    assert lines[2] == "10.0 clips/s, 2.0 s, of which 50 % waiting for clips, 2 processes"
    assert [line.split() for line in lines[5:7]] == [["cat", "4", "75.0", "dog", "(1)"], ["dog", "4", "100.0"]]
    assert not any(line.startswith("none") for line in lines)
    assert lines[-2:] == ["1 video cannot be read; not counted:", "x.mp4: is empty"]


def test_of_many_classes_the_worst_are_shown():
    confusion = torch.eye(40).long() * 2
    confusion[7, 7], confusion[7, 3] = 0, 2
    lines = shown(evaluation(tuple(f"class{number:02d}" for number in range(40)), confusion))
    rows = [line for line in lines if line.startswith("class") and "videos" not in line]
    assert len(rows) == 30
    assert rows[0].split() == ["class07", "2", "0.0", "class03", "(2)"]
    assert lines[-1] == "the 30 of 40 classes recognised worst; --json has all"
