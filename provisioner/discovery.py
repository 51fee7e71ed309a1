"""The use case `discover`: what tenants and providers hold, and the manifest does not name yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from plans.desired import DomainFacts, GraphAnswer
from plans.microsoft import is_onmicrosoft
from plans.problem import Problem
from plans.values import Name, ZoneRef, ancestors
from providers.contract import Unsupported
from provisioner.choosing import closest
from provisioner.fleet import Fleet
from provisioner.manifest.model import chooses


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
    """What was found, ascending; `problems` are those of tenants and providers that could not be asked.

    `asked` names who was asked, for a person.
    """

    domains: tuple[NewDomain, ...]
    remarks: tuple[Remark, ...]
    problems: tuple[Problem, ...]
    asked: str


def discover(fleet: Fleet, tenants: Collection[str], providers: Collection[str]) -> Discovery:
    """Look at what the named tenants and providers hold; without any name, at all of them.

    Tenants alone: their domains, wherever their zones are. Providers alone: the domains in their zones, whichever tenant holds
    them, and the zones that hold no domain. Both: either, of these only.

    Raises:
        Problem: the manifest has no tenant or provider of a name.

    """
    _require(fleet, "tenant", tenants, fleet.manifest.tenants)
    _require(fleet, "provider", providers, fleet.manifest.providers)
    look = _Look(
        fleet,
        [label for label in sorted(fleet.manifest.tenants) if not tenants or label in tenants],
        [label for label in sorted(fleet.manifest.providers) if not providers or label in providers],
    )
    return look.result(everywhere=bool(tenants or not providers), free_zones=bool(providers or not tenants))


def _require(fleet: Fleet, what: str, labels: Collection[str], known: Mapping[str, object]) -> None:
    for label in labels:
        if label not in known:
            raise Problem(
                f"The manifest names no {what} {label}",
                f"{fleet.manifest.file} names: {', '.join(sorted(known)) or 'none'}.",
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

    def __init__(self, fleet: Fleet, tenants: Sequence[str], providers: Sequence[str]) -> None:
        self._fleet = fleet
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
        return Discovery(tuple(domains), tuple(self._remarks), tuple(problems.values()), " and ".join(asked) or "nobody")

    def _asked(self) -> Iterator[tuple[str, Sequence[str]]]:
        yield "tenant" if len(self._tenants) == 1 else "tenants", self._tenants
        yield "provider" if len(self._providers) == 1 else "providers", self._providers

    def _held(self) -> dict[Name, list[str]]:
        """Give the labels of the tenants that hold each domain."""
        held: dict[Name, list[str]] = defaultdict(list)
        for label in self._tenants:
            try:
                for name in self._fleet.source(self._fleet.manifest.tenants[label]).domains():
                    held[name].append(label)
            except Problem as problem:
                self._problems.append(problem)
                self._silent_tenants = True
        return held

    def _new(self, held: Mapping[Name, Collection[str]]) -> dict[Name, list[_Held]]:
        """Give the domains that the manifest neither lists nor chooses by a tenant's globs, with what their tenants say."""
        asked: dict[str, list[Name]] = defaultdict(list)
        for name, holders in sorted(held.items()):
            if name not in self._named and not is_onmicrosoft(name) and not self._chosen(name, holders):
                for label in holders:
                    asked[label].append(name)
        new: dict[Name, list[_Held]] = defaultdict(list)
        for label, names in asked.items():
            for name, answer in self._fleet.source(self._fleet.manifest.tenants[label]).answers(names):
                new[name].append(self._holding(label, answer))
        return new

    def _chosen(self, name: Name, holders: Collection[str]) -> bool:
        return any(chooses(self._fleet.manifest.tenants[label], name) for label in holders)

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
