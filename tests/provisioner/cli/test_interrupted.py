"""A run that is stopped or killed leaves something that the next one finishes, and nothing is written twice."""

from __future__ import annotations

import re
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plans.values import ZoneRef
from provisioner.exits import Exit
from provisioner.fleet import Fleet
from provisioner.manifest import load
from provisioner.state import State
from tests.provisioner.cli import scripted
from tests.provisioner.cli.conftest import Provisioner, Start, end, unlock
from tests.provisioner.cli.estate import names, settle_in_files, writes, zone_file
from tests.provisioner.cli.faulty import await_write, let_go

(DOMAIN,) = names(1)
APPLY = ("apply", "plan.jsonl", "--auto-approve")
both_signals = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@pytest.fixture
def one_zone(start: Start, state_line: str, tmp_path: Path) -> Path:
    """One domain, and a saved plan with one step for it."""
    settle_in_files(tmp_path, "faulty", [DOMAIN], state_line)
    return tmp_path


@pytest.fixture
def of_four_steps(one_zone: Path) -> Path:
    """The same with a plan of four steps."""
    scripted.save(one_zone / "plan.jsonl", [DOMAIN])
    return one_zone


def expect_finished(provisioner: Provisioner, one_zone: Path, written: int = scripted.STEPS) -> None:
    """See that the next run goes on to the end, that each step was written once, and that the journal is whole."""
    again = provisioner(*APPLY)
    assert (again.code, "1 done" in again.out) == (Exit.DONE, True), again
    assert writes(one_zone, DOMAIN) == written
    planned = provisioner("plan", "--detailed-exitcode")
    assert (planned.code, "No changes." in planned.out) == (Exit.DONE, True), planned
    assert provisioner("history", "--verify").code == Exit.DONE
    assert "No zone is leased." in provisioner("leases").out


def stopping(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal, and wait until the process says that it heard it."""
    process.send_signal(number)
    assert process.stderr
    assert process.stderr.readline().startswith("Stopping: what is in hand comes to its end")


@both_signals
def test_a_signal_lets_the_write_in_hand_come_to_its_end(
    provisioner: Provisioner, start: Start, of_four_steps: Path, number: signal.Signals
) -> None:
    process = start(*APPLY, fault="hold-before 2")
    await_write()
    stopping(process, number)
    let_go()
    ran = end(process)
    assert (ran.code, writes(of_four_steps, DOMAIN)) == (Exit.INTERRUPTED, 2)
    assert "d0.example  interrupted  2 sets written" in ran.out
    assert "Go on:  provisioner apply plan.jsonl\n" in ran.err
    assert re.search(r"step 2 +settled +written", provisioner("history").out)
    assert "No zone is leased." in provisioner("leases").out
    expect_finished(provisioner, of_four_steps)


@both_signals
def test_a_second_signal_stops_at_once(
    provisioner: Provisioner, start: Start, of_four_steps: Path, number: signal.Signals
) -> None:
    process = start(*APPLY, fault="hold-before 2")
    await_write()
    stopping(process, number)
    process.send_signal(number)
    assert end(process).code == Exit.INTERRUPTED
    assert writes(of_four_steps, DOMAIN) == 1
    assert unlock(provisioner) == 1
    expect_finished(provisioner, of_four_steps)


def test_a_write_that_does_not_come_to_its_end_is_not_waited_for(
    provisioner: Provisioner, start: Start, of_four_steps: Path
) -> None:
    process = start(*APPLY, fault="hold-before 2")
    await_write()
    stopping(process, signal.SIGTERM)
    ran = end(process)
    assert ran.code == Exit.INTERRUPTED
    assert "d0.example was left in the middle" in ran.out
    assert "it reads what became of it" in ran.out
    assert unlock(provisioner) == 1
    expect_finished(provisioner, of_four_steps)


def test_a_run_that_only_waits_stops_when_it_is_told(provisioner: Provisioner, start: Start, one_zone: Path) -> None:
    scripted.save(one_zone / "plan.jsonl", [DOMAIN], wait=3600)
    process = start(*APPLY, "--wait", "1h")
    assert process.stderr
    assert process.stderr.readline().startswith("1 waits; looking again at")
    stopping(process, signal.SIGINT)
    ran = end(process)
    assert (ran.code, writes(one_zone, DOMAIN)) == (Exit.INTERRUPTED, 1)
    assert "1 interrupted; 1 written" in ran.out
    waiting = provisioner(*APPLY)
    assert (waiting.code, writes(one_zone, DOMAIN)) == (Exit.WAITING, 1)


@pytest.mark.parametrize(("fault", "written"), [("kill-before 1", 0), ("kill-after 1", 1)])
@pytest.mark.parametrize("with_plan", [True, False])
def test_killed_around_the_write_and_run_again(
    provisioner: Provisioner, start: Start, one_zone: Path, fault: str, written: int, with_plan: bool
) -> None:
    arguments: tuple[str, ...] = ("apply", "--auto-approve")
    if with_plan:
        assert provisioner("plan", "--out", "plan.jsonl").code == Exit.DONE
        arguments = APPLY
    assert end(start(*arguments, fault=fault)).code == -signal.SIGKILL
    assert writes(one_zone, DOMAIN) == written
    if with_plan or not written:
        locked = provisioner(*arguments)
        assert (locked.code, writes(one_zone, DOMAIN)) == (Exit.LOCKED, written)
        assert "another run is at work on the zone d0.example" in locked.out
        assert re.search(r"If it died, its lease ends at \d\d:\d\d:\d\dZ", locked.out)
    assert unlock(provisioner) == 1
    again = provisioner(*arguments)
    assert (again.code, writes(one_zone, DOMAIN)) == (Exit.DONE, 1), again
    planned = provisioner("plan", "--detailed-exitcode")
    assert (planned.code, "No changes" in planned.out) == (Exit.DONE, True)
    assert provisioner("history", "--verify").code == Exit.DONE


def test_the_lease_of_a_dead_run_is_waited_for(provisioner: Provisioner, start: Start, of_four_steps: Path) -> None:
    manifest = load(Path("provisioner.yaml"))
    zone = Fleet(manifest, lambda: datetime.now(UTC)).zones("dns", [DOMAIN])[DOMAIN]
    assert isinstance(zone, ZoneRef)
    with State.open(manifest.state, lambda: datetime.now(UTC)) as state:
        state.acquire(state.begin_run("apply", "0"), [zone], "a run that died", timedelta(seconds=5))
    expect = end(start(*APPLY, "--lock-timeout", "1m"))
    assert expect.code == Exit.DONE
    expect_finished(provisioner, of_four_steps)


def test_killed_and_then_edited_by_somebody_is_stale(provisioner: Provisioner, start: Start, one_zone: Path) -> None:
    provisioner("plan", "--out", "plan.jsonl")
    assert end(start(*APPLY, fault="kill-before 1")).code == -signal.SIGKILL
    zone = zone_file(one_zone, DOMAIN)
    zone.write_text(zone.read_text().replace("MX 0 d0-example.mail", "MX 7 d0-example.mail"))
    assert unlock(provisioner) == 1
    assert provisioner(*APPLY).code == Exit.STALE
    assert provisioner("apply", "--auto-approve").code == Exit.DONE
    assert writes(one_zone, DOMAIN) == 1
    old = provisioner(*APPLY)
    assert (old.code, "superseded" in old.out) == (Exit.STALE, True)


def test_a_provider_in_the_plan_that_is_not_installed_here(provisioner: Provisioner, quickstart: Path) -> None:
    manifest = quickstart / "provisioner.yaml"
    manifest.write_text(manifest.read_text().replace("type: zonefile", "type: faulty"))
    ran = provisioner("plan")
    assert ran.code == Exit.ERROR
    assert "faulty" in ran.err
