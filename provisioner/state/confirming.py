"""Confirmations of what mail hosts present: each is an entry of the journal, which its row in the table finds by its host.

The newest entry about a host is what stands: a confirmation, or that it was withdrawn.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import cast

from sqlalchemy import func, insert, select

from plans.facts import Confirmation
from plans.values import Name, is_canonical
from provisioner.state import chain, journal, tables
from provisioner.state.journal import Columns, Mark
from provisioner.state.transaction import Transaction

_row, _entry = tables.confirmation, tables.journal
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def keep(
    transaction: Transaction, run: int, host: Name, key: str, addresses: Collection[str], by: str, reason: str
) -> Confirmation:
    """Keep somebody's word, in the place of an earlier one about the host. Raises `StateDamaged`."""
    body = {"host": host, "key": key, "addresses": " ".join(sorted(addresses)), "by": by, "reason": reason}
    return _read(transaction, host, _append(transaction, run, Mark.CONFIRMED, body))


def withdraw(transaction: Transaction, run: int, host: Name, by: str) -> bool:
    """Let what stands about a host count for nothing, and say whether anything did. Raises `StateDamaged`."""
    if host not in standing(transaction):
        return False
    _append(transaction, run, Mark.WITHDRAWN, {"host": host, "by": by})
    return True


def standing(transaction: Transaction) -> Mapping[Name, Confirmation]:
    """Give what stands about each host, however old it is. Raises `StateDamaged`."""
    newest = select(func.max(_row.c.n)).group_by(_row.c.host).scalar_subquery()
    told = select(_entry, _row.c.host).join_from(_row, _entry, _entry.c.n == _row.c.n, isouter=True).where(_row.c.n.in_(newest))
    mappings = transaction.connection.execute(told.order_by(_row.c.host)).mappings().all()
    rows = [cast("Columns", one) for one in mappings]
    return {Name(row["host"]): _read(transaction, row["host"], row) for row in rows if row["kind"] != Mark.WITHDRAWN}


def _append(transaction: Transaction, run: int, kind: Mark, body: Mapping[str, str]) -> Columns:
    entry = chain.append(transaction, run, kind, body, at=transaction.time())
    transaction.connection.execute(insert(_row).values(n=entry["n"], host=body["host"]))
    return entry


def _read(transaction: Transaction, host: str, entry: Columns) -> Confirmation:
    if journal.edited(entry):
        raise transaction.damaged(f"entry {entry['n']}: its columns do not give its hash")
    try:
        told = journal.body(entry)
        addresses = frozenset(str(told["addresses"]).split())
        at = journal.time_from_text(entry["at"])
        found = Confirmation(Name(str(told["host"])), str(told["key"]), addresses, str(told["by"]), at)
    except (ValueError, TypeError, KeyError) as error:
        raise transaction.damaged(f"entry {entry['n']} is no confirmation") from error
    if found.host != host or not is_canonical(host) or not _DIGEST.match(found.key):
        raise transaction.damaged(f"entry {entry['n']} does not confirm a key of {host}")
    return found
