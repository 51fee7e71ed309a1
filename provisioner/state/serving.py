"""By which servers zones are served, where a zone keeps them for as long as it has its id."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import bindparam, delete, insert, select

from plans.values import Name, ZoneRef, is_canonical
from provisioner.state import tables
from provisioner.state.leasing import identity
from provisioner.state.transaction import Transaction

_AT_ONCE = 500
"""So many zones are asked for in one statement; older versions of SQLite take 999."""

_row = tables.serving


def keep(transaction: Transaction, servers: Mapping[ZoneRef, frozenset[Name]]) -> None:
    """Keep the servers of zones in place of what was kept of them before."""
    at = transaction.time()
    rows = [
        {"zone": identity(zone), "zone_name": zone.name, "servers": " ".join(sorted(of_zone)), "at": at}
        for zone, of_zone in servers.items()
    ]
    if rows:
        before = delete(_row).where(_row.c.zone == bindparam("before"))
        transaction.connection.execute(before, [{"before": row["zone"]} for row in rows])
        transaction.connection.execute(insert(_row), rows)


def kept(transaction: Transaction, zones: Collection[ZoneRef]) -> dict[ZoneRef, frozenset[Name]]:
    """Give the servers that are kept of zones; a zone of which none are, or under another name, is missing.

    Raises `StateDamaged`.
    """
    asked = {identity(zone): zone for zone in zones}
    identities, found = list(asked), {}
    for start in range(0, len(identities), _AT_ONCE):
        query = select(_row.c.zone, _row.c.zone_name, _row.c.servers)
        for row in transaction.connection.execute(query.where(_row.c.zone.in_(identities[start : start + _AT_ONCE]))):
            zone, servers = asked[row.zone], str(row.servers).split(" ")
            if not all(map(is_canonical, servers)):
                raise transaction.damaged(f"the servers of {zone.name!r} are not all domain names")
            if row.zone_name == zone.name:
                found[zone] = frozenset(map(Name, servers))
    return found
