"""What was written: each step that settled so, from the journal, and what it did, from the rollouts' lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select

from plans.codec import decode_entry
from plans.desired import Subject
from plans.plan import Manual, Step
from plans.position import WRITTEN, EventKind
from plans.problem import Problem
from provisioner.state import journal, rollouts, tables
from provisioner.state.history import Reading, portions
from provisioner.state.journal import Columns
from provisioner.state.transaction import Transaction
from provisioner.state.values import Written

_row, _entry = tables.rollout, tables.journal
_LINE = [column.label(f"rollout_{column.name}") for column in _row.c]
_SETTLED = select(_entry, *_LINE).join_from(_entry, _row, _row.c.id == _entry.c.rollout, isouter=True)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose writes are wanted, and since when (the first moment); None: all."""

    subject: Subject | None = None
    since: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Give what the database can tell: an entry is not older than what it tells of."""
        yield _entry.c.kind == EventKind.SETTLED.value
        if self.since is not None:
            yield _entry.c.at >= journal.time_to_text(self.since)
        if self.subject is not None:
            its_rollouts = select(_row.c.id).where(_row.c.subject == rollouts.subject_to_text(self.subject))
            yield _entry.c.rollout.in_(its_rollouts)


def writes(reading: Reading, wanted: Wanted) -> Iterator[Written]:
    """Give the writes, in the journal's order. Raises as `State.writes` says."""
    for transaction, rows in portions(reading, _SETTLED.where(*wanted.conditions()), _entry.c.n):
        known: dict[str, tuple[Subject, str, tuple[Step, ...]]] = {}
        found = [_written(transaction, row, known) for row in rows]
        yield from [one for one in found if one and (wanted.since is None or one.at >= wanted.since)]


def _written(transaction: Transaction, row: Columns, known: dict[str, tuple[Subject, str, tuple[Step, ...]]]) -> Written | None:
    """Read an entry; None: nothing was written. `known` are the rollouts of the portion that were read before."""
    if journal.edited(row):
        raise transaction.damaged(f"entry {row['n']}: its columns do not give its hash")
    try:
        event = journal.event(row)
        if event is None or event.outcome != WRITTEN:
            return None
        if row["rollout"] not in known:
            known[row["rollout"]] = _rollout(transaction, row)
        subject, plan_id, steps = known[row["rollout"]]
        step = steps[event.step]
    except (ValueError, TypeError, AttributeError, LookupError, Problem) as error:
        raise transaction.damaged(f"entry {row['n']} is about no step of a rollout: {error}") from error
    if isinstance(step.action, Manual) or event.step < 0:
        raise transaction.damaged(f"entry {row['n']} tells of a write by a step that writes nothing")
    return Written(event.at, row["run"], plan_id, subject, event.step, step.zone, step.action)


def _rollout(transaction: Transaction, row: Columns) -> tuple[Subject, str, tuple[Step, ...]]:
    stored = rollouts.stored(transaction, {column.name: row[f"rollout_{column.name}"] for column in _row.c})
    rollout = decode_entry(stored.line).rollout
    return stored.subject, stored.plan_id, rollout.steps if rollout else ()
