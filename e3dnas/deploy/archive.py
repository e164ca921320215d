"""What may be in a .pt2 archive that is loaded: what a network needs, and nothing that could run code of its own.

``torch.export.load`` unpickles whatever an archive marks as pickled (``weights_only=False``), loads compiled libraries
in it, calls any function of torch by its name, and evaluates symbolic sizes as text. A network of ours needs none of
that, so an archive is looked through before: a pickle must be one that ``torch.load(weights_only=True)`` takes.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from e3dnas.errors import E3DNASError

__all__ = ["check_archive"]

PLAIN = re.compile(
    r"(?:[^/]+/)?(?:\.data/\w+|byteorder|archive_format|archive_version|version|extra(?:_files)?/[^/]+|"
    r"data/(?:weights|constants)/(?:(?:weight|tensor)_\d+|\w+_config\.json)|models/\w+\.json|"
    r"serialized_exported_program\.json)"
)
"""Members without code: marks, raw numbers, JSON. The last line's is of PyTorch before 2.8."""

PICKLED = re.compile(
    r"(?:[^/]+/)?(?:data/sample_inputs/\w+\.pt|serialized_(?:state_dict|constants|example_inputs)\.pt)"
)
GRAPH = re.compile(r"(?:[^/]+/)?(?:models/\w+|serialized_exported_program)\.json")
OPERATOR = re.compile(r"torch\.ops\.aten\.\w+\.\w+|_operator\.\w+")
SYMBOL = re.compile(r"-?\w+|Symbol\('\w+'(?:, \w+=(?:True|False))*\)")


def check_archive(path: Path) -> None:
    """Refuse an archive with anything that could run code when it is loaded.

    Raises:
        E3DNASError: it has such a thing.
        zipfile.BadZipFile, ValueError: it is no archive, or one of its parts is not JSON.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if len(set(names)) != len(names):
            raise _refused(path, "two members of one name")
        for name in names:
            if PICKLED.fullmatch(name):
                _check_pickle(path, name, archive.read(name))
            elif not PLAIN.fullmatch(name):
                raise _refused(path, name)
            elif name.endswith(".json"):
                _check_json(path, name, json.loads(archive.read(name)))


def _check_pickle(path: Path, name: str, content: bytes) -> None:
    import torch

    if content:
        try:
            torch.load(io.BytesIO(content), weights_only=True)
        except Exception:  # whatever it is, it is not a plain tensor
            raise _refused(path, name) from None


def _check_json(path: Path, name: str, data: Any) -> None:
    for key, value in _entries(data):
        bad = key == "use_pickle" and value
        if GRAPH.fullmatch(name):
            bad = bad or (key == "target" and isinstance(value, str) and "." in value and not OPERATOR.fullmatch(value))
            bad = bad or (key == "expr_str" and not SYMBOL.fullmatch(str(value)))
        if bad:
            raise _refused(path, f"{name}: {key} {str(value)[:80]!r}")


def _entries(data: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, however deep."""
    waiting = [data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _refused(path: Path, what: str) -> E3DNASError:
    return E3DNASError(f"{path}: will not be loaded, for what no network needs is in it and could run code: {what}")
