"""The commands in README and on the pages of the examples are ones that the program takes."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from e3dnas.cli.main import app
from e3dnas.training import load_recipe, parse_settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "examples").glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def commands(page):
    """Return the words of every e3dnas command in a page's blocks of commands, launchers and comments cut off."""
    for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            while "e3dnas" in words:
                words = words[words.index("e3dnas") + 1 :]
                end = next((i for i, word in enumerate(words) if word in {"&&", "|", ";", "#"}), len(words))
                if words[:1] != ["&&"]:
                    yield words[:end]
                words = words[end:]


CASES = [(page, words) for page in PAGES for words in commands(page)]


def test_there_are_commands():
    assert len(CASES) > 40
    assert {page.name for page, _ in CASES} >= {
        "README.md", "own_videos.md", "something_something_v2.md", "kinetics400.md",
    }  # fmt: skip


@pytest.mark.parametrize(("page", "words"), CASES, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_the_program_takes_it(page, words):
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    given = command.make_context("e3dnas", list(words)).params  # raises where an option is unknown or wrong
    if "recipe" in given:
        load_recipe(given["recipe"], parse_settings(given["settings"] or []))
    if given.get("space") and str(given["space"]).startswith(("spaces/", "examples/")):
        assert (ROOT / given["space"]).is_file()
