"""A small data set and a network trained on it, for the commands that take one."""

from e3dnas.arch import load_architecture
from e3dnas.arch.loading import save_architecture
from e3dnas.training import Options, train
from e3dnas.video import make_demo

ARCHITECTURE = {
    "name": "small",
    "clip": {"frames": 4, "size": 16},
    "stem": {"out": 8},
    "stages": [{"depth": 1, "out": 8, "bottleneck": 16, "stride": "1x2x2"}],
    "head": {"out": 16, "hidden": 0},
}
RECIPE = "epochs: 2\nbatch: 4\nclip: {every: 1}\nloader: {workers: 0}\ntest: {clips: 2}\n"
CLASSES = ("move_left", "move_right", "grow")


def make(folder):
    """Write small.yaml (network), quick.yaml (recipe) and data/ (videos)."""
    save_architecture(load_architecture(ARCHITECTURE), folder / "small.yaml")
    (folder / "quick.yaml").write_text(RECIPE)
    make_demo(folder / "data", classes=CLASSES, train=4, val=2, frames=10, size=32)
    return folder


def make_trained(folder):
    """Write all that, and the folder ``trained`` of a training."""
    make(folder)
    train(
        folder / "small.yaml", folder / "data", out=folder / "trained", recipe=folder / "quick.yaml",
        options=Options(device="cpu"),
    )  # fmt: skip
    return folder
