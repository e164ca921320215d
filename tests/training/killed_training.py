"""Trainings that end as by ``kill -9`` at the moments given: python killed_training.py OUT MOMENT[,MOMENT] ...

Every moment is a process of its own; the second one of a folder resumes it. They are forked from one that has imported
everything and computed nothing, since importing takes longer than training.
"""

import importlib
import os
import signal
import sys

import torch
from made_training import Heard, run

from e3dnas.training import checkpoints

LATE = (
    "accelerate.utils", "e3dnas.models.registry", "e3dnas.training.job", "safetensors.torch", "timm.optim",
    "timm.scheduler", "timm.utils", "torch._dynamo", "torch.utils.tensorboard",
)  # fmt: skip
"""What a training imports when it needs it."""


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


class Killer(Heard):
    def __init__(self, update):
        super().__init__()
        self.update = update

    def step(self, report):
        if report.update == self.update:
            kill()


def train_until(out, moment, resume):
    torch.set_num_threads(1)
    kind, update = moment.split("-")
    if kind == "writing":  # when the weights are written and the rest is not
        whole = checkpoints._write

        def half(checkpoint, folder):
            if checkpoint.update == int(update):
                checkpoints._progress_text = lambda checkpoint: kill()
            whole(checkpoint, folder)

        checkpoints._write = half
    if kind == "linking":  # when the folder is there and the link does not lead to it yet
        pointed = checkpoints.Checkpoints._point

        def point(self, name, target):
            if target == f"step-{int(update):08d}":
                kill()
            pointed(self, name, target)

        checkpoints.Checkpoints._point = point
    run(out, listener=Killer(int(update) if kind == "step" else -1), resume=resume)


def main(*arguments):
    for name in LATE:
        importlib.import_module(name)
    for out, moments in zip(arguments[::2], arguments[1::2], strict=True):
        for number, moment in enumerate(moments.split(",")):
            child = os.fork()
            if not child:
                train_until(out, moment, resume=number > 0)
                os._exit(1)  # the moment has not come
            _, status = os.waitpid(child, 0)
            assert os.WIFSIGNALED(status), (out, moment)
            assert os.WTERMSIG(status) == signal.SIGKILL, (out, moment)


if __name__ == "__main__":
    main(*sys.argv[1:])
