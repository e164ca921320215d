"""Help, versions, and the lightness of starting."""

import re
import subprocess
import sys

import pytest

COMMANDS = [
    "run", "bound", "show", "compare", "export", "report", "plot", "models", "dashboard", "init", "schema", "train",
    "eval", "predict", "data", "bench",
]  # fmt: skip


def test_starting_imports_nothing_heavy():
    code = """if True:
        import sys
        from e3dnas.cli.main import main
        sys.argv = ["e3dnas", "--help"]
        try:
            main()
        except SystemExit as end:
            assert not end.code
        heavy = {"torch", "numpy", "optuna", "timm", "pydantic", "thop", "ruamel.yaml", "sqlalchemy"}
        print(sorted(heavy & sys.modules.keys()))
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
    assert all(command in run.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli, command):
    code, out, err = cli(command, "--help")
    assert (code, err) == (0, "")
    assert f"Usage: e3dnas {command}" in out
    assert "--help" in out


def test_version(cli):
    import e3dnas

    assert cli("--version") == (0, f"e3dnas {e3dnas.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["runn"], "No such command 'runn'"),
        (["run"], "Missing argument"),
        (["run", "small.yaml", "--trials", "0"], "--trials"),
        (["run", "small.yaml", "--trials", "many"], "--trials"),
        (["run", "small.yaml", "--seed", "-1"], "--seed"),
        (["run", "small.yaml", "--export-top", "-1"], "--export-top"),
        (["dashboard", "x", "--port", "70000"], "--port"),
        (["export", "x"], "Missing option '--name'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage(cli, arguments, told):
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    problem = re.sub(r"[\s│]+", " ", err.split("Error")[1])
    assert told in problem
