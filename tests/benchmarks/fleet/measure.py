"""One run of one program: its wall time, its CPU time, its peak memory, and how it ended."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and of CPU, peak memory in MiB, the exit code, and the end of what it said."""

    wall: float
    cpu: float
    peak: float
    code: int
    said: str


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> Cost:
    """Run a program to its end; children that it waited for count."""
    log = folder / "said.txt"
    with log.open("wb") as said:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **variables}, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    tail = log.read_bytes()[-600:].decode(errors="replace")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, process.returncode, tail)
