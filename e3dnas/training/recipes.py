"""From a recipe file (and the files it extends), with single keys set on top, to a checked recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from e3dnas.config import Document, check, exists, merge, read_document, shown
from e3dnas.errors import E3DNASError, nearest
from e3dnas.training.recipe import Recipe

__all__ = ["load_recipe", "parse_settings", "shipped_recipes"]

Source = str | Path | Mapping[str, Any] | Recipe


def shipped_recipes() -> dict[str, Path]:
    """Return name and file of every recipe that ships with the package."""
    inside = Path(str(files("e3dnas").joinpath("recipes")))
    folder = inside if inside.is_dir() else Path(str(files("e3dnas"))).parent / "recipes"  # a checkout
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_recipe(source: Source = "default", overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Return a recipe.

    Args:
        source: a YAML file, the name of a shipped recipe (``default``), or plain data.
        overrides: plain data laid over it, such as ``{"optimizer": {"lr": 0.1}}``; see ``parse_settings``.

    Raises:
        E3DNASError: a problem in a file (told with file, line and key path) or in the overrides (told by key path).
    """
    document = _read(source)
    recipe = check(Recipe, document)
    if not overrides:
        return recipe
    try:
        return check(Recipe, merge(document, Document("", dict(overrides))))
    except E3DNASError as error:  # the recipe by itself was right
        raise E3DNASError(f"--set {error}") from None


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Return what ``--set key=value`` says as plain data: ``["ema.decay=0.99"]`` is ``{"ema": {"decay": 0.99}}``.

    Values are written as in a recipe file.

    Raises:
        E3DNASError: one has no ``=``, no key, a value that is no YAML, or sets what another one has set.
    """
    data: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        parts = key.strip().split(".")
        if not equals or not all(parts):
            raise E3DNASError(f"--set {setting}: must be key=value; write for example --set optimizer.lr=0.05")
        here = data
        for part in parts[:-1]:
            here = here.setdefault(part, {})
            if not isinstance(here, dict):
                raise E3DNASError(f"--set {setting}: {part!r} has been set to {shown(here)} by another --set; drop one")
        if parts[-1] in here:
            raise E3DNASError(f"--set {setting}: {key.strip()} has been set by another --set; drop one")
        here[parts[-1]] = _value(setting, text)
    return data


def _value(setting: str, text: str) -> Any:
    """Read a value as YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if not text.strip():
        raise E3DNASError(f"--set {setting}: there is no value after '='; write null for none")
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError) as error:
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise E3DNASError(f"--set {setting}: the value is not valid YAML: {problem}") from None


def _read(source: Source) -> Document:
    """Return the document of a recipe, with the files it extends; a file without a name has its own."""
    if isinstance(source, Recipe):
        return Document("", source.model_dump(mode="json"))
    if isinstance(source, Mapping):
        return _extended(Document("", dict(source)), Path(), ())
    path = _find(source)
    document = _extended(read_document(path), path.parent, (path.resolve(),))
    own = read_document(path).data.get("name")
    return replace(document, data=document.data | {"name": own or path.stem})


def _find(source: str | Path) -> Path:
    path, shipped = Path(source), shipped_recipes()
    if str(source) in shipped and not path.is_file():
        return shipped[str(source)]
    if exists(path):
        return path
    raise E3DNASError(
        f"{source}: neither a file nor a shipped recipe ({', '.join(shipped)}){nearest(str(source), shipped)}"
    )


def _extended(document: Document, folder: Path, chain: tuple[Path, ...]) -> Document:
    """Return a document laid over the one it extends; ``chain`` holds the files that led here."""
    if "extends" not in document.data:
        return document
    base, where = document.data["extends"], document.where(("extends",))
    if not isinstance(base, str):
        raise E3DNASError(f"{where}: must be a file or the name of a shipped recipe, not {shown(base)}")
    found = _base(base, folder, where)
    if found.resolve() in chain:
        raise E3DNASError(f"{where}: {base} leads back to this file, and a recipe cannot extend itself; name another")
    below = _extended(read_document(found), found.parent, (*chain, found.resolve()))
    own = {key: value for key, value in document.data.items() if key != "extends"}
    return merge(below, replace(document, data=own))


def _base(base: str, folder: Path, where: str) -> Path:
    """Return the file that ``extends: base`` means: one in ``folder``, otherwise a shipped recipe."""
    shipped = shipped_recipes()
    name = base.removesuffix(".yaml")
    if (folder / base).is_file():
        return folder / base
    if name in shipped:
        return shipped[name]
    raise E3DNASError(
        f"{where}: {base!r} is neither a file beside this one nor a shipped recipe ({', '.join(shipped)})"
        f"{nearest(name, shipped)}"
    )
