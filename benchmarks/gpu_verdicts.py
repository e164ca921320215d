"""Figures held against the goals that were set before anything was measured. Part of gpu.py."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from gpu_networks import Measured
from gpu_operator import CUDNN, DIRECTIONS, NATIVE, OURS, Timed

Verdict = tuple[str, str, str, str]
NOT = "not measured"


def operator_verdicts(found: list[Timed]) -> Iterator[Verdict]:
    """Yield G1 to G3: shares of the memory roofline at each shape, and times against PyTorch's better layout."""
    times = {(one.geometry, one.direction, one.way): one for one in found}
    geometries = {one.geometry: one.times for one in found}
    whole = [g for g in geometries if all((g, d, w) in times for d in DIRECTIONS for w in (NATIVE, CUDNN, OURS))]
    if not whole:
        yield from ((f"G{number}", NOT, "", "") for number in (1, 2, 3))
        return
    for name, goal, chosen in (
        ("G1, maps of 20 and more", 50, [g for g in whole if g.height >= 20]),
        ("G1, maps of 10 and less", 30, [g for g in whole if g.height <= 10]),
    ):
        shares = [100 * times[g, d, OURS].share for g in chosen for d in DIRECTIONS[:2]]
        yield _shares(f"{name}: forward and input gradient", shares, goal)
    yield _shares("G2: weight gradient", [100 * times[g, DIRECTIONS[2], OURS].share for g in whole], 35)

    def best(geometry: object, directions: tuple[str, ...]) -> float:
        """Return PyTorch's better layout, the same one for all these directions."""
        return min(sum(times[geometry, d, way].ms for d in directions) for way in (NATIVE, CUDNN))

    ratios = [best(g, DIRECTIONS[2:]) / times[g, DIRECTIONS[2], OURS].ms for g in whole]
    yield _judged("G2: weight gradient, times as fast, geometric mean", statistics.geometric_mean(ratios), 8)
    ours = {g: sum(times[g, d, OURS].ms for d in DIRECTIONS) for g in whole}
    total = sum(geometries[g] * best(g, DIRECTIONS) for g in whole) / sum(geometries[g] * ours[g] for g in whole)
    yield _judged("G3: all depthwise convolutions, forward and backward, times as fast", total, 5)
    yield _judged("G3: the slowest shape of them, times as fast", min(best(g, DIRECTIONS) / ours[g] for g in whole), 1)


def network_verdicts(rows: list[Measured], batch: int) -> Iterator[Verdict]:
    """Yield G4 to G6: whole networks against PyTorch eager, compiled, and X3D-S, at so many clips; no CUDA graphs."""
    fit = [one for one in rows if one.plan.batch == batch and not one.problem and "graph" not in one.way]

    def rate(run: str, model: str, *ways: str, has: str = "", lacks: str = "no such") -> float:
        """Return clips a second of the fastest way in one run: those that begin so, have and lack such a word."""
        train, compile = "training" in run, "compiled" in run
        found = [
            one.clips_per_sec
            for one in fit
            if one.model == model and one.plan.train is train and one.plan.compile is compile
            if one.way.startswith(ways or "") and has in one.way and lacks not in one.way
        ]
        return max(found, default=math.nan)

    ours = rate("training", "e3d_s", has="our kernels")
    yield _judged("G4: E3D-S training, our kernels over eager", ours / rate("training", "e3d_s", "eager"), 2.0)
    against = rate("training, compiled", "e3d_s", "compiled", lacks="our kernels")
    best = rate("training, compiled", "e3d_s", has="our kernels")
    yield _judged("G4: E3D-S training, fastest way with our kernels over compiled without", best / against, 1.3)
    yield _judged("G4: E3D-S training, our kernels, clips/s", ours, 2500)
    folded = rate("inference", "e3d_s", "BN folded", has="our kernels")
    yield _judged("G5: E3D-S inference, BN folded, over eager", folded / rate("inference", "e3d_s", "eager"), 1.5)
    alone = rate("inference", "e3d_s", "BN folded", lacks="our kernels")
    yield _judged("G5: the same over BN folded by PyTorch alone", folded / alone, None)
    yield _judged("G5: E3D-S inference, BN folded, clips/s", folded, 12000)
    for run in ("training", "inference"):
        both = rate(run, "e3d_s", "eager") / rate(run, "x3d_s", "eager")
        yield _judged(f"G6: eager E3D-S over eager X3D-S, {run}", both, 1.25)
    yield _judged("G6: our kernels on E3D-S over eager X3D-S, training", ours / rate("training", "x3d_s", "eager"), 3.0)


def _shares(name: str, shares: list[float], goal: float) -> Verdict:
    if not shares:
        return name, NOT, f"{goal} %", ""
    told = f"least {min(shares):.1f} %, geometric mean {statistics.geometric_mean(shares):.1f} %"
    return name, told, f"{goal} % at every shape", _met(min(shares), goal)


def _judged(name: str, figure: float, goal: float | None) -> Verdict:
    wanted = "" if goal is None else f"{goal:g}"
    if math.isnan(figure):
        return name, NOT, wanted, ""
    return name, f"{figure:,.4g}", wanted, "" if goal is None else _met(figure, goal)


def _met(figure: float, goal: float) -> str:
    return "met" if figure >= goal else "NOT MET"
