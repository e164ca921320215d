"""torch.export: a .pt2 archive, which needs PyTorch to run and none of this package's modules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.deploy.archive import check_archive
from e3dnas.deploy.metadata import KEY, Metadata
from e3dnas.deploy.options import Options, Run, reading
from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["read", "write"]

ENTRY = f"{KEY}.json"


def write(model: nn.Module, example_BCTHW: Tensor, metadata: Metadata, path: Path) -> None:
    """Write a plain network."""
    import torch

    from e3dnas.deploy.preparing import capture, quiet

    graph = capture(model, example_BCTHW)
    graph.example_inputs = None  # else the clips it was recorded with are kept in the file, pickled
    with quiet():
        torch.export.save(graph, path, extra_files={ENTRY: metadata.to_text()})


def read(path: Path, options: Options) -> tuple[Run, str | None]:
    """Return what runs a file, and what the file says of itself. ``threads`` is set for the whole process.

    Raises:
        E3DNASError: it cannot be read, holds what could run code of its own, or cannot be run so.
    """
    import torch

    from e3dnas.deploy.preparing import quiet

    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise E3DNASError("device: there is no cuda here; write cpu")
    entries = {ENTRY: ""}
    with reading(path, "torch.export"), quiet():
        check_archive(path)
        graph = torch.export.load(path, extra_files=entries)
        if device.type == "cuda":
            graph = _moved(graph, options.device)
        network: Any = graph.module()
    if options.threads is not None:
        torch.set_num_threads(options.threads)

    def run(clips: Any) -> Any:
        half = options.precision == "bf16"
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
            return network(torch.from_numpy(clips).to(device)).float().cpu().numpy()

    return run, entries[ENTRY]


def _moved(graph: Any, device: str) -> Any:
    from torch.export import passes

    return passes.move_to_device_pass(graph, device)
