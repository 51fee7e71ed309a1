"""What is wanted for a subject, and the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from plans.values import Key, Name, RRset


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


@dataclass(frozen=True, slots=True)
class GraphAnswer:
    """What Microsoft Graph says of one domain: its service configuration records, as far as they matter to mail.

    `facts` is None where the answer holds the records alone. `unavailable` are Microsoft's own words for a record that it
    cannot give (`domainDnsUnavailableRecord`); `unknown` are the types of mail records that this version does not know.
    """

    domain: Name
    source: Source
    cloud: Cloud
    read_at: datetime
    mail_exchanges: tuple[MailExchange, ...]
    facts: DomainFacts | None = None
    unavailable: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


Evidence = GraphAnswer
"""Why something is wanted: kept in the plan, told to the person who approves it."""


@dataclass(frozen=True, slots=True)
class Desired:
    """The RRsets wanted for one subject, the keys that are managed for it, and why."""

    subject: Subject
    rrsets: tuple[RRset, ...]
    managed: tuple[Key, ...]
    evidence: tuple[Evidence, ...]
