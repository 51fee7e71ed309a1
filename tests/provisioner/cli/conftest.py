"""Running the command line as a user does: in a folder, with arguments, looking at what it prints and its exit code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner.cli import run

ROOT = Path(__file__).parents[3]
QUICKSTART = ROOT / "examples" / "quickstart"
PROGRAM = (sys.executable, "-c", "from provisioner.cli import main; main()")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Provisioner = Callable[..., Ran]


@pytest.fixture
def provisioner(capsys: pytest.CaptureFixture[str]) -> Provisioner:
    """Run one command line in this process, without a terminal."""

    def ran(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Ran(code, captured.out, captured.err)

    return ran


@pytest.fixture
def quickstart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the quickstart, which is the current folder."""
    folder = tmp_path / "quickstart"
    shutil.copytree(QUICKSTART, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def spawn() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one command line in a process of its own."""

    def spawned(*arguments: str, python_path: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": python_path}
        return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, env=environment, check=False, timeout=60)

    return spawned
