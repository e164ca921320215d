"""Files that were cut off: what the container says it is long against what is there.

A decoder plays such a file up to the cut without a word, or says only "invalid data"; the containers' own sizes tell.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

__all__ = ["promised_bytes"]

BIG_BOXES = {b"mdat", b"moov", b"moof"}
FIRST_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"}
EBML, SEGMENT = 0x1A45DFA3, 0x18538067
RIFF_SLACK = 64  # bytes; writers of AVI miscount by a padding or a header


def promised_bytes(path: Path) -> int | None:
    """Return the bytes that the container of a file says it has, where that is more than there are.

    Returns:
        None: nothing is missing, or the container (MP4 and QuickTime, Matroska and WebM, AVI are known) does not say.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12:
            return None
        if head[4:8] in FIRST_BOXES:
            promised = _boxes_end(file, size)
        elif head[:4] == b"RIFF" and head[8:] == b"AVI ":
            length = struct.unpack("<I", head[4:8])[0]
            # 0 and huge: written by a recorder that could not go back, or longer than the field can say.
            promised = length + 8 - RIFF_SLACK if 0 < length < 0x7FFFFFFF else 0
        elif head[:4] == EBML.to_bytes(4, "big"):
            promised = _segment_end(file)
        else:
            return None
    return promised if promised > size else None


def _boxes_end(file: BinaryIO, size: int) -> int:
    """Return the end of the last box that holds frames or their index (ISO 14496-12, 4.2)."""
    start = end = 0
    while start + 8 <= size:
        file.seek(start)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        if length < 8:  # 0: up to the end of the file, whatever that is
            break
        start += length
        if kind in BIG_BOXES:
            end = start
    return end


def _segment_end(file: BinaryIO) -> int:
    """Return the end of a Matroska file's one segment (RFC 8794, 4 and 5); 0 where it is unknown, as in live ones."""
    file.seek(4)
    header, _ = _vint(file)
    file.seek(header, 1)
    if file.read(4) != SEGMENT.to_bytes(4, "big"):
        return 0
    length, unknown = _vint(file)
    return 0 if unknown else file.tell() + length


def _vint(file: BinaryIO) -> tuple[int, bool]:
    """Read a number of variable size; returns it, and whether it is the one that means unknown."""
    first = (file.read(1) or b"\x01")[0]
    width = 9 - first.bit_length()
    value = int.from_bytes(bytes([first & ((1 << (8 - width)) - 1)]) + file.read(width - 1), "big")
    return value, value == (1 << (7 * width)) - 1
