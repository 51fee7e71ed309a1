"""Everything that is SQLite's own: the file, the connection's settings, how a transaction begins, what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError

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


def path_of(url: str | URL) -> Path:
    """Give the file that an SQLAlchemy URL of SQLite names.

    Raises:
        StateUnavailable: it names no file.

    """
    parsed = make_url(url)
    if parsed.drivername != "sqlite" or not parsed.database or parsed.database == ":memory:" or parsed.query:
        raise StateUnavailable(
            "the state cannot be opened",
            f"`state: {parsed.render_as_string()}` does not name a file and nothing else",
            "Write `state: sqlite:///PATH` in the manifest, or leave the line out for the default.",
        )
    return Path(parsed.database)


@dataclass(frozen=True, slots=True)
class Sqlite:
    """A file; all who share it are on one machine, and its clock is theirs."""

    path: Path
    reader: Engine
    writer: Engine
    now: Callable[[], datetime]

    @classmethod
    def of(cls, url: URL, now: Callable[[], datetime], *, writes: bool) -> Sqlite:
        """Give the backend of a URL; without `writes`, SQLite refuses every change. Raises `StateUnavailable`."""
        path = path_of(url)
        engine = _engine(path, writes=writes)
        return cls(path, engine, engine.execution_options(**{_BEGIN: "IMMEDIATE"}), now)

    @property
    def where(self) -> str:
        """The file's path."""
        return str(self.path)

    def exists(self) -> bool:
        """Whether there is anything in the file."""
        try:
            return self.path.stat().st_size > 0
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise _unreachable(self.path, error) from error

    def create(self) -> None:
        """Make the file (mode 0600) and its folder (0700) where they are missing, and let it have a write-ahead log."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise _unreachable(self.path, error) from error
        _use_write_ahead_log(self.reader)

    def clock(self, _connection: Connection) -> datetime:
        """Give the time of this machine."""
        return self.now()

    def explain(self, error: SQLAlchemyError) -> StateUnavailable:
        """Say what an error of SQLite means."""
        name, told = _name(error), getattr(error, "orig", error)
        what, mend = next((cause for prefix, cause in _CAUSES.items() if name.startswith(prefix)), _OTHER_CAUSE)
        return StateUnavailable("the state cannot be used", f"{self.path}: {what} ({told})", mend)


def _engine(path: Path, *, writes: bool) -> Engine:
    url = URL.create("sqlite", database=f"file:{quote(os.fsencode(path.absolute()))}", query={"uri": "true", "mode": "rw"})
    made = create_engine(url, max_overflow=-1, connect_args={"timeout": PATIENCE, "isolation_level": None})

    def settle(connection: sqlite3.Connection, _record: object) -> None:
        # Text that is no UTF-8 reaches the check of the chain, which names the entry, in place of failing here.
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


def _use_write_ahead_log(of: Engine) -> None:
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


def _name(error: SQLAlchemyError) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlite_errorname", ""))


def _unreachable(path: Path, error: OSError) -> StateUnavailable:
    where = error.filename or path
    return StateUnavailable(
        "the state cannot be opened",
        f"{path}: {where}: {error.strerror}",
        f"Make that a file that this user can read and write, {_NAME_ANOTHER}.",
    )
