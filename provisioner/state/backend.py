"""What the state asks of a kind of database, and which kind a URL names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from provisioner.state.postgres import Postgres
from provisioner.state.problems import StateUnavailable
from provisioner.state.sqlite import Sqlite


class Backend(Protocol):
    """A database that can be reached. Nothing is asked of it before an engine is used."""

    @property
    def where(self) -> str:
        """Its name for messages, without a password."""
        ...

    @property
    def reader(self) -> Engine:
        """Its engine for reading: a transaction sees one moment."""
        ...

    @property
    def writer(self) -> Engine:
        """Its engine for writing: a transaction lets no other writer in, so that what it reads stays true until it commits.

        Of a backend that was opened for reading alone, the database refuses every change.
        """
        ...

    def exists(self) -> bool:
        """Whether there is a database to look into. Raises `StateUnavailable`."""
        ...

    def create(self) -> None:
        """Make what can be made of a database that is not there, before anything is asked of it. Raises `StateUnavailable`."""
        ...

    def clock(self, connection: Connection) -> datetime:
        """Give the time by which all who share the database live."""
        ...

    def explain(self, error: SQLAlchemyError) -> StateUnavailable:
        """Say what an error of the database means to a user."""
        ...


def backend(url: str, now: Callable[[], datetime], *, writes: bool) -> Backend:
    """Give the backend for an SQLAlchemy URL.

    Raises:
        StateUnavailable: the URL names no database of a kind that is known, or its driver is not installed.

    """
    parsed = _parsed(url)
    if parsed.drivername == "sqlite":
        return Sqlite.of(parsed, now, writes=writes)
    if parsed.drivername == "postgresql+psycopg":
        return Postgres.of(parsed, writes=writes)
    raise StateUnavailable(
        "the state cannot be opened",
        f"`state:` names {parsed.drivername}; a state is kept in SQLite or in PostgreSQL",
        "Write `state: sqlite:///PATH` or `state: postgresql+psycopg://USER@HOST/DATABASE` in the manifest.",
    )


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise StateUnavailable(
            "the state cannot be opened",
            "`state:` is no URL of a database",
            "Write `state: sqlite:///PATH` in the manifest, or leave the line out for the default.",
        ) from error
