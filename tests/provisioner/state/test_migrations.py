from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, select, text

from plans.desired import Subject
from plans.position import Event, EventKind
from plans.values import name
from provisioner.state import State, StateDamaged, StateUnavailable, migrations, sqlite, tables
from provisioner.state.migrations import MIGRATIONS, Migration

RELEASED = sorted((Path(__file__).parents[2] / "data" / "state").glob("*.sql"))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def load(dump: Path, file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    return f"sqlite:///{file}"


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


def test_the_migrations_count_up_from_1_and_make_the_columns_that_are_used(state: State, file: Path) -> None:
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
    assert all(migration.name for migration in MIGRATIONS)
    assert state.verify() == ()
    engine = sqlite.engine(file, writes=False)
    made = {
        table: {column["name"] for column in inspect(engine).get_columns(table)} for table in inspect(engine).get_table_names()
    }
    engine.dispose()
    used = (tables.meta, tables.run, tables.rollout, tables.journal, tables.pin)
    assert made == {table.name: {column.name for column in table.c} for table in used}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    file = tmp_path / "state.db"
    load(RELEASED[0], file)
    return file


def add_lease(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE lease (zone TEXT)"))


def fail(connection: Connection) -> None:
    add_lease(connection)
    connection.execute(text("INSERT INTO lease (zone, term) VALUES (1, 2)"))


def test_a_later_migration_is_applied_once(old: Path) -> None:
    later = (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "leases", add_lease))
    engine = sqlite.engine(old, writes=True)
    try:
        with engine.begin() as connection:
            assert migrations.outdated(connection, "state", later)
        migrations.upgrade(sqlite.writer(engine), "state", later)
        migrations.upgrade(sqlite.writer(engine), "state", later)
        with engine.begin() as connection:
            assert not migrations.outdated(connection, "state", later)
            assert connection.execute(select(tables.meta.c.value)).scalars().all() == [str(later[-1].number)]
    finally:
        engine.dispose()


def test_a_migration_that_fails_leaves_nothing_behind(old: Path) -> None:
    later = (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "leases", fail))
    engine = sqlite.engine(old, writes=True)
    try:
        with pytest.raises(Exception, match="no column named term"):
            migrations.upgrade(sqlite.writer(engine), "state", later)
        assert "lease" not in inspect(engine).get_table_names()
        assert numbers(old) == [("schema", str(MIGRATIONS[-1].number))]
    finally:
        engine.dispose()


def test_a_state_of_a_newer_version_is_refused_and_left_alone(old: Path) -> None:
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute("UPDATE meta SET value = '99'")
    for opening in (State.open, State.peek):
        with pytest.raises(StateUnavailable, match="schema is 99, this version knows schemas up to 2") as caught:
            opening(f"sqlite:///{old}", lambda: NOON)
        assert str(old) in caught.value.headline
        assert "Upgrade provisioner" in caught.value.mend
    assert numbers(old) == [("schema", "99")]


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE song (title)",
        "CREATE TABLE meta (key, value)",
        "CREATE TABLE meta (key, value); INSERT INTO meta VALUES ('schema', 'two')",
    ],
)
def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path, change: str) -> None:
    file = tmp_path / "music.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(change)
    for opening in (State.open, State.peek):
        with pytest.raises(StateDamaged, match="is no state of provisioner") as caught:
            opening(f"sqlite:///{file}", lambda: NOON)
        assert "state:" in caught.value.mend
