"""A terminal at which a command line runs, and somebody types, and looks."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from tests.provisioner.cli.conftest import PROGRAM

_PATIENCE = 60.0
WIPE = "\r\x1b[K"


class Terminal:
    """Shows what a process says. `shown` is all of it, as it came."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master, self._process = master, process
        self.shown = ""

    def await_text(self, pattern: str) -> None:
        """Look until a text was shown."""
        while not re.search(pattern, self.shown):
            assert self._look(), f"{pattern} was never shown:\n{self.shown!r}"

    def type(self, text: str) -> None:
        """Type a text."""
        os.write(self._master, text.encode())

    def end(self) -> int:
        """Look until the process is over, and give its exit code."""
        while self._look():
            pass
        return self._process.wait(_PATIENCE)

    @property
    def left(self) -> str:
        """What stands there: of each line what came after it was wiped last."""
        return "\n".join(line.rpartition(WIPE)[2] for line in self.shown.replace("\r\n", "\n").split("\n"))

    def _look(self) -> bool:
        """Read what there is; False: the process is over."""
        assert select.select([self._master], [], [], _PATIENCE)[0], self.shown
        try:
            read = os.read(self._master, 65536)
        except OSError:  # the terminal's other end was closed
            return False
        self.shown += read.decode()
        return bool(read)


@contextmanager
def terminal(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None, out: IO[bytes] | None = None
) -> Iterator[Terminal]:
    """Run a command line in the current folder at a terminal, until the block ends; `out`: where its results go instead."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=slave,
        stdout=out or slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm", **(environment or {})},
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)
