"""From the trust anchor down: what each zone on the way is worth, and by which keys its data is checked."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import dns.message
import dns.rcode

from plans.facts import Security
from plans.values import Name
from providers.contract import Unavailable
from provisioner.dns.anchor import Anchor
from provisioner.dns.answers import Bogus, Delegated, Lame
from provisioner.dns.validation import Standing, Unsigned, signers, zone_keys
from provisioner.dns.zones import ROOT, Effort, StripsDnssec, Zones, parent

_T = TypeVar("_T")


class Chain:
    """Goes down from the anchor; several threads may use it. `now` gives the time in UTC by which signatures are judged."""

    def __init__(self, zones: Zones, anchor: Callable[[], Anchor], now: Callable[[], datetime]) -> None:
        self._zones = zones
        self._anchor = anchor
        self._now = now
        self._above: dict[Name, Standing] = {}
        self._locks: dict[Name, threading.Lock] = defaultdict(threading.Lock)

    def above(self, zone: Name, effort: Effort) -> Standing:
        """Say what a zone is worth, found out once a run if it can be. Raises `Unavailable` as `anew` does."""
        with self._locks[zone]:  # whoever waits for a zone holds one below it only
            known = self._above.get(zone)
            if known is None:
                known = self.anew(zone, effort)
                if known.security in {Security.SECURE, Security.INSECURE}:
                    self._above[zone] = known
        return known

    def anew(self, zone: Name, effort: Effort) -> Standing:
        """Say what a zone is worth now; those above it are known from before.

        Raises `Unavailable` where the anchor cannot be read, or a forwarder passes no signatures on.
        """
        anchor = self._anchor()
        try:
            return self._from_above(zone, anchor, effort)
        except StripsDnssec:
            raise
        except Bogus as why:
            return Standing(zone, Security.BOGUS, why=str(why))
        except Unavailable as problem:
            return Standing(zone, Security.INDETERMINATE, why=f"{problem.headline}: {problem.detail}")

    def _from_above(self, zone: Name, anchor: Anchor, effort: Effort) -> Standing:
        now = self._now()
        trusted = anchor
        if zone != ROOT:
            over = self._zones.enclosing(parent(zone), effort)
            above = self.above(over.zone, effort)
            if above.security is not Security.SECURE:
                return Standing(zone, above.security, why=above.why)
            found = self._read(over, zone, "DS", lambda answer: signers(answer, zone, above, now), effort)
            if isinstance(found, Unsigned):
                return Standing(zone, Security.INSECURE, why=found.why)
            trusted = found
        own = self._zones.enclosing(zone, effort)
        keys = self._read(own, zone, "DNSKEY", lambda answer: zone_keys(answer, zone, trusted, now), effort)
        return Standing(zone, Security.SECURE, keys)

    def _read(self, at: Delegated, owner: Name, kind: str, read: Callable[[dns.message.Message], _T], effort: Effort) -> _T:
        """Ask until an answer holds. Raises `Bogus` where answers came and none did, else `Unavailable`."""
        met: list[Bogus] = []
        try:
            return self._zones.signed(at, owner, kind, noting(met, read), effort)
        except StripsDnssec:
            raise
        except Unavailable:
            if met:
                raise met[-1] from None
            raise


def noting(met: list[Bogus], read: Callable[[dns.message.Message], _T]) -> Callable[[dns.message.Message], _T]:
    """Keep what a reader says against the answers that it will not have; an error is none to read."""

    def reading(answer: dns.message.Message) -> _T:
        if answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
            raise Lame(dns.rcode.to_text(answer.rcode()))
        try:
            return read(answer)
        except Bogus as why:
            met.append(why)
            raise

    return reading
