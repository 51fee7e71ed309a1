"""The journal's one chain in its table: appending, its head, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, FromClause, Select, TableClause, insert, select

from provisioner.state import journal, tables
from provisioner.state.journal import Body, Broken, Columns, Head, Mark
from provisioner.state.transaction import Transaction

_PORTION = 500
"""Rows that are held in memory at a time."""

_row, _entry = tables.rollout, tables.journal
_COMPARED = ("n", "at", "body")


@dataclass(frozen=True, slots=True)
class _Index:
    """A table whose rows find entries of some kinds by what their bodies say under a key: in its column, by that value."""

    what: str
    table: TableClause
    column: str
    key: str
    kinds: tuple[Mark, ...]


_INDEXES = (
    _Index("approvals", tables.approval, "plan_id", "plan", (Mark.APPROVED, Mark.REJECTED)),
    _Index("confirmations", tables.confirmation, "host", "host", (Mark.CONFIRMED, Mark.WITHDRAWN)),
)


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
    """Check the chain, the rows of all tables that tell of it, and that an entry has the hash `expect`. Streamed."""
    yield from journal.breaks(_streamed(transaction, select(_entry).order_by(_entry.c.n)))
    known = select(_row.c.id).where(_row.c.id == _entry.c.rollout).exists()
    astray = select(_entry.c.n).where(_entry.c.rollout.is_not(None), ~known).order_by(_entry.c.n)
    for entry in _streamed(transaction, astray):
        yield Broken(entry["n"], "it belongs to a rollout that is not there")
    for row in _streamed(transaction, _rollouts_with_their_entries()):
        yield from journal.misfits(row, _part(row, Mark.OPENED), _part(row, Mark.CLOSED))
    for index in _INDEXES:
        yield from _misplaced(transaction, index)
    if expect is not None and not transaction.connection.execute(select(_entry.c.n).where(_entry.c.hash == expect)).first():
        yield Broken(0, f"no entry has the hash {expect}: the newest ones were cut off, or this is another state")


def _misplaced(transaction: Transaction, index: _Index) -> Iterator[Broken]:
    """Find entries that would not be found by what they are about, and rows that find something else."""
    row, of_kind = index.table, _entry.c.kind.in_([kind.value for kind in index.kinds])
    query = select(_entry, row.c[index.column].label("found_by")).outerjoin(row, row.c.n == _entry.c.n)
    for entry in _streamed(transaction, query.where(of_kind).order_by(_entry.c.n)):
        if journal.edited(entry):
            continue  # told already
        if entry["found_by"] != journal.body(entry)[index.key]:
            yield Broken(entry["n"], f"the table of {index.what} does not have it under its {index.key}")
    tells = select(_entry.c.n).where(_entry.c.n == row.c.n, of_kind).exists()
    for one in _streamed(transaction, select(row).where(~tells).order_by(row.c.n)):
        yield Broken(one["n"], f"the table of {index.what} has it, and it is none")


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
