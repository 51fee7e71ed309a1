"""Single sets as a validator sees them: what is there by one answer that holds, what is not there by every server's denial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import dns.message

from plans.facts import Secured, Security
from plans.values import Irregular, Key, Live, Name, RRset
from providers.contract import Unavailable
from provisioner.dns import answers
from provisioner.dns.answers import Bogus, Delegated
from provisioner.dns.chain import Chain, noting
from provisioner.dns.client import Wish
from provisioner.dns.everywhere import Told
from provisioner.dns.validation import Standing, verdict
from provisioner.dns.zones import Effort, Way, Zones, parent

WORST_FIRST = (Security.BOGUS, Security.INDETERMINATE, Security.INSECURE, Security.SECURE)

DENIAL = Wish(dnssec=True, tcp=True)
"""How one asks where a denial may open a gate: nobody off the path can forge what comes over TCP."""


@dataclass(frozen=True, slots=True)
class HostAddresses:
    """A host's addresses at its zone's servers, the larger TTL of A and AAAA in seconds (0: none), and what they are worth."""

    addresses: frozenset[str]
    ttl: int
    security: Security
    why: str = ""


class Validator:
    """Asks a zone's servers and says what their answers are worth; several threads may use it.

    `everywhere` asks all addresses of a zone's servers in some way.
    """

    def __init__(
        self,
        zones: Zones,
        way: Way,
        chain: Chain,
        now: Callable[[], datetime],
        everywhere: Callable[[Name, Callable[[str], Secured]], Told[Secured]],
    ) -> None:
        self._zones, self._way, self._chain, self._now = zones, way, chain, now
        self._everywhere = everywhere

    def secured(self, keys: Sequence[Key]) -> dict[Key, Secured]:
        """Say what keys of one zone hold. Raises `Unavailable` where the zone is not found."""
        effort = Effort()
        zone = self._zones.enclosing(parent(keys[0].owner) if keys[0].type == "DS" else keys[0].owner, effort)
        standing = self._chain.anew(zone.zone, effort)
        return {key: self._secured(zone, key, standing, effort) for key in keys}

    def _secured(self, zone: Delegated, key: Key, standing: Standing, effort: Effort) -> Secured:
        def read(answer: dns.message.Message) -> Secured:
            held = answers.key(answer, zone.zone, key).held
            found = verdict(answer, key, standing, self._now())
            return Secured(_within(held, found.ttl), found.security, found.why)

        met: list[Bogus] = []
        try:
            first = self._zones.first(zone, key.owner, key.type, noting(met, read), effort, Wish(dnssec=True))
        except Unavailable as problem:
            if met:
                return Secured(None, Security.BOGUS, str(met[-1]))
            return Secured(None, Security.INDETERMINATE, f"{problem.headline}: {problem.detail}")
        if first.held is not None:
            return first
        return _denied(self._everywhere(zone.zone, lambda at: read(self._way.ask(at, key.owner, key.type, DENIAL))))

    def host_addresses(self, host: Name) -> HostAddresses:
        """Give a host's addresses. Raises `Unavailable`, also where the name is an alias."""
        found = self.secured([Key(host, "A"), Key(host, "AAAA")])
        worst = min(found.values(), key=lambda one: WORST_FIRST.index(one.security))
        for one in found.values():
            told = one.held.reason if isinstance(one.held, Irregular) else ""
            if told or (one.held is None and one.security in {Security.BOGUS, Security.INDETERMINATE}):
                mend = f"See what its servers say:  dig +dnssec {host} A @SERVER"
                raise Unavailable(f"The addresses of {host} cannot be told", told or one.why, mend)
        sets = [one.held for one in found.values() if isinstance(one.held, RRset)]
        addresses = frozenset(str(value) for one in sets for value in one.values)
        return HostAddresses(addresses, max((one.ttl for one in sets), default=0), worst.security, worst.why)


def _denied(told: Told[Secured]) -> Secured:
    """Give what all servers' denials come to."""
    if told.faults or not told.answers:
        bogus = any(fault.bogus for fault in told.faults.values())
        return Secured(None, Security.BOGUS if bogus else Security.INDETERMINATE, told.why)
    if any(one.held is not None for one in told.answers.values()):
        those = ", ".join(address for address, one in told.answers.items() if one.held is not None)
        return Secured(None, Security.INDETERMINATE, f"some servers have it ({those}), others deny it")
    return min(told.answers.values(), key=lambda one: WORST_FIRST.index(one.security))


def _within(held: Live, signed: int | None) -> Live:
    """Give a set with the TTL that validators keep it for, at most the signed one (RFC 4035 §5.3.3)."""
    return replace(held, ttl=min(held.ttl, signed)) if isinstance(held, RRset) and signed is not None else held
