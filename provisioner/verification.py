"""The use case `verify`: what is served of every selected domain, seen from outside, and whether that is as it should be.

Nothing is written. What cannot be seen of one domain is a check of it, and the others go on.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from plans.desired import Desired, Dnssec, GraphAnswer, Subject, SubjectKind
from plans.facts import HostFacts, NoAnswer, Secured, Security, ZoneFacts
from plans.plan import Filters
from plans.policy import Finding, Severity
from plans.problem import Problem
from plans.values import Key, Live, Name, RRset, ZoneRef
from plans.verify import Check, Seen, Standing, UnderWay, Wanted, checks, mail_hosts, mx_check, worst
from providers.in_order import in_order
from provisioner.choosing import Zones
from provisioner.delegation import Delegations
from provisioner.fleet import Fleet
from provisioner.kept import Kept
from provisioner.managed import TenantDomains, aim, managed, pins, portions, told_by
from provisioner.manifest.model import Domain, SmtpProbe

AT_ONCE = 16
"""So many domains are looked at at the same time."""
_GRACE = 0.0
"""Seconds for what is in hand once the run was told to stop: nothing is written that would have to come to an end."""
_GRAPH = "Graph"

_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of one domain, or of a tenant whose domains could not be listed."""

    subject: Subject
    tenant: str
    checks: tuple[Check, ...]

    @property
    def standing(self) -> Standing:
        """What the worst of the checks comes to."""
        return worst(check.standing for check in self.checks)


def verify(
    fleet: Fleet, globs: Sequence[str] = (), kept: Kept | None = None, stop: threading.Event | None = None
) -> Iterator[Verified]:
    """Look at every managed domain that one of the globs fits, at all without any; they come by tenant and then by name.

    `kept` is what the state keeps of open rollouts and pins. Once `stop` is set, what was not looked at is undetermined.

    Raises:
        Problem: no domain is left to look at.

    """
    tenants = managed(fleet, Filters(tuple(globs)))
    if globs and not any(one.domains or one.failure for one in tenants):
        raise Problem(
            "No domain is left to verify",
            f"No domain that {fleet.manifest.file} manages matches {', '.join(globs)}.",
            "Compare the globs with the names under domains: in the manifest.",
        )
    return _verified(fleet, tenants, kept or Kept(), stop or threading.Event())


def _verified(fleet: Fleet, tenants: Sequence[TenantDomains], kept: Kept, stop: threading.Event) -> Iterator[Verified]:
    look = _Look(fleet, [domain for tenant in tenants for domain in tenant.domains.values()], kept)
    for portion in portions(tenants):
        asked: list[_Asked] = []
        told = told_by(lambda one: dict(one.source.answers(one.domains.keys())), portion, lambda one: one.tenant)
        for tenant, answers in zip(portion, told, strict=True):
            if tenant.failure:
                subject = Subject(Name(tenant.label), SubjectKind.TENANT)
                yield Verified(subject, tenant.label, (_unseen(_GRAPH, tenant.failure),))
            asked += [(domain, answers[name]) for name, domain in tenant.domains.items()]
        for (domain, _), found in in_order(look.at, asked, AT_ONCE, stop, _GRACE, _left):
            yield Verified(domain.subject, domain.tenant.label, found)


_Asked = tuple[Domain, GraphAnswer | Problem]


def _left(_asked: _Asked, _begun: bool) -> tuple[Check, ...]:  # noqa: FBT001 - called by `in_order` alone
    return (Check("all", Standing.UNDETERMINED, "the run was told to stop before this was looked at"),)


class _Once(Generic[_K, _V]):
    """Finds a value for each key once, however many threads ask for it; the others wait for the one that looks."""

    def __init__(self, find: Callable[[_K], _V]) -> None:
        self._find = find
        self._found: dict[_K, _V] = {}
        self._busy: defaultdict[_K, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def __call__(self, key: _K) -> _V:
        with self._lock:
            busy = self._busy[key]
        with busy:
            if key not in self._found:
                self._found[key] = self._find(key)
            return self._found[key]


class _Look:
    """One look at the world, for all domains of a run: a zone or a mail host that several have is looked at once."""

    def __init__(self, fleet: Fleet, domains: Collection[Domain], kept: Kept) -> None:
        witness, delegations = fleet.witness(), Delegations(fleet)
        self._fleet, self._kept, self._witness = fleet, kept, witness
        self._listed = {domain.name for domain in fleet.manifest.domains}
        self._own_hosts = {host.name for host in fleet.manifest.mail_hosts}
        self._zones = Zones(fleet, domains, delegations)
        self._unserved = self._keys_unserved(domains)
        self._zone_facts = _Once[Name, ZoneFacts | NoAnswer](lambda zone: _tried(lambda: witness.zone_facts(zone)))
        self._hosts = _Once[tuple[Name, bool], HostFacts | NoAnswer](
            lambda asked: _tried(lambda: witness.host(asked[0], smtp=asked[1]))
        )
        self._astray = _Once[ZoneRef, Finding | None](
            lambda zone: delegations.finding(Subject(zone.name, SubjectKind.ZONE), zone)
        )
        self._held = _Once[ZoneRef, Mapping[Key, Live] | NoAnswer](
            lambda zone: _tried(lambda: fleet.reader(zone.provider).read(zone, self._unserved[zone]).sets)
        )

    def _keys_unserved(self, domains: Collection[Domain]) -> Mapping[ZoneRef, Collection[Key]]:
        """Give what is to be read of the zones that nobody can ask."""
        configs = self._fleet.manifest.providers
        silent = {label for label, config in configs.items() if config.adapter.capabilities.publishes == "none"}
        found: dict[ZoneRef, set[Key]] = defaultdict(set)
        for domain in domains:
            if domain.staged or (domain.provider.label in silent if domain.provider else silent):
                zone = self._zones.of(domain)
                if isinstance(zone, ZoneRef):
                    found[zone].add(Key(domain.name, "MX"))
        return found

    def at(self, asked: _Asked) -> tuple[Check, ...]:
        """Look at one domain, and judge what is seen."""
        domain, answer = asked
        wanted, said = self._wanted(domain, answer)
        zone = self._zones.of(domain)
        if domain.staged and isinstance(zone, Finding):
            return (*said, _of_finding("provider", zone))
        if isinstance(zone, ZoneRef) and (domain.staged or self._fleet.capabilities(zone.provider).publishes == "none"):
            return (*said, *self._inside(domain, zone, wanted))
        return (*said, *self._outside(domain, zone, wanted))

    def _wanted(self, domain: Domain, answer: GraphAnswer | Problem) -> tuple[Wanted, tuple[Check, ...]]:
        """Say what a domain is to be, as far as it can be told, and what Microsoft Graph has to say besides."""
        mx: RRset | None = None
        if isinstance(answer, Problem):
            said: tuple[Check, ...] = (_unseen(_GRAPH, answer),)
        else:
            of_domain = pins(domain, self._kept.pins.get(domain.name))
            wish, findings = aim(domain, answer, of_domain, onboard=domain.name in self._listed)
            said = tuple(_of_finding(_GRAPH, finding) for finding in findings)
            if isinstance(wish, Desired):
                mx = wish.rrsets[0]
            elif wish:
                what = "the domain is not ready for mail yet, so that no MX is wanted"
                said = (*said, Check(_GRAPH, Standing.NOTICE, what, "See what is left to do:  provisioner plan"))
        signed = domain.dane or domain.dnssec is Dnssec.MANAGE
        return Wanted(domain.name, mx, signed, domain.dane, self._open(domain.subject, domain.name)), said

    def _open(self, subject: Subject, domain: Name) -> UnderWay | None:
        opened = self._kept.opened.get(subject)
        return UnderWay.of(opened.plan_id, opened.rollout, domain) if opened else None

    def _inside(self, domain: Domain, zone: ZoneRef, wanted: Wanted) -> Iterator[Check]:
        """Look at a domain as its provider has it, which nobody can ask yet."""
        held = self._held(zone)
        answers = {zone.provider: held if isinstance(held, NoAnswer) else held[Key(domain.name, "MX")]}
        yield mx_check(domain.name, wanted.mx, wanted.rollout, answers, {})
        why = "is staged" if domain.staged else f"is not served by {zone.provider} itself"
        yield Check("DNS", Standing.GOOD, f"not looked at: the zone {why}")

    def _outside(self, domain: Domain, held: ZoneRef | Finding, wanted: Wanted) -> Iterator[Check]:
        """Look at a domain as the world sees it."""
        try:
            zone = self._fleet.lookup.zone_of(domain.name)
        except Problem as problem:
            yield _unseen("zone", problem)
        else:
            of_zone = self._open(Subject(zone, SubjectKind.ZONE), domain.name)
            yield from checks(replace(wanted, zone_rollout=of_zone), self._seen(domain, zone))
            yield from self._of_provider(domain, held, zone)

    def _seen(self, domain: Domain, zone: Name) -> Seen:
        key = Key(domain.name, "MX")
        served = _tried(lambda: self._witness.by_address(zone, [key])[key])
        answers: Mapping[str, Live | NoAnswer] = {zone: served} if isinstance(served, NoAnswer) else served
        mx = _tried(lambda: self._witness.secured(key))
        smtp = domain.smtp_probe is not SmtpProbe.OFF
        return Seen(
            at=self._fleet.now(),
            zone=self._zone_facts(zone),
            served=answers,
            mx=Secured(None, Security.INDETERMINATE, mx.why) if isinstance(mx, NoAnswer) else mx,
            hosts={host: self._hosts((host, smtp or host in self._own_hosts)) for host in mail_hosts(answers)},
            sts=_tried(lambda: self._witness.sts(domain.name)),
        )

    def _of_provider(self, domain: Domain, held: ZoneRef | Finding, zone: Name) -> Iterator[Check]:
        """Tell where the zone that the provider holds is not the one that the world asks."""
        found = held if isinstance(held, Finding) else self._astray(held)
        if found:
            yield _of_finding("provider", found)
        elif isinstance(held, ZoneRef) and held.name != zone:
            what = f"public DNS has the domain in zone {zone}, and {held.provider} in {held.name}"
            yield Check("provider", Standing.FAULT, what, f"Name the provider that holds {zone} ({domain.where}).")


def _tried(look: Callable[[], _V]) -> _V | NoAnswer:
    try:
        return look()
    except Problem as problem:
        return NoAnswer(f"{problem.headline}: {' '.join(problem.detail.split())}")


_STANDINGS = {
    Severity.NOTICE: Standing.NOTICE,
    Severity.WARNING: Standing.NOTICE,
    Severity.BLOCK: Standing.FAULT,
    Severity.ERROR: Standing.UNDETERMINED,
}


def _of_finding(name: str, finding: Finding) -> Check:
    """Make the check of what planning would say."""
    return Check(name, _STANDINGS[finding.severity], finding.what, finding.mend)


def _unseen(name: str, problem: Problem) -> Check:
    return Check(name, Standing.UNDETERMINED, f"{problem.headline}\n{problem.detail}", problem.mend)
