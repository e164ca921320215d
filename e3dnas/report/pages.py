"""HTML pages: one file each, with everything in it, for light and dark, for desk and phone."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.errors import E3DNASError

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render_page", "write_page"]


def render_page(template: str, **context: Any) -> str:
    """Return a page.

    Args:
        template: a file in ``report/templates``; it extends ``base.html.j2``.
        **context: what the template names. Text is escaped; a name that is missing is an error.
    """
    return _environment().get_template(template).render(version=version("e3dnas"), **context)


def write_page(path: Path, page: str, *, option: str = "--html", overwrite: bool = False) -> None:
    """Write a page to a file, as a rule a new one.

    Args:
        path: the file; its folder must be there.
        page: the HTML.
        option: the option by which the user named the file, for the error.
        overwrite: replace what is there.

    Raises:
        E3DNASError: the file is there, or cannot be written.
    """
    try:
        with path.open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(page)
    except FileExistsError:
        raise E3DNASError(f"{option} {path}: is there already; name a new file") from None
    except OSError as error:
        raise E3DNASError(f"{option} {path}: cannot be written: {error.strerror}") from None


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("e3dnas.report", "templates"), undefined=StrictUndefined, autoescape=True,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
