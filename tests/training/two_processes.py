"""What several processes do together: ``torchrun --nproc-per-node 2 two_processes.py OUT``.

Process 0 writes OUT/found.json.
"""

import json
import os
import sys
from pathlib import Path

import torch
from made_training import Heard, clips, run

from e3dnas.errors import E3DNASError
from e3dnas.training.assembling import make_accelerator
from e3dnas.training.tensors import TensorTest
from e3dnas.training.testing import run_test

FROZEN = {
    "epochs": 2, "batch": 8, "accumulate": 2, "model": {"batch_norm": "frozen"}, "optimizer": {"lr": 0.2},
    "clip_grad": 1.0, "ema": {"decay": 0.9}, "precision": {"deterministic": True},
}  # fmt: skip


def failing():
    """Clips of which one, number 5, gives no finite loss."""
    data = clips()
    data.clips[5] = torch.nan
    return data


def mean_model():
    """Something that tells the class of most of the clips: the mean of the pixels."""

    class Mean(torch.nn.Module):
        def forward(self, x):
            return -((x.mean((1, 2, 3, 4)).unsqueeze(1) - torch.arange(3.0)).abs())

    return Mean()


def run_tested(accelerator):
    """The result of a test of 43 clips by the given processes."""
    data = clips(held_out=43)
    share = TensorTest(*data.held_out, data.classes, 4, accelerator)
    found = run_test(mean_model(), share, accelerator, torch.preserve_format)
    return {"confusion": found.confusion.tolist(), "loss": found.loss, "top5": found.top5, "count": found.count}


def main(out):
    torch.set_num_threads(1)
    heard, found = Heard(), {}
    result = run(out / "frozen", recipe=FROZEN, listener=heard)
    found["losses"] = [report.loss for report in heard.steps]
    found["notes"] = heard.notes
    found["best"] = result.best
    found["tested"] = run_tested(make_accelerator("cpu"))
    try:
        run(out / "failing", recipe=FROZEN, data=failing())
    except E3DNASError as error:
        found["failure"] = str(error)
    try:
        run(out / "odd", recipe={**FROZEN, "batch": 6})
    except E3DNASError as error:
        found["odd"] = str(error)
    if os.environ["RANK"] == "0":
        (out / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
