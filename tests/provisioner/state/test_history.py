from __future__ import annotations

import getpass
import socket
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from plans.desired import Subject, SubjectKind
from plans.position import EventKind
from plans.values import ZoneRef, name
from provisioner.state import Mark, Run, State, StateDamaged
from provisioner.state.history import PORTION

CONTOSO, FABRIKAM = Subject(name("contoso.com")), Subject(name("fabrikam.com"))


@pytest.fixture
def lived(state: State, run: Run) -> State:
    """A state in which two runs did this and that: entries 1 to 7."""
    first = state.start(run, CONTOSO, "plan-a", b"{}")
    state.record(run, first.id, EventKind.BEGUN, 0, {"key": "contoso.com. MX"})
    state.start(run, FABRIKAM, "plan-a", b"{}")
    later = state.begin_run("forget", "0.2.0")
    state.close_rollout(later, first.id, "forgotten")
    state.pin(later, CONTOSO.name, name("contoso-com.o-v1.mx.microsoft"))
    state.acquire(run, [ZoneRef("cf", "cloudflare", "account", "1", FABRIKAM.name)], "apply")
    state.unlock(later, "fabrikam.com", "a test")
    state.start(later, Subject(CONTOSO.name, SubjectKind.ZONE), "plan-b", b"{}")
    return state


def test_history_tells_every_entry_with_its_run_and_its_rollout(lived: State, run: Run) -> None:
    entries = list(lived.history())
    assert [entry.n for entry in entries] == [1, 2, 3, 4, 5, 6, 7]
    assert [entry.kind for entry in entries] == [
        Mark.OPENED, EventKind.BEGUN, Mark.OPENED, Mark.CLOSED, Mark.PIN, Mark.UNLOCKED, Mark.OPENED
    ]  # fmt: skip
    begun, pin = entries[1], entries[4]
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    assert (begun.run, begun.who, begun.command) == (run.id, who, "apply")
    assert (begun.subject, begun.plan_id, begun.step, begun.body) == (CONTOSO, "plan-a", 0, {"key": "contoso.com. MX"})
    assert (pin.command, pin.subject, pin.rollout, pin.plan_id, pin.step) == ("forget", None, None, None, None)
    assert entries[-1].hash == lived.head().hash


def test_history_tells_what_is_asked_for(lived: State, run: Run) -> None:
    assert [entry.n for entry in lived.history(CONTOSO.name)] == [1, 2, 4, 5, 7]
    assert [entry.n for entry in lived.history(FABRIKAM.name)] == [3, 6]
    assert [entry.n for entry in lived.history(name("wingtip.com"))] == []
    assert [entry.n for entry in lived.history(run=run.id)] == [1, 2, 3]
    assert [entry.n for entry in lived.history(CONTOSO.name, run.id)] == [1, 2]


def test_history_tells_a_time_from_its_first_moment_to_before_its_last(lived: State) -> None:
    entries = list(lived.history())
    first, last = entries[0].at, entries[-1].at
    assert list(lived.history(since=first, until=last + timedelta(seconds=1))) == entries
    assert list(lived.history(until=first)) == []
    assert list(lived.history(since=last + timedelta(microseconds=1))) == []
    assert list(lived.history(since=last)) == [entry for entry in entries if entry.at == last]


def test_runs_say_who_ran_what_and_how_it_ended(state: State, run: Run) -> None:
    state.begin_run("forget", "0.2.0")
    run.finish(7)
    first, second = state.runs()
    assert (first.id, first.command, first.version, first.exit_code) == (run.id, "apply", "0.1.0", 7)
    assert first.who == f"{getpass.getuser()}@{socket.gethostname()}"
    assert first.finished
    assert first.finished >= first.started
    assert (second.command, second.version, second.finished, second.exit_code) == ("forget", "0.2.0", None, None)


def test_rollouts_come_with_the_newest_entry_of_each(lived: State, run: Run) -> None:
    told = [(one.rollout.subject, one.last.kind, one.last.command, one.rollout.outcome) for one in lived.rollouts()]
    assert told == [
        (CONTOSO, Mark.CLOSED, "forget", "forgotten"),
        (FABRIKAM, Mark.OPENED, "apply", None),
        (Subject(CONTOSO.name, SubjectKind.ZONE), Mark.OPENED, "forget", None),
    ]
    assert [one.rollout for one in lived.rollouts(only_open=True)] == list(lived.open_rollouts())
    assert [one.subject for one in lived.open_rollouts()] == [FABRIKAM, Subject(CONTOSO.name, SubjectKind.ZONE)]
    assert [one.subject for one in lived.open_rollouts("fab*.com")] == [FABRIKAM]
    assert list(lived.open_rollouts("fab*")) != list(lived.open_rollouts("*.org"))


def test_what_is_read_in_portions_is_read_whole(state: State) -> None:
    subjects = [Subject(name(f"d{number:03}.example")) for number in range(PORTION + 1)]
    for subject in subjects:
        state.start(state.begin_run("apply", "0.1.0"), subject, "plan", b"{}")
    assert [entry.subject for entry in state.history()] == subjects
    assert [one.subject for one in state.open_rollouts()] == subjects
    assert [one.id for one in state.runs()] == [entry.run for entry in state.history()]


def test_a_slow_reader_keeps_nobody_from_writing(lived: State, run: Run) -> None:
    reading = lived.history()
    assert next(reading).n == 1
    lived.pin(run, FABRIKAM.name, name("fabrikam-com.o-v1.mx.microsoft"))
    rollouts = lived.rollouts()
    for one in rollouts:
        lived.close_rollout(run, one.rollout.id, one.rollout.outcome or "finished")
    assert list(lived.open_rollouts()) == []


@pytest.mark.parametrize("column", ["started", "finished"])
def test_a_run_whose_time_is_none_is_damage(state: State, run: Run, raw: Connection, column: str) -> None:
    run.finish(0)
    raw.exec_driver_sql(f"UPDATE run SET {column} = 'noon'")  # noqa: S608 - the columns stand above
    with pytest.raises(StateDamaged, match=f"run {run.id}: "):
        list(state.runs())


def test_a_rollout_of_which_the_journal_says_nothing_is_damage(lived: State, raw: Connection) -> None:
    raw.exec_driver_sql("DELETE FROM journal WHERE n = 3")
    with pytest.raises(StateDamaged, match="the journal says nothing of the rollout"):
        list(lived.rollouts())


def test_an_entry_of_a_rollout_that_is_not_there_is_damage(lived: State, raw: Connection) -> None:
    raw.exec_driver_sql("DELETE FROM rollout WHERE subject = 'domain:fabrikam.com.'")
    with pytest.raises(StateDamaged, match="entry 3 is none"):
        list(lived.history())
