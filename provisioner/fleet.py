"""The world that a manifest names: its tenants' sources and its providers, opened when they are first needed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, cast

from plans.desired import Cloud
from plans.microsoft import GRAPH_ROOTS
from plans.problem import Problem
from plans.values import Key, Name, ZoneRef
from providers import registry
from providers.contract import Capabilities, Context, Lookup, Provider, Reader, SecretOption, Served, TokenSource
from providers.limiter import Limiters, Meter
from provisioner.desired.source import DesiredSource
from provisioner.desired.sources import open_source
from provisioner.manifest.model import MANUAL, LiveTenant, Location, Manifest, Partner, ProviderConfig, Secret, Tenant
from provisioner.secrets import reveal
from provisioner.serving import Serving

if TYPE_CHECKING:
    from provisioner.desired.graph import GraphSource
    from provisioner.desired.partners import Customer
    from provisioner.dns import PublicLookup
    from provisioner.dns.parents import Parents
    from provisioner.probe.witness import Witness


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a provider makes a rollout wait.

    `propagation`: from an accepted write to the last server that serves it. `max_zone_ttl`: seconds, the highest TTL in any of
    its zones as the manifest says it; None: it does not say.
    """

    propagation: timedelta
    max_zone_ttl: int | None


class Fleet:
    """Opens what a manifest names, each once a run. `now` gives the time in UTC, `notify` tells of waits worth telling.

    `lookup` asks public DNS, `witness` looks at the world outside; None: as the manifest says.
    """

    def __init__(
        self,
        manifest: Manifest,
        now: Callable[[], datetime],
        lookup: Lookup | None = None,
        notify: Callable[[str], None] = lambda _: None,
        witness: Witness | None = None,
    ) -> None:
        self.manifest = manifest
        self.now = now
        self.meter = Meter()
        self.serving = Serving()
        self._lookup = lookup
        self._witness = witness
        self._limiters = Limiters(notify)
        self._providers: dict[str, Provider] = {}
        self._sources: dict[str, DesiredSource] = {}
        if not logging.root.handlers:  # else Python prints what an SDK logs, foreign text and all, between our lines
            logging.root.addHandler(logging.NullHandler())

    @property
    def lookup(self) -> Lookup:
        """Public DNS."""
        if self._lookup is None:
            from provisioner.dns import PublicLookup, ResolverOptions  # noqa: PLC0415 - few runs ask, none starts slower

            said = self.manifest.resolver
            options = ResolverOptions(said.forward, said.hints, said.port, said.trust_anchor) if said else None
            self._lookup = PublicLookup(options, now=self.now)
        return self._lookup

    @property
    def held_up(self) -> Mapping[str, float]:
        """The services whose limit makes requests wait just now: for how many seconds."""
        return self._limiters.waits

    def witness(self) -> Witness:
        """Give who looks at the world outside; a new one for each look, since what it saw once it does not look at again."""
        if self._witness is not None:
            return self._witness
        from provisioner.probe.aliases import Aliases  # noqa: PLC0415 - few runs look
        from provisioner.probe.mta_sts import StsClient  # noqa: PLC0415 - few runs look
        from provisioner.probe.smtp import SmtpProbe  # noqa: PLC0415 - few runs look
        from provisioner.probe.witness import PublicWitness  # noqa: PLC0415 - few runs look

        lookup = cast("PublicLookup", self.lookup)
        aliases = Aliases(lookup)
        sts = StsClient(aliases.held, aliases.addresses)
        return PublicWitness(lookup, SmtpProbe(), sts, self._told_time, self.now)

    def _told_time(self) -> datetime | None:
        from provisioner.network import NoAnswer, time_at  # noqa: PLC0415 - few runs ask

        try:
            return time_at(self.manifest.graph_endpoint or GRAPH_ROOTS[Cloud.GLOBAL])
        except (NoAnswer, Problem):
            return None

    def refresh(self, tenants: Iterable[str]) -> None:
        """Forget what tenants' sources said, so that they are asked anew."""
        for label in set(tenants):
            if label in self._sources:
                self._sources[label].refresh(self.now())

    def tenant(self, label: str) -> Tenant:
        """Give what the manifest says of a tenant. Raises `Problem`."""
        tenant = self.manifest.tenants.get(label)
        if tenant is None:
            raise Problem(
                f"The manifest names no tenant {label}",
                f"{self.manifest.file} has no entry {label} under tenants:.",
                "Put it back, or make a new plan:  provisioner plan --out FILE",
            )
        return tenant

    def is_online(self, tenants: str) -> bool:
        """Whether any of some tenants (labels separated by commas) is asked live: then others can be asked for the time."""
        return any(isinstance(self.manifest.tenants.get(label.strip()), LiveTenant) for label in tenants.split(","))

    def source(self, tenant: Tenant) -> DesiredSource:
        """Give a tenant's source of desired state. Raises `Problem`."""
        if tenant.label not in self._sources:
            self._sources[tenant.label] = self.passing_source(tenant)
        return self._sources[tenant.label]

    def passing_source(self, tenant: Tenant) -> DesiredSource:
        """Give a source of its own, of which nothing is kept here: for one of very many tenants. Raises `Problem`."""
        return open_source(tenant, self.manifest.graph_endpoint, self.now(), self.manifest.file.parent)

    def customers(self, partner: Partner) -> tuple[Customer, ...]:
        """Ask a partner's list for the customers, by GUID, ascending. Raises `Problem`."""
        from provisioner.desired.clouds import endpoint  # noqa: PLC0415 - most manifests name no partner
        from provisioner.desired.credential import Login  # noqa: PLC0415 - the same
        from provisioner.desired.partners import customers  # noqa: PLC0415 - the same

        tenant = partner.tenant
        login = Login(tenant.credential, tenant.id, tenant.cloud, label=tenant.label)
        return customers(partner, endpoint(self.manifest.graph_endpoint, tenant.cloud), login, self.now())

    def live_source(self, label: str) -> GraphSource:
        """Give the source of a tenant that is asked live. Raises `Problem`."""
        from provisioner.desired.graph import GraphSource  # noqa: PLC0415 - a run without a live tenant starts faster

        tenant = self.manifest.tenants.get(label)
        source = self.source(tenant) if tenant else None
        if not isinstance(source, GraphSource):
            live = [name for name, one in self.manifest.tenants.items() if isinstance(one, LiveTenant)]
            raise Problem(
                f"{label} is not a tenant that can be asked" if tenant else f"The manifest names no tenant {label}",
                f"The tenants in {self.manifest.file} that are asked through Microsoft Graph: {', '.join(live) or 'none'}.",
                "Name one of them:  provisioner export --tenant NAME",
            )
        return source

    def parents(self) -> Parents | None:
        """Give who asks for the delegations of many zones at once, where the world's DNS is what is looked at."""
        from provisioner.dns import PublicLookup  # noqa: PLC0415 - few runs ask, none starts slower

        return self.lookup.parents() if isinstance(self.lookup, PublicLookup) else None

    def reader(self, label: str) -> Reader:
        """Open a provider for reading: all that planning gets. Raises `Problem`."""
        return self.provider(label)

    def provider(self, label: str) -> Provider:
        """Open a provider. Raises `Problem`."""
        if label not in self._providers:
            config = self._config(label)
            self._providers[label] = config.adapter.open(label, config.options, self._context(config))
        return self._providers[label]

    def capabilities(self, label: str) -> Capabilities:
        """Give what is true of every zone of a provider. Raises `Problem`."""
        return self._config(label).adapter.capabilities

    def waits(self, label: str) -> Waits:
        """Give how long a provider makes a rollout wait. Raises `Problem`."""
        options = self._config(label).options
        longest = options.max_zone_ttl
        return Waits(options.propagation, None if longest is None else round(longest.total_seconds()))

    def zones(self, label: str, names: Collection[Name]) -> dict[Name, ZoneRef | Problem]:
        """Find the zones that hold names; a name that no zone holds is missing, a failure is given for each name."""
        try:
            return dict(self.reader(label).zones(names))
        except Problem as problem:
            config = self._known(label)
            if len(names) < 2 or config is None or config.adapter.capabilities.writes:  # noqa: PLR2004 - one has no others
                return dict.fromkeys(names, problem)
        # by public DNS each name has a parent of its own: one that does not answer says nothing of the others
        return {found: zone for one in names for found, zone in self.zones(label, [one]).items()}

    @cached_property
    def manual(self) -> ProviderConfig:
        """The provider of zones that a person changes: the manifest's first by label, else one that needs no entry there."""
        named = [config for _, config in sorted(self.manifest.providers.items()) if config.options.type == MANUAL]
        if named:
            return named[0]
        adapter = registry.load(MANUAL)
        return ProviderConfig(MANUAL, adapter, adapter.options(type=MANUAL), Location(self.manifest.file, 1))

    def _known(self, label: str) -> ProviderConfig | None:
        return self.manifest.providers.get(label) or (self.manual if label == MANUAL else None)

    def _config(self, label: str) -> ProviderConfig:
        config = self._known(label)
        if config is None:
            raise Problem(
                f"The manifest names no provider {label}",
                f"{self.manifest.file} has no entry {label} under providers:.",
                "Make a new plan:  provisioner plan --out FILE",
            )
        return config

    def _context(self, config: ProviderConfig) -> Context:
        folder = config.where.file.parent

        def revealed(secret: SecretOption) -> str:
            return reveal(Secret(config.where, secret.env, folder / secret.file if secret.file else None))

        return Context(folder, self.now, revealed, _LazyLookup(self), self._limiters, self.meter, self._login)

    def _login(self, label: str, tenant: str | None, cloud: str) -> TokenSource:
        from provisioner.desired.credential import Login  # noqa: PLC0415 - few providers log in to Azure

        return Login(self.manifest.credentials[label], tenant, Cloud(cloud), label=label)


class _LazyLookup:
    """Public DNS for an adapter that may never ask it."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def zone_of(self, name: Name) -> Name:
        return self._fleet.lookup.zone_of(name)

    def delegation(self, zone: Name) -> Mapping[Name, frozenset[str]]:
        return self._fleet.lookup.delegation(zone)

    def addresses(self, host: Name) -> frozenset[str]:
        return self._fleet.lookup.addresses(host)

    def served(self, zone: Name, keys: Collection[Key]) -> Mapping[Key, Served]:
        return self._fleet.lookup.served(zone, keys)
