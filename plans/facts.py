"""What was gathered about the world at one moment, for `plans.position` to judge: what is missing here was not gathered.

Nothing in here is a conclusion: each fact says what one server, one address or one service answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from plans.desired import GraphAnswer
from plans.values import Ds, Key, Live, Name, RRset

CONFIRMED_FOR = timedelta(hours=24)
"""How long somebody's word for what a mail host presents counts."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing usable came; `why` is for a person."""

    why: str


@dataclass(frozen=True, slots=True)
class DnsKey:
    """A DNSKEY (RFC 4034 §2) with the DS that each digest type gives for it; `public_key` is base64."""

    tag: int
    algorithm: int
    flags: int
    public_key: str
    ds: tuple[Ds, ...]

    @property
    def is_entry_point(self) -> bool:
        """Whether the SEP flag marks it as one that a DS names (RFC 3757)."""
        return bool(self.flags & 1)


@dataclass(frozen=True, slots=True)
class Signed:
    """How one address serves a zone's DNSSEC: its DNSKEY set and until when (UTC) the signatures are valid.

    `valid_until` is the earliest expiration among those of DNSKEY, SOA, NS and the managed sets; None: something there is not
    signed, or not validly so by these keys, and `fault` says what. `signing` are the tags of the keys whose own signature over
    the DNSKEY set is valid. `key_ttl` in seconds.
    """

    keys: tuple[DnsKey, ...]
    key_ttl: int
    signing: frozenset[int]
    valid_until: datetime | None
    fault: str = ""


class Security(StrEnum):
    """What a validator says of data (RFC 4033 §5)."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"
    INDETERMINATE = "indeterminate"
    """It could not be found out; nothing may rest on it."""


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """A zone as its own servers and its parent's serve it. TTLs in seconds.

    `security` is what a validator with the trust anchor says of the zone's apex, `parent_security` of its parent's. `ds` is the
    set that every server of the parent serves alike, None: all deny it (with proof where the parent is signed), `NoAnswer`:
    they differ or one is silent. `signed` is by address of the zone's own servers: None where it serves no DNSKEY at all.
    `delegated` are the servers that the parent names, `own` those of the apex. `negative_ttl` is how long a resolver keeps a
    denial of the zone's (RFC 2308), `parent_negative_ttl` one of the parent's, as for a DS.
    """

    zone: Name
    parent: Name
    security: Security
    why: str
    parent_security: Security
    ds: RRset | NoAnswer | None
    signed: Mapping[str, Signed | NoAnswer | None]
    delegated: frozenset[Name]
    own: frozenset[Name]
    ns_ttl: int
    negative_ttl: int
    parent_negative_ttl: int
    parent_scans_cds: bool = False
    """Whether the parent is known to look for CDS and CDNSKEY (RFC 7344), so that signing is adding a DS."""


@dataclass(frozen=True, slots=True)
class Secured:
    """A set as a validator sees it; `held` None with `SECURE` is a denial that was proved."""

    held: Live
    security: Security
    why: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """One SMTP session at one address of a host, up to the TLS handshake (RFC 3207); nothing was sent.

    `chain` begins with the certificate that the server presented for itself, as DER; issuers may follow. Empty: no TLS came
    about, and `why` says why not. `names` are the certificate's DNS names in lower case, `not_after` (UTC) when it ends.
    """

    accepts: bool | None
    """Whether it greeted and took EHLO; None: nobody could tell (no route, port closed to this network)."""
    starttls: bool
    chain: tuple[bytes, ...] = ()
    names: tuple[str, ...] = ()
    not_after: datetime | None = None
    why: str = ""
    refused: bool = False
    """Whether the connection was refused: by the host, or by a network that lets nobody out to port 25."""

    @property
    def is_mute(self) -> bool:
        """Whether nothing was heard of the server itself: all of it looks the same where a network closes port 25."""
        return self.accepts is None or self.refused


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A mail host: its addresses at its authoritative servers, its TLSA set, and the sessions at each address.

    `addresses` None: it could not be told. `address_ttl` in seconds. `sessions` has what was tried.
    """

    host: Name
    addresses: frozenset[str] | None
    address_ttl: int
    address_security: Security
    tlsa: Secured
    sessions: Mapping[str, Session] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Somebody's word that a mail host presents one key at these addresses: `by` whom, and `at` which time (UTC).

    `key` is the SHA-256 of the SubjectPublicKeyInfo in hexadecimal, as in a record 3 1 1.
    """

    host: Name
    key: str
    addresses: frozenset[str]
    by: str
    at: datetime

    @property
    def until(self) -> datetime:
        """When it begins to count for nothing."""
        return self.at + CONFIRMED_FOR

    def counts(self, now: datetime) -> bool:
        """Whether it counts: it was given, and not too long ago."""
        return self.at <= now < self.until

    def __str__(self) -> str:
        return f"the word of {self.by}, {self.at:%Y-%m-%d %H:%M:%SZ}"


class StsMode(StrEnum):
    """What a sender does with a host that fails (RFC 8461 §5); NONE also where the domain has no `_mta-sts` record."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """A domain's MTA-STS as it is published now (RFC 8461 §3): the record's id and TTL, the policy's mode, hosts and digest.

    `id` is empty where there is no record. `patterns` are the policy's `mx` lines in lower case without final dot; `digest` is
    the SHA-256 of the body in hexadecimal. TTL and max_age in seconds.
    """

    id: str
    ttl: int
    mode: StsMode
    patterns: tuple[str, ...] = ()
    max_age: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was gathered for one rollout, `at` which time (UTC). A fact that is missing opens nothing.

    `live` is what providers hold, `served` what each address of a zone's servers answers, by zone and key. `confirmations` are
    people's words for what mail hosts present, which may have lapsed.
    """

    at: datetime
    live: Mapping[Key, Live]
    graph: Mapping[Name, GraphAnswer] = field(default_factory=dict)
    pins: Mapping[Name, Name] = field(default_factory=dict)
    served: Mapping[tuple[Name, Key], Mapping[str, Live | NoAnswer]] = field(default_factory=dict)
    zones: Mapping[Name, ZoneFacts] = field(default_factory=dict)
    hosts: Mapping[Name, HostFacts] = field(default_factory=dict)
    sts: Mapping[Name, StsPolicy | NoAnswer] = field(default_factory=dict)
    confirmations: Mapping[Name, Confirmation] = field(default_factory=dict)
    clock_skew: timedelta | None = None
    """How far this machine's clock is from what an HTTPS server told in this run; None: none told."""
