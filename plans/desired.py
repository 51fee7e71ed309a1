"""What is wanted for a subject, and the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from plans.values import Key, Name, RRset

MAIL_SERVICE = "Email"
"""The name of Exchange Online among a domain's supported services."""


class SubjectKind(StrEnum):
    """What a rollout can be about; each kind owns keys of its own."""

    DOMAIN = "domain"
    """A domain whose MX we manage."""
    ZONE = "zone"
    """A zone whose signing and DS we manage."""
    MAIL_HOST = "mail-host"
    """An MX host of ours, whose TLSA we manage."""
    TENANT = "tenant"
    """A tenant whose domains could not even be listed; it has findings, never steps."""


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What one rollout is about. `name` is a domain name; of a tenant, the manifest's label."""

    name: Name
    kind: SubjectKind = SubjectKind.DOMAIN

    def __str__(self) -> str:
        return self.name.rstrip(".")


class Cloud(StrEnum):
    """A Microsoft cloud (https://learn.microsoft.com/graph/deployments)."""

    GLOBAL = "global"
    USGOV = "usgov"
    USGOV_DOD = "usgov-dod"
    CHINA = "china"


class Dnssec(StrEnum):
    """What the manifest says of a zone's signing."""

    KEEP = "keep"
    """It is neither signed, unsigned nor given a DS by us."""
    MANAGE = "manage"
    """It is to be signed, with a DS at its parent."""
    OFF = "off"
    """It is to have no DS, and no signatures."""


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Where desired state comes from: the manifest's tenant label, and the service or file that answers for it."""

    tenant: str
    where: str


@dataclass(frozen=True, slots=True)
class MailExchange:
    """One `domainDnsMxRecord` for the service Email, as Graph gave it; `ttl` in seconds.

    https://learn.microsoft.com/graph/api/resources/domaindnsmxrecord
    """

    label: Name
    exchange: Name
    preference: int
    ttl: int


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """What Graph's `domain` resource says of a domain's fitness (https://learn.microsoft.com/graph/api/resources/domain)."""

    is_verified: bool
    is_initial: bool
    is_admin_managed: bool
    supported_services: tuple[str, ...]
    availability_status: str = ""
    """Empty but after a verification; `EmailVerifiedDomainTakeoverScheduled` tells of a self-service tenant taken over."""


@dataclass(frozen=True, slots=True)
class VerificationText:
    """The TXT record that proves to Microsoft that a domain is the tenant's; `ttl` in seconds.

    https://learn.microsoft.com/graph/api/domain-list-verificationdnsrecords
    """

    label: Name
    text: str
    ttl: int


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """What Microsoft Graph says of one domain: its service configuration records, as far as they matter to mail.

    `verification` is what a domain that is not verified yet must publish. `facts` is None where the answer holds the records
    alone. `unavailable` are Microsoft's own words for a record that it cannot give (`domainDnsUnavailableRecord`); `unknown`
    are the types of mail records that this version does not know.
    """

    domain: Name
    source: Source
    cloud: Cloud
    read_at: datetime
    mail_exchanges: tuple[MailExchange, ...]
    facts: DomainFacts | None = None
    unavailable: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    verification: tuple[VerificationText, ...] = ()


@dataclass(frozen=True, slots=True)
class Pin:
    """A host that Microsoft assigned to a domain, as its cmdlet printed it (DnssecMxValue), while Graph may not say so yet.

    `where` tells who says so: the manifest's line, or the state.
    """

    domain: Name
    exchange: Name
    where: str


@dataclass(frozen=True, slots=True)
class Stated:
    """What the manifest itself says is wanted of a domain, and in which line."""

    domain: Name
    what: str
    where: str


@dataclass(frozen=True, slots=True)
class Journalled:
    """What stood before we wrote, as the journal has it: what (a key, or a zone's signing), and when we overwrote it (UTC).

    `back_to` says before which run or plan, or at which time it stood.
    """

    of: str
    stood: str
    overwritten_at: datetime
    back_to: str


@dataclass(frozen=True, slots=True)
class Emergency:
    """Somebody took the way out in an emergency for a domain, without a plan's approval, for a reason."""

    domain: Name
    reason: str


Evidence = GraphAnswer | Pin | Stated | Journalled | Emergency
"""Why something is wanted: kept in the plan, told to the person who approves it."""


@dataclass(frozen=True, slots=True)
class Desired:
    """The RRsets wanted for one subject, the keys that are managed for it, and why."""

    subject: Subject
    rrsets: tuple[RRset, ...]
    managed: tuple[Key, ...]
    evidence: tuple[Evidence, ...]
