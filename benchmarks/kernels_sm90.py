"""The machine code of the Triton kernels for an H200 (sm_90), compiled and read without one.

python benchmarks/kernels_sm90.py [--model e3d_s] [--dtypes bf16 fp16 fp32]

For every depthwise shape of a network: registers, stack, spills, instructions per output and loads of 128 bits. Exits
with 1 where the gate does not hold: no stack, no spills, loads of 128 bits, and at most a third of the 493
thread-instructions per output of PyTorch's own forward kernel. Nothing runs, so this says nothing of speed.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version

import torch
from measuring import keep, table
from torch import nn

import e3dnas
from e3dnas.kernels.geometry import Geometry
from e3dnas.kernels.launches import forward_launch, input_grad_launch, weight_grad_launch
from e3dnas.kernels.machine_code import compile_launch, per_output

PYTORCH = 493
"""Thread-instructions per output of PyTorch 2.15's forward kernel for 3x3x3 in bf16, read from its sm_90 code."""

LIMIT = PYTORCH / 3

DIRECTIONS = {"forward": forward_launch, "input gradient": input_grad_launch, "weight gradient": weight_grad_launch}
SIZES = {"bf16": 2, "fp16": 2, "fp32": 4}
COLUMNS = (
    "type", "direction", "shape", "k", "s", "tile", "registers", "stack", "spills", "128-bit loads",
    "instructions / output",
)  # fmt: skip


def shapes(name: str, batch: int) -> list[Geometry]:
    """Return the depthwise convolutions of a network, each once."""
    with torch.device("meta"):
        model = e3dnas.create_model(name)
        clip = model.arch.clip
        x = torch.empty(batch, clip.channels, clip.frames, clip.size, clip.size)
    found: dict[Geometry, None] = {}

    def note(conv: nn.Conv3d, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        found[Geometry.of(inputs[0].shape, conv.weight.shape, conv.stride[1])] = None

    for module in model.modules():
        if isinstance(module, nn.Conv3d) and module.groups > 1:
            module.register_forward_hook(note)
    model(x)
    return list(found)


def main() -> int:
    """Compile, print, keep, and return 1 where the gate does not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="e3d_s")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--dtypes", nargs="+", default=list(SIZES), choices=list(SIZES))
    asked = parser.parse_args()
    rows, broken = [], 0
    for dtype in asked.dtypes:
        for direction, make in DIRECTIONS.items():
            for g in shapes(asked.model, asked.batch):
                launch = make(g, SIZES[dtype])
                code = compile_launch(launch, dtype)
                per = per_output(launch, code)
                # 25 sums of 8 channels do not fit in registers: there a thread holds 4, which in 16 bits are 8 bytes.
                narrow = direction == "weight gradient" and g.kernel == 5 and dtype != "fp32"
                good = not code.stack and not code.spills and (narrow or code.wide_loads) and per <= LIMIT
                broken += not good
                tile = "x".join(str(launch.constants[n]) for n in ("QT", "QW", "VEC") if n in launch.constants)
                if "BLOCK_P" in launch.constants:
                    tile += f", {launch.constants['BLOCK_P']}x{launch.constants['BLOCK_C']}"
                rows.append(
                    (dtype, direction, f"{g.channels} x {g.frames} x {g.height} x {g.width}",
                     f"{g.kernel_t}x{g.kernel}x{g.kernel}", g.stride, tile, code.registers, code.stack, code.spills,
                     code.wide_loads, f"{per:.1f}{'' if good else ' **no**'}")
                )  # fmt: skip
                print(*rows[-1], sep="\t", flush=True)
    told = (
        f"{asked.model}, batch {asked.batch}, triton {version('triton')}, sm_90. Nothing ran: these are properties of "
        f"the code, not times. The gate: no stack, no spills, loads of 128 bits, at most {LIMIT:.0f} instructions an "
        f"output (a third of {PYTORCH}). It {f'does not hold in {broken} rows' if broken else 'holds'}.\n\n"
        "Counted are all instructions of a thread over the elements that it writes, at the input gradient elements of "
        "the input. At the weight gradient: a round of the loop and a round's share of what lies around it, over the "
        "outputs walked past, all taps together; its second stage, a sum over at most a thousand rows, is not counted; "
        "5x5 in 16 bits loads 4 channels, 8 bytes, at once.\n\n"
        "Tile: frames x columns x channels of a thread (input gradient of stride 2: columns of two rows), for the "
        "weight gradient columns, positions x channels of a program.\n\n"
    )
    keep("kernels_sm90", told + table(COLUMNS, rows))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
