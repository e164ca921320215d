"""The formats there are: their names, the endings of their files, what must be installed for them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from e3dnas.errors import E3DNASError, nearest

__all__ = ["FORMATS", "Format", "check_format", "check_installed", "format_of"]


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: as ``--format`` takes it.
        suffix: the ending of its file.
        written_by: packages that write it, beyond those of the package itself.
        run_by: packages that run it, likewise.
        extra: the extra of the package that brings them.
        torch: the oldest PyTorch that it was tried with.
    """

    name: str
    suffix: str
    written_by: tuple[str, ...] = ()
    run_by: tuple[str, ...] = ()
    extra: str = ""
    torch: str = "2.6"

    def files(self, path: Path) -> list[Path]:
        """Return the files that one of this format at ``path`` consists of, the one that is named last."""
        return [path.with_suffix(".bin"), path] if self.name == "openvino" else [path]


FORMATS = {
    one.name: one
    for one in (
        Format("onnx", ".onnx", ("onnx", "onnxscript"), ("onnxruntime",), "onnx", "2.8"),
        Format("openvino", ".xml", (), ("openvino",), "openvino"),
        Format("torch-export", ".pt2", torch="2.9"),  # before it, a .pt2 was laid out in another way
    )
}
"""The formats by name."""


def check_format(name: str) -> Format:
    """Return the format of this name.

    Raises:
        E3DNASError: there is none.
    """
    if name not in FORMATS:
        raise E3DNASError(f"--format {name!r}: must be one of {', '.join(FORMATS)}{nearest(name, FORMATS)}")
    return FORMATS[name]


def format_of(path: str | Path) -> Format | None:
    """Return the format of a file by its ending; None: it is none of them."""
    return next((one for one in FORMATS.values() if one.suffix == Path(path).suffix.lower()), None)


def check_installed(wanted: Format, *, writing: bool = False) -> None:
    """Refuse a format whose packages are not there.

    Args:
        wanted: the format.
        writing: whether files are written, and not only run.

    Raises:
        E3DNASError: one is missing, or PyTorch is too old; the error says what to install.
    """
    needed = (*(wanted.written_by if writing else ()), *wanted.run_by)
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise E3DNASError(
            f"{wanted.name}: needs {' and '.join(missing)}, not installed here; pip install 'e3dnas[{wanted.extra}]', "
            f"or pip install {' '.join(missing)}"
        )
    from packaging.version import Version

    there = version("torch")
    if (writing or wanted.name == "torch-export") and Version(there) < Version(wanted.torch):
        raise E3DNASError(f"{wanted.name}: needs PyTorch {wanted.torch} or newer, and {there} is installed; update it")
