"""Cron, as far as the program needs one: a process that starts the schedule's command line again and again."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.docs.test_schedules import CRON
from tests.lab.dane.servers import until
from tests.lab.dane.world import INTERVAL, Lab, Ran

_LOOP = """\
number=0
while :; do
  number=$((number + 1))
  ( {line} ) > said.$number 2>&1
  echo $? > code && mv code code.$number
  sleep {interval:g}
done
"""


class Timer:
    """Runs what `examples/schedules` gives to cron, every few seconds, with the lab's clock."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self._folder = lab, lab.folder / "timer"
        self._folder.mkdir()
        self._set_clock()

    @contextmanager
    def running(self) -> Iterator[Timer]:
        """Let it run until the block ends."""
        (line,) = re.findall(r"^[\d*/ ]+ provisioner (cd .*)$", CRON.read_text(), re.MULTILINE)
        loop = _LOOP.format(line=line.replace("/etc/provisioner/fleet", f'"{self._lab.folder}"'), interval=INTERVAL)
        environment = self._lab.environment()
        environment["PATH"] = f"{self._folder}:{environment['PATH']}"
        with subprocess.Popen(
            [self._lab.program("sh"), "-c", loop], cwd=self._folder, env=environment, start_new_session=True
        ) as process:
            try:
                yield self
            finally:
                os.killpg(process.pid, signal.SIGTERM)

    def run(self) -> Ran:
        """Wait for the next run that begins, and give how it ended."""
        number = 1 + sum(1 for _ in self._folder.glob("said.*"))
        code, said = self._folder / f"code.{number}", self._folder / f"said.{number}"
        until(f"run {number} ends", code.exists)
        ran = Ran(int(code.read_text()), said.read_text())
        self._lab.tell(f"[timer: run {number}, exit {ran.code}]", ran.said.rstrip())
        return ran

    def later(self, passed: timedelta) -> None:
        """Let time pass for the lab, and for what is run from now on."""
        self._lab.later(passed)
        self._set_clock()

    def _set_clock(self) -> None:
        made = self._folder / "provisioner.new"
        made.write_text(f'#!/bin/sh\nexec {shlex.join(self._lab.arguments())} "$@"\n')
        made.chmod(0o755)
        made.rename(self._folder / "provisioner")
