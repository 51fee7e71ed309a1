from __future__ import annotations

import getpass
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from plans.desired import Subject, SubjectKind
from plans.position import Event, EventKind
from plans.values import name
from provisioner.state import RolloutOpen, State, StateConflict, StateDamaged, StateUnavailable, journal

CONTOSO = Subject(name("contoso.com"))
LINE = '{"subject":"contoso.com.","text":"Zürich"}\n'.encode()


@pytest.fixture
def raw(state: State, file: Path) -> Iterator[sqlite3.Connection]:
    """Reach past the state into its file, as somebody with an SQLite shell does."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


def test_a_started_rollout_is_found_by_its_plan_and_as_the_open_one(state: State, clock: list[datetime]) -> None:
    started = state.start(CONTOSO, "plan-a", LINE)
    assert (started.subject, started.plan_id, started.line) == (CONTOSO, "plan-a", LINE)
    assert (started.opened, started.closed, started.outcome) == (clock[0], None, None)
    assert state.find(CONTOSO, "plan-a") == started
    assert state.open_rollout(CONTOSO) == started
    assert state.find(CONTOSO, "plan-b") is None
    assert state.open_rollout(Subject(name("fabrikam.com"))) is None


def test_starting_again_gives_the_same_rollout_open_or_closed(state: State, clock: list[datetime]) -> None:
    first = state.start(CONTOSO, "plan-a", LINE)
    clock[0] += timedelta(hours=1)
    assert state.start(CONTOSO, "plan-a", LINE) == first
    state.close_rollout(first.id, "finished")
    again = state.start(CONTOSO, "plan-a", LINE)
    assert (again.id, again.opened, again.closed, again.outcome) == (first.id, first.opened, clock[0], "finished")
    assert state.open_rollout(CONTOSO) is None


def test_the_id_of_a_rollout_depends_on_plan_and_subject_and_not_on_the_state(state: State, tmp_path: Path) -> None:
    later = datetime(2027, 1, 1, tzinfo=UTC)
    with State.open(f"sqlite:///{tmp_path}/other.db", lambda: later) as other:
        assert other.start(CONTOSO, "plan-a", LINE).id == state.start(CONTOSO, "plan-a", LINE).id
        host = Subject(CONTOSO.name, SubjectKind.MAIL_HOST)
        assert other.start(host, "plan-a", LINE).id != other.start(CONTOSO, "plan-a", LINE).id


def test_another_plan_may_not_open_a_second_rollout_of_a_subject(state: State) -> None:
    first = state.start(CONTOSO, "plan-a", LINE)
    with pytest.raises(RolloutOpen, match="plan-a") as caught:
        state.start(CONTOSO, "plan-b", LINE)
    assert caught.value.plan_id == "plan-a"
    assert state.open_rollout(CONTOSO) == first
    state.start(Subject(CONTOSO.name, SubjectKind.ZONE), "plan-b", LINE)
    state.close_rollout(first.id, "finished")
    assert state.start(CONTOSO, "plan-b", LINE).plan_id == "plan-b"


def test_a_plan_that_says_two_things_of_one_subject_is_refused(state: State) -> None:
    state.start(CONTOSO, "plan-a", LINE)
    with pytest.raises(StateDamaged, match="says something else of contoso"):
        state.start(CONTOSO, "plan-a", b"{}")


def test_events_come_back_in_the_order_in_which_they_were_recorded(state: State, clock: list[datetime]) -> None:
    rollout = state.start(CONTOSO, "plan-a", LINE)
    run = state.begin_run("apply plan.jsonl", "0.1.0")
    assert state.events(rollout.id) == ()
    begun = state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    assert begun == Event(EventKind.BEGUN, 0, clock[0])
    clock[0] -= timedelta(days=1)  # a clock that jumps back is recorded as it is
    settled = state.record(
        run, rollout.id, EventKind.SETTLED, 0, {"outcome": "written", "detail": "ä\ud800\0", "n": 1, "x": None}
    )
    assert settled == Event(EventKind.SETTLED, 0, clock[0], "written")
    assert state.events(rollout.id) == (begun, settled)
    assert state.verify() == ()


def test_times_are_kept_in_utc(state: State, clock: list[datetime]) -> None:
    clock[0] = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert state.start(CONTOSO, "plan-a", LINE).opened == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    clock[0] = datetime(2026, 3, 1, 14, 0)  # noqa: DTZ001 - what is refused
    with pytest.raises(ValueError, match="no time zone"):
        state.start(CONTOSO, "plan-b", LINE)


def test_a_run_says_who_ran_what_and_how_it_ended(state: State, raw: sqlite3.Connection, clock: list[datetime]) -> None:
    run = state.begin_run("apply", "0.1.0")
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    row = "SELECT id, started, finished, command, exit_code, who, version FROM run"
    assert raw.execute(row).fetchall() == [(run.id, "2026-03-01T12:00:00.000001Z", None, "apply", None, who, "0.1.0")]
    clock[0] += timedelta(seconds=5)
    run.finish(7)
    assert raw.execute("SELECT finished, exit_code FROM run").fetchall() == [("2026-03-01T12:00:05.000001Z", 7)]


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


def test_a_closed_rollout_begins_nothing_but_keeps_what_became_of_a_write(state: State) -> None:
    rollout = state.start(CONTOSO, "plan-a", LINE)
    run = state.begin_run("apply", "0.1.0")
    state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    state.close_rollout(rollout.id, "stale")
    with pytest.raises(StateConflict, match=r"closed at 2026-03-01T12:00:00\.000001Z by another run: stale"):
        state.record(run, rollout.id, EventKind.BEGUN, 1, {})
    state.record(run, rollout.id, EventKind.SETTLED, 0, {"outcome": "unknown"})
    assert [event.kind for event in state.events(rollout.id)] == [EventKind.BEGUN, EventKind.SETTLED]


def test_a_rollout_is_closed_once(state: State, clock: list[datetime]) -> None:
    rollout = state.start(CONTOSO, "plan-a", LINE)
    closed_at = clock[0]
    state.close_rollout(rollout.id, "finished")
    clock[0] += timedelta(hours=1)
    state.close_rollout(rollout.id, "finished")
    with pytest.raises(StateConflict, match="as finished, not as stale"):
        state.close_rollout(rollout.id, "stale")
    found = state.find(CONTOSO, "plan-a")
    assert found
    assert (found.closed, found.outcome) == (closed_at, "finished")


def test_a_rollout_that_is_not_there_is_the_callers_mistake(state: State) -> None:
    run = state.begin_run("apply", "0.1.0")
    with pytest.raises(ValueError, match="no rollout nowhere"):
        state.events("nowhere")
    with pytest.raises(ValueError, match="no rollout nowhere"):
        state.close_rollout("nowhere", "finished")
    with pytest.raises(ValueError, match="no rollout nowhere"):
        state.record(run, "nowhere", EventKind.BEGUN, 0, {})


@pytest.mark.parametrize("column", ["line", "subject", "plan_id"])
def test_an_edited_rollout_is_never_given_back(state: State, raw: sqlite3.Connection, column: str) -> None:
    state.start(CONTOSO, "plan-a", LINE)
    raw.execute(f"UPDATE rollout SET {column} = 'domain:wingtip.com.'")  # noqa: S608 - the columns stand above
    subject = Subject(name("wingtip.com")) if column == "subject" else CONTOSO
    with pytest.raises(StateDamaged, match="is not the one that its id was made from"):
        state.open_rollout(subject)
    with pytest.raises(StateDamaged, match="is not the one that its id was made from"):
        state.start(CONTOSO, "plan-a", LINE)
    assert [broken.n for broken in state.verify()] == [0]


@pytest.mark.parametrize("column", ["opened", "closed"])
def test_a_time_that_is_none_is_damage(state: State, raw: sqlite3.Connection, column: str) -> None:
    state.start(CONTOSO, "plan-a", LINE)
    raw.execute(f"UPDATE rollout SET {column} = 'noon', closed = 'noon', outcome = ''")  # noqa: S608 - the columns stand above
    with pytest.raises(StateDamaged, match="noon"):
        state.find(CONTOSO, "plan-a")


def test_an_edited_journal_is_neither_read_nor_carried_on(state: State, raw: sqlite3.Connection) -> None:
    rollout = state.start(CONTOSO, "plan-a", LINE)
    run = state.begin_run("apply", "0.1.0")
    state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    raw.execute("UPDATE journal SET kind = 'seen'")
    with pytest.raises(StateDamaged, match="entry 1: its columns do not give its hash"):
        state.events(rollout.id)
    with pytest.raises(StateDamaged, match="entry 1: its columns do not give its hash") as caught:
        state.record(run, rollout.id, EventKind.SETTLED, 0, {})
    assert "last good copy" in caught.value.mend


@pytest.mark.parametrize(("column", "value"), [("kind", "boiled"), ("body", "[]"), ("body", "{"), ("at", "noon"), ("at", 5)])
def test_an_entry_that_is_none_is_damage_even_with_a_good_hash(
    state: State, raw: sqlite3.Connection, column: str, value: str | int
) -> None:
    rollout = state.start(CONTOSO, "plan-a", LINE)
    state.record(state.begin_run("apply", "0.1.0"), rollout.id, EventKind.BEGUN, 0, {})
    raw.execute(f"UPDATE journal SET {column} = ?", (value,))  # noqa: S608 - the columns stand above
    cursor = raw.execute("SELECT * FROM journal")
    entry = dict(zip([named[0] for named in cursor.description], cursor.fetchone(), strict=True))
    raw.execute("UPDATE journal SET hash = ?", (journal.entry_hash(entry),))
    assert state.verify() == ()
    with pytest.raises(StateDamaged, match="has an entry that is none"):
        state.events(rollout.id)


def test_a_peeked_state_can_be_read_and_not_written(state: State, url: str, clock: list[datetime]) -> None:
    rollout = state.start(CONTOSO, "plan-a", LINE)
    state.record(state.begin_run("apply", "0.1.0"), rollout.id, EventKind.BEGUN, 0, {})
    peeked = State.peek(url, lambda: clock[0])
    assert peeked
    with peeked:
        assert peeked.open_rollout(CONTOSO) == rollout
        assert len(peeked.events(rollout.id)) == 1
        assert peeked.verify() == ()
        with pytest.raises(StateUnavailable, match="cannot be written"):
            peeked.begin_run("plan", "0.1.0")


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
