from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from plans.desired import Subject, SubjectKind
from plans.position import Event, EventKind
from plans.values import ZoneRef, name
from provisioner.state import (
    Head,
    Mark,
    RolloutOpen,
    Run,
    State,
    StateConflict,
    StateDamaged,
    StateUnavailable,
    journal,
)

CONTOSO = Subject(name("contoso.com"))
LINE = '{"subject":"contoso.com.","text":"Zürich"}\n'.encode()


def test_a_started_rollout_is_found_by_its_plan_and_as_the_open_one(state: State, run: Run) -> None:
    started = state.start(run, CONTOSO, "plan-a", LINE)
    assert (started.subject, started.plan_id, started.line) == (CONTOSO, "plan-a", LINE)
    assert (started.closed, started.outcome) == (None, None)
    assert state.find(CONTOSO, "plan-a") == started
    assert state.open_rollout(CONTOSO) == started
    assert state.find(CONTOSO, "plan-b") is None
    assert state.open_rollout(Subject(name("fabrikam.com"))) is None


def test_starting_again_gives_the_same_rollout_open_or_closed(state: State, run: Run) -> None:
    first = state.start(run, CONTOSO, "plan-a", LINE)
    assert state.start(run, CONTOSO, "plan-a", LINE) == first
    state.close_rollout(run, first.id, "finished")
    again = state.start(run, CONTOSO, "plan-a", LINE)
    assert (again.id, again.opened, again.outcome) == (first.id, first.opened, "finished")
    assert state.open_rollout(CONTOSO) is None
    assert [entry.kind for entry in state.history()] == [Mark.OPENED, Mark.CLOSED]


def test_the_id_of_a_rollout_depends_on_plan_and_subject_and_not_on_the_state(
    state: State, run: Run, new_url: Callable[[], str]
) -> None:
    with State.open(new_url(), state.now) as other:
        there = other.begin_run("apply", "0.1.0")
        assert other.start(there, CONTOSO, "plan-a", LINE).id == state.start(run, CONTOSO, "plan-a", LINE).id
        host = Subject(CONTOSO.name, SubjectKind.MAIL_HOST)
        assert other.start(there, host, "plan-a", LINE).id != other.start(there, CONTOSO, "plan-a", LINE).id


def test_another_plan_may_not_open_a_second_rollout_of_a_subject(state: State, run: Run) -> None:
    first = state.start(run, CONTOSO, "plan-a", LINE)
    with pytest.raises(RolloutOpen, match="plan-a") as caught:
        state.start(run, CONTOSO, "plan-b", LINE)
    assert caught.value.plan_id == "plan-a"
    assert state.open_rollout(CONTOSO) == first
    state.start(run, Subject(CONTOSO.name, SubjectKind.ZONE), "plan-b", LINE)
    state.close_rollout(run, first.id, "finished")
    assert state.start(run, CONTOSO, "plan-b", LINE).plan_id == "plan-b"


def test_a_plan_that_says_two_things_of_one_subject_is_refused(state: State, run: Run) -> None:
    state.start(run, CONTOSO, "plan-a", LINE)
    with pytest.raises(StateDamaged, match="says something else of contoso"):
        state.start(run, CONTOSO, "plan-a", b"{}")


def test_events_come_back_in_the_order_in_which_they_were_recorded(state: State, run: Run) -> None:
    rollout = state.start(run, CONTOSO, "plan-a", LINE)
    assert state.events(rollout.id) == ()
    begun = state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    assert begun == Event(EventKind.BEGUN, 0, begun.at)
    body: journal.Body = {"outcome": "written", "detail": "ä\ud800\0", "n": 1, "x": None}
    settled = state.record(run, rollout.id, EventKind.SETTLED, 0, body)
    assert settled == Event(EventKind.SETTLED, 0, settled.at, "written")
    assert state.events(rollout.id) == (begun, settled)
    assert [entry.body for entry in state.history()][1:] == [{}, body]
    assert state.verify() == ()


def test_a_closed_rollout_begins_nothing_but_keeps_what_became_of_a_write(state: State, run: Run) -> None:
    rollout = state.start(run, CONTOSO, "plan-a", LINE)
    state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    state.close_rollout(run, rollout.id, "stale")
    with pytest.raises(StateConflict, match=r"closed at \d{4}-.*Z by another run: stale"):
        state.record(run, rollout.id, EventKind.BEGUN, 1, {})
    state.record(run, rollout.id, EventKind.SETTLED, 0, {"outcome": "unknown"})
    assert [event.kind for event in state.events(rollout.id)] == [EventKind.BEGUN, EventKind.SETTLED]
    assert state.verify() == ()


def test_a_rollout_is_closed_once(state: State, run: Run) -> None:
    rollout = state.start(run, CONTOSO, "plan-a", LINE)
    state.close_rollout(run, rollout.id, "finished")
    closed = state.find(CONTOSO, "plan-a")
    assert closed
    assert closed.closed
    assert closed.outcome == "finished"
    state.close_rollout(run, rollout.id, "finished")
    with pytest.raises(StateConflict, match="as finished, not as stale"):
        state.close_rollout(run, rollout.id, "stale")
    assert state.find(CONTOSO, "plan-a") == closed
    assert state.head().n == 2


def test_a_forgotten_rollout_is_closed_and_its_journal_stays(state: State, run: Run) -> None:
    assert state.forget(run, CONTOSO) is None
    rollout = state.start(run, CONTOSO, "plan-a", LINE)
    state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    forgotten = state.forget(run, CONTOSO)
    assert forgotten == rollout
    assert state.open_rollout(CONTOSO) is None
    assert len(state.events(rollout.id)) == 1
    with pytest.raises(StateConflict):
        state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    *_, entry = state.history()
    assert (entry.kind, entry.run, entry.body) == (Mark.CLOSED, run.id, {"outcome": "forgotten"})
    assert state.verify() == ()


def test_an_emergency_takes_the_place_of_a_rollout_all_or_nothing(state: State, run: Run) -> None:
    opened = state.start(run, CONTOSO, "plan-a", LINE)
    with pytest.raises(RolloutOpen):
        state.revert(run, None, CONTOSO, "emergency", b"{}", "it bounces")
    assert [entry.kind for entry in state.history()] == [Mark.OPENED]
    taken = state.revert(run, opened, CONTOSO, "emergency", b"{}", "it bounces")
    assert state.open_rollout(CONTOSO) == taken
    closed = state.find(CONTOSO, "plan-a")
    assert closed
    assert closed.outcome == "reverted"
    (told,) = [entry.body for entry in state.history() if entry.kind == Mark.EMERGENCY]
    assert told == {"domain": CONTOSO.name, "plan": "emergency", "reason": "it bounces"}
    assert state.verify() == ()


def test_a_rollout_that_is_not_there_is_the_callers_mistake(state: State, run: Run) -> None:
    with pytest.raises(ValueError, match="no rollout nowhere"):
        state.events("nowhere")
    with pytest.raises(ValueError, match="no rollout nowhere"):
        state.close_rollout(run, "nowhere", "finished")
    with pytest.raises(ValueError, match="no rollout nowhere"):
        state.record(run, "nowhere", EventKind.BEGUN, 0, {})


@pytest.mark.parametrize("column", ["line", "subject", "plan_id"])
def test_an_edited_rollout_is_never_given_back(state: State, run: Run, raw: Connection, column: str) -> None:
    state.start(run, CONTOSO, "plan-a", LINE)
    raw.exec_driver_sql(f"UPDATE rollout SET {column} = 'domain:wingtip.com.'")  # noqa: S608 - the columns stand above
    subject = Subject(name("wingtip.com")) if column == "subject" else CONTOSO
    with pytest.raises(StateDamaged, match="is not the one that its id was made from"):
        state.open_rollout(subject)
    with pytest.raises(StateDamaged, match="is not the one that its id was made from"):
        state.start(run, CONTOSO, "plan-a", LINE)
    with pytest.raises(StateDamaged, match="is not the one that its id was made from"):
        list(state.open_rollouts())
    assert [broken.n for broken in state.verify()] == [1]


@pytest.mark.parametrize("column", ["opened", "closed"])
def test_a_time_that_is_none_is_damage(state: State, run: Run, raw: Connection, column: str) -> None:
    state.start(run, CONTOSO, "plan-a", LINE)
    other = "" if column == "closed" else ", closed = 'noon'"
    raw.exec_driver_sql(f"UPDATE rollout SET {column} = 'noon'{other}, outcome = ''")  # noqa: S608 - the columns stand above
    with pytest.raises(StateDamaged, match="noon"):
        state.find(CONTOSO, "plan-a")


def test_an_edited_journal_is_neither_read_nor_carried_on(state: State, run: Run, raw: Connection) -> None:
    rollout = state.start(run, CONTOSO, "plan-a", LINE)
    state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    raw.exec_driver_sql("UPDATE journal SET kind = 'seen' WHERE n = 2")
    reading: tuple[Callable[[], object], ...] = (
        lambda: state.events(rollout.id),
        lambda: state.record(run, rollout.id, EventKind.SETTLED, 0, {}),
        lambda: list(state.history()),
        lambda: list(state.rollouts()),
    )
    for read in reading:
        with pytest.raises(StateDamaged, match="entry 2: its columns do not give its hash") as caught:
            read()
        assert "last good copy" in caught.value.mend


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE rollout SET opened = '2020-01-01T00:00:00.000000Z'", "entry 1: the row of the rollout .* this entry opened"),
        (
            "UPDATE rollout SET closed = NULL, outcome = NULL",
            "entry 3: the row of the rollout .* not closed as this entry says",
        ),
        ("UPDATE rollout SET outcome = 'stale'", "entry 3: the row of the rollout .* not closed as this entry says"),
        ("DELETE FROM journal WHERE n = 3", "entry 1: no entry closes the rollout .*, which is closed"),
        ("DELETE FROM journal WHERE n = 1", "no entry opens the rollout"),
    ],
)
def test_the_row_of_a_rollout_is_held_by_the_journal(state: State, run: Run, raw: Connection, change: str, what: str) -> None:
    rollout = state.start(run, CONTOSO, "plan-a", LINE)
    state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    state.close_rollout(run, rollout.id, "finished")
    raw.exec_driver_sql(change)
    with pytest.raises(StateDamaged, match=what):
        state.events(rollout.id)
    assert state.verify()


@pytest.mark.parametrize(
    ("column", "value"), [("kind", "boiled"), ("body", "[]"), ("body", "{"), ("at", "noon"), ("at", "2026-13-01T00:00:00Z")]
)
def test_an_entry_that_is_none_is_damage_even_with_a_good_hash(
    state: State, run: Run, raw: Connection, column: str, value: str
) -> None:
    rollout = state.start(run, CONTOSO, "plan-a", LINE)
    state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    raw.execute(text(f"UPDATE journal SET {column} = :value WHERE n = 2"), {"value": value})  # noqa: S608 - our names
    entry = raw.exec_driver_sql("SELECT * FROM journal WHERE n = 2").mappings().one()
    raw.execute(text("UPDATE journal SET hash = :hash WHERE n = 2"), {"hash": journal.entry_hash(dict(entry))})
    assert state.verify() == ()
    with pytest.raises(StateDamaged, match="has an entry that is none"):
        state.events(rollout.id)
    if column != "kind":
        with pytest.raises(StateDamaged, match="entry 2 is none"):
            list(state.history())


def test_a_peeked_state_can_be_read_and_not_written(state: State, run: Run, url: str) -> None:
    rollout = state.start(run, CONTOSO, "plan-a", LINE)
    state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    peeked = State.peek(url, state.now)
    assert peeked
    with peeked:
        assert peeked.where == state.where
        assert peeked.open_rollout(CONTOSO) == rollout
        assert len(peeked.events(rollout.id)) == 1
        assert peeked.head() == state.head()
        assert peeked.verify() == ()
        assert peeked.pins() == {}
        zone = ZoneRef("cf", "cloudflare", "account", "1", CONTOSO.name)
        for write in (lambda: peeked.begin_run("plan", "0.1.0"), lambda: peeked.acquire(run, [zone], "plan")):
            with pytest.raises(StateUnavailable, match=r"cannot be written|can only be read"):
                write()


def test_a_state_that_is_not_there_yet_is_not_made_by_looking(url: str, clock: list[object]) -> None:
    assert State.peek(url, lambda: pytest.fail("nobody asks for the time")) is None
    assert State.peek(url, lambda: pytest.fail("nobody asks for the time")) is None


def test_the_journal_of_a_new_state_is_empty(state: State) -> None:
    assert state.head() == Head(0, journal.ANCHOR)
    assert (state.verify(), list(state.history()), list(state.rollouts()), list(state.runs())) == ((), [], [], [])
