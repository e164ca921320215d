"""What every benchmark shares: the header that says what ran where, and the file the figures are kept in."""

from __future__ import annotations

import os
import platform
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("e3dnas", "optuna", "numpy", "torch", "thop")


def processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found.group(1).strip() if found else platform.machine()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout, or not needed for what was measured
        return "not installed"


def keep(what: str, text: str) -> None:
    """Print the figures and write them to ``benchmarks/<what>_<hardware>_<date>.md``, with all that made them."""
    now = datetime.now(timezone.utc)
    slug = re.sub("[^a-z0-9]+", "-", f"{processor()} {os.cpu_count()} cores".lower()).strip("-")
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    head = (
        f"# {what.replace('_', ' ')}\n\n"
        f"- command: `python {shlex.join([str(Path(sys.argv[0])), *sys.argv[1:]])}`\n"
        f"- machine: {processor()}, {os.cpu_count()} cores, shared with other work\n"
        f"- python {platform.python_version()}, {versions}\n"
        f"- date: {now:%Y-%m-%d}\n"
    )
    path = Path(__file__).parent / f"{what}_{slug}_{now:%Y-%m-%d}.md"
    path.write_text(f"{head}\n{text}\n", encoding="utf-8")
    print(f"{head}\n{text}\n\nwritten: {path}")
