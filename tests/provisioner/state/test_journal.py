"""Whatever is recorded verifies, and whatever is edited is found."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from plans.desired import Subject
from plans.position import EventKind
from plans.values import name
from provisioner.state import Broken, Run, State, StateDamaged

SUBJECTS = tuple(Subject(name(f"{label}.example")) for label in "ab")


@pytest.fixture
def written(state: State, run: Run) -> State:
    """A state with two rollouts: 1 opened, 2 begun, 3 opened, 4 begun, 5 closed, 6 pin."""
    state.begin_run("apply", "0.1.0")
    for subject in SUBJECTS:
        rollout = state.start(run, subject, "plan", b"{}")
        state.record(run, rollout.id, EventKind.BEGUN, 0, {})
    state.forget(run, SUBJECTS[-1])
    state.pin(run, SUBJECTS[0].name, name("a-example.o-v1.mx.microsoft"))
    return state


def test_each_entry_is_numbered_and_holds_the_one_before(written: State, raw: Connection) -> None:
    entries = raw.exec_driver_sql("SELECT n, prev, hash FROM journal ORDER BY n").all()
    assert [n for n, _, _ in entries] == [1, 2, 3, 4, 5, 6]
    assert [prev for _, prev, _ in entries] == ["provisioner", *(given for _, _, given in entries[:-1])]
    assert (written.head().n, written.head().hash) == (6, entries[-1][2])
    assert written.verify() == ()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("DELETE FROM journal WHERE n = 2", [Broken(2, "the entry is missing; 3 is there instead")]),
        ("UPDATE journal SET n = 9 WHERE n = 6", [
            Broken(6, "the entry is missing; 9 is there instead"), Broken(9, "its columns do not give its hash")]),
        ("UPDATE journal SET body = '{\"key\":1}' WHERE n = 4", [Broken(4, "its columns do not give its hash")]),
        ("UPDATE journal SET rollout = NULL WHERE n = 2", [Broken(2, "its columns do not give its hash")]),
        ("UPDATE journal SET step = NULL WHERE n = 2", [Broken(2, "its columns do not give its hash")]),
        ("UPDATE journal SET run = 2 WHERE n = 6", [Broken(6, "its columns do not give its hash")]),
        ("UPDATE journal SET hash = 'x' WHERE n = 4", [
            Broken(4, "its columns do not give its hash"), Broken(5, "it does not follow from the entry before")]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_entry_is_said(written: State, raw: Connection, change: str, found: list[Broken]) -> None:
    raw.exec_driver_sql(change)
    assert list(written.verify()) == found


@pytest.mark.parametrize(
    ("change", "n", "found"),
    [
        ("UPDATE rollout SET line = 'x' WHERE closed IS NULL", 1, "is not the one that this entry opened"),
        ("UPDATE rollout SET opened = 'x' WHERE closed IS NULL", 1, "is not the one that this entry opened"),
        ("UPDATE rollout SET closed = 'x', outcome = 'finished' WHERE closed IS NULL", 1, "no entry closes the rollout"),
        ("UPDATE rollout SET closed = 'x' WHERE closed IS NOT NULL", 5, "is not closed as this entry says"),
        ("DELETE FROM rollout WHERE closed IS NULL", 1, "it belongs to a rollout that is not there"),
        ("INSERT INTO rollout (id, subject, plan_id, line, opened) VALUES ('x', 'x', 'x', 'x', 'x')", 0, "no entry opens"),
    ],
)
def test_what_is_wrong_with_a_rollout_is_said(written: State, raw: Connection, change: str, n: int, found: str) -> None:
    raw.exec_driver_sql(change)
    first = written.verify()[0]
    assert first.n == n
    assert found in first.what


def test_a_tail_that_was_cut_off_is_found_by_the_hash_that_a_run_printed(written: State, raw: Connection) -> None:
    printed = written.head().hash
    assert written.verify(printed) == ()
    raw.exec_driver_sql("DELETE FROM journal WHERE n = 6")
    assert written.verify() == ()
    (broken,) = written.verify(printed)
    assert broken.n == 0
    assert f"no entry has the hash {printed}" in broken.what


def test_nothing_is_appended_to_an_edited_end(written: State, run: Run, raw: Connection) -> None:
    raw.exec_driver_sql("UPDATE journal SET kind = 'unpin' WHERE n = 6")
    with pytest.raises(StateDamaged, match="entry 6: its columns do not give its hash"):
        written.pin(run, SUBJECTS[0].name, name("a-example.a-v1.mx.microsoft"))
    assert written.head().n == 6
    assert written.pins() == {SUBJECTS[0].name: name("a-example.o-v1.mx.microsoft")}
