"""Whether the zone that a provider holds is the one that the world asks: a record written elsewhere is seen by nobody."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from plans.desired import Subject
from plans.policy import Finding
from plans.problem import Problem
from plans.values import Name, ZoneRef
from provisioner.fleet import Fleet

if TYPE_CHECKING:
    from provisioner.dns.parents import Parents

AHEAD = 1000
"""So many zones are asked for before it is known that they are there: what is found is held until somebody compares it."""
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
    """Compares, once a zone, the servers that the parent names with those by which the provider serves, by address.

    Several threads may use it. Where many zones are compared, it is a context manager, and is told beforehand which.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._reasons: dict[ZoneRef, tuple[str, str, str] | Problem | None] = {}
        self._servers: Mapping[ZoneRef, frozenset[Name] | None] = {}
        self._hosts: dict[Name, frozenset[str]] = {}
        self._asking: dict[Name, threading.Lock] = {}
        self._parents: Parents | None = None
        self._open: ExitStack | None = None

    def __enter__(self) -> Self:
        self._open = ExitStack()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        opened, self._open, self._parents = self._open, None, None
        if opened:
            opened.__exit__(kind, error, trace)

    def expect(self, provider: str, names: Sequence[Name]) -> None:
        """Begin to ask, while a provider lists its zones, for the first of those that the names most likely are."""
        if self._is_asked(provider):
            self._expect(names[:AHEAD])

    @contextmanager
    def expecting(self, zones: Collection[ZoneRef]) -> Iterator[None]:
        """Begin to gather at once what `finding` needs of many zones, for as long as the block lasts."""
        left = [zone for zone in zones if zone not in self._reasons and self._is_asked(zone.provider)]
        kept = [zone for zone in left if self._keeps_servers(zone)]
        self._servers = {**dict.fromkeys(kept), **self._fleet.serving.recall(kept)}
        self._expect([zone.name for zone in left])
        yield
        self._servers = {}
        self._fleet.serving.keep()

    def finding(self, subject: Subject, zone: ZoneRef) -> Finding | None:
        """Give what keeps a zone from being the one that is asked; None: it is, or nobody asks it by itself."""
        if zone not in self._reasons:
            self._reasons[zone] = self._reason(zone) if self._is_asked(zone.provider) else None
        match self._reasons[zone]:
            case None:
                return None
            case Problem() as problem:
                return Finding.failed(subject, UNREADABLE, problem)
            case code, what, mend:
                return Finding.block(subject, code, what, mend)

    def _expect(self, names: Sequence[Name]) -> None:
        if names and self._open and self._parents is None and (parents := self._fleet.parents()):
            self._parents = self._open.enter_context(parents)
        if self._parents:
            self._parents.expect(names)

    def _is_asked(self, provider: str) -> bool:
        """Whether the world is to ask the provider for its zones, and we are to change them there."""
        capabilities = self._fleet.capabilities(provider)
        return capabilities.publishes != "none" and capabilities.writes and capabilities.types != REGISTRAR

    def _keeps_servers(self, zone: ZoneRef) -> bool:
        return self._fleet.capabilities(zone.provider).keeps_servers

    def _known(self, zone: ZoneRef) -> frozenset[Name] | None:
        """Give the servers that the provider named for a zone earlier. Raises `Problem`."""
        if zone in self._servers or not self._keeps_servers(zone):
            return self._servers.get(zone)
        return self._fleet.serving.recall([zone]).get(zone)

    def _told(self, zone: ZoneRef) -> frozenset[Name]:
        """Ask the provider for a zone's servers. Raises `Problem`."""
        told = self._fleet.reader(zone.provider).name_servers(zone)
        if told and self._keeps_servers(zone):
            self._fleet.serving.learn(zone, told)
        return told

    def _addresses(self, host: Name) -> frozenset[str]:
        """Give a server's addresses. Most zones have their servers in common: one asks, and others wait. Raises `Problem`."""
        if host not in self._hosts:
            with self._asking.setdefault(host, threading.Lock()):
                if host not in self._hosts:
                    told = self._parents.addresses(host) if self._parents else None
                    self._hosts[host] = told or self._fleet.lookup.addresses(host)
        return self._hosts[host]

    def _reason(self, zone: ZoneRef) -> tuple[str, str, str] | Problem | None:
        """Give why the world does not ask the provider; what was told earlier can only show that it does."""
        try:
            told = self._parents.delegation(zone.name) if self._parents else None
            parent = told or self._fleet.lookup.delegation(zone.name)
            known = self._known(zone)
            if known and self._compared(zone, parent, known) is None:
                return None
            return self._compared(zone, parent, self._told(zone))
        except Problem as problem:
            return problem

    def _compared(
        self, zone: ZoneRef, parent: Mapping[Name, frozenset[str]], servers: frozenset[Name]
    ) -> tuple[str, str, str] | None:
        """Compare the servers that the parent names with the provider's. Raises `Problem`."""
        ours = frozenset[str]().union(*map(self._addresses, servers))
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
