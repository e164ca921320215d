"""OpenVINO IR: an .xml with its .bin beside it, converted from PyTorch's graph, 3-D convolutions and all."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.deploy.metadata import KEY, Metadata
from e3dnas.deploy.options import Options, Run, reading
from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["read", "write"]

TELEMETRY = "openvino_telemetry"
MOST_SIZES = 4
"""Numbers of clips that a network is kept compiled for."""


def write(model: nn.Module, example_BCTHW: Tensor, metadata: Metadata, path: Path) -> None:
    """Write a plain network; weights stay fp32, for bf16 is a matter of how the file is run."""
    from e3dnas.deploy.preparing import capture, quiet

    openvino = _openvino()
    graph = capture(model, example_BCTHW)
    with quiet():
        converted = openvino.convert_model(graph)
    converted.reshape([-1, *example_BCTHW.shape[1:]])  # it forgets the sizes of axes other than the channels
    converted.inputs[0].set_names({"clips"})
    converted.outputs[0].set_names({"logits"})
    converted.set_rt_info(metadata.to_text(), [KEY])
    openvino.save_model(converted, str(path), compress_to_fp16=False)


def read(path: Path, options: Options) -> tuple[Run, str | None]:
    """Return what runs a file, and what the file says of itself.

    Raises:
        E3DNASError: it cannot be read, or cannot be run so.
    """
    if options.device != "cpu":
        raise E3DNASError(f"device: OpenVINO files run on the cpu here, not on {options.device}; write cpu")
    core = _openvino().Core()
    if options.precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise E3DNASError("precision: this CPU has no bf16 arithmetic (AVX512-BF16 or AMX); write f32")
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": options.precision}
    if options.threads is not None:
        settings["INFERENCE_NUM_THREADS"] = str(options.threads)
    with reading(path, "OpenVINO IR"):
        if not path.with_suffix(".bin").is_file():
            raise E3DNASError(f"{path}: its weights, {path.with_suffix('.bin').name}, are not beside it")
        network = core.read_model(str(path))
        text = network.get_rt_info([KEY]).astype(str) if network.has_rt_info([KEY]) else None
        clip = [axis.get_length() for axis in list(network.inputs[0].partial_shape)[1:]]
        fixed = {1: _compiled(core, network, [1, *clip], settings)}

    def run(clips: Any) -> Any:
        count = len(clips)
        if count not in fixed:
            if len(fixed) == MOST_SIZES:
                del fixed[next(iter(fixed))]
            fixed[count] = _compiled(core, network, list(clips.shape), settings)
        return fixed[count](clips)[0]

    return run, text


def _compiled(core: Any, network: Any, shape: list[int], settings: dict[str, str]) -> Any:
    """Return a network compiled for one number of clips, in a tenth of a second; for any number it would run slower."""
    network.reshape(shape)
    return core.compile_model(network, "CPU", settings)


def _openvino() -> Any:
    """Import OpenVINO without its telemetry, which would send every import and conversion to its maker unasked."""
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    before = sys.modules.get(TELEMETRY)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # makes its import fail, and OpenVINO do without
    try:
        return importlib.import_module("openvino")
    finally:
        del sys.modules[TELEMETRY]
        if before is not None:
            sys.modules[TELEMETRY] = before
