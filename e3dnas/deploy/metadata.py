"""What an exported file says of itself: which network it is, its classes, how its clips are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import e3dnas
from e3dnas.arch import Architecture, load_architecture
from e3dnas.errors import E3DNASError

__all__ = ["KEY", "Metadata"]

KEY = "e3dnas"
"""The name of the entry that holds it: in ONNX ``metadata_props``, in OpenVINO ``rt_info``, in a .pt2 an extra file."""


@dataclass(frozen=True)
class Metadata:
    """What an exported file says of itself.

    Attributes:
        architecture: the network; its clip is the size that the file takes.
        classes: names of the classes in the order of the logits; empty: not known.
        preprocessing: how clips are made of videos, as ``e3dnas.training.preprocessing`` reads it; None: not known.
        views: ``clips`` and ``crops`` of a video that its recipe tests with; empty: not known.
        random_seed: the seed its weights were drawn with; None: they were trained.
        version: of the package that wrote it.
    """

    architecture: Architecture
    classes: tuple[str, ...] = ()
    preprocessing: Mapping[str, Any] | None = None
    views: Mapping[str, int] = field(default_factory=dict)
    random_seed: int | None = None
    version: str = e3dnas.__version__

    def to_text(self) -> str:
        """Return it as JSON, in ASCII."""
        return json.dumps(
            {
                "version": self.version,
                "architecture": self.architecture.to_dict(),
                "classes": list(self.classes),
                "preprocessing": dict(self.preprocessing) if self.preprocessing is not None else None,
                "views": dict(self.views),
                "random_seed": self.random_seed,
            }
        )

    @classmethod
    def from_text(cls, text: str | None, path: Path) -> Metadata:
        """Return what ``to_text`` has written.

        Args:
            text: the entry ``e3dnas`` of a file; None: the file has none.
            path: the file.

        Raises:
            E3DNASError: the file has no such entry, or it is something else.
        """
        if not text:
            raise E3DNASError(f"{path}: was not written by `e3dnas export`: nothing in it says what network it is")
        try:
            data = json.loads(text)
            classes = tuple(str(name) for name in data["classes"])
            return cls(
                load_architecture(data["architecture"]), classes, data["preprocessing"], dict(data["views"]),
                data["random_seed"], str(data["version"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:  # an E3DNASError is a ValueError
            raise E3DNASError(f"{path}: what it says of its network cannot be read: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
