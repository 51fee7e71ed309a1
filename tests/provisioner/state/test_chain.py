"""Whatever is recorded verifies, and whatever is edited is found."""

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
from provisioner.state import State

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBJECTS = tuple(Subject(name(f"{label}.example")) for label in "abc")
ENTRIES = {"rollout": str, "n": int, "at": str, "run": int, "kind": str, "step": int, "body": str, "prev": str, "hash": str}
ROLLOUTS = ("id", "subject", "plan_id", "line", "opened")

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
        ids = {subject: state.start(subject, "plan", str(subject).encode()).id for subject in SUBJECTS}
        told: dict[Subject, list[Event]] = {subject: [] for subject in SUBJECTS}
        for subject, kind, step, body, jump in recorded:
            clock[0] = NOON + max(jump, timedelta(-9))
            told[subject].append(state.record(run, ids[subject], kind, step, body))
        assert {subject: list(state.events(ids[subject])) for subject in SUBJECTS} == told
        assert state.verify() == ()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state with three rollouts of one, two and three entries."""
    path = tmp_path_factory.mktemp("written") / "state.db"
    with State.open(f"sqlite:///{path}", lambda: NOON) as state:
        run = state.begin_run("apply", "0.1.0")
        state.begin_run("apply", "0.1.0")
        for count, subject in enumerate(SUBJECTS, 1):
            rollout = state.start(subject, "plan", b"{}")
            for step in range(count):
                state.record(run, rollout.id, EventKind.SEEN, step, {"outcome": "written"})
    return path


def edit(written: Path, folder: Path, change: str, parameters: tuple[object, ...]) -> State:
    path = folder / "state.db"
    shutil.copy(written, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        try:
            assume(connection.execute(change, parameters).rowcount == 1)
        except sqlite3.IntegrityError:  # the table itself refuses that value
            assume(False)  # noqa: FBT003 - hypothesis knows no other word for it
    return State.open(f"sqlite:///{path}", lambda: NOON)


def rows(written: Path, query: str) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(written)) as connection:
        return connection.execute(query).fetchall()


@settings(deadline=None, max_examples=250)
@given(st.data())
def test_one_edited_column_of_an_entry_is_named(
    tmp_path_factory: pytest.TempPathFactory, written: Path, data: st.DataObject
) -> None:
    rollout, n = data.draw(st.sampled_from(rows(written, "SELECT rollout, n FROM journal")))
    column = data.draw(st.sampled_from(tuple(ENTRIES)))
    others = st.sampled_from([row[0] for row in rows(written, "SELECT id, 0 FROM rollout")])
    value = data.draw(others | values if column == "rollout" else values)
    change = f"UPDATE journal SET {column} = ? WHERE rollout = ? AND n = ? AND {column} IS NOT CAST(? AS {kind(column)})"  # noqa: S608 - our names
    with edit(written, tmp_path_factory.mktemp("edited"), change, (value, rollout, n, value)) as state:
        named = {(broken.rollout, broken.n) for broken in state.verify()}
    assert (rollout, n) in named or (column == "rollout" and n in {at for _, at in named})


def kind(column: str) -> str:
    return "INTEGER" if ENTRIES[column] is int else "TEXT"


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_one_edited_column_of_a_rollout_is_named(
    tmp_path_factory: pytest.TempPathFactory, written: Path, data: st.DataObject
) -> None:
    rollout, _ = data.draw(st.sampled_from(rows(written, "SELECT id, 0 FROM rollout")))
    column, value = data.draw(st.sampled_from(ROLLOUTS)), data.draw(values)
    change = f"UPDATE rollout SET {column} = ? WHERE id = ? AND {column} IS NOT CAST(? AS TEXT)"  # noqa: S608 - our names
    with edit(written, tmp_path_factory.mktemp("edited"), change, (value, rollout, value)) as state:
        named = {(broken.rollout, broken.n) for broken in state.verify()}
    assert named & {(rollout, 0), (rollout, 1)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "DELETE FROM journal WHERE n = 2 AND rollout IN (SELECT rollout FROM journal WHERE n = 3)",
            "the entry is missing; 3 is there",
        ),
        ('UPDATE journal SET body = \'{"outcome":"unknown"}\' WHERE n = 2 AND step = 1', "its columns do not give its hash"),
        ("UPDATE journal SET n = 'x' WHERE n = 3", "the entry is missing; x is there"),
        ("UPDATE journal SET body = CAST(x'ff' AS TEXT) WHERE n = 3", "its columns do not give its hash"),
        ("UPDATE rollout SET opened = '2020-01-01T00:00:00.000000Z'", "its rollout's row was edited"),
        ("DELETE FROM rollout", "entries from this one on belong to no rollout"),
    ],
)
def test_what_is_wrong_is_said(written: Path, tmp_path: Path, change: str, expected: str) -> None:
    path = tmp_path / "state.db"
    shutil.copy(written, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(change)
    with State.open(f"sqlite:///{path}", lambda: NOON) as state:
        assert expected in state.verify()[0].what
