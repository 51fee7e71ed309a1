"""What happened: runs, entries and rollouts, read in portions, so that memory does not grow with the state.

Each portion is a transaction of its own: whoever reads slowly keeps nobody from writing, and no connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from plans.desired import Subject, SubjectKind
from plans.values import Name
from provisioner.state import journal, rollouts, tables
from provisioner.state.journal import Columns
from provisioner.state.transaction import Transaction
from provisioner.state.values import HistoryEntry, RolloutStatus, StoredRun

PORTION = 200
"""Rows that are read at a time."""

Reading = Callable[[], AbstractContextManager[Transaction]]
"""Begins a transaction that reads."""

_run, _row, _entry = tables.run, tables.rollout, tables.journal
_TOLD = (
    select(_entry, _run.c.who, _run.c.command, _row.c.subject, _row.c.plan_id)
    .join_from(_entry, _run, _run.c.id == _entry.c.run, isouter=True)
    .join(_row, _row.c.id == _entry.c.rollout, isouter=True)
)
_of_subject = _row.alias()
_of_rollout = _entry.alias()
_newest = select(func.max(_of_rollout.c.n)).where(_of_rollout.c.rollout == _row.c.id).scalar_subquery()
_STATUS = (
    select(_row, _entry, _run.c.who, _run.c.command)
    .join_from(_row, _entry, _entry.c.n == _newest, isouter=True)
    .join(_run, _run.c.id == _entry.c.run, isouter=True)
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted; None: whatever it is. `since` is the first moment, `until` the first one after the last."""

    domain: Name | None = None
    run: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Give what the database can tell; entries about no rollout are looked at by `admits`."""
        if self.run is not None:
            yield _entry.c.run == self.run
        if self.since is not None:
            yield _entry.c.at >= journal.time_to_text(self.since)
        if self.until is not None:
            yield _entry.c.at < journal.time_to_text(self.until)
        if self.domain is not None:
            subjects = [rollouts.subject_to_text(Subject(self.domain, kind)) for kind in SubjectKind]
            its_rollouts = select(_of_subject.c.id).where(_of_subject.c.subject.in_(subjects))
            yield _entry.c.rollout.in_(its_rollouts) | _entry.c.rollout.is_(None)

    def admits(self, entry: HistoryEntry) -> bool:
        """Whether an entry for which the conditions hold is wanted."""
        return (
            self.domain is None
            or entry.subject is not None
            or self.domain in {entry.body.get("domain"), entry.body.get("zone"), entry.body.get("host")}
        )


def portions(
    reading: Reading, query: Select[Any], *order: ColumnElement[Any]
) -> Iterator[tuple[Transaction, Sequence[Columns]]]:
    """Give what a query finds, portion by portion, in the order of columns that together tell one row from another.

    The transaction has ended by the time when its portion is looked at; it still makes problems.
    """
    ordered = portion = query.order_by(*order).limit(PORTION)
    while True:
        with reading() as transaction:
            rows = cast("Sequence[Columns]", transaction.connection.execute(portion).mappings().all())
        yield transaction, rows
        if len(rows) < PORTION:
            return
        portion = ordered.where(tuple_(*order) > tuple_(*(rows[-1][column.name] for column in order)))


def entries(reading: Reading, wanted: Wanted) -> Iterator[HistoryEntry]:
    """Give entries in their order. Raises as `State.history` says."""
    query = _TOLD.where(*wanted.conditions()).order_by(_entry.c.n)
    for transaction, rows in portions(reading, query, _entry.c.n):
        yield from filter(wanted.admits, [_told(transaction, row) for row in rows])


def statuses(reading: Reading, glob: str | None, *, only_open: bool) -> Iterator[RolloutStatus]:
    """Give rollouts with the newest entry of each. Raises as `State.rollouts` says."""
    query = _STATUS.where(_row.c.closed.is_(None)) if only_open else _STATUS
    for transaction, rows in portions(reading, query, _row.c.subject, _row.c.opened, _row.c.id):
        chosen = (row for row in rows if glob is None or fnmatchcase(rollouts.subject_name(row), glob))
        yield from [RolloutStatus(rollouts.stored(transaction, row), _told(transaction, row)) for row in chosen]


def runs(reading: Reading) -> Iterator[StoredRun]:
    """Give all runs, oldest first. Raises as `State.runs` says."""
    for transaction, rows in portions(reading, select(_run), _run.c.id):
        yield from [_stored_run(transaction, row) for row in rows]


def _told(transaction: Transaction, row: Columns) -> HistoryEntry:
    """Read an entry with its run and its rollout. Raises `StateDamaged`."""
    if row["n"] is None:
        raise transaction.damaged(f"the journal says nothing of the rollout {row['id']}")
    if journal.edited(row):
        raise transaction.damaged(f"entry {row['n']}: its columns do not give its hash")
    try:
        return HistoryEntry(
            row["n"],
            journal.time_from_text(row["at"]),
            row["run"],
            row["who"],
            row["command"],
            None if row["rollout"] is None else rollouts.subject_from_text(row["subject"]),
            row["rollout"],
            row["plan_id"],
            row["kind"],
            row["step"],
            journal.body(row),
            row["hash"],
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise transaction.damaged(f"entry {row['n']} is none: {error}") from error


def _stored_run(transaction: Transaction, row: Columns) -> StoredRun:
    try:
        started = journal.time_from_text(row["started"])
        finished = None if row["finished"] is None else journal.time_from_text(row["finished"])
    except (ValueError, TypeError, AttributeError) as error:
        raise transaction.damaged(f"run {row['id']}: {error}") from error
    return StoredRun(row["id"], started, finished, row["command"], row["exit_code"], row["who"], row["version"])
