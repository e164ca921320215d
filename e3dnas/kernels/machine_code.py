"""What the kernels are for an H200, without one: compiled ahead of time to sm_90, and its machine code read.

Needs triton 3.3 or newer from a wheel for CUDA, which brings ptxas, cuobjdump and nvdisasm. Nothing runs.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from e3dnas.kernels.launches import WARPS, Launch

__all__ = ["MachineCode", "compile_launch", "missing_tools", "per_output"]

TOOLS = ("ptxas", "cuobjdump", "nvdisasm")


@dataclass(frozen=True)
class MachineCode:
    """Figures of one compiled kernel, all of one thread."""

    registers: int
    stack: int
    """Bytes of stack."""
    spills: int
    """Loads and stores of registers that did not fit."""
    wide_loads: int
    """Loads of 128 bits."""
    loop: int
    """Instructions of the longest loop, 0 without one."""
    instructions: int
    """All instructions."""
    kinds: Counter[str]
    """How many of each."""


def missing_tools() -> list[str]:
    """Return which of the tools that come with triton are not there."""
    return [tool for tool in TOOLS if not (_tools() / tool).exists()]


def compile_launch(launch: Launch, dtype: str) -> MachineCode:
    """Compile ``launch`` for tensors of ``dtype`` (``fp32``, ``bf16`` or ``fp16``) to sm_90 and read the result."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = launch.kernel.arg_names
    pointers = [name for name in names if name.endswith("_ptr")]
    numbers = [name for name in names if name not in launch.constants and name not in pointers]
    signature = {name: f"*{'fp32' if name in ('w_ptr', 'partial_ptr') else dtype}" for name in pointers}
    signature |= dict.fromkeys(numbers, "i32") | dict.fromkeys(launch.constants, "constexpr")
    # As at a launch: addresses from PyTorch's allocator are multiples of 16, which is what allows loads of 128 bits.
    attributes = {(names.index(name),): [["tt.divisibility", 16]] for name in pointers}
    source = ASTSource(launch.kernel, {n: signature[n] for n in names}, constexprs=launch.constants, attrs=attributes)
    options = {"num_warps": WARPS, "enable_fp_fusion": False}
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(compiled.asm["cubin"])
        usage = _run("cuobjdump", "--dump-resource-usage", str(path))
        return _read(usage, _run("nvdisasm", "-c", str(path)))


def _tools() -> Path:
    import triton

    return Path(triton.__file__).parent / "backends" / "nvidia" / "bin"


def _run(tool: str, *arguments: str) -> str:
    return subprocess.run([_tools() / tool, *arguments], capture_output=True, text=True, check=True).stdout


def _read(usage: str, code: str) -> MachineCode:
    """Return the figures from what cuobjdump and nvdisasm print."""
    found = re.findall(r"^\s+/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)(.*)$", code, re.M)
    found = [one for one in found if one[1] != "NOP"]  # filling after the end
    labels = {
        name: int(at, 16) for name, at in re.findall(r"^(\.L_\S+):\s*\n(?:\s*\n)*\s+/\*([0-9a-f]{4,})\*/", code, re.M)
    }
    loop = 0
    for at, name, rest in found:
        target = re.search(r"`\((\.L_[^)]+)\)", rest)
        if name.startswith("BRA") and target and labels.get(target[1], 1 << 62) < int(at, 16):
            loop = max(loop, (int(at, 16) - labels[target[1]]) // 16 + 1)
    kinds = Counter(name.split(".")[0] for _, name, _ in found)
    return MachineCode(
        registers=_figure("REG", usage),
        stack=_figure("STACK", usage),
        spills=kinds["STL"] + kinds["LDL"],
        wide_loads=sum(name.startswith("LDG.E.128") for _, name, _ in found),
        loop=loop,
        instructions=len(found),
        kinds=kinds,
    )


def _figure(name: str, usage: str) -> int:
    found = re.search(rf"{name}:(\d+)", usage)
    assert found, usage
    return int(found[1])


def per_output(launch: Launch, code: MachineCode) -> float:
    """Return the instructions of a thread over the outputs of the convolution that it accounts for.

    For forward pass and input gradient that is all code over all elements written. A weight gradient walks in a loop:
    its rounds and what lies around them, over the outputs it has walked past; the programs of a kernel's taps in time
    walk past the same ones, so each accounts for one k_t-th of them.
    """
    if not launch.rounds:
        return code.instructions / launch.outputs
    return (code.loop + (code.instructions - code.loop) / launch.rounds) / launch.outputs
