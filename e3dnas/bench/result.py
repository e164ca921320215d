"""What a bench found, and the same as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from e3dnas.bench.parts import Part
from e3dnas.bench.plan import Plan
from e3dnas.bench.profiling import Kernel
from e3dnas.bench.roofline import Ceilings, Floor
from e3dnas.bench.rounds import Timing

__all__ = ["Bench", "Row"]


@dataclass(frozen=True)
class Row:
    """One way to run one network.

    Attributes:
        model: the network, as it was named.
        way: how it ran.
        level: the floor it is held against.
        timing: its steps; None where it did not run.
        speedup: how many times as fast as the first row, round by round.
        clips_per_sec: clips over the median step.
        share: of the floor in the median step.
        peak_mib: the most memory of a step; None: not known.
        kernels: what a step spent most time on.
        problem: why it did not run; empty: it did.
    """

    model: str
    way: str
    level: str
    timing: Timing | None = None
    speedup: float | None = None
    clips_per_sec: float | None = None
    share: float | None = None
    peak_mib: float | None = None
    kernels: tuple[Kernel, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Bench:
    """What a bench found.

    Attributes:
        plan: how networks were run.
        clip: their clip, channels x frames x height x width.
        clock: what the times are, in words.
        versions: what ran.
        ceilings: of the device.
        floors: of each network, level by level.
        rows: the ways, in the order in which they were measured.
        parts: of each network run by PyTorch, and the way in which they ran.
        notes: what else a reader must know.
    """

    plan: Plan
    clip: str
    clock: str
    versions: Mapping[str, str]
    ceilings: Ceilings
    floors: Mapping[str, tuple[Floor, ...]]
    rows: tuple[Row, ...]
    parts: Mapping[str, tuple[str, tuple[Part, ...]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: milliseconds, bytes, operations; ``rows`` and ``parts`` have their timing unfolded."""
        return {
            "setting": {**asdict(self.plan), "clip": self.clip, "clock": self.clock},
            "versions": dict(self.versions),
            "ceilings": {"copy_bytes_per_sec": self.ceilings.copy, "matmul_flops_per_sec": self.ceilings.matmul},
            "floors": {model: [asdict(one) for one in floors] for model, floors in self.floors.items()},
            "rows": [_row(one) for one in self.rows],
            "parts": {
                model: {"way": way, "parts": [_part(one) for one in parts]}
                for model, (way, parts) in self.parts.items()
            },
            "notes": list(self.notes),
        }


def _times(timing: Timing | None) -> dict[str, float | None]:
    names = {"median": "median_ms", "p95": "p95_ms", "least": "least_ms", "steps": "steps"}
    return {told: getattr(timing, name) if timing is not None else None for name, told in names.items()}


def _row(row: Row) -> dict[str, Any]:
    return {
        "model": row.model, "way": row.way, **_times(row.timing), "clips_per_sec": row.clips_per_sec,
        "peak_mib": row.peak_mib, "speedup": row.speedup, "level": row.level, "floor_share": row.share,
        "problem": row.problem, "kernels": [asdict(one) for one in row.kernels],
    }  # fmt: skip


def _part(part: Part) -> dict[str, Any]:
    return {"part": part.name, **_times(part.timing), "share": part.share, "flops_share": part.flops_share}
