"""OpenSSH's programs: run with fixed arguments, without a shell, and with a deadline."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provisioner.desired.foreign_text import plain

NAMESPACE = "provisioner-plan"
"""What the signatures are for (OpenSSH's PROTOCOL.sshsig): one that was made for anything else approves no plan."""

_QUICK = 20.0
"""Seconds for what waits for nobody."""


class ProgramFailed(Exception):
    """A program could not be run to its end."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """Say in one line what it complained of."""
        return plain(self.err)


def run(command: Sequence[str], given: str = "", seconds: float = _QUICK) -> Ran:
    """Run a program on a text, without a terminal's input.

    Raises:
        ProgramFailed: it is not installed, or took longer than so many seconds.

    """
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are ours, and no shell reads them
            command, input=given.encode(), capture_output=True, timeout=seconds, check=False, env=environment
        )
    except OSError as error:
        raise ProgramFailed(f"{command[0]} cannot be run: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise ProgramFailed(f"{command[0]} did not end within {seconds:.0f} seconds") from error
    return Ran(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


@contextmanager
def held(text: str) -> Iterator[Path]:
    """Hold a text in a file of a folder that nobody else can look into, for a program that takes no other form."""
    with tempfile.TemporaryDirectory(prefix="provisioner-") as folder:
        file = Path(folder) / "given"
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        yield file


def message(plan_id: str) -> str:
    """Give what is signed: the plan's id and a newline."""
    return f"{plan_id}\n"
