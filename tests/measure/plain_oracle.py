"""A slow second opinion: walks a network block by block in plain Python, from METHOD and thop's rules alone."""

import math
import random
from typing import NamedTuple

from e3dnas.arch import load_architecture

EPSILON = 2.0**-52


class Conv(NamedTuple):
    c_in: int
    c_out: int
    groups: int
    kernel: tuple
    real: tuple  # (frames, size) of the output
    scored: tuple  # the same as the score counts it
    level: int
    main: bool = True
    norm: bool = True
    bias: bool = False
    pooled: int = 0  # outputs of an average pool beside it

    @property
    def fan_in(self):
        return self.c_in // self.groups * self.kernel[0] * self.kernel[1] ** 2

    @property
    def outputs(self):
        return self.c_out * self.real[0] * self.real[1] ** 2

    @property
    def entropy(self):
        return 0.5 * math.log(self.fan_in * alpha(self.scored, self.kernel))


def alpha(scored, kernel):
    (t, s), (k_t, k) = scored, kernel
    if k == 1:
        return 1.0
    cosine = (t * k_t + s * k + s * k) / (math.sqrt(t**2 + s**2 + s**2) * math.sqrt(k_t**2 + k**2 + k**2))
    return -math.log(max(1 - cosine, EPSILON))


def is_parallel(conv):
    return conv.kernel[1] > 1 and conv.scored[0] * conv.kernel[1] == conv.scored[1] * conv.kernel[0]


def strided(size, kernel, stride):
    """A convolution padded by half its kernel, as PyTorch computes its size."""
    return tuple((n + 2 * (k // 2) - k) // s + 1 for n, k, s in zip(size, kernel, stride, strict=True))


def floored(size, stride):
    return max(size[0] // stride[0], 1), size[1] // stride[1]


def convolutions(architecture):
    clip, stem = architecture.clip, architecture.stem
    real = strided((clip.frames, clip.size), stem.kernel, stem.stride)
    scored = floored((clip.frames, clip.size), stem.stride)
    first = Conv(clip.channels, stem.out, 1, stem.kernel, real, scored, 0)
    found = [first]
    if stem.temporal_kernel:
        found = [
            first._replace(norm=False),
            first._replace(c_in=stem.out, groups=stem.out, kernel=(stem.temporal_kernel, 1)),
        ]
    width, level = stem.out, 0
    for stage in architecture.stages:
        level += stage.stride[1] > 1
        scored = floored(scored, stage.stride)
        for i in range(stage.depth):
            stride = stage.stride if i == 0 else (1, 1)
            after = strided(real, stage.kernel, stride)
            found += block(stage, i, width, stride, real, after, scored, level)
            width, real = stage.out, after
    return [*found, Conv(width, architecture.head.out, 1, (1, 1), real, scored, level)]


def block(stage, i, width, stride, before, after, scored, level):
    mid, (k_t, k) = stage.bottleneck, stage.kernel
    strides, widens = stride != (1, 1), width != stage.out
    yield Conv(width, mid, 1, (1, 1), before, scored, level)
    if stage.block == "factorised":
        yield Conv(mid, mid, 1, (1, k), (before[0], after[1]), scored, level)
        if k_t > 1 or stride[0] > 1:
            yield Conv(mid, mid, 1, (k_t, 1), after, scored, level)
    else:
        yield Conv(mid, mid, mid if stage.block == "depthwise" else 1, (k_t, k), after, scored, level)
    if stage.squeeze and i % stage.se_every == 0:
        aside = {"main": False, "norm": False, "bias": True}
        yield Conv(mid, stage.squeeze, 1, (1, 1), (1, 1), scored, level, **aside)
        yield Conv(stage.squeeze, mid, 1, (1, 1), (1, 1), scored, level, **aside)
    if stage.shortcut == "projection" and (strides or widens):
        yield Conv(width, stage.out, 1, (1, 1), after, scored, level, main=False)
    pools = stage.shortcut == "identity" and strides and not widens
    yield Conv(mid, stage.out, 1, (1, 1), after, scored, level, pooled=stage.out * after[0] * after[1] ** 2 * pools)


def stentr(architecture, weights=None):
    found = [conv for conv in convolutions(architecture) if conv.main]
    if weights is None:
        return sum(conv.entropy for conv in found) + math.log(found[-1].c_out)
    total = 0.0
    for level, weight in enumerate(weights):
        upto = [conv for conv in found if conv.level <= level]
        total += weight * (sum(conv.entropy for conv in upto) + math.log(upto[-1].c_out))
    return total


def costs(architecture):
    found = convolutions(architecture)
    return {
        "homoentr": sum(0.5 * math.log(c.fan_in) for c in found if c.main),
        "flops": sum(c.fan_in * c.outputs + 4 * c.norm * c.outputs + c.pooled for c in found),
        "conv_macs": sum(c.fan_in * c.outputs for c in found),
        "params": sum(c.c_out * (c.fan_in + 2 * c.norm + c.bias) for c in found),
        "layers": sum(c.main for c in found),
        "activations": sum(c.outputs for c in found),
    }


def draw(rng: random.Random):
    """A random architecture with every option of the spec in it somewhere, mostly at odd sizes."""
    stages, width = [], rng.choice([3, 8, 12])
    for _ in range(rng.randint(1, 5)):
        stages.append(
            {
                "block": rng.choice(["depthwise", "dense", "factorised"]),
                "depth": rng.randint(1, 5),
                "out": rng.choice([width, width, 4, 10]),
                "bottleneck": rng.choice([4, 9, 16, 40]),
                "kernel": rng.choice(["1x1x1", "1x3x3", "3x3x3", "1x5x5", "5x3x3", "3x1x1", "3x7x7"]),
                "stride": rng.choice(["1x1x1", "1x2x2", "1x2x2", "2x2x2", "2x1x1", "3x3x3"]),
                "se": rng.choice([0.0, 0.0, 0.25, 1.0]),
                "se_every": rng.randint(1, 3),
                "shortcut": rng.choice(["identity", "projection"]),
            }
        )
        width = stages[-1]["out"]
    clip = {"frames": rng.randint(1, 17), "size": rng.choice([rng.randint(3, 90), 312]), "channels": rng.randint(1, 4)}
    stem = {
        "out": rng.choice([3, 8, 12]),
        "kernel": rng.choice(["1x3x3", "3x5x5", "1x1x1", "5x1x1"]),
        "stride": rng.choice(["1x2x2", "1x1x1", "2x2x2"]),
        "temporal_kernel": rng.choice([0, 0, 3, 5]),
    }
    return load_architecture({"clip": clip, "stem": stem, "stages": stages, "head": {"out": rng.choice([5, 16])}})
