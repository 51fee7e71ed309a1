"""Which zone each domain is managed in: one of the provider that is named for it, or of the one that `provider: auto` means.

That is the provider which holds the zone that public DNS says the domain lies in, and which its parent delegates to; where no
configured one does, the zone is changed by hand. What cannot be found out is a finding, and never a zone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from plans.desired import Subject
from plans.policy import Finding
from plans.problem import Problem
from plans.values import Name, ZoneRef, labels
from provisioner.delegation import ELSEWHERE, PARTLY, UNREADABLE, Delegations
from provisioner.fleet import Fleet
from provisioner.manifest.model import Location, ProviderConfig


def candidates(providers: Mapping[str, ProviderConfig]) -> tuple[str, ...]:
    """Give the labels that `provider: auto` chooses among, ascending.

    Those are the providers that we write to and that hold more than DS. One that publishes nothing by itself is never delegated
    to: it is meant only where it is the only one.
    """
    can = {label: config.adapter.capabilities for label, config in sorted(providers.items())}
    able = (label for label, one in can.items() if one.writes and one.types - {"DS"})
    return tuple(label for label in able if can[label].publishes == "dns" or len(can) == 1)


class Managed(Protocol):
    """What lies in a zone that is to be found: a domain, or a mail host. `provider` None: `auto`."""

    @property
    def name(self) -> Name:
        """Its name."""
        ...

    @property
    def subject(self) -> Subject:
        """What findings of it are about."""
        ...

    @property
    def provider(self) -> ProviderConfig | None:
        """Where its zone is."""
        ...

    @property
    def staged(self) -> bool:
        """Whether its zone is being prepared."""
        ...

    @property
    def where(self) -> Location:
        """The line that names it."""
        ...


class Zones:
    """The zones of domains or mail hosts. Each provider is asked once a `find` for all names that it may hold."""

    def __init__(self, fleet: Fleet, domains: Collection[Managed], delegations: Delegations) -> None:
        self._fleet = fleet
        self._delegations = delegations
        self._candidates = candidates(fleet.manifest.providers)
        self._found: dict[str, dict[Name, ZoneRef | Problem]] = defaultdict(dict)
        self.find(domains)

    def find(self, domains: Collection[Managed]) -> None:
        """Ask for the zones of more domains than those that were named before."""
        asked: dict[str, list[Name]] = defaultdict(list)
        compared: dict[str, list[Name]] = defaultdict(list)
        for domain in domains:
            for label in (domain.provider.label,) if domain.provider else self._candidates:
                asked[label].append(domain.name)
            if domain.provider and not domain.staged:
                compared[domain.provider.label].append(domain.name)
        for label, names in asked.items():
            self._delegations.expect(label, compared[label])
            self._found[label] |= self._fleet.zones(label, names)

    def of(self, domain: Managed) -> ZoneRef | Finding:
        """Give the zone that a domain is managed in, or what keeps it from having one."""
        if domain.provider is None:
            return self._staged(domain) if domain.staged else self._chosen(domain)
        label, subject = domain.provider.label, domain.subject
        match self._found[label].get(domain.name):
            case ZoneRef() as zone:
                return zone
            case Problem() as problem:
                return Finding.failed(subject, "zone-unreadable", problem)
            case None:
                what = f"No zone of the provider {label} holds {subject}."
                mend = f"Create the zone there, or name another provider for the domain ({domain.where})."
                return Finding.block(subject, "zone-not-found", what, mend)

    def _held(self, domain: Managed) -> tuple[list[ZoneRef], list[Finding]]:
        """Give the candidates' zones that hold a name, and why any of them cannot be told."""
        told = [self._found[label].get(domain.name) for label in self._candidates]
        unknown = [Finding.failed(domain.subject, "zone-unreadable", one) for one in told if isinstance(one, Problem)]
        return [one for one in told if isinstance(one, ZoneRef)], unknown

    def _staged(self, domain: Managed) -> ZoneRef | Finding:
        """Choose without a question to DNS: the one provider whose zone holds the name, as closely as any does."""
        subject, (held, unknown) = domain.subject, self._held(domain)
        if unknown:
            return unknown[0]
        if not held:
            what = f"No zone of {', '.join(self._candidates) or 'any provider that can be written to'} holds {subject}."
            mend = f"Create the zone at one of them, or name its provider for the domain ({domain.where})."
            return Finding.block(subject, "zone-not-found", what, mend)
        nearest = closest(held)
        return nearest[0] if len(nearest) == 1 else _ambiguous(domain, nearest, "each hold")

    def _chosen(self, domain: Managed) -> ZoneRef | Finding:
        """Choose the one that holds the zone and is delegated to; where it is known that there is none, a person."""
        subject, (held, unknown) = domain.subject, self._held(domain)
        judged: dict[ZoneRef, Finding | None] = {}
        if held:
            try:
                apex = self._apex(domain.name, held)
            except Problem as problem:
                return Finding.failed(subject, UNREADABLE, problem)
            judged = {zone: self._delegations.finding(subject, zone) for zone in held if zone.name == apex}
        claims = [zone for zone, astray in judged.items() if astray is None or astray.code == PARTLY]
        if len(claims) > 1:
            return _ambiguous(domain, claims, "each serve")
        if claims:
            return claims[0]  # one that shares the delegation too: that is a finding of its zone, whoever named the provider
        unknown += [astray for astray in judged.values() if astray and astray.code not in ELSEWHERE]
        return unknown[0] if unknown else self._by_hand(domain, held)

    def _apex(self, name: Name, held: Sequence[ZoneRef]) -> Name:
        """Give the apex of the zone that a name lies in, as public DNS has it where that is what counts. Raises `Problem`."""
        if self._fleet.capabilities(held[0].provider).publishes == "none":
            return held[0].name
        return self._fleet.lookup.zone_of(name)

    def _by_hand(self, domain: Managed, held: Sequence[ZoneRef]) -> ZoneRef | Finding:
        """Give the zone as public DNS has it, which a person changes."""
        subject = domain.subject
        match self._fleet.zones(self._fleet.manual.label, [domain.name]).get(domain.name):
            case ZoneRef() as zone:
                return zone
            case Problem() as problem:
                return Finding.failed(subject, "zone-unreadable", problem)
            case None:
                ours = [f"{zone.provider} holds {zone.name.rstrip('.')}, which is not delegated to it." for zone in held]
                what = " ".join([f"Public DNS has no zone that holds {subject}.", *ours])
                mend = "Have the zone delegated, or write `staged: true` at the domain if it is being prepared"
                return Finding.block(subject, "zone-not-found", what, f"{mend} ({domain.where}).")


def closest(zones: Sequence[ZoneRef]) -> list[ZoneRef]:
    """Give those of some zones that hold a name as closely as any does; more than one: several providers have that zone."""
    longest = max(len(labels(zone.name)) for zone in zones)
    return [zone for zone in zones if len(labels(zone.name)) == longest]


def _ambiguous(domain: Managed, zones: Sequence[ZoneRef], what: str) -> Finding:
    providers = " and ".join(zone.provider for zone in zones)
    mend = f"Name the one that is meant as the domain's provider ({domain.where})."
    return Finding.block(domain.subject, "provider-ambiguous", f"{providers} {what} {zones[0].name.rstrip('.')}.", mend)
