"""The use case `discover`: what tenants and providers hold, and the manifest does not name yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from plans.desired import DomainFacts, GraphAnswer
from plans.microsoft import is_onmicrosoft
from plans.problem import Problem
from plans.values import Name, ZoneRef, ancestors
from providers.contract import Unsupported
from provisioner.choosing import closest
from provisioner.customers import Customers, CustomerTenant, Listed
from provisioner.desired.source import DesiredSource
from provisioner.fleet import Fleet
from provisioner.managed import told_by
from provisioner.manifest.mistakes import enumerated
from provisioner.manifest.model import Tenant, chooses


@dataclass(frozen=True, slots=True)
class NewDomain:
    """A domain of a tenant, for `domains:`.

    `provider` is the label of the one whose zone holds the domain; None: `missing` says why there is none. `withheld` says why
    the domain is no domain to manage yet; empty: it is one.
    """

    name: Name
    tenant: str
    provider: str | None
    missing: str = ""
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that is told beside the domains: of a zone, of one of Microsoft's own domains, of a provider."""

    about: str
    text: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found, ascending; `problems` are those of tenants, partners and providers that could not be asked.

    `asked` names who was asked, for a person. `tenants` are the customers that hold any of the domains to be managed.
    """

    domains: tuple[NewDomain, ...]
    remarks: tuple[Remark, ...]
    problems: tuple[Problem, ...]
    asked: str
    tenants: tuple[CustomerTenant, ...] = ()


def discover(fleet: Fleet, tenants: Collection[str], providers: Collection[str]) -> Discovery:
    """Look at what the named tenants and providers hold; without any name, at all of them, and at all customers of partners.

    Tenants alone: their domains, wherever their zones are. Providers alone: the domains in their zones, whichever tenant holds
    them, and the zones that hold no domain. Both: either, of these only.

    Raises:
        Problem: the manifest has no tenant or provider of a name, and no partner has such a customer, as far as they tell.

    """
    _require(fleet, "provider", providers, fleet.manifest.providers)
    unnamed = [label for label in tenants if label not in fleet.manifest.tenants]
    customers = Customers(fleet)
    lists = list(customers.lists()) if unnamed or not tenants else []
    known = {customer.tenant.label for one in lists for customer in one.customers}
    failed = next((one.problem for one in lists if one.problem), None)
    if failed and not known.issuperset(unnamed):
        raise failed
    _require(fleet, "tenant", unnamed, known | fleet.manifest.tenants.keys())
    look = _Look(
        fleet,
        customers,
        [_chosen_of(one, tenants) for one in lists],
        [label for label in sorted(fleet.manifest.tenants) if not tenants or label in tenants],
        [label for label in sorted(fleet.manifest.providers) if not providers or label in providers],
    )
    return look.result(everywhere=bool(tenants or not providers), free_zones=bool(providers or not tenants))


def _chosen_of(listed: Listed, tenants: Collection[str]) -> Listed:
    if not tenants:
        return listed
    return replace(listed, customers=tuple(one for one in listed.customers if one.tenant.label in tenants))


def _require(fleet: Fleet, what: str, labels: Collection[str], known: Collection[str]) -> None:
    for label in labels:
        if label not in known:
            raise Problem(
                f"The manifest names no {what} {label}",
                f"{fleet.manifest.file} names: {enumerated(known) or 'none'}.",
                f"Name one of them:  provisioner discover --{what} NAME",
            )


@dataclass(frozen=True, slots=True)
class _Held:
    """A domain that a tenant holds, and what Graph says of it; None: it is known to be held, and no more."""

    tenant: str
    facts: DomainFacts | None
    unread: str = ""


class _Look:
    """One look at tenants and providers; each that fails leaves its problem, and the others are asked all the same."""

    def __init__(
        self,
        fleet: Fleet,
        customers: Customers,
        lists: Sequence[Listed],
        tenants: Sequence[str],
        providers: Sequence[str],
    ) -> None:
        self._fleet = fleet
        self._customers = customers
        self._lists = lists
        self._tenants = tenants
        self._providers = providers
        self._problems: list[Problem] = []
        self._remarks: list[Remark] = []
        self._named = {domain.name for domain in fleet.manifest.domains}
        self._silent_tenants = False
        self._silent_providers = False

    def result(self, *, everywhere: bool, free_zones: bool) -> Discovery:
        """Ask all; `everywhere`: also tell of domains that no zone of these providers holds."""
        held = self._held()
        new = self._new(held)
        self._ask_customers(held, new)
        zones = self._zones(new)
        domains = [self._domain(name, holders, zones.get(name, [])) for name, holders in sorted(new.items())]
        if not everywhere:
            domains = [domain for domain in domains if zones.get(domain.name)]
        for name in sorted(held):
            if is_onmicrosoft(name) and everywhere:
                text = f"Microsoft itself runs its DNS (tenant {', '.join(held[name])})"
                self._remarks.append(Remark(name.rstrip("."), text))
        if free_zones:
            self._free_zones({*held, *self._named})
        asked = [f"{word} {', '.join(asked)}" for word, asked in self._asked() if asked]
        problems = {str(problem): problem for problem in self._problems}  # a failure is given for each name that it is about
        holders = {domain.tenant for domain in domains if not domain.withheld}
        tenants = tuple(one for listed in self._lists for one in listed.customers if one.tenant.label in holders)
        told = " and ".join(asked) or "nobody"
        return Discovery(tuple(domains), tuple(self._remarks), tuple(problems.values()), told, tenants)

    def _asked(self) -> Iterator[tuple[str, Sequence[str]]]:
        yield "tenant" if len(self._tenants) == 1 else "tenants", self._tenants
        partners = [one.partner.tenant.label for one in self._lists]
        yield "customers of partner" if len(partners) == 1 else "customers of partners", partners
        yield "provider" if len(self._providers) == 1 else "providers", self._providers

    def _held(self) -> dict[Name, list[str]]:
        """Give the labels of the tenants that hold each domain."""
        held: dict[Name, list[str]] = defaultdict(list)

        def domains(label: str) -> Sequence[Name] | Problem:
            try:
                return self._fleet.source(self._tenant(label)).domains()
            except Problem as problem:
                return problem

        for label, told in zip(self._tenants, told_by(domains, self._tenants, self._tenant), strict=True):
            if isinstance(told, Problem):
                self._lack(told)
                continue
            for name in told:
                held[name].append(label)
        return held

    def _new(self, held: Mapping[Name, Collection[str]]) -> dict[Name, list[_Held]]:
        """Give the domains that the manifest neither lists nor chooses by a tenant's globs, with what their tenants say."""
        asked: dict[str, list[Name]] = defaultdict(list)
        for name, holders in sorted(held.items()):
            if name not in self._named and not is_onmicrosoft(name) and not self._chosen(name, holders):
                for label in holders:
                    asked[label].append(name)
        new: dict[Name, list[_Held]] = defaultdict(list)

        def answers(label: str) -> list[tuple[Name, GraphAnswer | Problem]]:
            return list(self._fleet.source(self._tenant(label)).answers(asked[label]))

        for label, told in zip(asked, told_by(answers, list(asked), self._tenant), strict=True):
            for name, answer in told:
                new[name].append(self._holding(label, answer))
        return new

    def _tenant(self, label: str) -> Tenant:
        return self._fleet.manifest.tenants[label]

    def _ask_customers(self, held: dict[Name, list[str]], new: dict[Name, list[_Held]]) -> None:
        """Add what customers of partners hold."""

        def question(source: DesiredSource) -> list[tuple[Name, GraphAnswer | Problem]]:
            return list(source.answers(self._customers.new_domains(source)))

        for listed in self._lists:
            if listed.problem:
                self._lack(listed.problem)
            for customer, told in self._customers.ask(listed.customers, question):
                if isinstance(told, Problem):
                    self._lack(told)
                    continue
                for name, answer in told:
                    if not self._chosen(name, held.get(name, ())):
                        new[name].append(self._holding(customer.tenant.label, answer))
                    held[name].append(customer.tenant.label)

    def _lack(self, problem: Problem) -> None:
        self._problems.append(problem)
        self._silent_tenants = True

    def _chosen(self, name: Name, holders: Collection[str]) -> bool:
        tenants = self._fleet.manifest.tenants
        return any(label in tenants and chooses(tenants[label], name) for label in holders)

    def _holding(self, label: str, answer: GraphAnswer | Problem) -> _Held:
        if isinstance(answer, Problem):
            self._problems.append(answer)
            return _Held(label, None, "what Microsoft Graph says of it could not be read")
        return _Held(label, answer.facts)

    def _zones(self, names: Collection[Name]) -> dict[Name, list[ZoneRef]]:
        """Give for each name the zones that hold it as closely as any does; more than one: several providers have that zone."""
        found: dict[Name, list[ZoneRef]] = defaultdict(list)
        for label in self._providers if names else ():
            for name, zone in self._fleet.zones(label, names).items():
                if isinstance(zone, Problem):
                    self._problems.append(zone)
                    self._silent_providers = True
                else:
                    found[name].append(zone)
        return {name: closest(zones) for name, zones in found.items()}

    def _domain(self, name: Name, holders: Sequence[_Held], zones: Sequence[ZoneRef]) -> NewDomain:
        holder = min(holders, key=lambda held: bool(_withheld(held)))
        withheld = _withheld(holder)
        others = [held.tenant for held in holders if held is not holder and not _withheld(held)]
        missing = [f"tenant {', '.join(others)} holds it too"] if others else []
        if not zones:
            whoever = "that answered" if self._silent_providers else "here"
            missing.append(f"no provider {whoever} holds its zone")
        elif len(zones) > 1:
            missing.append(f"providers {' and '.join(zone.provider for zone in zones)} hold its zone: name one")
        provider = zones[0].provider if len(zones) == 1 else None
        return NewDomain(name, holder.tenant, provider, "; ".join(missing), withheld)

    def _free_zones(self, held: Collection[Name]) -> None:
        """Tell of zones in which no domain of a tenant or of the manifest lies."""
        used = {above for name in held for above in (name, *ancestors(name))}
        whoever = "that answered" if self._silent_tenants else "asked"
        for label in self._providers:
            try:
                zones = sorted(self._fleet.reader(label).catalogue(), key=lambda zone: zone.name)
            except Unsupported as problem:
                self._remarks.append(Remark(f"provider {label}", f"its zones cannot be listed: {problem.headline}"))
            except Problem as problem:
                self._problems.append(problem)
            else:
                free = [zone for zone in zones if zone.name not in used]
                self._remarks += [
                    Remark(zone.name.rstrip(".") or ".", f"a zone of {label}; no tenant {whoever} holds a domain in it")
                    for zone in free
                ]


def _withheld(held: _Held) -> str:
    """Say why a domain is none to be managed yet (https://learn.microsoft.com/graph/api/resources/domain)."""
    match held.facts:
        case None:
            return held.unread
        case DomainFacts(is_initial=True):
            return "it is the tenant's initial domain, whose DNS Microsoft runs"
        case DomainFacts(is_admin_managed=False):
            return "its DNS is delegated to Microsoft"
        case DomainFacts(is_verified=False):
            return "the tenant has not verified it yet"
        case DomainFacts(supported_services=services) if "Email" not in services:
            return "it is not used for mail: it has no service Email"
        case _:
            return ""
