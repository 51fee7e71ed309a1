"""Whatever is recorded verifies, and one edit anywhere is found: with many examples, in SQLite files."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plans.desired import Subject
from plans.position import Event, EventKind
from plans.values import name
from provisioner.state import Broken, State

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBJECTS = tuple(Subject(name(f"{label}.example")) for label in "abc")
ENTRY = {"at": "TEXT", "run": "INTEGER", "rollout": "TEXT", "kind": "TEXT", "step": "INTEGER", "body": "TEXT", "prev": "TEXT",
         "hash": "TEXT"}  # fmt: skip
ROLLOUT = ("id", "subject", "plan_id", "line", "opened", "closed", "outcome")

bodies = st.dictionaries(st.text(), st.none() | st.integers(-(2**53), 2**53) | st.text(st.characters()), max_size=4)
records = st.lists(
    st.tuples(
        st.sampled_from(SUBJECTS), st.sampled_from(EventKind), st.integers(0, 20), bodies, st.timedeltas(max_value=timedelta(9))
    ),
    max_size=12,
)
values = (
    st.none()
    | st.integers(-5, 50)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8)
    | st.just("c" * 64)
)


@settings(deadline=None, max_examples=40)
@given(records)
def test_whatever_is_recorded_comes_back_and_verifies(
    tmp_path_factory: pytest.TempPathFactory,
    recorded: list[tuple[Subject, EventKind, int, Mapping[str, str | int | None], timedelta]],
) -> None:
    clock = [NOON]
    with State.open(f"sqlite:///{tmp_path_factory.mktemp('chain')}/state.db", lambda: clock[0]) as state:
        run = state.begin_run("apply", "0.1.0")
        ids = {subject: state.start(run, subject, "plan", str(subject).encode()).id for subject in SUBJECTS}
        told: dict[Subject, list[Event]] = {subject: [] for subject in SUBJECTS}
        for subject, kind, step, body, jump in recorded:
            clock[0] = NOON + max(jump, timedelta(-9))
            told[subject].append(state.record(run, ids[subject], kind, step, body))
        assert {subject: list(state.events(ids[subject])) for subject in SUBJECTS} == told
        assert [entry.body for entry in state.history()][3:] == [body for _, _, _, body, _ in recorded]
        assert state.verify(state.head().hash) == ()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state with three rollouts, one of them closed, and a pin: nine entries."""
    path = tmp_path_factory.mktemp("written") / "state.db"
    with State.open(f"sqlite:///{path}", lambda: NOON) as state:
        run = state.begin_run("apply", "0.1.0")
        state.begin_run("apply", "0.1.0")
        for subject in SUBJECTS:
            rollout = state.start(run, subject, "plan", b"{}")
            state.record(run, rollout.id, EventKind.SEEN, 0, {"outcome": "written"})
        state.pin(run, SUBJECTS[0].name, name("a-example.o-v1.mx.microsoft"))
        forgotten = state.forget(run, SUBJECTS[-1])
        assert forgotten
        state.record(run, forgotten.id, EventKind.SEEN, 1, {})
    return path


def verified_after(written: Path, folder: Path, change: str, parameters: tuple[object, ...]) -> tuple[Broken, ...]:
    path = folder / "state.db"
    shutil.copy(written, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        try:
            assume(connection.execute(change, parameters).rowcount == 1)
        except sqlite3.IntegrityError:  # the table itself refuses that value
            assume(False)  # noqa: FBT003 - hypothesis knows no other word for it
    with State.open(f"sqlite:///{path}", lambda: NOON) as state:
        return state.verify()


@settings(deadline=None, max_examples=250)
@given(st.data())
def test_one_edited_column_of_an_entry_is_named(
    tmp_path_factory: pytest.TempPathFactory, written: Path, data: st.DataObject
) -> None:
    n, column, value = data.draw(st.integers(1, 9)), data.draw(st.sampled_from(tuple(ENTRY))), data.draw(values)
    change = f"UPDATE journal SET {column} = ? WHERE n = ? AND {column} IS NOT CAST(? AS {ENTRY[column]})"  # noqa: S608 - our names
    broken = verified_after(written, tmp_path_factory.mktemp("edited"), change, (value, n, value))
    assert n in {one.n for one in broken}


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 9), st.data())
def test_one_byte_that_was_changed_in_any_text_of_an_entry_is_named(
    tmp_path_factory: pytest.TempPathFactory, written: Path, n: int, data: st.DataObject
) -> None:
    column = data.draw(st.sampled_from([name for name, kind in ENTRY.items() if kind == "TEXT"]))
    with closing(sqlite3.connect(written)) as connection:
        (before,) = connection.execute(f"SELECT CAST({column} AS BLOB) FROM journal WHERE n = ?", (n,)).fetchone()  # noqa: S608 - our names
    assume(before)
    at, octet = data.draw(st.integers(0, len(before) - 1)), data.draw(st.integers(0, 255))
    after = before[:at] + bytes([octet]) + before[at + 1 :]
    assume(after != before)
    change = f"UPDATE journal SET {column} = CAST(? AS TEXT) WHERE n = ?"  # noqa: S608 - our names
    broken = verified_after(written, tmp_path_factory.mktemp("edited"), change, (after, n))
    assert n in {one.n for one in broken}


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.integers(-3, 20))
def test_a_renumbered_entry_is_missed(tmp_path_factory: pytest.TempPathFactory, written: Path, n: int, to: int) -> None:
    broken = verified_after(
        written, tmp_path_factory.mktemp("edited"), "UPDATE journal SET n = ? WHERE n = ? AND n <> ?", (to, n, to)
    )
    assert n in {one.n for one in broken}


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_one_edited_column_of_a_rollout_is_named_by_the_entry_that_holds_it(
    tmp_path_factory: pytest.TempPathFactory, written: Path, data: st.DataObject
) -> None:
    number, column, value = data.draw(st.integers(1, 3)), data.draw(st.sampled_from(ROLLOUT)), data.draw(values)
    change = f"UPDATE rollout SET {column} = ? WHERE rowid = ? AND {column} IS NOT CAST(? AS TEXT)"  # noqa: S608 - our names
    broken = verified_after(written, tmp_path_factory.mktemp("edited"), change, (value, number, value))
    assert {one.n for one in broken} & {2 * number - 1, 8}
