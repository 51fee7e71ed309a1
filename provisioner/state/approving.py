"""Approvals and rejections: each is an entry of the journal, which its row in the table finds by its plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import cast

from sqlalchemy import insert, select

from plans.approval import Approval, Rejection, Vote
from provisioner.state import chain, journal, tables
from provisioner.state.journal import Body, Columns, Mark
from provisioner.state.transaction import Transaction

_row, _entry = tables.approval, tables.journal


def keep(transaction: Transaction, run: int, vote: Vote) -> bool:
    """Keep a vote, and say whether it was new. Raises `StateDamaged`."""
    if vote in votes(transaction, vote.plan):
        return False
    kind = Mark.APPROVED if isinstance(vote, Approval) else Mark.REJECTED
    entry = chain.append(transaction, run, kind, _body(vote), at=transaction.time())
    transaction.connection.execute(insert(_row).values(n=entry["n"], plan_id=vote.plan))
    return True


def votes(transaction: Transaction, plan_id: str) -> tuple[Vote, ...]:
    """Give what was said to a plan, oldest first. Raises `StateDamaged`."""
    of_plan = select(_entry).join_from(_row, _entry, _row.c.n == _entry.c.n).where(_row.c.plan_id == plan_id)
    rows = transaction.connection.execute(of_plan.order_by(_entry.c.n)).mappings().all()
    return tuple(_votes(transaction, plan_id, [cast("Columns", row) for row in rows]))


def _votes(transaction: Transaction, plan_id: str, entries: list[Columns]) -> Iterator[Vote]:
    for entry in entries:
        if journal.edited(entry):
            raise transaction.damaged(f"entry {entry['n']}: its columns do not give its hash")
        try:
            vote = _vote(entry)
        except (ValueError, TypeError, KeyError) as error:
            raise transaction.damaged(f"entry {entry['n']} is no approval") from error
        if vote.plan != plan_id:
            raise transaction.damaged(f"entry {entry['n']} is about another plan than its row says")
        yield vote


def _body(vote: Vote) -> Body:
    made = {"plan": vote.plan, "note": vote.note, "made": journal.time_to_text(vote.at)}
    if isinstance(vote, Rejection):
        return {**made, "by": vote.by}
    expires = journal.time_to_text(vote.expires) if vote.expires else None
    return {**made, "principal": vote.principal, "signature": vote.signature, "expires": expires}


def _vote(entry: Columns) -> Vote:
    told = journal.body(entry)
    plan, note, made = str(told["plan"]), str(told["note"]), journal.time_from_text(str(told["made"]))
    if Mark(entry["kind"]) is Mark.REJECTED:
        return Rejection(plan, str(told["by"]), note, made)
    expires: datetime | None = None if told["expires"] is None else journal.time_from_text(str(told["expires"]))
    return Approval(plan, str(told["signature"]), str(told["principal"]), note, made, expires)
