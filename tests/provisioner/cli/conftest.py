"""Running the command line as a user does: in a folder, with arguments, looking at what it prints and its exit code."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner.cli import run
from provisioner.exits import Exit
from tests.provisioner.cli import faulty

ROOT = Path(__file__).parents[3]
QUICKSTART = ROOT / "examples" / "quickstart"
PROGRAM = (sys.executable, "-c", "from provisioner.cli import main; main()")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Provisioner = Callable[..., Ran]
Start = Callable[..., "subprocess.Popen[str]"]


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


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start command lines in processes of their own, in a folder where `type: faulty` is known; a `fault` befalls one."""
    site = faulty.install(tmp_path)
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(tmp_path)
    faulty.make_pipes()
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, fault: str = "") -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (site, ROOT))), "FAULTY": fault}
        pipe = subprocess.PIPE
        started.append(subprocess.Popen([*PROGRAM, *arguments], stdout=pipe, stderr=pipe, text=True, env=environment))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def state_line() -> str:
    """The line of the manifest that names the state; `tests/lab` names other states."""
    return ""


@pytest.fixture
def lose_state() -> Callable[[], None]:
    """Let the state of the current folder's manifest be gone."""
    return lambda: shutil.rmtree(".provisioner")


def end(process: subprocess.Popen[str]) -> Ran:
    """Wait for the end of a process."""
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in out + err
    return Ran(process.returncode, out, err)


class AnyMoment:
    """Kills processes, each at another moment of its life; the first is let come to its end, which tells how long that is."""

    def __init__(self) -> None:
        self._chance = random.Random(20261124)  # noqa: S311 - which moments is no secret
        self._lasts = 0.0

    def kill(self, process: subprocess.Popen[str]) -> None:
        began = time.monotonic()
        try:
            process.wait(self._chance.uniform(self._lasts / 3, self._lasts) if self._lasts else 60)
        except subprocess.TimeoutExpired:
            process.kill()
        self._lasts = self._lasts or time.monotonic() - began
        process.communicate()


def unlock(provisioner: Provisioner) -> int:
    """End all leases, as somebody does who knows that their runs are dead, and give how many there were."""
    leases = json.loads(provisioner("leases", "--json").out)["leases"]
    for lease in leases:
        assert provisioner("unlock", lease["zone"]["name"], "--reason", "its run was killed").code == Exit.DONE
    return len(leases)


def without_journal(err: str) -> str:
    """Give what a run said besides the journal's newest hash."""
    rest, count = re.subn(r"^Journal: entry \d+, hash [0-9a-f]{64}\n", "", err, flags=re.MULTILINE)
    assert count == 1
    return rest
