"""One way in for every form an architecture is kept in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from e3dnas.arch.architecture import Architecture
from e3dnas.arch.tinynas import from_tinynas, parse_tinynas, to_tinynas
from e3dnas.config import Document, check, dump_yaml, exists, read_document, read_text
from e3dnas.errors import E3DNASError, nearest

__all__ = ["load_architecture", "save_architecture", "zoo_names", "zoo_path"]

STRUCTURES = "best_structures"
"""The key by which the authors' structure files are known, whatever they are called."""

Source = Architecture | Mapping[str, Any] | str | Path


def zoo_names() -> list[str]:
    """Return the names of the architectures that ship with the package."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _zoo().iterdir() if entry.name.endswith(".yaml"))


def zoo_path(name: str) -> Path:
    """Return the file of a shipped architecture."""
    return Path(str(_zoo().joinpath(f"{name}.yaml")))


def _zoo() -> Any:
    return files("e3dnas") / "models" / "zoo"


def load_architecture(source: Source, *, frames: int | None = None, size: int | None = None) -> Architecture:
    """Return an architecture, whatever form it comes in.

    Args:
        source: a zoo name (``e3d_s``), a YAML or JSON file, the authors' structure file, an exported folder, a run's
            folder (its best network), a mapping of plain data, or an architecture itself.
        frames: look at the network with clips of so many frames instead of its own.
        size: look at the network with clips of so many pixels a side instead of its own.

    Raises:
        E3DNASError: there is no such thing, or it does not describe a network.
    """
    architecture = _load(source, frames, size)
    if frames is None and size is None:
        return architecture
    return architecture.with_clip(frames=frames, size=size)


def save_architecture(architecture: Architecture, path: str | Path) -> None:
    """Write an architecture, by the file's ending: ``.json``, ``.txt`` (the authors' structure file), otherwise YAML.

    ``load_architecture`` reads it back equal; a structure file does not hold the clip and the hidden layer.

    Raises:
        E3DNASError: a structure file cannot express the network.
    """
    path = Path(path)
    if path.suffix == ".txt":
        text = to_tinynas(architecture)
    elif path.suffix == ".json":
        text = json.dumps(architecture.to_dict(), indent=2) + "\n"
    else:
        text = dump_yaml(architecture.to_dict())
    path.write_text(text, encoding="utf-8")


def _load(source: Source, frames: int | None, size: int | None) -> Architecture:
    if isinstance(source, Architecture):
        return source
    if isinstance(source, Mapping):
        if STRUCTURES in source:
            return _from_structures(repr(dict(source)), "structure", frames, size)
        return check(Architecture, source, name="architecture")
    path = Path(source)
    if str(source) in zoo_names():
        return check(Architecture, read_document(zoo_path(str(source))))
    if not exists(path):
        near = nearest(str(source), zoo_names())
        raise E3DNASError(
            f"{source}: neither a file or folder nor one of the zoo's names ({', '.join(zoo_names())}){near}"
        )
    if path.is_dir():
        return _load_folder(path)
    text = read_text(path)
    if path.suffix == ".txt" or STRUCTURES in text:
        return _from_structures(text, str(path), frames, size)
    return _from_document(read_document(path))


def _from_structures(text: str, file: str, frames: int | None, size: int | None) -> Architecture:
    """Return the best of the authors' structures, for the clip of E3D-S unless another is named."""
    structures = parse_tinynas(text, file=file)
    return from_tinynas(structures[0], frames=frames or 13, size=size or 160, name=Path(file).stem, file=file)


def _load_folder(folder: Path) -> Architecture:
    for name in ("architecture.yaml", "best.yaml", "config.json"):
        if (folder / name).is_file():
            return _from_document(read_document(folder / name))
    members = sorted(str(best.parent) for best in folder.glob("*/best.yaml") if "-" not in best.parent.name)
    if members:  # not old-1, which is an earlier run
        raise E3DNASError(f"{folder}: the run of a family; name one of its members: {', '.join(members)}")
    raise E3DNASError(
        f"{folder}: no architecture in this folder; expected architecture.yaml or config.json (an exported model) or "
        "best.yaml (a run with a network within its budgets)"
    )


def _from_document(document: Document) -> Architecture:
    arguments = document.data.get("model_args")
    if isinstance(arguments, dict) and isinstance(arguments.get("arch"), dict):  # timm's config.json
        prefix = ("model_args", "arch")
        places = {p[2:]: place for p, place in document.places.items() if p[:2] == prefix}
        return check(Architecture, Document(document.file, arguments["arch"], places))
    return check(Architecture, document)
