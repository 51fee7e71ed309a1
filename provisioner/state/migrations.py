"""How a state came to its present tables: numbered steps, each in one transaction. A released step is never edited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    inspect,
    select,
)

from provisioner.state.one_chain import one_chain
from provisioner.state.problems import StateDamaged, StateUnavailable
from provisioner.state.tables import meta

_SCHEMA = "schema"


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from the schema before to schema `number`; it runs inside a transaction that is already open."""

    number: int
    name: str
    apply: Callable[[Connection], None]


def _runs_rollouts_and_journal(connection: Connection) -> None:
    tables = MetaData()
    Table("meta", tables, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))
    Table(
        "run",
        tables,
        Column("id", Integer, primary_key=True),
        Column("started", Text, nullable=False),
        Column("finished", Text),
        Column("command", Text, nullable=False),
        Column("exit_code", Integer),
        Column("who", Text, nullable=False),
        Column("version", Text, nullable=False),
        CheckConstraint("(finished IS NULL) = (exit_code IS NULL)", name="run_finished"),
    )
    rollout = Table(
        "rollout",
        tables,
        Column("id", Text, primary_key=True),
        Column("subject", Text, nullable=False),
        Column("plan_id", Text, nullable=False),
        Column("line", Text, nullable=False),
        Column("opened", Text, nullable=False),
        Column("closed", Text),
        Column("outcome", Text),
        UniqueConstraint("subject", "plan_id", name="rollout_once"),
        CheckConstraint("(closed IS NULL) = (outcome IS NULL)", name="rollout_closed"),
    )
    still_open = rollout.c.closed.is_(None)
    Index("rollout_open", rollout.c.subject, unique=True, sqlite_where=still_open, postgresql_where=still_open)
    Table(
        "journal",
        tables,
        Column("rollout", Text, ForeignKey("rollout.id"), primary_key=True),
        Column("n", Integer, primary_key=True),
        Column("at", Text, nullable=False),
        Column("run", Integer, ForeignKey("run.id"), nullable=False),
        Column("kind", Text, nullable=False),
        Column("step", Integer, nullable=False),
        Column("body", Text, nullable=False),
        Column("prev", Text, nullable=False),
        Column("hash", Text, nullable=False),
        CheckConstraint("n >= 1", name="journal_counts_from_1"),
    )
    tables.create_all(connection)


def _pins(connection: Connection) -> None:
    tables = MetaData()
    Table("run", tables, Column("id", Integer, primary_key=True))
    pin = Table(
        "pin",
        tables,
        Column("domain", Text, primary_key=True),
        Column("exchange", Text, nullable=False),
        Column("at", Text, nullable=False),
        Column("run", Integer, ForeignKey("run.id"), nullable=False),
    )
    pin.create(connection)


def _leases(connection: Connection) -> None:
    tables = MetaData()
    Table("run", tables, Column("id", Integer, primary_key=True))
    lease = Table(
        "lease",
        tables,
        Column("zone", Text, primary_key=True),
        Column("zone_name", Text, nullable=False),
        Column("run", Integer, ForeignKey("run.id"), nullable=False),
        Column("holder", Text, nullable=False),
        Column("purpose", Text, nullable=False),
        Column("fencing", BigInteger, nullable=False),
        Column("acquired", Text, nullable=False),
        Column("expires", Text),
    )
    lease.create(connection)


def _approvals(connection: Connection) -> None:
    tables = MetaData()
    Table("journal", tables, Column("n", Integer, primary_key=True))
    approval = Table(
        "approval",
        tables,
        Column("n", Integer, ForeignKey("journal.n"), primary_key=True, autoincrement=False),
        Column("plan_id", Text, nullable=False),
    )
    Index("approval_plan", approval.c.plan_id)
    approval.create(connection)


def _confirmations(connection: Connection) -> None:
    tables = MetaData()
    Table("journal", tables, Column("n", Integer, primary_key=True))
    confirmation = Table(
        "confirmation",
        tables,
        Column("n", Integer, ForeignKey("journal.n"), primary_key=True, autoincrement=False),
        Column("host", Text, nullable=False),
    )
    Index("confirmation_host", confirmation.c.host)
    confirmation.create(connection)


def _serving(connection: Connection) -> None:
    serving = Table(
        "serving",
        MetaData(),
        Column("zone", Text, primary_key=True),
        Column("zone_name", Text, nullable=False),
        Column("servers", Text, nullable=False),
        Column("at", Text, nullable=False),
    )
    serving.create(connection)


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "runs, rollouts and their journal", _runs_rollouts_and_journal),
    Migration(2, "pinned mail hosts", _pins),
    Migration(3, "one chain for the whole journal", one_chain),
    Migration(4, "leases of zones", _leases),
    Migration(5, "approvals of plans", _approvals),
    Migration(6, "people's words for what mail hosts present", _confirmations),
    Migration(7, "servers of zones", _serving),
)


def schema(connection: Connection, where: str) -> int:
    """Give the number of the last migration that was applied; 0: the database is empty.

    Raises:
        StateDamaged: the database holds something else than a state.

    """
    tables = inspect(connection).get_table_names()
    if not tables:
        return 0
    text = None
    if meta.name in tables:
        text = connection.execute(select(meta.c.value).where(meta.c.key == _SCHEMA)).scalar_one_or_none()
    if text is None or not (text.isascii() and text.isdecimal()):
        raise StateDamaged(
            f"{where} is no state of provisioner",
            f"{where}: the database has tables ({', '.join(tables)}), but no schema number in a table `meta`",
            "Name another one under `state:` in the manifest.",
        )
    return int(text)


def outdated(connection: Connection, where: str, migrations: Sequence[Migration] = MIGRATIONS) -> bool:
    """Whether migrations are yet to be applied.

    Raises:
        StateUnavailable: a newer version wrote the state.
        StateDamaged: the database holds something else than a state.

    """
    found, known = schema(connection, where), migrations[-1].number
    if found > known:
        raise StateUnavailable(
            f"{where} was written by a newer version of provisioner",
            f"{where}: its schema is {found}, this version knows schemas up to {known}",
            "Upgrade provisioner here to the version that last ran elsewhere (`provisioner version` there tells which).",
        )
    return found < known


def upgrade(writer: Engine, where: str, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Apply the migrations that were not yet applied, each in one transaction of `writer`, which lets one process in at a time.

    Raises what `outdated` raises.
    """
    for migration in migrations:
        with writer.begin() as connection:
            if schema(connection, where) < migration.number:
                migration.apply(connection)
                connection.execute(delete(meta).where(meta.c.key == _SCHEMA))
                connection.execute(insert(meta).values(key=_SCHEMA, value=str(migration.number)))
