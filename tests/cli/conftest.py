"""The command line, in this process (quick) and in one of its own (signals, imports)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from e3dnas.cli.main import main

SMALL = """clip: {frames: 4, size: 32}
stem: {out: [8, 16]}
stages:
  - {depth: {min: 1, max: 2}, out: [8, 16, 24], bottleneck: 16, kernel: [1x3x3, 3x3x3], stride: 1x2x2}
  - {depth: {min: 1, max: 3}, out: {min: 8, max: 64, step: 8}, bottleneck_ratio: [1, 2, 3], stride: 1x2x2}
head: {out: 32, hidden: 0}
budgets: {layers: {max: 14}, flops: {max: 2.0e+6}}
search: {trials: 20, candidates: 50, population: 8}
"""
PROGRAM = Path(sys.executable).with_name("e3dnas")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, with a space in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("E3DNAS_HOME", str(tmp_path / "home"))
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


@pytest.fixture
def cli(folder, monkeypatch, capsys):
    """Call the program; returns exit code, output, errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["e3dnas", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert "\x1b" not in out
        return code or 0, out, err

    return call


@pytest.fixture
def start(folder):
    """Start the program as a process of its own."""
    running = []

    def begin(*arguments):
        process = subprocess.Popen(
            [PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
