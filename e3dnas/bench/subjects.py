"""The networks that are measured side by side: named ones, and exported files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e3dnas.arch import Architecture
from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from e3dnas.bench.plan import Plan
    from e3dnas.deploy import Deployed

__all__ = ["Subject", "find_subjects"]

RUNTIMES = {"onnx": "ONNX Runtime", "openvino": "OpenVINO", "torch-export": "torch.export"}
PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        name: as it was typed.
        architecture: its network.
        deployed: the exported file, ready to run; None: it is run by PyTorch, with random weights.
    """

    name: str
    architecture: Architecture
    deployed: Deployed | None = None

    @property
    def runtime(self) -> str:
        """What runs it."""
        return RUNTIMES[self.deployed.format] if self.deployed is not None else "PyTorch"

    @property
    def clip(self) -> str:
        """Its clip, channels x frames x height x width."""
        clip = self.architecture.clip
        return f"{clip.channels} x {clip.frames} x {clip.size} x {clip.size}"


def find_subjects(names: Sequence[str], plan: Plan) -> list[Subject]:
    """Return what is meant by names, files and folders; the first one is what the others are measured against.

    Raises:
        E3DNASError: there is no such thing, it cannot be run as planned, or it takes other clips than the first.
    """
    found: list[Subject] = []
    for name in dict.fromkeys(names):
        found.append(_find(name, plan))
        first = found[0]
        if found[-1].clip != first.clip:
            raise E3DNASError(
                f"--against {name}: takes clips of {found[-1].clip} and {first.name} of {first.clip}; name a network "
                "for the same clip, or an architecture file with it"
            )
    return found


def _find(name: str, plan: Plan) -> Subject:
    from e3dnas.deploy import format_of

    if format_of(name) is None:
        from e3dnas.training.networks import find_network

        return Subject(name, find_network(name).architecture)
    if plan.train:
        raise E3DNASError(
            f"{name}: an exported file cannot be trained; leave out --train, or name the network it was made of"
        )
    from e3dnas.deploy import load

    deployed = load(Path(name), device=plan.device, threads=plan.threads, precision=PRECISIONS[plan.dtype])
    return Subject(name, deployed.architecture, deployed)
