"""The folder of a training: what it was asked to do, how it went, its checkpoints and the trained model."""

from __future__ import annotations

import csv
import io
import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from e3dnas.arch import Architecture, load_architecture
from e3dnas.config import dump_yaml
from e3dnas.config.locking import locked
from e3dnas.config.writing import replace_text
from e3dnas.errors import E3DNASError
from e3dnas.training.checkpoints import Checkpoints
from e3dnas.training.recipe import Recipe
from e3dnas.training.recipes import load_recipe

__all__ = ["TrainingFolder", "versions"]

PACKAGES = ("e3dnas", "torch", "timm", "accelerate", "numpy", "av", "torchvision", "safetensors")
FREE = ("loader",)
"""Parts of a recipe that may change while a run goes on: they change no result."""


class TrainingFolder:
    """The files of a training under one path.

    ``run.json`` (what was asked: network, data, command, versions), ``recipe.yaml`` (every key), ``architecture.yaml``,
    ``metrics.csv`` (a row an epoch), ``steps.csv`` (a row every few updates), ``tensorboard/``, ``curves.png``,
    ``checkpoints/`` and, at the end, ``model/``: a folder for timm.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.run = self.path / "run.json"
        self.recipe = self.path / "recipe.yaml"
        self.architecture = self.path / "architecture.yaml"
        self.metrics = self.path / "metrics.csv"
        self.steps = self.path / "steps.csv"
        self.events = self.path / "tensorboard"
        self.curves = self.path / "curves.png"
        self.model = self.path / "model"
        self.checkpoints = Checkpoints(self.path / "checkpoints")

    @property
    def begun(self) -> bool:
        """Whether a training has begun here."""
        return self.run.is_file()

    def check(self, *, resume: bool) -> None:
        """Refuse a path that a training cannot write to, or not without being told to.

        Raises:
            E3DNASError: it is a file, holds other things, holds a training and ``resume`` is not set, or the reverse.
        """
        where = f"--out {self.path}"
        if self.path.exists() and not self.path.is_dir():
            raise E3DNASError(f"{where}: is a file; name a folder")
        if self.begun and not resume:
            raise E3DNASError(f"{where}: holds a training; go on with it by --resume, or name another folder")
        if resume and not self.begun:
            raise E3DNASError(f"{where}: no training to resume here (no run.json); leave out --resume")
        try:
            foreign = [one.name for one in self.path.iterdir() if one.name != ".lock" and not one.name.endswith(".new")]
        except FileNotFoundError:
            return
        except OSError as error:
            raise E3DNASError(f"{where}: cannot be read: {error.strerror}") from None
        if foreign and not self.begun:
            raise E3DNASError(f"{where}: holds other files and is no training; name a new or empty folder")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder while a training writes to it; the kernel frees it when its holder dies.

        A folder that was not there, and in which no training has begun, is not left behind.

        Raises:
            E3DNASError: another training holds it, or it cannot be written.
        """
        new = [path for path in (self.path, *self.path.parents) if not path.exists()]
        busy = f"--out {self.path}: another training is at work here; wait for it, or name another folder"
        with ExitStack() as held:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                held.enter_context(locked(self.path / ".lock", busy))
            except OSError as error:
                raise E3DNASError(f"--out {self.path}: cannot be written: {error.strerror}") from None
            try:
                yield
            finally:
                if new and not self.begun:
                    self._remove(new)

    def _remove(self, made: Sequence[Path]) -> None:
        (self.path / ".lock").unlink(missing_ok=True)
        with suppress(OSError):
            for path in made:
                path.rmdir()

    def write_start(self, architecture: Architecture, recipe: Recipe, facts: Mapping[str, Any]) -> None:
        """Write what is asked for; from then on a training has begun here."""
        plain = {"architecture": architecture.to_dict(), "recipe": recipe.model_dump(mode="json")}
        self.write_facts({**facts, "command": sys.argv, "versions": versions(), **plain})
        self.write_copies()

    def write_copies(self) -> None:
        """Write recipe and architecture, which run.json holds, as files of their own."""
        facts = self.read_facts()
        replace_text(self.architecture, dump_yaml(facts["architecture"]))
        replace_text(self.recipe, dump_yaml(facts["recipe"]))

    def read_facts(self) -> dict[str, Any]:
        """Return what run.json holds.

        Raises:
            E3DNASError: it cannot be read.
        """
        try:
            facts: dict[str, Any] = json.loads(self.run.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise E3DNASError(f"{self.run}: cannot be read as JSON: {error}") from None
        return facts

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Write run.json."""
        replace_text(self.run, json.dumps(facts, indent=2) + "\n")

    def check_same(self, architecture: Architecture, recipe: Recipe, facts: Mapping[str, Any]) -> None:
        """Refuse to go on with something else than what was begun.

        Raises:
            E3DNASError: network, recipe or data differ; says which key.
        """
        where, earlier = f"--out {self.path}", self.read_facts()
        if load_architecture(earlier["architecture"]) != architecture:
            raise E3DNASError(f"{where}: was begun with another network ({self.architecture}); resume with that one")
        begun, now = (_flat(one.model_dump(mode="json")) for one in (load_recipe(earlier["recipe"]), recipe))
        for key in sorted({*begun, *now}):
            before, wanted = begun.get(key), now.get(key)
            if before != wanted and not key.startswith(FREE):
                raise E3DNASError(
                    f"{where}: was begun with {key} = {before!r}, and this is {wanted!r}; resume with the same, or "
                    "name another folder"
                )
        for key, what in (("classes", "other classes"), ("data_digest", "other files, or labels, in the data")):
            if earlier.get(key) != facts.get(key):
                raise E3DNASError(f"{where}: was begun with {what}; resume with the same, or name another folder")

    def write_metrics(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write metrics.csv."""
        replace_text(self.metrics, _csv(rows))

    def cut_steps(self, update: int) -> None:
        """Drop from steps.csv what came after ``update``, which a resumed run does again."""
        if not self.steps.is_file():
            return
        with self.steps.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if (row.get("update") or "").isdigit()]
        replace_text(self.steps, _csv([row for row in rows if int(row["update"]) <= update]))

    def add_step(self, row: Mapping[str, Any]) -> None:
        """Append a row to steps.csv."""
        new = not self.steps.exists() or not self.steps.stat().st_size
        with self.steps.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    return {"python": platform.python_version()} | {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return out.getvalue()


def _flat(data: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Return nested mappings as one, keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= _flat(value, f"{path}{key}.") if isinstance(value, Mapping) and value else {f"{path}{key}": value}
    return flat
