from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, make_url, select, text

from plans.desired import Subject
from plans.position import Event, EventKind
from plans.values import name
from provisioner.state import Mark, State, StateDamaged, StateUnavailable, migrations, tables
from provisioner.state.journal import digest
from provisioner.state.migrations import MIGRATIONS, Migration
from provisioner.state.sqlite import Sqlite

RELEASED = sorted((Path(__file__).parents[2] / "data" / "state").glob("*.sql"))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def load(dump: Path, file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    return f"sqlite:///{file}"


def backend(file: Path) -> Sqlite:
    return Sqlite.of(make_url(f"sqlite:///{file}"), lambda: NOON, writes=True)


def numbers(file: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT key, value FROM meta").fetchall()


def test_every_released_schema_is_kept_as_a_dump() -> None:
    assert [int(dump.stem) for dump in RELEASED] == [migration.number for migration in MIGRATIONS]


@pytest.mark.parametrize("opened", [True, False], ids=["opened", "peeked"])
@pytest.mark.parametrize("dump", RELEASED, ids=lambda dump: dump.stem)
def test_a_state_of_any_release_is_brought_to_the_newest_and_verifies(dump: Path, tmp_path: Path, *, opened: bool) -> None:
    url = load(dump, tmp_path / "state.db")
    state = State.open(url, lambda: NOON) if opened else State.peek(url, lambda: NOON)
    assert state
    with state:
        assert numbers(tmp_path / "state.db") == [("schema", str(MIGRATIONS[-1].number))]
        assert state.verify() == ()
        finished = state.find(Subject(name("contoso.com")), "a" * 64)
        assert finished
        assert (finished.line, finished.outcome) == ('{"subject":"contoso.com.","text":"Zürich"}\n'.encode(), "finished")
        assert state.events(finished.id) == (
            Event(EventKind.BEGUN, 0, datetime(2026, 3, 1, 12, 1, tzinfo=UTC)),
            Event(EventKind.SETTLED, 0, datetime(2026, 3, 1, 12, 2, tzinfo=UTC), "written"),
            Event(EventKind.SEEN, 0, datetime(2026, 3, 1, 12, 3, tzinfo=UTC)),
        )
        rollout = state.open_rollout(Subject(name("fabrikam.com")))
        assert rollout
        assert [event.kind for event in state.events(rollout.id)] == [EventKind.BEGUN]
        told = [(entry.kind, entry.at.minute, entry.run, entry.rollout) for entry in state.history()]
        assert told == [
            (Mark.OPENED, 0, 1, finished.id),
            (EventKind.BEGUN, 1, 1, finished.id),
            (EventKind.SETTLED, 2, 1, finished.id),
            (EventKind.SEEN, 3, 1, finished.id),
            (Mark.CLOSED, 3, 1, finished.id),
            (Mark.OPENED, 4, 1, rollout.id),
            (EventKind.BEGUN, 4, 1, rollout.id),
        ]


def change(file: Path, statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(statements)


@pytest.mark.parametrize("dump", RELEASED[:2], ids=lambda dump: dump.stem)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET step = 1 WHERE n = 2",
        "DELETE FROM journal WHERE n = 2",
        "UPDATE rollout SET opened = '2020-01-01T00:00:00.000000Z'",
        "DELETE FROM rollout WHERE closed IS NULL",
    ],
)
def test_old_chains_that_are_broken_are_not_made_to_look_whole(dump: Path, statement: str, tmp_path: Path) -> None:
    url = load(dump, tmp_path / "state.db")
    change(tmp_path / "state.db", statement)
    with pytest.raises(StateDamaged, match="cannot be brought to this version's tables"):
        State.open(url, lambda: NOON)
    assert numbers(tmp_path / "state.db") == [("schema", "2")]


def test_entries_of_old_rollouts_are_ordered_by_time_and_each_rollouts_stay_in_their_order(tmp_path: Path) -> None:
    url = load(RELEASED[1], tmp_path / "state.db")
    jumped = "2026-03-01T12:00:30.000000Z"  # the clock had jumped back when the first rollout's third entry was made
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("UPDATE journal SET at = ? WHERE n = 3", (jumped,))
        entry = dict(connection.execute("SELECT * FROM journal WHERE n = 3").fetchone())
        columns = ("rollout", "n", "at", "run", "kind", "step", "body", "prev")
        connection.execute("UPDATE journal SET hash = ? WHERE n = 3", (digest(entry, columns),))
        connection.execute("UPDATE run SET started = '2026-03-01T12:04:00.000000Z'")
        connection.execute("INSERT INTO run SELECT 2, '2026-03-01T12:02:00.000000Z', NULL, 'x', NULL, 'x', 'x'")
    with State.open(url, lambda: NOON) as state:
        assert state.verify() == ()
        told = [(entry.kind, entry.at.minute, entry.run) for entry in state.history()]
    assert told == [
        (Mark.OPENED, 0, 2), (EventKind.BEGUN, 1, 1), (EventKind.SETTLED, 2, 1), (EventKind.SEEN, 0, 1), (Mark.CLOSED, 3, 2),
        (Mark.OPENED, 4, 1), (EventKind.BEGUN, 4, 1),
    ]  # fmt: skip


def test_an_old_rollout_of_which_no_run_is_known_gets_one(tmp_path: Path) -> None:
    url = load(RELEASED[1], tmp_path / "state.db")
    change(tmp_path / "state.db", "DELETE FROM journal; DELETE FROM pin; DELETE FROM run")
    with State.open(url, lambda: NOON) as state:
        assert state.verify() == ()
        assert [(entry.kind, entry.who) for entry in state.history()] == [
            (Mark.OPENED, "unknown"), (Mark.CLOSED, "unknown"), (Mark.OPENED, "unknown")
        ]  # fmt: skip
        assert state.begin_run("apply", "0.1.0").id == 2


def test_the_migrations_count_up_from_1_and_make_the_columns_that_are_used(state: State) -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
    assert all(migration.name for migration in MIGRATIONS)
    assert state.verify() == ()
    engine = backend(Path(state.where)).reader
    made = {
        table: {column["name"] for column in inspect(engine).get_columns(table)} for table in inspect(engine).get_table_names()
    }
    engine.dispose()
    earlier = (tables.meta, tables.run, tables.rollout, tables.journal, tables.pin, tables.lease, tables.approval)
    used = (*earlier, tables.confirmation, tables.serving)
    assert made == {table.name: {column.name for column in table.c} for table in used}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    file = tmp_path / "state.db"
    load(RELEASED[0], file)
    return file


def add_song(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE song (title TEXT)"))


def fail(connection: Connection) -> None:
    add_song(connection)
    connection.execute(text("INSERT INTO song (title, term) VALUES (1, 2)"))


def test_a_later_migration_is_applied_once(old: Path) -> None:
    later = (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "songs", add_song))
    opened = backend(old)
    engine = opened.reader
    try:
        with engine.begin() as connection:
            assert migrations.outdated(connection, "state", later)
        migrations.upgrade(opened.writer, "state", later)
        migrations.upgrade(opened.writer, "state", later)
        with engine.begin() as connection:
            assert not migrations.outdated(connection, "state", later)
            assert connection.execute(select(tables.meta.c.value)).scalars().all() == [str(later[-1].number)]
    finally:
        engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(old: Path) -> None:
    later = (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "songs", fail))
    opened = backend(old)
    engine = opened.reader
    try:
        with pytest.raises(Exception, match="no column named term"):
            migrations.upgrade(opened.writer, "state", later)
        assert "song" not in inspect(engine).get_table_names()
        assert numbers(old) == [("schema", str(MIGRATIONS[-1].number))]
    finally:
        engine.dispose()


def test_a_state_of_a_newer_version_is_refused_and_left_alone(old: Path) -> None:
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute("UPDATE meta SET value = '99'")
    for opening in (State.open, State.peek):
        with pytest.raises(StateUnavailable, match="schema is 99, this version knows schemas up to 7") as caught:
            opening(f"sqlite:///{old}", lambda: NOON)
        assert str(old) in caught.value.headline
        assert "Upgrade provisioner" in caught.value.mend
    assert numbers(old) == [("schema", "99")]


@pytest.mark.parametrize(
    "statements",
    [
        "CREATE TABLE song (title)",
        "CREATE TABLE meta (key, value)",
        "CREATE TABLE meta (key, value); INSERT INTO meta VALUES ('schema', 'two')",
    ],
)
def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path, statements: str) -> None:
    file = tmp_path / "music.db"
    change(file, statements)
    for opening in (State.open, State.peek):
        with pytest.raises(StateDamaged, match="is no state of provisioner") as caught:
            opening(f"sqlite:///{file}", lambda: NOON)
        assert "state:" in caught.value.mend
