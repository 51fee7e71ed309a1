"""Facts about the world that a step waits for, as data; gathered outside, judged by `plans.judging`.

The text of a condition (`str`) says it in words, and names it in the journal: it changes only when its meaning does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from plans.duration import duration
from plans.values import Ds, Key, Name, RRset, Tlsa, ZoneRef, told


@dataclass(frozen=True, slots=True)
class ProviderHolds:
    """The zone, read back at its provider, holds exactly `after` at `key`; None: no set there."""

    zone: ZoneRef
    key: Key
    after: RRset | None
    kind: Literal["provider-holds"] = "provider-holds"

    def __str__(self) -> str:
        return f"{self.zone.provider}, read back, holds {told(self.after)} at {self.key}"


@dataclass(frozen=True, slots=True)
class ServedEverywhere:
    """Every address of every server to which the zone is delegated serves exactly `after` at `key`; None: it denies the set."""

    zone: Name
    key: Key
    after: RRset | None
    kind: Literal["served-everywhere"] = "served-everywhere"

    def __str__(self) -> str:
        return f"every server of {self.zone} serves {told(self.after)} at {self.key}"


@dataclass(frozen=True, slots=True)
class MxOffDane:
    """No address of a zone's servers names a host under mx.microsoft as MX of a domain in it; denying the set is as good."""

    zone: Name
    domain: Name
    kind: Literal["mx-off-dane"] = "mx-off-dane"

    @property
    def key(self) -> Key:
        """Where the MX set stands."""
        return Key(self.domain, "MX")

    def __str__(self) -> str:
        return f"no server of {self.zone} names a host under mx.microsoft as MX of {self.domain}"


class Readiness(StrEnum):
    """What Microsoft Graph can say of a domain's way to mail."""

    VERIFIED = "verified"
    """The tenant has proved that the domain is its own."""
    EMAIL = "email"
    """The domain is used for mail."""
    ASSIGNED = "assigned"
    """Microsoft has assigned a host under mx.microsoft: Graph names one, or one is pinned."""


_READINESS = {
    Readiness.VERIFIED: "Microsoft Graph says that {} is verified",
    Readiness.EMAIL: "Microsoft Graph says that {} is used for mail",
    Readiness.ASSIGNED: "Microsoft Graph names a host under mx.microsoft for {}, or one is pinned",
}


@dataclass(frozen=True, slots=True)
class GraphSays:
    """Microsoft Graph says that a domain is this far."""

    domain: Name
    readiness: Readiness
    kind: Literal["graph-says"] = "graph-says"

    def __str__(self) -> str:
        return _READINESS[self.readiness].format(self.domain)


@dataclass(frozen=True, slots=True)
class GraphAsks:
    """Microsoft Graph, or a pin while Graph answers a legacy host, still asks for this mail host; another contradicts it."""

    domain: Name
    exchange: Name
    kind: Literal["graph-asks"] = "graph-asks"

    def __str__(self) -> str:
        return f"Microsoft Graph, or a pin, still asks for {self.exchange} at {self.domain}"


@dataclass(frozen=True, slots=True)
class HostResolves:
    """The servers of a mail host's zone give an address for it."""

    host: Name
    kind: Literal["host-resolves"] = "host-resolves"

    def __str__(self) -> str:
        return f"{self.host} has an address at its authoritative servers"


@dataclass(frozen=True, slots=True)
class HostTakesMail:
    """Every address of a host greets, takes EHLO and starts TLS (RFC 3207)."""

    host: Name
    kind: Literal["host-takes-mail"] = "host-takes-mail"

    def __str__(self) -> str:
        return f"every address of {self.host} answers SMTP with STARTTLS"


@dataclass(frozen=True, slots=True)
class StsAllows:
    """No sender that keeps to MTA-STS (RFC 8461) refuses the hosts.

    There is no `_mta-sts` record; or the policy names every host, or is in mode testing or none, and was so, under one id, for
    the record's TTL and at least 24 hours.
    """

    domain: Name
    hosts: tuple[Name, ...]
    kind: Literal["sts-allows"] = "sts-allows"

    def __str__(self) -> str:
        return f"the MTA-STS policy of {self.domain}, if there is one, allows {', '.join(self.hosts)}, and has for long enough"


@dataclass(frozen=True, slots=True)
class ChainValid:
    """A validator with the trust anchor finds the zone secure (RFC 4033 §5)."""

    zone: Name
    kind: Literal["chain-valid"] = "chain-valid"

    def __str__(self) -> str:
        return f"the chain of trust from the root to {self.zone} is valid"


@dataclass(frozen=True, slots=True)
class ZoneSigned:
    """Every address of the zone's servers serves DNSKEYs for all of `ds`, each signing the set, and valid signatures.

    The signatures are valid for `beyond` seconds more. `ds` empty: whichever keys there are, one of them an entry point.
    """

    zone: Name
    ds: tuple[Ds, ...]
    beyond: int
    kind: Literal["zone-signed"] = "zone-signed"

    def __str__(self) -> str:
        keys = f" with the keys {', '.join(str(one.key_tag) for one in self.ds)}" if self.ds else ""
        lasting = f", valid for {duration(self.beyond)} more" if self.beyond else ""
        return f"every server of {self.zone} serves it signed{keys}{lasting}"


@dataclass(frozen=True, slots=True)
class ZoneUnsigned:
    """No address of the zone's servers serves a DNSKEY, and no server of the parent a DS."""

    zone: Name
    kind: Literal["zone-unsigned"] = "zone-unsigned"

    def __str__(self) -> str:
        return f"no server serves a DNSKEY of {self.zone}, and its parent no DS"


@dataclass(frozen=True, slots=True)
class DelegatedTo:
    """The parent and the zone itself name exactly these servers."""

    zone: Name
    servers: tuple[Name, ...]
    kind: Literal["delegated-to"] = "delegated-to"

    def __str__(self) -> str:
        return f"{self.zone} and its parent name exactly {', '.join(self.servers)}"


@dataclass(frozen=True, slots=True)
class ParentServesDs:
    """Every server of the zone above serves exactly these DS values; none: each denies the set, with proof if it is signed.

    The TTL is the parent's business.
    """

    zone: Name
    ds: tuple[Ds, ...]
    kind: Literal["parent-serves-ds"] = "parent-serves-ds"

    def __str__(self) -> str:
        named = ", ".join(str(one.key_tag) for one in self.ds)
        return f"every server of the zone above {self.zone} serves {f'the DS for {named}' if self.ds else 'no DS'}"


@dataclass(frozen=True, slots=True)
class ParentSecure:
    """The zone above is secure itself, so that a DS in it means something."""

    zone: Name
    kind: Literal["parent-secure"] = "parent-secure"

    def __str__(self) -> str:
        return f"the zone above {self.zone} is secure"


@dataclass(frozen=True, slots=True)
class TlsaHarmless:
    """A host has no TLSA set, or every address of it presents what one of its records matches (RFC 7672 §2.2)."""

    host: Name
    kind: Literal["tlsa-harmless"] = "tlsa-harmless"

    def __str__(self) -> str:
        return f"the TLSA of {self.host}, if it has any, matches what each address presents"


@dataclass(frozen=True, slots=True)
class TlsaSecure:
    """A host's TLSA set is secure, and one of its records matches what each address presents."""

    host: Name
    kind: Literal["tlsa-secure"] = "tlsa-secure"

    def __str__(self) -> str:
        return f"the TLSA of {self.host} is secure and matches what each address presents"


@dataclass(frozen=True, slots=True)
class TlsaGone:
    """Every server of a host's zone denies its TLSA set, with proof where the zone is secure."""

    host: Name
    kind: Literal["tlsa-gone"] = "tlsa-gone"

    def __str__(self) -> str:
        return f"{self.host} has no TLSA"


@dataclass(frozen=True, slots=True)
class Presents:
    """Every address of a host presents a certificate that one of these records matches."""

    host: Name
    records: tuple[Tlsa, ...]
    kind: Literal["presents"] = "presents"

    def __str__(self) -> str:
        told = ", ".join(f"{one.usage} {one.selector} {one.matching_type} {one.association[:16]}" for one in self.records)
        return f"every address of {self.host} presents what {told} matches"


@dataclass(frozen=True, slots=True)
class ClockTrusted:
    """This machine's clock lies within 60 seconds of what HTTPS servers told in this run."""

    kind: Literal["clock-trusted"] = "clock-trusted"

    def __str__(self) -> str:
        return "this machine's clock is right"


Plain = (
    ProviderHolds
    | ServedEverywhere
    | MxOffDane
    | GraphSays
    | GraphAsks
    | HostResolves
    | HostTakesMail
    | ChainValid
    | ZoneSigned
    | ZoneUnsigned
    | DelegatedTo
    | ParentServesDs
    | ParentSecure
    | TlsaHarmless
    | TlsaSecure
    | TlsaGone
    | Presents
    | ClockTrusted
)
"""What one moment's facts tell."""

Instant = Plain | StsAllows
"""What is looked at; MTA-STS has a wait of its own."""


@dataclass(frozen=True, slots=True)
class HeldFor:
    """The inner condition was met whenever it was looked at, for this many seconds, counted from when it was first seen."""

    condition: Plain
    seconds: int
    kind: Literal["held-for"] = "held-for"

    def __post_init__(self) -> None:
        if self.seconds < 0:
            msg = f"a wait of {self.seconds} seconds"
            raise ValueError(msg)

    def __str__(self) -> str:
        return f"{self.condition}, and has for {duration(self.seconds)}"


Condition = Instant | HeldFor
