"""Every way in which a state cannot be had ends in three parts that a person can act on."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from plans.problem import Problem
from provisioner.state import State, StateUnavailable
from provisioner.state.sqlite import Sqlite

NOBODY = 65534
Opening = Callable[[str, Callable[[], datetime]], State | None]
both = pytest.mark.parametrize("opening", [State.open, State.peek], ids=["open", "peek"])


def now() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


def refusal(opening: Opening, path: Path | str) -> Problem:
    with pytest.raises(StateUnavailable) as caught:
        opening(f"sqlite:///{path}", now)
    assert all((caught.value.headline, caught.value.detail, caught.value.mend))
    return caught.value


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder of a user without special rights, as whom the test goes on."""
    folder = Path(tempfile.mkdtemp())
    privileged = os.geteuid() == 0
    if privileged:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if privileged:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


@both
def test_a_file_that_is_no_database_is_left_as_it_is(opening: Opening, tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_text("state of the union\n" * 100)
    problem = refusal(opening, path)
    assert f"{path}: this is no SQLite database" in problem.detail
    assert "`state:`" in problem.mend
    assert path.read_text() == "state of the union\n" * 100


def test_a_damaged_database_is_told_from_an_unavailable_one(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    State.open(f"sqlite:///{path}", now).close()
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 3] = b"\xee" * 4096 * 2
    path.write_bytes(content)
    with pytest.raises(StateUnavailable, match="the database is damaged"), State.open(f"sqlite:///{path}", now) as state:
        state.verify()


@both
def test_a_folder_is_no_state(opening: Opening, tmp_path: Path) -> None:
    assert str(tmp_path) in refusal(opening, tmp_path).detail


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in refusal(State.open, tmp_path / "file" / "state.db").detail
    assert State.peek(f"sqlite:///{tmp_path}/file/state.db", now) is None


def test_a_folder_that_may_not_be_written(shared: Path) -> None:
    shared.chmod(0o500)
    problem = refusal(State.open, shared / "deeper" / "state.db")
    assert f"{shared}/deeper: Permission denied" in problem.detail


def test_a_file_that_may_not_be_written(shared: Path) -> None:
    path = shared / "state.db"
    State.open(f"sqlite:///{path}", now).close()
    path.chmod(0o400)
    assert "Permission denied" in refusal(State.open, path).detail


def test_a_folder_that_can_hold_no_log(shared: Path) -> None:
    path = shared / "state.db"
    State.open(f"sqlite:///{path}", now).close()
    shared.chmod(0o500)
    for opening in (State.open, State.peek):
        assert "its folder" in refusal(opening, path).mend


def test_a_folder_that_may_not_be_looked_into(shared: Path) -> None:
    shared.chmod(0o000)
    assert "Permission denied" in refusal(State.peek, shared / "state.db").detail


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("state.db", "no URL"),
        ("mysql://me:hunter2@db.example/state", "names mysql; a state is kept in SQLite or in PostgreSQL"),
        ("postgresql+psycopg://me:hunter2@db.example:port/state", "no URL"),
        ("sqlite://", "does not name a file"),
        ("sqlite:///:memory:", "does not name a file"),
        ("sqlite:///state.db?mode=memory", "does not name a file"),
    ],
)
@both
def test_a_url_that_names_no_file(opening: Opening, url: str, detail: str) -> None:
    with pytest.raises(StateUnavailable) as caught:
        opening(url, now)
    assert detail in caught.value.detail
    assert "sqlite:///PATH" in caught.value.mend
    assert "hunter2" not in str(caught.value)


LEASING = (
    "run = state.begin_run('apply', '0.1.0')\n"
    "        zones = [ZoneRef('p', 't', 'a', str(n), name('a.example')) for n in range(100)]\n"
    "        for _ in range(10**4): state.release(state.acquire(run, zones, 'x' * 1000))\n"
)


@pytest.mark.parametrize(
    "writing", ["for _ in range(10**4): state.begin_run('x' * 1000, '0.1.0')\n", LEASING], ids=["runs", "leases"]
)
def test_a_disk_that_takes_no_more(url: str, writing: str) -> None:
    program = (
        "import sys; from datetime import datetime, UTC; from provisioner.state import State, StateUnavailable\n"
        "from plans.values import ZoneRef, name\n"
        "try:\n"
        "    with State.open(sys.argv[1], lambda: datetime.now(UTC)) as state:\n"
        f"        {writing}"
        "except StateUnavailable as problem: sys.stdout.write(str(problem))\n"
    )
    bare = {key: value for key, value in os.environ.items() if not key.startswith("COV")}
    limited = subprocess.run(
        [sys.executable, "-c", program, url],
        env=bare,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert "the disk did not take or give the data" in limited.stdout
    with State.open(url, now) as state:
        assert state.verify() == ()
        assert len(state.leases()) in {0, 100}  # what was leased last was leased whole


def test_errors_of_the_database_are_told_with_their_mend(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "small.db")) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as full:
            connection.executescript("CREATE TABLE a (b); CREATE TABLE c (d)")
        with pytest.raises(sqlite3.OperationalError) as other:
            connection.execute("SELECT absent")
    backend = Sqlite.of(make_url(f"sqlite:///{tmp_path}/small.db"), now, writes=True)
    told = backend.explain(DBAPIError("INSERT", None, full.value))
    assert "the disk is full" in told.detail
    assert "Free space" in told.mend
    told = backend.explain(DBAPIError("SELECT", None, other.value))
    assert "SQLite failed (no such column: absent)" in told.detail
