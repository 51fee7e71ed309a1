"""What is PostgreSQL's own, at real servers: the ways in which a state there cannot be had, passwords, whose clock counts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from plans.desired import Subject
from plans.position import EventKind
from plans.values import ZoneRef, name
from provisioner.cli import run
from provisioner.exits import Exit
from provisioner.state import Mark, State, StateUnavailable
from tests.lab.conftest import ROOT
from tests.lab.postgres_server import PostgresServer

CONTOSO = Subject(name("contoso.com"))
ZONE = ZoneRef("cf", "cloudflare", "account", "1", CONTOSO.name)
NAMES = (f"unavailable_{number}" for number in count())


def long_ago() -> datetime:
    """Give the time of a machine whose clock nobody set."""
    return datetime(1999, 12, 31, tzinfo=UTC)


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    made = next(NAMES)
    postgres.execute(f"CREATE DATABASE {made} TEMPLATE template0")
    yield made
    postgres.execute(f"DROP DATABASE {made} WITH (FORCE)")


@pytest.fixture
def state(postgres: PostgresServer, database: str) -> Iterator[State]:
    with State.open(postgres.url(database), long_ago) as opened:
        yield opened


@pytest.fixture
def servers(postgres_programs: Path) -> Iterator[Callable[[PostgresServer | None], PostgresServer]]:
    """Start servers that a test may stop: new ones, or standbys of others."""
    made: list[PostgresServer] = []

    def start(primary: PostgresServer | None = None) -> PostgresServer:
        made.append(PostgresServer(postgres_programs, primary))
        made[-1].start()
        return made[-1]

    yield start
    for server in reversed(made):
        server.stop()
        server.remove()


def test_a_server_that_stops_in_mid_run_stops_every_write_and_nothing_is_lost(
    servers: Callable[[PostgresServer | None], PostgresServer],
) -> None:
    server = servers(None)
    with State.open(server.url("postgres"), long_ago) as state:
        applying = state.begin_run("apply", "0.1.0")
        rollout = state.start(applying, CONTOSO, "plan", b"{}")
        leases = state.acquire(applying, [ZONE], "apply")
        state.record(applying, rollout.id, EventKind.SEEN, 0, {}, leases)
        head = state.head()
        server.stop()
        attempts: tuple[Callable[[], object], ...] = (
            lambda: state.record(applying, rollout.id, EventKind.BEGUN, 1, {}, leases),
            lambda: state.acquire(applying, [ZONE], "apply"),
            lambda: state.renew(leases),
            lambda: state.release(leases),
            state.head,
            lambda: list(state.history()),
            state.now,
        )
        for attempt in attempts:
            with pytest.raises(StateUnavailable, match="there is no connection to the server") as caught:
                attempt()
            assert "See that the server runs" in caught.value.mend
        server.start()
        assert state.head() == head
        state.renew(leases)
        state.record(applying, rollout.id, EventKind.BEGUN, 1, {}, leases)
        assert state.verify(head.hash) == ()


def test_connections_that_died_in_the_pool_are_replaced_before_a_write(
    postgres: PostgresServer, database: str, state: State
) -> None:
    applying = state.begin_run("apply", "0.1.0")
    postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")  # noqa: S608 - ours
    rollout = state.start(applying, CONTOSO, "plan", b"{}")
    assert state.head().n == 1
    assert state.open_rollout(CONTOSO) == rollout


def test_a_standby_is_read_and_not_written(servers: Callable[[PostgresServer | None], PostgresServer]) -> None:
    primary = servers(None)
    with State.open(primary.url("postgres"), long_ago) as state:
        state.pin(state.begin_run("pin", "0.1.0"), CONTOSO.name, name("contoso-com.o-v1.mx.microsoft"))
        pins = state.pins()
    standby = servers(primary)
    peeked = State.peek(standby.url("postgres"), long_ago)
    assert peeked
    with peeked:
        assert peeked.pins() == pins
        assert peeked.verify() == ()
    with State.open(standby.url("postgres"), long_ago) as state:
        for write in (lambda: state.begin_run("apply", "0.1.0"), lambda: state.forget(state.begin_run("x", "0"), CONTOSO)):
            with pytest.raises(StateUnavailable, match="it can only be read") as caught:
                write()
            assert "primary" in caught.value.mend


def test_a_database_that_can_only_be_read_is_told(postgres: PostgresServer, database: str, state: State) -> None:
    applying = state.begin_run("apply", "0.1.0")
    postgres.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    with (
        State.open(postgres.url(database), long_ago) as late,
        pytest.raises(StateUnavailable, match="it can only be read"),
    ):
        late.acquire(applying, [ZONE], "apply")


def test_a_disk_that_takes_no_more_is_told_and_nothing_is_half_written(
    postgres: PostgresServer, database: str, state: State
) -> None:
    applying = state.begin_run("apply", "0.1.0")
    full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$"
    postgres.execute(full, database)
    postgres.execute("CREATE TRIGGER full_disk BEFORE INSERT ON journal EXECUTE FUNCTION full_disk()", database)
    with pytest.raises(StateUnavailable, match="the server's disk is full") as caught:
        state.start(applying, CONTOSO, "plan", b"{}")
    assert "Free space" in caught.value.mend
    assert state.open_rollout(CONTOSO) is None


def test_a_user_without_rights_is_told(postgres: PostgresServer, database: str, state: State) -> None:
    postgres.execute(f"CREATE ROLE {database} LOGIN")
    with pytest.raises(StateUnavailable, match="this user may not do that") as caught:
        State.peek(postgres.url(database, user=database), long_ago)
    assert "own that database" in caught.value.mend
    postgres.execute(f"DROP ROLE {database}")


def test_a_database_that_is_not_there_is_told(postgres: PostgresServer) -> None:
    for opening in (State.open, State.peek):
        with pytest.raises(StateUnavailable, match='database "nowhere" does not exist'):
            opening(postgres.url("nowhere"), long_ago)


def test_the_password_comes_from_where_libpq_looks_for_it(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.execute("CREATE ROLE locked LOGIN PASSWORD 'hunter2'")
    postgres.execute("CREATE DATABASE locked OWNER locked")
    url = postgres.url("locked", user="locked")
    try:
        with pytest.raises(StateUnavailable, match="no password supplied"):
            State.open(url, long_ago)
        monkeypatch.setenv("PGPASSWORD", "hunter3")
        with pytest.raises(StateUnavailable, match="password authentication failed") as caught:
            State.open(url, long_ago)
        assert "hunter3" not in str(caught.value)
        monkeypatch.setenv("PGPASSWORD", "hunter2")
        State.open(url, long_ago).close()
        monkeypatch.delenv("PGPASSWORD")
        (tmp_path / "pgpass").write_text("*:*:*:locked:hunter2\n")
        (tmp_path / "pgpass").chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
        with State.open(url, long_ago) as state:
            assert state.where == url
    finally:
        postgres.execute("DROP DATABASE locked WITH (FORCE)")
        postgres.execute("DROP ROLE locked")


def test_times_are_by_the_clock_of_the_server(postgres: PostgresServer, database: str, state: State) -> None:
    before = state.now()
    postgres.execute(f"ALTER DATABASE {database} SET TimeZone = 'Asia/Kathmandu'")
    with State.open(postgres.url(database), long_ago) as elsewhere:
        applying = elsewhere.begin_run("apply", "0.1.0")
        opened = elsewhere.start(applying, CONTOSO, "plan", b"{}").opened
        (lease,) = elsewhere.acquire(applying, [ZONE], "apply")
        between = elsewhere.now()
    after = state.now()
    assert before <= opened <= lease.acquired <= between <= after
    assert before.year > 1999
    assert between.tzinfo is UTC
    assert state.leases() == (lease,)


def test_the_command_line_keeps_its_state_there(
    postgres: PostgresServer,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(ROOT / "examples" / "quickstart", tmp_path / "quickstart")
    monkeypatch.chdir(tmp_path / "quickstart")
    manifest = Path("provisioner.yaml")
    manifest.write_text(manifest.read_text() + f"\nstate: {postgres.url(database)}\n")
    host = "fabrikam-example.o-v1.mx.microsoft"
    assert run(["pin", "fabrikam.example", host]) == Exit.DONE
    assert run(["plan", "--domain", "fabrikam.example"]) == Exit.DONE
    assert f"Pinned is {host}.  (the state)" in capsys.readouterr().out
    assert run(["forget", "fabrikam.example"]) == Exit.DONE
    state = State.peek(postgres.url(database), long_ago)
    assert state
    with state:
        assert [(entry.command, entry.kind) for entry in state.history()] == [("pin", Mark.PIN), ("forget", Mark.UNPIN)]
        assert [one.exit_code for one in state.runs()] == [Exit.DONE, Exit.DONE]
