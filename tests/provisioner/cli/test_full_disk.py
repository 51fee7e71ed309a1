"""A disk that takes no more while a schedule runs: it is told, nothing is left half written, and the next run goes on."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from provisioner.exits import Exit
from tests.provisioner.cli.conftest import PROGRAM, Provisioner
from tests.provisioner.cli.estate import names, settle_in_files, writes, zone_file

PENDING, METRICS = Path(".provisioner/pending.jsonl"), Path("provisioner.prom")
RECONCILE = ("reconcile", "--metrics", str(METRICS))
MANY = names(120)
"""So many that a plan of them is larger than the state."""
ROOM = 130_000
"""Octets, enough for a state, and not for that plan."""
ALONE = "policy: {unattended: [create-mx]}\n"


def run_short_of_room(octets: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process whose files may have so many octets."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("COV")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets)),
    )


@pytest.mark.parametrize("arguments", [RECONCILE, ("plan", "--out", str(PENDING)), ("show", str(PENDING))])
def test_a_plan_for_which_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provisioner: Provisioner, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    settle_in_files(tmp_path, "zonefile", MANY)
    assert provisioner(*RECONCILE).code == Exit.DONE
    before = PENDING.read_bytes()
    assert len(before) > ROOM
    ran = run_short_of_room(ROOM, *arguments)
    told = ran.stderr.splitlines()
    assert (ran.returncode, told[-3]) == (Exit.ERROR, "Error: There is no room for the plan while it is in use"), ran
    assert told[-2].endswith(": File too large.")
    assert "TMPDIR=" in told[-1]
    assert (PENDING.read_bytes(), sorted(path.name for path in PENDING.parent.iterdir())) == (
        before,
        ["pending.jsonl", "state.db"],
    )
    assert list(text_string_to_metric_families(METRICS.read_text()))
    again = provisioner(*RECONCILE)
    assert (again.code, PENDING.read_bytes()) == (Exit.DONE, before)
    assert "0 written" in again.out


@pytest.mark.parametrize("octets", [1, 20_000, 50_000])
def test_a_state_for_which_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provisioner: Provisioner, octets: int
) -> None:
    monkeypatch.chdir(tmp_path)
    domains = names(2)
    settle_in_files(tmp_path, "zonefile", domains, ALONE)
    for zone in (zone_file(tmp_path, domain) for domain in domains):
        zone.write_text("".join(line for line in zone.read_text().splitlines(keepends=True) if " MX " not in line))
    assert provisioner("reconcile", "--domain", "d0.example").code == Exit.DONE
    ran = run_short_of_room(octets, *RECONCILE)
    told = ran.stdout + ran.stderr
    assert "Traceback" not in told
    assert (ran.returncode, writes(tmp_path, domains[1])) in {(Exit.ERROR, 0), (Exit.DONE, 1)}, told
    assert (ran.returncode == Exit.ERROR) == ("Look after that disk" in told), told
    assert provisioner(*RECONCILE, "--lock-timeout", "1m").code == Exit.DONE
    assert [writes(tmp_path, domain) for domain in domains] == [1, 1]
    assert provisioner("history", "--verify").code == Exit.DONE
