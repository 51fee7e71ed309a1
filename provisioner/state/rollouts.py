"""Rollouts in their table: each is opened and closed by an entry of the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, insert, select, update

from plans.approval import Begun
from plans.desired import Subject, SubjectKind
from plans.position import Event, EventKind
from plans.values import Name
from provisioner.state import chain, journal, tables
from provisioner.state.journal import Body, Columns, Mark
from provisioner.state.problems import RolloutOpen, StateConflict
from provisioner.state.transaction import Transaction
from provisioner.state.values import StoredRollout

_row = tables.rollout


@dataclass(frozen=True, slots=True)
class CarriedEvent:
    """What another state's journal says of a step, and when that happened (UTC)."""

    kind: EventKind
    step: int
    at: datetime
    body: Body


@dataclass(frozen=True, slots=True)
class Carried:
    """A rollout as another state knows it."""

    subject: Subject
    plan_id: str
    line: bytes
    opened: datetime
    events: tuple[CarriedEvent, ...]


def start(
    transaction: Transaction, run: int, subject: Subject, plan_id: str, line: bytes, opened_at: datetime | None = None
) -> StoredRollout:
    """Open the rollout of a plan's line, or give the one that this plan has opened. Raises as `State.start` says.

    `opened_at`: when another state has opened it; None: it is opened now.
    """
    identity = {"subject": subject_to_text(subject), "plan_id": plan_id, "line": line.decode()}
    row: Columns = {"id": journal.rollout_id(identity), **identity, "closed": None, "outcome": None}
    present = find(transaction, (_row.c.id == row["id"]) | of_plan(subject, plan_id)) or find(transaction, still_open(subject))
    if present is None:
        now = transaction.time()
        opened = {**row, "opened": journal.time_to_text(opened_at) if opened_at else now}
        transaction.connection.execute(insert(_row).values(opened))
        chain.append(transaction, run, Mark.OPENED, journal.opening(opened, now), at=now, rollout=opened["id"])
        return stored(transaction, opened)
    if present.plan_id != plan_id:
        raise RolloutOpen(
            f"{subject} has an open rollout of another plan",
            f"{subject}: a rollout of plan {present.plan_id} is open since {journal.time_to_text(present.opened)}",
            "Apply that plan again until it is finished, then this one.",
            present.plan_id,
        )
    if present.line != line:
        raise transaction.damaged(f"plan {plan_id} says something else of {subject} than the rollout that was opened from it")
    return present


def take_over(transaction: Transaction, run: int, carried: Carried) -> bool:
    """Take what another state knows of a rollout, and say whether any of it was new. Raises as `State.take_over` says."""
    known_before = find(transaction, of_plan(carried.subject, carried.plan_id))
    rollout = start(transaction, run, carried.subject, carried.plan_id, carried.line, carried.opened)
    here = [_carried(entry) for entry in _entries(transaction, rollout.id) if entry["kind"] not in set(Mark)]
    news = carried.events[len(here) :]
    if list(carried.events[: len(here)]) != here[: len(carried.events)] or (news and rollout.closed):
        raise StateConflict(
            f"two states tell different stories of {carried.subject}",
            f"{transaction.where} and the state that was carried here both went on with its rollout of plan {carried.plan_id}.",
            f"Take the one that did the last writes; or start afresh:  provisioner forget {carried.subject}",
        )
    for event in news:
        body = {**event.body, journal.ORIGINAL: journal.time_to_text(event.at)}
        chain.append(transaction, run, event.kind, body, at=transaction.time(), rollout=rollout.id, step=event.step)
    return known_before is None or bool(news)


def _carried(entry: Columns) -> CarriedEvent:
    told = dict(journal.body(entry))
    at = journal.time_from_text(str(told.pop(journal.ORIGINAL, entry["at"])))
    return CarriedEvent(EventKind(entry["kind"]), entry["step"], at, told)


def find(transaction: Transaction, which: ColumnElement[bool]) -> StoredRollout | None:
    """Give the one rollout for which a condition holds. Raises `StateDamaged`."""
    row = transaction.connection.execute(select(_row).where(which)).mappings().first()
    return stored(transaction, cast("Columns", row)) if row else None


def events(transaction: Transaction, rollout_id: str) -> tuple[Event, ...]:
    """Give what the journal says of a rollout's steps. Raises as `State.events` says."""
    row = known(transaction, rollout_id)
    entries = _entries(transaction, rollout_id)
    for entry in entries:
        if journal.edited(entry):
            raise transaction.damaged(f"entry {entry['n']}: its columns do not give its hash")
    marks = {entry["kind"]: entry for entry in entries}
    for broken in journal.misfits(row, marks.get(Mark.OPENED), marks.get(Mark.CLOSED)):
        raise transaction.damaged(f"entry {broken.n}: {broken.what}" if broken.n else broken.what)
    try:
        return tuple(event for entry in entries if (event := journal.event(entry)))
    except (ValueError, TypeError, AttributeError) as error:
        raise transaction.damaged(f"rollout {rollout_id} has an entry that is none: {error}") from error


def begun(transaction: Transaction, plan_id: str) -> Mapping[Subject, Begun]:
    """Give what is known of a plan's rollouts, by their subjects. Raises `StateDamaged`."""
    columns = (_row.c.id, _row.c.subject, _row.c.opened, _row.c.outcome)
    rows = transaction.connection.execute(select(*columns).where(_row.c.plan_id == plan_id)).all()
    try:
        return {subject_from_text(row.subject): Begun(journal.time_from_text(row.opened), row.outcome) for row in rows}
    except ValueError as error:
        raise transaction.damaged(f"a rollout of plan {plan_id}: {error}") from error


def close(transaction: Transaction, run: int, rollout_id: str, outcome: str) -> None:
    """Record that a rollout is over. Raises as `State.close_rollout` says."""
    row = known(transaction, rollout_id)
    if row["closed"] is not None:
        if row["outcome"] == outcome:
            return
        raise StateConflict(
            f"the rollout of {subject_name(row)} was closed by another run",
            f"rollout {rollout_id} was closed at {row['closed']} as {row['outcome']}, not as {outcome}",
            "Make a new plan: `provisioner plan`.",
        )
    closed = {"closed": transaction.time(), "outcome": outcome}
    transaction.connection.execute(update(_row).where(_row.c.id == rollout_id).values(closed))
    chain.append(transaction, run, Mark.CLOSED, journal.closing(closed), at=closed["closed"], rollout=rollout_id)


def known(transaction: Transaction, rollout_id: str) -> Columns:
    """Give a rollout's row. Raises ValueError: there is none."""
    row = transaction.connection.execute(select(_row).where(_row.c.id == rollout_id)).mappings().one_or_none()
    if row is None:
        msg = f"there is no rollout {rollout_id}"
        raise ValueError(msg)
    return cast("Columns", row)


def stored(transaction: Transaction, row: Columns) -> StoredRollout:
    """Read a rollout's row. Raises `StateDamaged`."""
    if journal.rollout_id(row) != row["id"]:
        raise transaction.damaged(f"rollout {row['id']}: its subject, plan or line is not the one that its id was made from")
    try:
        return StoredRollout(
            row["id"],
            subject_from_text(row["subject"]),
            row["plan_id"],
            row["line"].encode(),
            journal.time_from_text(row["opened"]),
            None if row["closed"] is None else journal.time_from_text(row["closed"]),
            row["outcome"],
        )
    except ValueError as error:
        raise transaction.damaged(f"rollout {row['id']}: {error}") from error


def of_plan(subject: Subject, plan_id: str) -> ColumnElement[bool]:
    """Give the condition for the rollout that a plan has opened for a subject."""
    return (_row.c.subject == subject_to_text(subject)) & (_row.c.plan_id == plan_id)


def still_open(subject: Subject) -> ColumnElement[bool]:
    """Give the condition for the rollout that is open for a subject."""
    return (_row.c.subject == subject_to_text(subject)) & _row.c.closed.is_(None)


def subject_to_text(subject: Subject) -> str:
    """Write a subject as the table keeps it."""
    return f"{subject.kind.value}:{subject.name}"


def subject_from_text(text: str) -> Subject:
    """Read what `subject_to_text` wrote. Raises ValueError."""
    kind, _, name = text.partition(":")
    return Subject(Name(name), SubjectKind(kind))


def subject_name(row: Columns) -> str:
    """Give the name of a rollout's subject as messages write it."""
    return str(row["subject"]).partition(":")[2].rstrip(".")


def _entries(transaction: Transaction, rollout_id: str) -> Sequence[Columns]:
    query = select(tables.journal).where(tables.journal.c.rollout == rollout_id).order_by(tables.journal.c.n)
    return cast("Sequence[Columns]", transaction.connection.execute(query).mappings().all())
