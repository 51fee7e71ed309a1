"""What a manifest says, once it is read and every reference in it is resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from plans.desired import Cloud
from plans.microsoft import is_onmicrosoft
from plans.rollout.domain import Strategy
from plans.rollout.onboarding import Verify
from plans.values import Name
from providers.contract import Adapter, Options
from provisioner.targets import Target


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


def chooses(tenant: Tenant, name: Name) -> bool:
    """Whether the globs of a tenant's `domains` choose a domain that it holds; those that Microsoft gives are never chosen."""
    return not is_onmicrosoft(name) and any(fnmatchcase(name.rstrip("."), glob) for glob in tenant.domains or ())


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """A DNS provider under the manifest's label: its adapter and the options that the adapter's model accepted."""

    label: str
    adapter: Adapter
    options: Options
    where: Location


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set on a domain, in its tenant's defaults or in the manifest's; None: not set there."""

    provider: str | None = None
    strategy: Strategy | None = None
    verify: Verify | None = None
    staged: bool | None = None

    def before(self, others: Settings) -> Settings:
        """Give these settings, and the others' where these say nothing."""
        return Settings(
            self.provider or others.provider,
            self.strategy or others.strategy,
            self.verify or others.verify,
            others.staged if self.staged is None else self.staged,
        )


@dataclass(frozen=True, slots=True)
class Domain:
    """One managed domain; `where` is the line that names it.

    `exchange` is the host below mx.microsoft that Microsoft assigned to it, as its cmdlet printed it (DnssecMxValue), for the
    time in which Graph may not say so yet. `staged`: its zone is being prepared at the provider, and is not asked by the world.
    """

    name: Name
    tenant: Tenant
    provider: ProviderConfig
    strategy: Strategy
    where: Location
    verify: Verify = Verify.MANUAL
    exchange: Name | None = None
    staged: bool = False

    @classmethod
    def of(
        cls,
        name: Name,
        tenant: Tenant,
        provider: ProviderConfig,
        settings: Settings,
        where: Location,
        exchange: Name | None = None,
    ) -> Domain:
        """Make a domain by its settings, and by what holds where nobody set anything."""
        strategy, verify = settings.strategy or Strategy.PHASED, settings.verify or Verify.MANUAL
        return cls(name, tenant, provider, strategy, where, verify, exchange, bool(settings.staged))


@dataclass(frozen=True, slots=True)
class Resolver:
    """How public DNS is asked: through recursive servers (`forward`, address and port), else from the root.

    `hints` is a file with the root's servers; `port` is that of delegated servers, another than 53 on loopback only.
    """

    forward: tuple[Target, ...] = ()
    hints: Path | None = None
    port: int = 53


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole manifest. `state` is an SQLAlchemy URL; a relative SQLite path in it is already resolved.

    `domains` are those that the manifest lists, in its order. `graph_endpoint` is the root of Microsoft Graph without
    version path and final slash, None for the cloud's own.
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

    def settings(self, tenant: str) -> Settings:
        """Give what holds for a tenant's domains that do not say otherwise: its own defaults before the manifest's."""
        return self.tenant_defaults.get(tenant, Settings()).before(self.defaults)

    def discovered(self, tenant: Tenant, name: Name) -> Domain:
        """Give the settings of a domain that the tenant's globs chose and the manifest does not list.

        A tenant that has globs has a provider for them, else the manifest would not have been read.
        """
        settings = self.settings(tenant.label)
        provider = self.providers[settings.provider or ""]
        return Domain.of(name, tenant, provider, settings, tenant.where)
