"""A schedule whose run is killed, or at work when the next one starts: nothing is written twice, what is left is whole."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import AnyMoment, Provisioner, Start, end, unlock
from tests.provisioner.cli.estate import names, settle_in_files, writes, zone_file
from tests.provisioner.cli.faulty import await_write, let_go

TIMES = int(os.environ.get("KILLED_TIMES", "10")) // 10
"""How often a run is killed at a moment that chance chooses."""
*LACKING, WAITS = names(5)
"""Domains whose MX a schedule makes alone, and one whose MX only a person lets it change."""
METRICS, PENDING = Path("provisioner.prom"), Path(".provisioner/pending.jsonl")
RECONCILE = ("reconcile", "--metrics", str(METRICS), "--detailed-exitcode")


@pytest.fixture
def fresh(start: Start, state_line: str, tmp_path: Path) -> Callable[[], Path]:
    """Give the current folder as it is before anything was written, each time anew."""

    def made() -> Path:
        for folder in ("zones", ".provisioner"):
            shutil.rmtree(tmp_path / folder, ignore_errors=True)
        METRICS.unlink(missing_ok=True)
        settle_in_files(tmp_path, "faulty", (*LACKING, WAITS), f"policy: {{unattended: [create-mx]}}\n{state_line}")
        for domain in LACKING:
            zone = zone_file(tmp_path, domain)
            zone.write_text("".join(line for line in zone.read_text().splitlines(keepends=True) if " MX " not in line))
        return tmp_path

    return made


def expect_finished(provisioner: Provisioner, folder: Path) -> None:
    """See that the next run comes to the end, that each set was written once, and that what programs read is whole."""
    again = provisioner(*RECONCILE)
    assert (again.code, "1 approval" in again.out) == (Exit.PENDING, True), again
    assert [writes(folder, domain) for domain in (*LACKING, WAITS)] == [1] * len(LACKING) + [0]
    assert provisioner("show", str(PENDING)).code == Exit.DONE
    assert provisioner("history", "--verify").code == Exit.DONE
    assert numbers()["provisioner_run_exit_code"] == [Exit.PENDING]
    assert "No zone is leased." in provisioner("leases").out


def numbers() -> dict[str, list[float]]:
    """Read the numbers that the last run left."""
    families = text_string_to_metric_families(METRICS.read_text())
    return {family.name: [one.value for one in family.samples] for family in families}


def test_killed_after_a_write(provisioner: Provisioner, start: Start, fresh: Callable[[], Path]) -> None:
    folder = fresh()
    assert end(start(*RECONCILE, fault="kill-after 2")).code == -signal.SIGKILL
    assert not METRICS.exists()
    assert provisioner("reconcile").code == Exit.LOCKED
    assert unlock(provisioner) >= 1
    expect_finished(provisioner, folder)


def test_killed_at_any_moment(provisioner: Provisioner, start: Start, fresh: Callable[[], Path]) -> None:
    moment = AnyMoment()
    for _ in range(TIMES + 1):
        folder = fresh()
        moment.kill(start(*RECONCILE))
        assert not METRICS.exists() or numbers()["provisioner_run_exit_code"]
        assert not PENDING.exists() or provisioner("show", str(PENDING)).code == Exit.DONE
        unlock(provisioner)
        expect_finished(provisioner, folder)


def test_two_schedules_at_once(provisioner: Provisioner, start: Start, fresh: Callable[[], Path]) -> None:
    folder = fresh()
    first = start("reconcile", fault="hold-before 1")
    await_write()
    second = provisioner("reconcile")
    assert (second.code, second.out) == (Exit.LOCKED, ""), second
    assert "is at work" in second.err
    let_go()
    waited = provisioner("reconcile", "--lock-timeout", "1m")
    assert end(first).code == Exit.DONE
    assert (waited.code, "1 approval, 4 in-sync; 0 written." in waited.out) == (Exit.DONE, True), waited
    expect_finished(provisioner, folder)
