"""The examples for systemd, as systemd itself reads them."""

from __future__ import annotations

import shutil
import subprocess

from tests.docs.test_schedules import SERVICE, TIMER

ANALYZE = shutil.which("systemd-analyze") or "systemd-analyze"


def test_systemd_finds_nothing_wrong_with_the_units() -> None:
    done = subprocess.run([ANALYZE, "verify", SERVICE, TIMER], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_timer_elapses_every_hour() -> None:
    done = subprocess.run([ANALYZE, "calendar", "hourly"], capture_output=True, text=True, check=True)
    assert "OnCalendar=hourly" in TIMER.read_text()
    assert "*-*-* *:00:00" in done.stdout
