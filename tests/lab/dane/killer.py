"""Applies a plan again and again, and kills the program by SIGKILL around its writes, or at each entry of its journal."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing

from provisioner.exits import Exit
from tests.lab.dane.relay import Moment
from tests.lab.dane.world import Lab

ENTRY = "an entry of its journal was written"


class Killer:
    """Kills at given moments of updates, one after the other, over and over; `killed` are those at which it did so.

    `reached` counts the updates that a server carried out.
    """

    def __init__(self, lab: Lab, moments: Sequence[Moment] = ()) -> None:
        self._lab, self._moments = lab, moments
        self._process: subprocess.Popen[bytes] | None = None
        self.killed: list[Moment] = []
        self.reached = 0

    def apply(self, plan: str) -> int:
        """Apply a plan, and give how it ended."""
        code = self._start(plan).wait(timeout=60)
        return self._ended(plan, code, self.killed[-1].value if self.killed else "")

    def apply_to_entry(self, plan: str, number: int) -> int:
        """Apply a plan until the journal is longer by so many entries, and give how it ended; it may write fewer."""
        enough = self._entries() + number
        process = self._start(plan)
        while process.poll() is None and self._entries() < enough:
            time.sleep(0.001)
        process.kill()
        return self._ended(plan, process.wait(), ENTRY)

    def befall(self, _number: int, moment: Moment) -> None:
        """Kill the program if it is its time; an update that was sent does not reach the server then."""
        self.reached += moment is Moment.DONE
        if not self._moments or moment is not self._moments[len(self.killed) % len(self._moments)]:
            return
        assert self._process
        self.killed.append(moment)
        self._process.kill()
        self._process.wait()
        if moment is Moment.SENT:
            raise ConnectionAbortedError

    def _start(self, plan: str) -> subprocess.Popen[bytes]:
        lab = self._lab
        command = lab.arguments("apply", plan, "--auto-approve")
        with (lab.folder / "said").open("wb") as said:
            self._process = subprocess.Popen(command, cwd=lab.folder, env=lab.environment(), stdout=said, stderr=said)
        return self._process

    def _ended(self, plan: str, code: int, when: str) -> int:
        lab = self._lab
        lab.tell(f"$ provisioner apply {plan} --auto-approve", (lab.folder / "said").read_text().rstrip())
        lab.tell(f"[killed: {when}]" if code == -signal.SIGKILL else f"[exit {code}]")
        assert code in {Exit.DONE, Exit.WAITING, -signal.SIGKILL}
        return code

    def _entries(self) -> int:
        """Count what the journal holds."""
        try:
            with closing(sqlite3.connect(f"file:{self._lab.folder}/.provisioner/state.db?mode=ro", uri=True)) as state:
                (count,) = state.execute("select count(*) from journal").fetchone()
                return int(count)
        except sqlite3.OperationalError:  # there is none yet, or it is being written
            return 0
