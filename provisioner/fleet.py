"""The world that a manifest names: its tenants' sources and its providers, opened when they are first needed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime

from plans.problem import Problem
from plans.values import Name, ZoneRef
from providers.contract import Context, Provider, Reader
from provisioner.desired.graph import GraphSource
from provisioner.desired.source import DesiredSource
from provisioner.desired.sources import open_source
from provisioner.manifest.model import LiveTenant, Manifest, Tenant


class Fleet:
    """Opens what a manifest names, each once a run. `now` gives the time in UTC."""

    def __init__(self, manifest: Manifest, now: Callable[[], datetime]) -> None:
        self.manifest = manifest
        self.now = now
        self._providers: dict[str, Provider] = {}
        self._sources: dict[str, DesiredSource] = {}
        if not logging.root.handlers:  # else Python prints what an SDK logs, foreign text and all, between our lines
            logging.root.addHandler(logging.NullHandler())

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

    def source(self, tenant: Tenant) -> DesiredSource:
        """Give a tenant's source of desired state. Raises `Problem`."""
        if tenant.label not in self._sources:
            folder = self.manifest.file.parent
            self._sources[tenant.label] = open_source(tenant, self.manifest.graph_endpoint, self.now(), folder)
        return self._sources[tenant.label]

    def live_source(self, label: str) -> GraphSource:
        """Give the source of a tenant that is asked live. Raises `Problem`."""
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

    def reader(self, label: str) -> Reader:
        """Open a provider for reading: all that planning gets. Raises `Problem`."""
        return self.provider(label)

    def provider(self, label: str) -> Provider:
        """Open a provider. Raises `Problem`."""
        if label not in self._providers:
            config = self.manifest.providers.get(label)
            if config is None:
                raise Problem(
                    f"The manifest names no provider {label}",
                    f"{self.manifest.file} has no entry {label} under providers:.",
                    "Make a new plan:  provisioner plan --out FILE",
                )
            context = Context(config.where.file.parent, self.now)
            self._providers[label] = config.adapter.open(label, config.options, context)
        return self._providers[label]

    def zones(self, label: str, names: Collection[Name]) -> dict[Name, ZoneRef | Problem]:
        """Find the zones that hold names; a name that no zone holds is missing, a failure is given for each name."""
        try:
            return dict(self.reader(label).zones(names))
        except Problem as problem:
            return dict.fromkeys(names, problem)
