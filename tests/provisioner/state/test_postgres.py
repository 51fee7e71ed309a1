"""What can be said of PostgreSQL without a server; `tests/lab` asks real ones."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft

from provisioner.state import State, StateUnavailable
from provisioner.state.postgres import Postgres


def now() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def nobodys_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize("opens", [True, False])
def test_a_server_that_does_not_answer_is_told_without_the_password(nobodys_port: int, *, opens: bool) -> None:
    url = f"postgresql+psycopg://me:hunter2@127.0.0.1:{nobodys_port}/state?sslkey=/secret/key"
    with pytest.raises(StateUnavailable, match="there is no connection to the server") as caught:
        (State.open if opens else State.peek)(url, now)
    told = caught.value
    assert f"postgresql+psycopg://me@127.0.0.1:{nobodys_port}/state: " in told.detail
    assert "See that the server runs" in told.mend
    assert "hunter2" not in str(told)
    assert "/secret" not in str(told)


def test_where_libpq_finds_the_server_is_told() -> None:
    backend = Postgres.of(make_url("postgresql+psycopg://me:hunter2@/state?host=/run/postgresql&sslmode=require"), writes=True)
    assert backend.where == "postgresql+psycopg://me@/state?host=%2Frun%2Fpostgresql"
    assert "hunter2" not in repr(backend)
    assert backend.exists()
    backend.create()


def test_a_missing_driver_is_told_with_its_extra() -> None:
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from datetime import datetime, UTC; from provisioner.state import State, StateUnavailable\n"
        "try: State.open('postgresql+psycopg://me:hunter2@db.example/state', lambda: datetime.now(UTC))\n"
        "except StateUnavailable as problem: sys.stdout.write(str(problem))\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], env=os.environ, stdout=subprocess.PIPE, text=True, check=True)
    assert ran.stdout == (
        "a state in PostgreSQL cannot be used by this installation\n"
        "The package psycopg is not installed.\n"
        "pip install 'provisioner[postgres]'"
    )


@pytest.mark.parametrize(
    ("code", "what", "mend"),
    [
        ("08006", "there is no connection to the server", "See that the server runs"),
        ("28P01", "there is no connection to the server", "PGPASSWORD"),
        ("57P01", "there is no connection to the server", "See that the server runs"),
        ("25006", "it can only be read", "primary"),
        ("42501", "this user may not do that", "own that database"),
        ("53100", "the server's disk is full", "Free space"),
        ("53300", "the server has no means left", "connections"),
        ("55P03", "another process kept it locked for 30 s", "when that process is done"),
        ("57014", "the server took longer than 60 s", "Look after the server"),
        ("40001", "another process was in the way", "Type the same command again"),
        ("58030", "the server's disk did not take or give the data", "disk"),
        ("XX001", "the database is damaged", "log"),
        ("42P01", "PostgreSQL failed", "log"),
    ],
)
def test_errors_of_the_server_are_told_with_their_mend(code: str, what: str, mend: str) -> None:
    backend = Postgres.of(make_url("postgresql+psycopg://me:hunter2@db.example/state"), writes=True)
    told = backend.explain(DBAPIError("INSERT", None, psycopg.errors.lookup(code)("no,\nsaid hunter2")))
    assert f"postgresql+psycopg://me@db.example/state: {what}" in told.detail
    assert told.detail.endswith("(no, said ***)")
    assert mend in told.mend


def test_a_process_that_uses_all_of_its_connections_is_told_so() -> None:
    backend = Postgres.of(make_url("postgresql+psycopg://me@db.example/state"), writes=False)
    told = backend.explain(NoConnectionLeft("QueuePool limit reached"))
    assert "all 16 connections of this process were in use for 30 s" in told.detail
