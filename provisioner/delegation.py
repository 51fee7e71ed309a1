"""Whether the zone that a provider holds is the one that the world asks: a record written elsewhere is seen by nobody."""

from __future__ import annotations

from collections.abc import Iterable

from plans.desired import Subject
from plans.policy import Finding
from plans.problem import Problem
from plans.values import Name, ZoneRef
from provisioner.fleet import Fleet

UNREADABLE = "delegation-unreadable"
"""The code where public DNS, or the provider, did not say who serves a zone."""
PARTLY = "delegated-in-part"
"""The code where the provider serves a zone, and not alone."""
ELSEWHERE = frozenset({"not-authoritative", "not-delegated"})
"""The codes where it is known that the world never asks the provider for a zone."""

REGISTRAR = frozenset({"DS"})
"""The types of a provider that holds the DS of the domains registered there, and serves no zone."""

_STAGED = "or write `staged: true` at the domain if the zone is being prepared"


class Delegations:
    """Compares, once a zone, the servers that the parent names with those by which the provider serves, by address."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._reasons: dict[ZoneRef, tuple[str, str, str] | Problem | None] = {}

    def finding(self, subject: Subject, zone: ZoneRef) -> Finding | None:
        """Give what keeps a zone from being the one that is asked; None: it is, or nobody asks it by itself."""
        if zone not in self._reasons:
            self._reasons[zone] = self._reason(zone)
        match self._reasons[zone]:
            case None:
                return None
            case Problem() as problem:
                return Finding.failed(subject, UNREADABLE, problem)
            case code, what, mend:
                return Finding.block(subject, code, what, mend)

    def _reason(self, zone: ZoneRef) -> tuple[str, str, str] | Problem | None:
        capabilities = self._fleet.capabilities(zone.provider)
        if capabilities.publishes == "none" or not capabilities.writes or capabilities.types == REGISTRAR:
            return None
        try:
            parent = self._fleet.lookup.delegation(zone.name)
            servers = self._fleet.reader(zone.provider).name_servers(zone)
            ours = frozenset[str]().union(*map(self._fleet.lookup.addresses, servers))
        except Problem as problem:
            return problem
        told = f"The parent of {zone.name} names {_named(parent)}; {zone.provider} serves it by {_named(servers)}."
        if not servers:
            what = f"{zone.provider} cannot tell by which servers it serves {zone.name}."
            return "servers-unknown", what, f"Delegate the zone to it first, {_STAGED}."
        if not parent:
            return "not-delegated", f"Nothing delegates {zone.name}.", f"Delegate it to {_named(servers)}, {_STAGED}."
        if any(not addresses or not addresses <= ours for addresses in parent.values()):
            code = PARTLY if any(addresses & ours for addresses in parent.values()) else "not-authoritative"
            mend = f"Name the provider that serves the zone as the domain's provider, delegate it to this one, {_STAGED}."
            return code, told, mend
        return None


def _named(hosts: Iterable[Name]) -> str:
    return ", ".join(host.rstrip(".") for host in sorted(hosts)) or "no server"
