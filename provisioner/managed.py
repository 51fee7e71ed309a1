"""Which domains a run is about, and what is wanted of each: the manifest, its tenants' globs, and pins taken together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from plans.desired import Desired, GraphAnswer, Pin
from plans.plan import Filters
from plans.policy import Finding
from plans.problem import Problem
from plans.rollout import domain as domain_rollout
from plans.rollout import onboarding
from plans.rollout.onboarding import Onboarding
from plans.values import Name
from providers.in_order import all_in_order
from provisioner.desired.source import DesiredSource
from provisioner.fleet import Fleet
from provisioner.manifest.model import Domain, LiveTenant, ProviderConfig, Route, Tenant, chooses, matches

AT_ONCE = 8
"""Tenants that are asked at a time."""
PORTION = 1000
"""So many domains, and those of one tenant in any case, are looked at together."""
_Asked = TypeVar("_Asked")
_Told = TypeVar("_Told")


@dataclass(frozen=True, slots=True)
class TenantDomains:
    """The managed domains of one tenant by name, ascending; `failure` says why they could not be listed in full."""

    tenant: Tenant
    source: DesiredSource
    domains: Mapping[Name, Domain]
    failure: Problem | None = None

    @property
    def label(self) -> str:
        """What the manifest calls the tenant."""
        return self.tenant.label


def told_by(
    question: Callable[[_Asked], _Told], asked: Sequence[_Asked], tenant: Callable[[_Asked], Tenant]
) -> Iterator[_Told]:
    """Put a question to tenants, and give what each told, in their order: the live ones are asked some at a time.

    Of saved answers no more than one is read at a time: they take no waiting, and much memory.
    """
    live = [one for one in asked if isinstance(tenant(one), LiveTenant)]
    told = all_in_order(question, live, AT_ONCE)
    for one in asked:
        yield next(told)[1] if isinstance(tenant(one), LiveTenant) else question(one)


def portions(tenants: Collection[TenantDomains]) -> Iterator[list[TenantDomains]]:
    """Put tenants together until there are enough domains to be looked at."""
    portion: list[TenantDomains] = []
    for tenant in tenants:
        portion.append(tenant)
        if sum(len(one.domains) for one in portion) >= PORTION:
            yield portion
            portion = []
    if portion:
        yield portion


def managed(fleet: Fleet, filters: Filters) -> list[TenantDomains]:
    """Give the domains that the filters let through, by tenant: those that are listed, and those that globs choose."""
    listed = [one for one in fleet.manifest.domains if passes(one.name, filters) and is_held(one.provider, filters)]
    tenants: dict[str, Tenant] = {domain.tenant.label: domain.tenant for domain in listed}
    tenants |= {label: tenant for label, tenant in fleet.manifest.tenants.items() if tenant.domains is not None}
    by_label = [tenant for _, tenant in sorted(tenants.items())]
    found = []
    for of_tenant in told_by(lambda tenant: _of_tenant(fleet, tenant, listed, filters), by_label, lambda tenant: tenant):
        found.append(of_tenant)
        if len(by_label) > 1:
            of_tenant.source.release()  # or all of them would be in memory at once
    return found


def _of_tenant(fleet: Fleet, tenant: Tenant, listed: Sequence[Domain], filters: Filters) -> TenantDomains:
    source = fleet.source(tenant)
    domains = {domain.name: domain for domain in listed if domain.tenant.label == tenant.label}
    failure = None
    if tenant.domains is not None:
        everywhere = {domain.name for domain in fleet.manifest.domains}
        try:
            chosen = [name for name in source.domains() if chooses(tenant, name)]
        except Problem as problem:
            chosen, failure = [], problem
        for name in chosen:
            domain = fleet.manifest.discovered(tenant, name) if name not in everywhere and passes(name, filters) else None
            if domain and is_held(domain.provider, filters):
                domains[name] = domain
    return TenantDomains(tenant, source, dict(sorted(domains.items())), failure)


def passes(name: Name, filters: Filters) -> bool:
    """Whether filters let a name through."""
    return (not filters.domains or matches(name, filters.domains)) and not matches(name, filters.excluded)


def is_held(by: ProviderConfig | None, filters: Filters) -> bool:
    """Whether filters let through what a provider holds; None: nobody knows yet which one does."""
    return not filters.providers or (by is not None and by.label in filters.providers)


def pins(domain: Domain, kept: Name | None) -> tuple[Pin, ...]:
    """Give what is pinned of a domain: by the manifest, and by the state (`kept`)."""
    said = (Pin(domain.name, domain.exchange, str(domain.where)),) if domain.exchange else ()
    return (*said, Pin(domain.name, kept, "the state")) if kept else said


def aim(
    domain: Domain, answer: GraphAnswer, of_domain: Sequence[Pin], *, onboard: bool
) -> tuple[Desired | Onboarding | None, tuple[Finding, ...]]:
    """Say what Graph's answer, the manifest and the pins come to for a domain; None comes with a finding that stops.

    `onboard`: somebody wants this domain for mail by name.
    """
    found, findings = onboarding.readiness(answer, onboard=onboard)
    if found or any(finding.stops for finding in findings):
        return found, findings
    if domain.route is Route.GATEWAY:
        return domain_rollout.through_gateway(answer, domain.mx, str(domain.where)), findings
    desired, of_mx = domain_rollout.desire(answer, of_domain)
    return desired, (*findings, *of_mx)
