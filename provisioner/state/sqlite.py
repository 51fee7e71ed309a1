"""Everything that is SQLite's own: the file, the connection's settings, how a transaction begins, what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from provisioner.state.problems import StateUnavailable

PATIENCE = 30.0
"""Seconds to wait for another process's transaction."""

_BEGIN = "provisioner_begin"
_NAME_ANOTHER = "or name another file under `state:` in the manifest"
_CAUSES = {
    "SQLITE_NOTADB": ("this is no SQLite database", f"Move the file away, {_NAME_ANOTHER}."),
    "SQLITE_CORRUPT": ("the database is damaged", f"Put the last good copy of the file in its place, {_NAME_ANOTHER}."),
    "SQLITE_FULL": ("the disk is full", "Free space on that disk, then type the same command again."),
    "SQLITE_IOERR": (
        "the disk did not take or give the data",
        "Look after that disk (space, quota, errors), then type the same command again.",
    ),
    "SQLITE_BUSY": (
        f"another process kept it locked for {PATIENCE:.0f} s",
        "Type the same command again when that process is done.",
    ),
    "SQLITE_READONLY": (
        "it cannot be written",
        f"Give this user write permission on the file and on its folder, {_NAME_ANOTHER}.",
    ),
    "SQLITE_CANTOPEN": (
        "it cannot be opened, or its folder cannot be written",
        f"Give this user write permission on the file and on its folder, {_NAME_ANOTHER}.",
    ),
}
_OTHER_CAUSE = ("SQLite failed", f"Look at that file, {_NAME_ANOTHER}.")


def path_of(url: str) -> Path:
    """Give the file that an SQLAlchemy URL names.

    Raises:
        StateUnavailable: it names no SQLite file.

    """
    headline = "the state cannot be opened"
    mend = "Write `state: sqlite:///PATH` in the manifest, or leave the line out for the default."
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StateUnavailable(headline, "`state:` is no URL of a database", mend) from error
    if parsed.drivername != "sqlite":
        raise StateUnavailable(headline, f"`state:` names {parsed.drivername}; this version keeps its state in SQLite", mend)
    if not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise StateUnavailable(headline, f"`state: {url}` does not name a file and nothing else", mend)
    return Path(parsed.database)


def create(path: Path) -> None:
    """Make the file (mode 0600) and its folder (0700) where they are missing. Raises `StateUnavailable`."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise _unreachable(path, error) from error


def exists(path: Path) -> bool:
    """Whether there is anything in the file. Raises `StateUnavailable`."""
    try:
        return path.stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreachable(path, error) from error


def engine(path: Path, *, writes: bool) -> Engine:
    """Make an engine for an existing file; without `writes`, SQLite refuses every change.

    A transaction reads from one snapshot. One that begins in the engine that `writer` gives has the write lock from its start.
    """
    url = URL.create("sqlite", database=f"file:{quote(str(path.absolute()))}", query={"uri": "true", "mode": "rw"})
    made = create_engine(url, max_overflow=-1, connect_args={"timeout": PATIENCE, "isolation_level": None})

    def settle(connection: sqlite3.Connection, _record: object) -> None:
        # Text that is no UTF-8 reaches `journal.breaks`, which names the entry, in place of failing here.
        connection.text_factory = lambda octets: octets.decode(errors="surrogateescape")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if not writes:
            connection.execute("PRAGMA query_only = ON")

    def begin(connection: Connection) -> None:
        kind = connection.get_execution_options().get(_BEGIN, "DEFERRED")
        if kind:
            connection.exec_driver_sql(f"BEGIN {kind}")

    event.listen(made, "connect", settle)
    event.listen(made, "begin", begin)
    return made


def writer(of: Engine) -> Engine:
    """Give the same engine, whose transactions hold the write lock: what they read stays true until they commit."""
    return of.execution_options(**{_BEGIN: "IMMEDIATE"})


def use_write_ahead_log(of: Engine) -> None:
    """Let readers and a writer work at the same time; the file remembers it. Raises `DBAPIError`.

    Where several processes switch a new file at the same moment, SQLite refuses some of them at once, without waiting.
    """
    outside_transactions = of.execution_options(**{_BEGIN: None})
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with outside_transactions.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            if _name(error) != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def explain(error: DBAPIError, path: Path) -> StateUnavailable:
    """Say what an error of the database means to a user."""
    name = _name(error)
    what, mend = next((cause for prefix, cause in _CAUSES.items() if name.startswith(prefix)), _OTHER_CAUSE)
    return StateUnavailable("the state cannot be used", f"{path}: {what} ({error.orig})", mend)


def _name(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlite_errorname", ""))


def _unreachable(path: Path, error: OSError) -> StateUnavailable:
    where = error.filename or path
    return StateUnavailable(
        "the state cannot be opened",
        f"{path}: {where}: {error.strerror}",
        f"Make that a file that this user can read and write, {_NAME_ANOTHER}.",
    )
