"""Schema 3: from a chain for each rollout to one chain for the whole journal, with entries that hold the rollouts' rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    select,
)

from provisioner.state.journal import canonical_json, digest
from provisioner.state.problems import StateDamaged

Row = dict[str, Any]

_ROW = ("id", "subject", "plan_id", "line")
_OLD_ANCHOR = ("id", "subject", "plan_id", "line", "opened")
_OLD_ENTRY = ("rollout", "n", "at", "run", "kind", "step", "body", "prev")
_NEW_ENTRY = ("n", "at", "run", "rollout", "kind", "step", "body", "prev")


def one_chain(connection: Connection) -> None:
    """Write the entries of all rollouts into one chain, in the order of their times.

    Raises:
        StateDamaged: an old chain is broken; nothing is made to look whole that is not.

    """
    old = _table("journal", *_OLD_ENTRY, "hash")
    rollouts = _rows(connection, _table("rollout", *_OLD_ANCHOR, "closed", "outcome"), "id")
    entries: dict[str, list[Row]] = {rollout["id"]: [] for rollout in rollouts}
    for entry in _rows(connection, old, "n"):
        entries.setdefault(entry["rollout"], []).append(entry)
    runs = _rows(connection, _table("run", "id", "started"), "started")
    if rollouts and not runs:
        runs = [_unknown_run(connection, rollouts)]
    timed = [
        moved for rollout in rollouts for moved in _in_its_time(_whole(rollout, entries.pop(rollout["id"])), rollout, runs)
    ]
    if entries:
        raise _damaged(next(iter(entries)), "there are entries, and no such rollout")
    old.drop(connection)
    new = _new_journal(connection)
    prev = "provisioner"
    for n, (_, entry) in enumerate(sorted(timed, key=lambda one: one[0]), 1):
        entry |= {"n": n, "prev": prev}
        prev = entry["hash"] = digest(entry, _NEW_ENTRY)
        connection.execute(insert(new).values(entry))


def _new_journal(connection: Connection) -> Table:
    tables = MetaData()
    Table("run", tables, Column("id", Integer, primary_key=True))
    Table("rollout", tables, Column("id", Text, primary_key=True))
    journal = Table(
        "journal",
        tables,
        Column("n", Integer, primary_key=True, autoincrement=False),
        Column("at", Text, nullable=False),
        Column("run", Integer, ForeignKey("run.id"), nullable=False),
        Column("rollout", Text, ForeignKey("rollout.id")),
        Column("kind", Text, nullable=False),
        Column("step", Integer),
        Column("body", Text, nullable=False),
        Column("prev", Text, nullable=False),
        Column("hash", Text, nullable=False),
        CheckConstraint("n >= 1", name="journal_counts_from_1"),
    )
    Index("journal_rollout", journal.c.rollout, journal.c.n)
    for kind in ("opened", "closed"):
        once = journal.c.kind == kind
        Index(f"journal_{kind}", journal.c.rollout, unique=True, sqlite_where=once, postgresql_where=once)
    journal.create(connection)
    return journal


def _table(name: str, *columns: str) -> Table:
    return Table(name, MetaData(), *(Column[Any](one) for one in columns))


def _rows(connection: Connection, of: Table, order: str) -> list[Row]:
    return [dict(row) for row in connection.execute(select(of).order_by(of.c[order])).mappings()]


def _whole(rollout: Row, entries: list[Row]) -> list[Row]:
    """Give the entries of a rollout as they were chained until now, if they verify."""
    prev = digest(rollout, _OLD_ANCHOR)
    for n, entry in enumerate(entries, 1):
        if (entry["n"], entry["prev"], entry["hash"]) != (n, prev, digest(entry, _OLD_ENTRY)):
            raise _damaged(rollout["id"], f"its chain is broken at entry {n}")
        prev = entry["hash"]
    return entries


def _in_its_time(entries: list[Row], rollout: Row, runs: list[Row]) -> Iterator[tuple[tuple[str, str, int], Row]]:
    """Give what the new chain says of a rollout, each with its place; the entries of one rollout keep their order."""
    opened = {
        "at": rollout["opened"],
        "kind": "opened",
        "step": None,
        "body": canonical_json({"digest": digest(rollout, _ROW)}),
    }
    closed = {"at": rollout["closed"], "kind": "closed", "step": None, "body": canonical_json({"outcome": rollout["outcome"]})}
    told = [{"run": _run_at(runs, opened["at"]), **opened}, *entries]
    if rollout["closed"] is not None:
        told.append({"run": _run_at(runs, closed["at"]), **closed})
    latest = ""
    for number, entry in enumerate(told):
        latest = max(latest, entry["at"])
        kept = {name: entry[name] for name in ("at", "run", "kind", "step", "body")}
        yield (latest, rollout["id"], number), {**kept, "rollout": rollout["id"]}


def _run_at(runs: list[Row], moment: str) -> int:
    """Give the run that was the newest at a time; where clocks disagree, the first of all."""
    return int(runs[max(bisect_right(runs, moment, key=lambda run: str(run["started"])) - 1, 0)]["id"])


def _unknown_run(connection: Connection, rollouts: list[Row]) -> Row:
    started = min(rollout["opened"] for rollout in rollouts)
    row = {"id": 1, "started": started, "command": "unknown", "who": "unknown", "version": "unknown"}
    connection.execute(insert(_table("run", *row)).values(row))
    return row


def _damaged(rollout: str, what: str) -> StateDamaged:
    return StateDamaged(
        "the state cannot be brought to this version's tables",
        f"rollout {rollout}: {what}",
        "Put the last good copy of the state in its place, then type the same command again.",
    )
