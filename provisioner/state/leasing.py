"""Leases in their table: who may write to a zone, and until when, by the clock of the database."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import cast

from sqlalchemy import ColumnElement, insert, select, update

from plans.values import Name, ZoneRef, name
from provisioner.state import chain, tables
from provisioner.state.journal import Body, Columns, Mark, canonical_json, time_from_text, time_to_text
from provisioner.state.problems import LeaseHeld, LeaseLost
from provisioner.state.transaction import Transaction
from provisioner.state.values import Lease, LeasedZone

LEASE = timedelta(seconds=30)
"""For how long a zone is leased."""
HEARTBEAT = timedelta(seconds=10)
"""How often a run that is at work renews its leases."""

_row = tables.lease


def acquire(
    transaction: Transaction, run: int, zones: Collection[ZoneRef], purpose: str, lasts: timedelta
) -> tuple[Lease, ...]:
    """Lease all of the zones to a run, or none. Raises as `State.acquire` says."""
    who = select(tables.run.c.who).where(tables.run.c.id == run)
    holder = str(transaction.connection.execute(who).scalar_one())
    now = transaction.now()
    return tuple(
        _acquire(transaction, Lease(zone, run, holder, purpose, 1, now, now + lasts))
        for zone in sorted({LeasedZone.of(zone) for zone in zones})
    )


def _acquire(transaction: Transaction, wanted: Lease) -> Lease:
    """Lease one zone, if nobody else has it when the wanted lease begins; a run's own lease is renewed."""
    row = _find(transaction, wanted.zone)
    if row is None:
        transaction.connection.execute(insert(_row).values(_columns(wanted)))
        return wanted
    before = _lease(transaction, row) if row["expires"] is not None else None
    if before and before.run == wanted.run:
        given = replace(before, purpose=wanted.purpose, expires=wanted.expires)
    elif before and before.expires > wanted.acquired:
        raise LeaseHeld(before)
    else:
        given = replace(wanted, fencing=row["fencing"] + 1)
    transaction.connection.execute(update(_row).where(_is(wanted.zone)).values(_columns(given)))
    return given


def renew(transaction: Transaction, leases: Collection[Lease], lasts: timedelta) -> tuple[Lease, ...]:
    """Let leases last from now on again. Raises as `State.renew` says."""
    expires = transaction.now() + lasts
    for lease in leases:
        later = update(_row).where(_still(lease)).values(expires=time_to_text(expires))
        if transaction.connection.execute(later).rowcount == 0:
            raise _lost(transaction, lease)
    return tuple(replace(lease, expires=expires) for lease in leases)


def release(transaction: Transaction, leases: Collection[Lease]) -> None:
    """End those of the leases that are still the run's."""
    for lease in leases:
        transaction.connection.execute(update(_row).where(_still(lease)).values(expires=None))


def check(transaction: Transaction, leases: Collection[Lease]) -> None:
    """See that every lease is still the run's and has not expired.

    Raises:
        LeaseLost: one is not, or has.

    """
    now = transaction.now()
    for lease in leases:
        row = _find(transaction, lease.zone, _still(lease))
        if row is None:
            raise _lost(transaction, lease)
        if (found := _lease(transaction, row)).expires <= now:
            raise LeaseLost(lease.zone, f"expired at {found.expires:%H:%M:%SZ} without being renewed")


def held(transaction: Transaction) -> tuple[Lease, ...]:
    """Give the leases that have not expired, in the order of their zones' names."""
    query = select(_row).where(_row.c.expires > transaction.time()).order_by(_row.c.zone_name, _row.c.zone)
    return tuple(_lease(transaction, cast("Columns", row)) for row in transaction.connection.execute(query).mappings())


def unlock(transaction: Transaction, run: int, zone: ZoneRef | str, reason: str) -> tuple[Lease, ...]:
    """End whatever leases there are of a zone, or of all zones of that name; the journal says so."""
    which = _row.c.zone_name == name(zone) if isinstance(zone, str) else _is(LeasedZone.of(zone))
    rows = transaction.connection.execute(select(_row).where(which & _row.c.expires.is_not(None)).order_by(_row.c.zone))
    ended = tuple(_lease(transaction, cast("Columns", row)) for row in rows.mappings())
    for lease in ended:
        fenced = {"expires": None, "fencing": lease.fencing + 1}
        transaction.connection.execute(update(_row).where(_is(lease.zone)).values(fenced))
        body: Body = {
            "zone": lease.zone.name,
            "identity": identity(lease.zone),
            "holder": lease.holder,
            "run": lease.run,
            "purpose": lease.purpose,
            "fencing": lease.fencing,
            "reason": reason,
        }
        chain.append(transaction, run, Mark.UNLOCKED, body, at=transaction.time())
    return ended


def _lost(transaction: Transaction, lease: Lease) -> LeaseLost:
    row = _find(transaction, lease.zone)
    if row and row["run"] != lease.run and row["expires"] is not None:
        return LeaseLost(lease.zone, f"went to {row['holder']} (run {row['run']}) at {row['acquired']}, for: {row['purpose']}")
    return LeaseLost(lease.zone, "was ended, here or by somebody else")


def _find(transaction: Transaction, zone: LeasedZone, which: ColumnElement[bool] | None = None) -> Columns | None:
    query = select(_row).where(_is(zone) if which is None else which)
    return cast("Columns | None", transaction.connection.execute(query).mappings().one_or_none())


def _is(zone: LeasedZone) -> ColumnElement[bool]:
    return _row.c.zone == identity(zone)


def _still(lease: Lease) -> ColumnElement[bool]:
    """Give the condition that the lease did not change hands; it may have expired."""
    mine = (_row.c.run == lease.run) & (_row.c.fencing == lease.fencing)
    return _is(lease.zone) & mine & _row.c.expires.is_not(None)


def identity(zone: LeasedZone | ZoneRef) -> str:
    """Give what tells a zone from every other one, as the tables keep it."""
    return canonical_json({"type": zone.type, "account": zone.account, "id": zone.id})


def _columns(lease: Lease) -> Columns:
    return {
        "zone": identity(lease.zone),
        "zone_name": lease.zone.name,
        "run": lease.run,
        "holder": lease.holder,
        "purpose": lease.purpose,
        "fencing": lease.fencing,
        "acquired": time_to_text(lease.acquired),
        "expires": time_to_text(lease.expires),
    }


def _lease(transaction: Transaction, row: Columns) -> Lease:
    """Read the row of a lease that was not ended. Raises `StateDamaged`."""
    try:
        return Lease(
            LeasedZone(**json.loads(row["zone"]), name=Name(row["zone_name"])),
            row["run"],
            row["holder"],
            row["purpose"],
            row["fencing"],
            time_from_text(row["acquired"]),
            time_from_text(row["expires"]),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise transaction.damaged(f"the lease of {row['zone_name']!r} is none: {error}") from error
