"""Many processes at once, and one that slept while another took its zone over: every set is written once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import Provisioner, Start, end, unlock
from tests.provisioner.cli.estate import names, settle_in_files, writes

PROCESSES = 10
TIMES = int(os.environ.get("KILLED_TIMES", PROCESSES))
DOMAINS = names(50 if TIMES > PROCESSES else 12)
ROUNDS = TIMES // PROCESSES
"""How often all of them are killed, each at a moment that chance chooses."""
OTHERS = {Exit.DONE, Exit.STALE, Exit.LOCKED, Exit.PARTIAL}


@pytest.fixture
def many_zones(start: Start, state_line: str, tmp_path: Path) -> Path:
    settle_in_files(tmp_path, "faulty", DOMAINS, state_line)
    return tmp_path


@pytest.mark.parametrize("same_plan", [True, False], ids=["same-plan", "overlapping-plans"])
def test_ten_applies_at_once(provisioner: Provisioner, start: Start, many_zones: Path, same_plan: bool) -> None:
    for number in range(1 if same_plan else PROCESSES):
        chosen = () if same_plan else ("--exclude-domain", f"d*{number}.example")
        assert provisioner("plan", "--out", f"{number}.jsonl", *chosen).code == Exit.DONE
    plans = [f"{0 if same_plan else number}.jsonl" for number in range(PROCESSES)]
    processes = [start("apply", plan, "--auto-approve") for plan in plans]
    for ran in map(end, processes):
        assert ran.code in OTHERS, ran
    provisioner("apply", "--auto-approve")
    assert [writes(many_zones, domain) for domain in DOMAINS] == [1] * len(DOMAINS)
    planned = provisioner("plan", "--detailed-exitcode")
    assert (planned.code, "No changes." in planned.out) == (Exit.DONE, True)
    assert provisioner("history", "--verify").code == Exit.DONE
    assert "No zone is leased." in provisioner("leases").out


def test_ten_applies_at_once_that_are_all_killed(provisioner: Provisioner, start: Start, many_zones: Path) -> None:
    chance = random.Random(20261124)  # noqa: S311 - which moments is no secret
    fresh = {path: path.read_bytes() for path in (many_zones / "zones").iterdir()}
    for _ in range(ROUNDS):
        for path, zone in fresh.items():
            path.write_bytes(zone)
        assert provisioner("plan", "--out", "plan.jsonl").code == Exit.DONE
        began = time.monotonic()
        processes = [start("apply", "plan.jsonl", "--auto-approve") for _ in range(PROCESSES)]
        moments = sorted(chance.uniform(0.5, 6) for _ in processes)
        for moment, process in zip(moments, processes, strict=True):
            try:
                process.wait(max(0.0, moment - (time.monotonic() - began)))
            except subprocess.TimeoutExpired:
                process.kill()
            process.communicate()
        assert -signal.SIGKILL in {process.returncode for process in processes}
        assert provisioner("history", "--verify").code == Exit.DONE
        unlock(provisioner)
        again = provisioner("apply", "plan.jsonl", "--auto-approve")
        assert again.code == Exit.DONE, again
        assert [writes(many_zones, domain) for domain in DOMAINS] == [1] * len(DOMAINS)
        assert provisioner("history", "--verify").code == Exit.DONE


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("stop-before-read 1", Exit.DONE),  # it reads what the other one did
        ("stop-after-read 1", Exit.LOCKED),  # it holds what was there before, and no lease
        ("stop-before 1", Exit.DONE),  # the write itself finds that the zone is another one by now
    ],
)
def test_a_run_that_slept_while_another_took_its_zone_over_writes_nothing(
    provisioner: Provisioner, start: Start, many_zones: Path, fault: str, code: Exit
) -> None:
    domain = DOMAINS[0]
    assert provisioner("plan", "--domain", "d0.example", "--out", "plan.jsonl").code == Exit.DONE
    asleep = start("apply", "plan.jsonl", "--auto-approve", fault=fault)
    assert os.WIFSTOPPED(os.waitpid(asleep.pid, os.WUNTRACED)[1])
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.LOCKED
    assert unlock(provisioner) == 1
    assert provisioner("apply", "plan.jsonl", "--auto-approve").code == Exit.DONE
    assert writes(many_zones, domain) == 1
    asleep.send_signal(signal.SIGCONT)
    awake = end(asleep)
    assert (awake.code, "0 written" in awake.out) == (code, True), awake
    assert writes(many_zones, domain) == 1
    assert provisioner("history", "--verify").code == Exit.DONE
