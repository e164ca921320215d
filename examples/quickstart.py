"""From nothing to a video classifier in Python: search, train, test, predict. Some three minutes on two cores.

python examples/quickstart.py [FOLDER]

The same with commands: ``e3dnas data demo data/demo``, ``e3dnas run tiny``,
``e3dnas train runs/tiny --data data/demo --recipe demo``, ``e3dnas eval runs/tiny_trained --data data/demo``,
``e3dnas predict runs/tiny_trained data/demo/val/grow/00000.mp4``.
"""

import sys
from pathlib import Path

import e3dnas
from e3dnas.report.console import make_console
from e3dnas.training import evaluate, predict, train
from e3dnas.training.view import TrainingView
from e3dnas.video import make_demo


def main(folder: Path = Path("quickstart"), trials: int = 100, videos: int = 60, epochs: int | None = None) -> None:
    """Make videos of moving digits, search a small network, and train it to tell how they move."""
    data = folder / "data"
    if not data.exists():
        make_demo(data, train=videos, val=max(videos // 4, 1))
    best = e3dnas.search("tiny", trials=trials).best
    assert best is not None, "no network within the budgets"
    with TrainingView(make_console()) as view:
        result = train(
            best.architecture, data, out=folder / "trained", recipe="demo", resume=(folder / "trained").exists(),
            overrides={"epochs": epochs, "schedule": {"warmup_epochs": 0}} if epochs else None, listener=view,
        )  # fmt: skip

    tested = evaluate(result.folder, data).tested
    still = evaluate(result.folder, data, still=True).tested
    print(f"top-1 {100 * tested.top1:.1f} %; of one frame of each clip, repeated, {100 * still.top1:.1f} %")
    for seen in predict(result.folder, sorted(data.glob("val/*/00000.mp4")), top=1):
        print(f"{seen.path}: {seen.guesses[0].name} ({100 * seen.guesses[0].probability:.0f} %)")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
