"""What is SQLite's own: the file, this machine's clock, and who waits for whom."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from plans.desired import Subject
from plans.position import EventKind
from plans.values import ZoneRef, name
from provisioner.state import LEASE, LeaseHeld, Run, State

CONTOSO = Subject(name("contoso.com"))
ZONE = ZoneRef("cf", "cloudflare", "account", "1", CONTOSO.name)


@pytest.fixture
def file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_the_clock_is_this_machines_and_is_recorded_as_it_is(state: State, clock: list[datetime]) -> None:
    assert state.now() == clock[0]
    run = state.begin_run("apply", "0.1.0")
    rollout = state.start(run, CONTOSO, "plan-a", b"{}")
    assert rollout.opened == clock[0]
    clock[0] -= timedelta(days=1)  # a clock that jumps back
    assert state.record(run, rollout.id, EventKind.BEGUN, 0, {}).at == clock[0]
    clock[0] += timedelta(days=2)
    state.close_rollout(run, rollout.id, "finished")
    run.finish(0)
    closed = state.find(CONTOSO, "plan-a")
    assert closed
    assert closed.closed == clock[0]
    assert [one.finished for one in state.runs()] == [clock[0]]
    assert state.verify() == ()


def test_times_are_kept_in_utc(state: State, run: Run, clock: list[datetime]) -> None:
    clock[0] = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert state.start(run, CONTOSO, "plan-a", b"{}").opened == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert state.now().utcoffset() == timedelta(0)
    clock[0] = datetime(2026, 3, 1, 14, 0)  # noqa: DTZ001 - what is refused
    with pytest.raises(ValueError, match="no time zone"):
        state.begin_run("apply", "0.1.0")


def test_a_lease_lasts_for_as_long_as_it_says(state: State, run: Run, clock: list[datetime]) -> None:
    leases = state.acquire(run, [ZONE], "apply")
    other = state.begin_run("apply", "0.1.0")
    clock[0] += LEASE - timedelta(microseconds=1)
    assert state.leases() == leases
    with pytest.raises(LeaseHeld):
        state.acquire(other, [ZONE], "apply")
    clock[0] += timedelta(microseconds=1)
    assert state.leases() == ()
    assert [(lease.run, lease.fencing) for lease in state.acquire(other, [ZONE], "apply")] == [(other.id, 2)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user whom nobody has named")
def test_a_user_without_a_name_still_gets_a_run(url: str, file: Path) -> None:
    program = (
        "import os, sys; from datetime import datetime, UTC; from provisioner.state import State\n"
        "os.setreuid(2**31 - 7, -1)\n"
        "with State.open(sys.argv[1], lambda: datetime.now(UTC)) as state: state.begin_run('apply', '0.1.0')\n"
    )
    bare = {key: value for key, value in os.environ.items() if key not in {"LOGNAME", "USER", "LNAME", "USERNAME"}}
    subprocess.run([sys.executable, "-c", program, url], env=bare, check=True)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT who FROM run").fetchall() == [(f"?@{socket.gethostname()}",)]


def test_peeking_makes_nothing(url: str, file: Path, clock: list[datetime]) -> None:
    assert State.peek(url, lambda: clock[0]) is None
    assert not file.parent.exists()
    file.parent.mkdir()
    file.touch()
    assert State.peek(url, lambda: clock[0]) is None
    assert file.stat().st_size == 0
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # as far as a run came that was killed while it made the state
    assert State.peek(url, lambda: clock[0]) is None


def test_folder_and_files_are_their_owners_alone(state: State, file: Path) -> None:
    state.begin_run("apply", "0.1.0")
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}


def test_a_path_with_characters_that_mean_something_in_a_url_is_taken_as_it_is(tmp_path: Path, clock: list[datetime]) -> None:
    odd = tmp_path / "50% a#b" / "staté.db"
    State.open(f"sqlite:///{odd}", lambda: clock[0]).close()
    assert odd.exists()


def test_a_state_that_another_process_holds_while_it_is_made_is_waited_for(url: str, file: Path) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        release = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        release.start()
        with State.open(url, lambda: datetime.now(UTC)) as state:
            assert state.verify() == ()
        release.join()


@pytest.mark.parametrize("peeks", [True, False])
def test_reading_does_not_wait_for_a_writer(url: str, file: Path, state: State, run: Run, *, peeks: bool) -> None:
    rollout = state.start(run, CONTOSO, "plan", b"{}")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        reader = State.peek(url, lambda: datetime.now(UTC)) if peeks else State.open(url, lambda: datetime.now(UTC))
        assert reader
        with reader:
            assert reader.open_rollout(CONTOSO) == rollout
        other.execute("ROLLBACK")
