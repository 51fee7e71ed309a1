"""What is wanted of a zone's DNSSEC, and all that is known of it: what `plans.rollout.zone` proposes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from plans.desired import Dnssec, Subject, SubjectKind
from plans.facts import ZoneFacts
from plans.rollout.phased import UNKNOWN_TTL
from plans.values import Ds, Live, Name, RRset, ZoneRef

LONGEST_TTL = 7 * 86400
"""Seconds: what no resolver keeps an answer for longer than, taken where a zone's highest TTL is not known."""


@dataclass(frozen=True, slots=True)
class Parent:
    """Where the DS goes: a zone at a provider with what it holds there now; `zone` None: a person brings it to a registrar.

    `ttl` (seconds) is what a DS set gets there: what its provider gives whatever is asked, or for a new one what others there
    have; None: neither is known.
    """

    zone: ZoneRef | None
    held: Live = None
    ttl: int | None = None


@dataclass(frozen=True, slots=True)
class SignedByProvider:
    """What the zone's provider says of its signing: whether it is on, and the DS that it asks for."""

    signed: bool
    ds: tuple[Ds, ...]


@dataclass(frozen=True, slots=True)
class Surety:
    """What waits rest on; seconds. `longest_ttl` is the highest TTL in the zone, `propagation` from a write to the last server.

    `signed_since`, `delegated_since`: somebody says in the manifest that it has been so from then on (UTC).
    """

    longest_ttl: int = LONGEST_TTL
    propagation: int = 300
    signed_since: datetime | None = None
    delegated_since: datetime | None = None

    def with_listed(self, highest: int) -> Surety:
        """Count with the highest TTL (seconds) in a listing of the zone.

        A listing tells what stands. What stood before it may have been cached unsigned with a higher TTL: that is not known, so
        that nothing less than `UNKNOWN_TTL` counts. A set that was lowered or removed in the days before the listing, from a
        TTL beyond that, is not seen here: whoever did that says so by `max_zone_ttl`. What changes later comes signed.
        """
        return replace(self, longest_ttl=min(max(highest, UNKNOWN_TTL), LONGEST_TTL))


@dataclass(frozen=True, slots=True)
class Wish:
    """One zone, what is wanted of it, and what is known. `provider` None: nothing of ours signs it.

    `mail_hosts` are the MX hosts in the zone, ours or not: a DS makes their TLSA count. `remembered` is what an open rollout
    tells of the DS set's TTL. `domains` are those of the manifest in the zone, `with_dane` those whose live MX is a host under
    mx.microsoft, `with_tlsa` the mail hosts in it for which the manifest asks for a TLSA set.
    """

    zone: ZoneRef
    dnssec: Dnssec
    facts: ZoneFacts
    provider: SignedByProvider | None
    parent: Parent
    mail_hosts: tuple[Name, ...]
    surety: Surety
    remembered: int | None = None
    domains: tuple[Name, ...] = ()
    with_dane: tuple[Name, ...] = ()
    with_tlsa: tuple[Name, ...] = ()

    @property
    def subject(self) -> Subject:
        """What the rollout is about."""
        return Subject(self.zone.name, SubjectKind.ZONE)

    @property
    def held(self) -> frozenset[Ds]:
        """The DS values at the parent: as its provider holds them, else as its servers serve them."""
        held = self.parent.held if self.parent.zone else self.facts.ds
        return frozenset(one for one in held.values if isinstance(one, Ds)) if isinstance(held, RRset) else frozenset()
