"""What a manifest says, once it is read and every reference in it is resolved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from plans.acknowledgement import Acknowledgement
from plans.approval import Numbers
from plans.desired import Cloud, Dnssec, Subject, SubjectKind
from plans.freeze import Freeze
from plans.microsoft import is_onmicrosoft
from plans.policy import Risk
from plans.rollout.domain import Strategy
from plans.rollout.onboarding import Verify
from plans.values import Mx, Name
from providers.contract import Adapter, Options
from provisioner.targets import Target

AUTO = "auto"
"""What stands for a provider where the one is meant that holds the zone and is delegated to."""
MANUAL = "manual"
"""The type of the provider whose zones a person changes, and the label that it has where the manifest names none."""


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file that a user wrote; line and column count from 1.

    The path is as a user would type it: relative to the current directory if it lies below.
    """

    file: Path
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is to be had: an environment variable or a file. It is read when it is needed and never kept."""

    where: Location
    env: str | None = None
    file: Path | None = None

    def __str__(self) -> str:
        return f"env {self.env}" if self.env else f"file {self.file}"


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """An application's client secret."""

    client_id: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class Certificate:
    """An application's certificate with its private key (PEM or PFX)."""

    client_id: str
    certificate: Secret
    password: Secret | None = None


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """A federated token that the platform keeps in a file; None: where the platform's environment says."""

    client_id: str
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class AzurePipelines:
    """An Azure Pipelines service connection."""

    client_id: str
    service_connection_id: str
    system_access_token: Secret


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token that was got elsewhere."""

    token: Secret


@dataclass(frozen=True, slots=True)
class DefaultChain:
    """azure-identity's default chain."""


@dataclass(frozen=True, slots=True)
class AzureCli:
    """Whoever is logged in with `az login`."""


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """The identity of the machine; None: its system-assigned one."""

    client_id: str | None = None


Method = (
    ClientSecret | Certificate | WorkloadIdentity | AzurePipelines | BearerToken | DefaultChain | AzureCli | ManagedIdentity
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A way to log in, under the manifest's label."""

    label: str
    method: Method
    where: Location


@dataclass(frozen=True, slots=True)
class LiveTenant:
    """A tenant asked through Microsoft Graph. `id` is its GUID or one of its domain names."""

    label: str
    id: str
    credential: Credential
    cloud: Cloud
    where: Location
    domains: tuple[str, ...] | None = None
    """Globs of the tenant's domains that are managed beside those that the manifest lists; None: only the listed ones.

    They are as `fnmatch.fnmatchcase` takes them for a name without final dot: lower case, A-labels; `all` is `*`.
    """


@dataclass(frozen=True, slots=True)
class SavedTenant:
    """A tenant whose answer was saved to a file."""

    label: str
    export: Path
    cloud: Cloud
    where: Location
    domains: tuple[str, ...] | None = None


Tenant = LiveTenant | SavedTenant


class Listing(StrEnum):
    """Which of Microsoft Graph's lists tells of a partner's customers."""

    CONTRACTS = "contracts"
    """The partnerships of the partner's tenant (https://learn.microsoft.com/graph/api/resources/contract)."""
    DELEGATED_ADMIN = "delegated-admin"
    """Those with delegated admin relationships (https://learn.microsoft.com/graph/api/resources/delegatedadmincustomer)."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner's own tenant, under the partner's label, of which every customer is a tenant too.

    The credential logs in to each customer's tenant, in the same cloud. `defaults` are what a customer's entry under `tenants:`
    is proposed with.
    """

    tenant: LiveTenant
    discover: Listing
    defaults: Settings

    def customer(self, label: str, guid: str) -> LiveTenant:
        """Give the tenant of a customer; nothing that it holds is managed unless the manifest lists it."""
        return replace(self.tenant, label=label, id=guid)


def chooses(tenant: Tenant, name: Name) -> bool:
    """Whether the globs of a tenant's `domains` choose a domain that it holds; those that Microsoft gives are never chosen."""
    return not is_onmicrosoft(name) and matches(name, tenant.domains or ())


def matches(name: Name, globs: Collection[str]) -> bool:
    """Whether any of some globs fits a domain's name, in whichever case and with or without final dot."""
    return any(fnmatchcase(name.rstrip("."), glob.lower().rstrip(".")) for glob in globs)


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """A DNS provider under the manifest's label: its adapter and the options that the adapter's model accepted."""

    label: str
    adapter: Adapter
    options: Options
    where: Location


class SmtpProbe(StrEnum):
    """What a new host's answer on port 25 counts before an MX names it."""

    OFF = "off"
    """It is not asked."""
    ADVISORY = "advisory"
    """It is told and stops nothing: many networks close port 25."""
    REQUIRED = "required"
    """Without an answer the MX does not change."""


class Route(StrEnum):
    """Where the mail of a domain goes first."""

    EXCHANGE_ONLINE = "exchange-online"
    """To the host that Microsoft Graph tells."""
    GATEWAY = "gateway"
    """To hosts in front of Exchange Online, which the manifest names."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """Leave to replace an MX that is not Microsoft's: only as long as it is `from_host` alone, and before `until` (UTC)."""

    from_host: Name
    until: datetime


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set on a domain, in its tenant's defaults or in the manifest's; None: not set there.

    `provider` is a label or `AUTO`.
    """

    provider: str | None = None
    strategy: Strategy | None = None
    verify: Verify | None = None
    staged: bool | None = None
    dnssec: Dnssec | None = None
    dane: bool | None = None
    smtp_probe: SmtpProbe | None = None

    def before(self, others: Settings) -> Settings:
        """Give these settings, and the others' where these say nothing."""
        return Settings(
            self.provider or others.provider,
            self.strategy or others.strategy,
            self.verify or others.verify,
            others.staged if self.staged is None else self.staged,
            self.dnssec or others.dnssec,
            others.dane if self.dane is None else self.dane,
            self.smtp_probe or others.smtp_probe,
        )


@dataclass(frozen=True, slots=True)
class Domain:
    """One managed domain; `where` is the line that names it. `provider` None: the one that the zone is found at (`AUTO`).

    `exchange` is the host that the manifest pins: below mx.microsoft as Microsoft's cmdlet printed it (DnssecMxValue), for the
    time in which Graph may not say so yet, or a legacy one for the way back from DANE. `staged`: its zone is being prepared at
    the provider, and is not asked by the world. `mx` is what a gateway's MX is to be, ascending; empty on any other route.

    `parent` is where the DS of the domain's zone goes; None: a person brings it there. Somebody says that the zone has been
    signed since `signed_since`, and delegated as it is now since `delegated_since` (UTC).
    """

    name: Name
    tenant: Tenant
    provider: ProviderConfig | None
    strategy: Strategy
    where: Location
    verify: Verify = Verify.MANUAL
    exchange: Name | None = None
    staged: bool = False
    dnssec: Dnssec = Dnssec.KEEP
    dane: bool = False
    smtp_probe: SmtpProbe = SmtpProbe.ADVISORY
    route: Route = Route.EXCHANGE_ONLINE
    mx: tuple[Mx, ...] = ()
    takeover: Takeover | None = None
    parent: ProviderConfig | None = None
    signed_since: datetime | None = None
    delegated_since: datetime | None = None

    @property
    def subject(self) -> Subject:
        """What findings of it are about."""
        return Subject(self.name)

    @classmethod
    def of(cls, name: Name, tenant: Tenant, provider: ProviderConfig | None, settings: Settings, where: Location) -> Domain:
        """Make a domain by its settings, and by what holds where nobody set anything."""
        return cls(
            name,
            tenant,
            provider,
            settings.strategy or Strategy.PHASED,
            where,
            settings.verify or Verify.MANUAL,
            staged=bool(settings.staged),
            dnssec=settings.dnssec or Dnssec.KEEP,
            dane=bool(settings.dane),
            smtp_probe=settings.smtp_probe or SmtpProbe.ADVISORY,
        )


@dataclass(frozen=True, slots=True)
class MailHost:
    """An MX host of ours, whose TLSA is made from its certificate. `provider` None: the one that its zone is found at (`AUTO`).

    `certificate` and `upcoming` are PEM files: what the host presents, and what it will after the next change of it.
    """

    name: Name
    provider: ProviderConfig | None
    certificate: Path
    upcoming: Path | None
    where: Location

    @property
    def subject(self) -> Subject:
        """What findings of it are about."""
        return Subject(self.name, SubjectKind.MAIL_HOST)

    @property
    def staged(self) -> bool:
        """Whether its zone is being prepared: never, for a TLSA is there for those who ask DNS."""
        return False


@dataclass(frozen=True, slots=True)
class Approvers:
    """Who may approve: an `allowed_signers` file of OpenSSH, and a file of revoked keys (a KRL, or public keys)."""

    file: Path
    revoked: Path | None = None


@dataclass(frozen=True, slots=True)
class Ceilings:
    """How much one plan may begin: subjects, and per cent of the subjects that there are; None: as many as there are."""

    count: int | None = None
    share: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What every rollout keeps to. `soak` lies between the swap of hosts in an MX and the removal of the old ones.

    `approvals` says how many people must approve what, `approvers` who may; None: nobody. `separate`: whoever made a plan
    does not count. A rollout begins before its plan is older than `expires`, and one that has begun keeps its approval for
    `carry`. Risk classes in `unattended` need no person at all. `digest` is the SHA-256 of the bytes of the file that says all
    this, in hexadecimal; empty: the manifest says it.

    Of each risk class of a plan so many subjects as `waves` do a step first, and are seen to have done it, before any other
    does (0: all at once); at `max_failures` a run stops. `ceilings` bound what one plan may begin. In a freeze nothing is
    written. `where` says where a key stands; one that is not there has its default.
    """

    soak: timedelta = timedelta(hours=1)
    approvals: Numbers = field(default_factory=Numbers)
    approvers: Approvers | None = None
    separate: bool = False
    expires: timedelta = timedelta(hours=24)
    carry: timedelta = timedelta(days=30)
    unattended: frozenset[Risk] = frozenset()
    digest: str = ""
    waves: int = 3
    max_failures: int = 5
    ceilings: Ceilings = Ceilings()
    freezes: tuple[Freeze, ...] = ()
    acknowledged: tuple[Acknowledgement, ...] = ()
    where: Mapping[str, Location] = field(default_factory=dict, compare=False)

    def rule(self, key: str) -> str:
        """Name a rule as messages do: its key, and its file and line."""
        return f"policy.{key} in {self.where[key]}" if key in self.where else f"policy.{key}, by default"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Whom `reconcile` tells when it did something, or something needs a person; `template` None: as most services take it."""

    url: Secret
    template: Path | None = None


@dataclass(frozen=True, slots=True)
class Resolver:
    """How public DNS is asked: through recursive servers (`forward`, address and port), else from the root.

    `hints` is a file with the root's servers; `port` is that of delegated servers, another than 53 on loopback only.
    `trust_anchor` is a file with the root's keys by which DNSSEC is validated.
    """

    forward: tuple[Target, ...] = ()
    hints: Path | None = None
    port: int = 53
    trust_anchor: Path | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole manifest. `state` is an SQLAlchemy URL; a relative SQLite path in it is already resolved.

    `domains` and `mail_hosts` are those that the manifest lists, in its order. `graph_endpoint` is the root of Microsoft Graph
    without version path and final slash, None for the cloud's own.
    """

    file: Path
    state: str
    tenants: Mapping[str, Tenant]
    providers: Mapping[str, ProviderConfig]
    domains: tuple[Domain, ...]
    defaults: Settings
    tenant_defaults: Mapping[str, Settings]
    graph_endpoint: str | None = None
    credentials: Mapping[str, Credential] = field(default_factory=dict)
    resolver: Resolver | None = None
    mail_hosts: tuple[MailHost, ...] = ()
    policy: Policy = Policy()
    partners: Mapping[str, Partner] = field(default_factory=dict)
    webhook: Webhook | None = None

    def settings(self, tenant: str) -> Settings:
        """Give what holds for a tenant's domains that do not say otherwise: its own defaults before the manifest's."""
        return self.tenant_defaults.get(tenant, Settings()).before(self.defaults)

    def discovered(self, tenant: Tenant, name: Name) -> Domain:
        """Give the settings of a domain that the tenant's globs chose and the manifest does not list."""
        settings = self.settings(tenant.label)
        label = settings.provider or AUTO
        provider = None if label == AUTO else self.providers[label]
        return Domain.of(name, tenant, provider, settings, tenant.where)
