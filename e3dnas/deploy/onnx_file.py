"""ONNX: written by PyTorch's exporter, run by ONNX Runtime."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.deploy.metadata import KEY, Metadata
from e3dnas.deploy.options import Options, Run, reading
from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["OPSET", "read", "write"]

OPSET = 18
"""The one that PyTorch's exporter has its operators in, so nothing is converted; ONNX Runtime 1.18 reads the file."""

INPUT, OUTPUT = "clips", "logits"


def write(model: nn.Module, example_BCTHW: Tensor, metadata: Metadata, path: Path) -> None:
    """Write a plain network, in its planar form: ONNX Runtime is slow at 3-D convolutions."""
    import torch

    from e3dnas.deploy.planar import Planar
    from e3dnas.deploy.preparing import capture, quiet

    graph = capture(Planar(model, example_BCTHW).eval(), example_BCTHW)
    with quiet():
        program: Any = torch.onnx.export(
            graph, dynamo=True, opset_version=OPSET, input_names=[INPUT], output_names=[OUTPUT], verbose=False
        )
    proto = program.model_proto
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del proto.graph.value_info[:]  # sizes of all values in between, under another name of the batch
    proto.metadata_props.add(key=KEY, value=metadata.to_text())
    importlib.import_module("onnx").save_model(proto, path)


def read(path: Path, options: Options) -> tuple[Run, str | None]:
    """Return what runs a file, and what the file says of itself.

    Raises:
        E3DNASError: it cannot be read, or cannot be run so.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else its import tells its maker, unasked
    runtime: Any = importlib.import_module("onnxruntime")
    if options.precision != "f32":
        raise E3DNASError("precision: ONNX Runtime computes this file in f32 alone; export for openvino for bf16")
    provider = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}[options.device]
    if provider not in runtime.get_available_providers():
        raise E3DNASError(
            f"device: this ONNX Runtime has no {options.device}; pip install onnxruntime-gpu, or write cpu"
        )
    settings = runtime.SessionOptions()
    settings.log_severity_level = 3  # errors; they come as exceptions, too
    if options.threads is not None:
        settings.intra_op_num_threads = options.threads
    with reading(path, "ONNX"):
        session = runtime.InferenceSession(str(path), settings, providers=[provider])
        text = session.get_modelmeta().custom_metadata_map.get(KEY)
        given = session.get_inputs()[0].name
    return (lambda clips: session.run(None, {given: clips})[0]), text
