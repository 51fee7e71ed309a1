"""The use case `plan`: what every selected domain should have, what it has, and the steps from one to the other.

Values come out, nothing here prints, asks or exits; what goes wrong with one subject becomes a finding of it, and the others go
on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

from plans.desired import Desired, GraphAnswer, Subject, SubjectKind
from plans.microsoft import is_onmicrosoft
from plans.plan import Entry, Filters, Header
from plans.policy import Finding, Severity
from plans.problem import Problem
from plans.rollout import domain as domain_rollout
from plans.snapshot import Snapshot
from plans.values import Key, Name, ZoneRef
from providers.contract import Unsupported
from provisioner.desired.source import DesiredSource
from provisioner.fleet import Fleet
from provisioner.manifest.model import Domain, Tenant

EXPIRES_AFTER = timedelta(hours=24)
"""By when a rollout must have begun."""


@dataclass(frozen=True, slots=True)
class Planning:
    """A plan in the making: its header, and its entries as they are found, by tenant and then by domain."""

    header: Header
    entries: Iterator[Entry]


@dataclass(frozen=True, slots=True)
class _Wish:
    """One domain, and what is known of it before its zone is read."""

    domain: Domain
    findings: tuple[Finding, ...]
    answer: GraphAnswer | None = None
    desired: Desired | None = None
    zone: ZoneRef | None = None


def plan(fleet: Fleet, filters: Filters) -> Planning:
    """Plan every domain that the filters let through.

    Raises:
        Problem: the filters let no domain through.

    """
    listed = [domain for domain in fleet.manifest.domains if _passes(domain.name, filters)]
    tenants: dict[str, Tenant] = {domain.tenant.label: domain.tenant for domain in listed}
    tenants |= {label: tenant for label, tenant in fleet.manifest.tenants.items() if tenant.domains is not None}
    found = [_of_tenant(fleet, tenant, listed, filters) for _, tenant in sorted(tenants.items())]
    if filters.partial and not any(one.domains or one.failure for one in found):
        raise Problem(
            "No domain is left to plan",
            f"No domain that {fleet.manifest.file} manages passes --domain and --exclude-domain.",
            "Compare the globs with the names under domains: in the manifest.",
        )
    created = fleet.now()
    header = Header(created, created + EXPIRES_AFTER, filters, tuple(one.source.source for one in found))
    return Planning(header, _entries(fleet, found))


@dataclass(frozen=True, slots=True)
class _TenantDomains:
    """What is to be planned of one tenant: its domains by name, or why they could not be listed in full."""

    label: str
    source: DesiredSource
    domains: Mapping[Name, Domain]
    failure: Problem | None = None


def _of_tenant(fleet: Fleet, tenant: Tenant, listed: Collection[Domain], filters: Filters) -> _TenantDomains:
    """Give a tenant's managed domains: those that the manifest lists, and those that its globs choose among what it holds."""
    source = fleet.source(tenant)
    domains = {domain.name: domain for domain in listed if domain.tenant.label == tenant.label}
    failure = None
    if tenant.domains is not None:
        everywhere = {domain.name for domain in fleet.manifest.domains}
        try:
            chosen = [name for name in source.domains() if _matches(name, tenant.domains) and not is_onmicrosoft(name)]
        except Problem as problem:
            chosen, failure = [], problem
        for name in chosen:
            if name not in everywhere and _passes(name, filters):
                domains[name] = fleet.manifest.discovered(tenant, name)
    return _TenantDomains(tenant.label, source, dict(sorted(domains.items())), failure)


def _passes(name: Name, filters: Filters) -> bool:
    return (not filters.domains or _matches(name, filters.domains)) and not _matches(name, filters.excluded)


def _matches(name: Name, globs: Collection[str]) -> bool:
    return any(fnmatchcase(name.rstrip("."), glob.lower().rstrip(".")) for glob in globs)


def _entries(fleet: Fleet, tenants: Collection[_TenantDomains]) -> Iterator[Entry]:
    by_provider: dict[str, list[Name]] = defaultdict(list)
    for tenant in tenants:
        for domain in tenant.domains.values():
            by_provider[domain.provider.label].append(domain.name)
    zones = {label: fleet.zones(label, names) for label, names in by_provider.items()}
    for tenant in tenants:
        if tenant.failure:
            subject = Subject(Name(tenant.label), SubjectKind.TENANT)
            yield Entry(subject, tenant.label, (_failure("tenant-unreadable", subject, tenant.failure),))
        answers = dict(tenant.source.answers(tenant.domains.keys()))
        wishes = [
            _wish(domain, answers[name], zones[domain.provider.label].get(name)) for name, domain in tenant.domains.items()
        ]
        snapshots = _Snapshots(fleet, wishes)
        yield from (_entry(wish, snapshots, tenant.source.notices) for wish in wishes)


def _wish(domain: Domain, answer: GraphAnswer | Problem, zone: ZoneRef | Problem | None) -> _Wish:
    """Judge what Graph says of a domain, and whether there is a zone to bring it to."""
    subject = Subject(domain.name)
    if isinstance(answer, Problem):
        return _Wish(domain, (_failure("graph-unreadable", subject, answer),))
    desired, findings = domain_rollout.desire(answer)
    if isinstance(zone, Problem):
        findings = (*findings, _failure("zone-unreadable", subject, zone))
    elif zone is None:
        what = f"No zone of the provider {domain.provider.label} holds {subject}."
        mend = f"Create the zone there, or name another provider for the domain ({domain.where})."
        findings = (*findings, Finding.block(subject, "zone-not-found", what, mend))
    else:
        return _Wish(domain, findings, answer, desired, zone)
    return _Wish(domain, findings, answer)


class _Snapshots:
    """What the zones of some wishes hold: each zone is read once, when the first wish for it comes up."""

    def __init__(self, fleet: Fleet, wishes: Collection[_Wish]) -> None:
        self._fleet = fleet
        self._keys: dict[ZoneRef, set[Key]] = defaultdict(set)
        self._read: dict[ZoneRef, Snapshot | Problem] = {}
        for wish in wishes:
            if wish.desired and wish.zone:
                self._keys[wish.zone] |= domain_rollout.keys(wish.domain.name, wish.zone.name)

    def of(self, zone: ZoneRef) -> Snapshot:
        """Give a zone's snapshot. Raises `Problem`, and does so again for every wish of the zone."""
        if zone not in self._read:
            try:
                self._read[zone] = self._fleet.reader(zone.provider).read(zone, self._keys[zone])
            except Problem as problem:
                self._read[zone] = problem
        found = self._read[zone]
        if isinstance(found, Problem):
            raise found
        return found

    def canonical(self, desired: Desired, zone: ZoneRef) -> Desired:
        """Give what is wanted as the zone's provider will give it back. Raises `Unsupported`."""
        reader = self._fleet.reader(zone.provider)
        return Desired(
            desired.subject, tuple(reader.canonical(zone, one) for one in desired.rrsets), desired.managed, desired.evidence
        )


def _entry(wish: _Wish, snapshots: _Snapshots, notices: Collection[str]) -> Entry:
    """Compare what is wanted with what there is; what could not be checked is told where something is to be approved."""
    subject, tenant = Subject(wish.domain.name), wish.domain.tenant.label
    evidence = (wish.answer,) if wish.answer else ()
    if wish.desired is None or wish.zone is None:
        return Entry(subject, tenant, wish.findings, evidence)
    try:
        desired = snapshots.canonical(wish.desired, wish.zone)
        rollout, findings = domain_rollout.propose(desired, snapshots.of(wish.zone), wish.domain.strategy)
    except Unsupported as problem:
        rollout, findings = None, (_failure("unsupported", subject, problem, Severity.BLOCK),)
    except Problem as problem:
        rollout, findings = None, (_failure("zone-unreadable", subject, problem),)
    unchecked = [Finding(Severity.NOTICE, "unchecked", subject, told, "Nothing need be done.") for told in notices if rollout]
    return Entry(subject, tenant, (*wish.findings, *findings, *unchecked), evidence, rollout)


def _failure(code: str, subject: Subject, problem: Problem, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(severity, code, subject, f"{problem.headline}\n{problem.detail}", problem.mend)
