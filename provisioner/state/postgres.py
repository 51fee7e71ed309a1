"""Everything that is PostgreSQL's own: the connection's settings, how a transaction begins, what its errors mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from provisioner.state.problems import StateUnavailable

PATIENCE = 30
"""Seconds to wait for another process's transaction, for a silent server, and for one of this process's connections."""
_CONNECTING = 10
"""Seconds to wait for a connection."""
_CONNECTIONS = 16
"""As many connections one process has at most."""
_STATEMENT = 60
"""Seconds that one statement may take."""

_LOCK = int.from_bytes(b"provisio")
"""The advisory lock that a writer holds until its transaction ends, so that the journal's chain never forks."""
_WRITES = "provisioner_writes"
_LIMITS = f"SET LOCAL lock_timeout = '{PATIENCE}s'; SET LOCAL statement_timeout = '{_STATEMENT}s'"
_TO_READ = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; {_LIMITS}"
_TO_WRITE = f"SET TRANSACTION ISOLATION LEVEL READ COMMITTED; {_LIMITS}; SELECT pg_advisory_xact_lock({_LOCK})"
_SETTINGS = {
    "application_name": "provisioner",
    "client_encoding": "utf8",
    "connect_timeout": _CONNECTING,
    # A server that vanishes without a word is noticed after some 30 s.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": PATIENCE * 1000,
    # No statement stays prepared at the server: a pooler may give each transaction another connection.
    "prepare_threshold": None,
}
_LIBPQ_KNOWS = "the password is in PGPASSWORD, ~/.pgpass or PGSERVICEFILE"
_AGAIN = "then type the same command again."
_NO_CONNECTION = (
    "there is no connection to the server",
    f"See that the server runs, that `state:` names it, its database and its user, and that {_LIBPQ_KNOWS}; {_AGAIN}",
)
_ONLY_READ = ("it can only be read", f"Name the primary server under `state:`, or let that user write; {_AGAIN}")
# https://www.postgresql.org/docs/current/errcodes-appendix.html; a class stands for all of its codes.
_CAUSES = {
    "08": _NO_CONNECTION,
    "28": _NO_CONNECTION,
    "57P": _NO_CONNECTION,
    "25006": _ONLY_READ,
    "42501": (
        "this user may not do that",
        f"Let the user that `state:` names own that database, or its tables and their schema; {_AGAIN}",
    ),
    "53100": ("the server's disk is full", f"Free space on the server's disk, {_AGAIN}"),
    "53": ("the server has no means left", f"Look after the server (memory, connections), {_AGAIN}"),
    "55P03": (f"another process kept it locked for {PATIENCE} s", "Type the same command again when that process is done."),
    "57014": (
        f"the server took longer than {_STATEMENT} s, or the statement was cancelled there",
        f"Look after the server, {_AGAIN}",
    ),
    "40": ("another process was in the way", "Type the same command again."),
    "58": ("the server's disk did not take or give the data", f"Look after the server's disk, {_AGAIN}"),
    "XX": ("the database is damaged, or the server has a fault", f"Look into the server's log, {_AGAIN}"),
}
_OTHER_CAUSE = ("PostgreSQL failed", "Look into the server's log, or name another database under `state:` in the manifest.")


@dataclass(frozen=True, slots=True)
class Postgres:
    """A database at a server; its clock is the clock of all who share it."""

    where: str
    reader: Engine
    writer: Engine
    password: str = field(repr=False)

    @classmethod
    def of(cls, url: URL, *, writes: bool) -> Postgres:
        """Give the backend of a URL; without `writes`, the server refuses every change. Libpq's own sources give what it lacks.

        Raises:
            StateUnavailable: the driver is not installed.

        """
        engine = _engine(url)
        writer = engine.execution_options(**{_WRITES: True}) if writes else engine
        return cls(_where(url), engine, writer, url.password or "")

    def exists(self) -> bool:
        """Say yes: only a connection tells whether a database is there."""
        return True

    def create(self) -> None:
        """Make nothing: a database is made by whoever runs the server."""

    def clock(self, connection: Connection) -> datetime:
        """Give the server's time at this very moment, not that of the transaction's begin."""
        told: datetime = connection.execute(text("SELECT clock_timestamp() AT TIME ZONE 'UTC'")).scalar_one()
        return told.replace(tzinfo=UTC)

    def explain(self, error: SQLAlchemyError) -> StateUnavailable:
        """Say what an error of PostgreSQL, of its driver or of the pool of connections means."""
        origin = getattr(error, "orig", None)
        code = getattr(origin, "sqlstate", None)
        if origin is None:
            what, mend = (
                f"all {_CONNECTIONS} connections of this process were in use for {PATIENCE} s",
                "Type the same command again.",
            )
        elif code is None and isinstance(error, OperationalError):
            what, mend = _NO_CONNECTION
        else:
            what, mend = next((cause for start, cause in _CAUSES.items() if (code or "").startswith(start)), _OTHER_CAUSE)
        told = " ".join(str(origin or error).split())
        if self.password:
            told = told.replace(self.password, "***")
        return StateUnavailable("the state cannot be used", f"{self.where}: {what} ({told})", mend)


def _engine(url: URL) -> Engine:
    settings = {name: value for name, value in _SETTINGS.items() if name not in url.query}
    try:
        made = create_engine(
            url,
            connect_args=settings,
            pool_pre_ping=True,  # a connection that died is noticed before a transaction begins in it
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_timeout=PATIENCE,
        )
    except ImportError as error:
        raise StateUnavailable(
            "a state in PostgreSQL cannot be used by this installation",
            f"The package {error.name or error} is not installed.",
            "pip install 'provisioner[postgres]'",
        ) from None

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(_TO_WRITE if connection.get_execution_options().get(_WRITES) else _TO_READ)

    event.listen(made, "begin", begin)
    return made


def _where(url: URL) -> str:
    """Name a database: where it is, without what else a URL can hold."""
    place = {name: value for name, value in url.query.items() if name in {"host", "port", "service"}}
    return URL.create(url.drivername, url.username, None, url.host, url.port, url.database, place).render_as_string()
