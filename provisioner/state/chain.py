"""The journal's one chain in its table: appending, its head, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from sqlalchemy import ColumnElement, FromClause, Select, insert, select

from provisioner.state import journal, tables
from provisioner.state.journal import Body, Broken, Columns, Head, Mark
from provisioner.state.transaction import Transaction

_PORTION = 500
"""Rows that are held in memory at a time."""

_row, _entry, _approval = tables.rollout, tables.journal, tables.approval
_VOTES = (Mark.APPROVED.value, Mark.REJECTED.value)
_COMPARED = ("n", "at", "body")


def append(
    transaction: Transaction,
    run: int,
    kind: str,
    body: Body,
    *,
    at: str,
    rollout: str | None = None,
    step: int | None = None,
) -> Columns:
    """Append an entry and give it, in a transaction that lets no other one write: a chain never forks.

    Raises:
        StateDamaged: the newest entry was edited.

    """
    newest = _newest(transaction)
    if newest and journal.edited(newest):
        raise transaction.damaged(f"entry {newest['n']}: its columns do not give its hash")
    before = _head(newest)
    entry: dict[str, object] = {
        "n": before.n + 1,
        "at": at,
        "run": run,
        "rollout": rollout,
        "kind": str(kind),
        "step": step,
        "body": journal.canonical_json(body),
        "prev": before.hash,
    }
    entry["hash"] = journal.entry_hash(entry)
    transaction.connection.execute(insert(_entry).values(entry))
    return entry


def head(transaction: Transaction) -> Head:
    """Give the newest entry's number and hash."""
    return _head(_newest(transaction))


def verify(transaction: Transaction, expect: str | None) -> Iterator[Broken]:
    """Check the chain, the rows of rollouts and approvals against it, and that an entry has the hash `expect`. Streamed."""
    yield from journal.breaks(_streamed(transaction, select(_entry).order_by(_entry.c.n)))
    known = select(_row.c.id).where(_row.c.id == _entry.c.rollout).exists()
    astray = select(_entry.c.n).where(_entry.c.rollout.is_not(None), ~known).order_by(_entry.c.n)
    for entry in _streamed(transaction, astray):
        yield Broken(entry["n"], "it belongs to a rollout that is not there")
    for row in _streamed(transaction, _rollouts_with_their_entries()):
        yield from journal.misfits(row, _part(row, Mark.OPENED), _part(row, Mark.CLOSED))
    yield from _misplaced_votes(transaction)
    if expect is not None and not transaction.connection.execute(select(_entry.c.n).where(_entry.c.hash == expect)).first():
        yield Broken(0, f"no entry has the hash {expect}: the newest ones were cut off, or this is another state")


def _misplaced_votes(transaction: Transaction) -> Iterator[Broken]:
    """Find approvals and rejections that would not be found by their plan, and rows that find something else."""
    query = select(_entry, _approval.c.plan_id).outerjoin(_approval, _approval.c.n == _entry.c.n)
    for entry in _streamed(transaction, query.where(_entry.c.kind.in_(_VOTES)).order_by(_entry.c.n)):
        if journal.edited(entry):
            continue  # told already
        if entry["plan_id"] != journal.body(entry)["plan"]:
            yield Broken(entry["n"], "the table of approvals does not have it under its plan")
    tells = select(_entry.c.n).where(_entry.c.n == _approval.c.n, _entry.c.kind.in_(_VOTES)).exists()
    for row in _streamed(transaction, select(_approval).where(~tells).order_by(_approval.c.n)):
        yield Broken(row["n"], "the table of approvals has it, and it is none")


def _rollouts_with_their_entries() -> Select[Any]:
    columns: list[ColumnElement[Any]] = []
    query: FromClause = _row
    for kind in (Mark.OPENED, Mark.CLOSED):
        one = _entry.alias(kind)
        query = query.outerjoin(one, (one.c.rollout == _row.c.id) & (one.c.kind == kind.value))
        columns += [one.c[name].label(f"{kind}_{name}") for name in _COMPARED]
    return select(_row, *columns).select_from(query).order_by(_row.c.id)


def _part(row: Columns, kind: Mark) -> Columns | None:
    part = {name: row[f"{kind}_{name}"] for name in _COMPARED}
    return None if part["n"] is None else part


def _streamed(transaction: Transaction, query: Select[Any]) -> Iterator[Columns]:
    rows = transaction.connection.execute(query, execution_options={"yield_per": _PORTION})
    return (cast("Columns", row) for row in rows.mappings())


def _newest(transaction: Transaction) -> Columns | None:
    row = transaction.connection.execute(select(_entry).order_by(_entry.c.n.desc()).limit(1)).mappings().one_or_none()
    return cast("Columns | None", row)


def _head(newest: Columns | None) -> Head:
    return Head(newest["n"], newest["hash"]) if newest else Head()
