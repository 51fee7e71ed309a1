"""The use case `plan`: what every selected domain should have, what it has, and the steps from one to the other.

Values come out, nothing here prints, asks or exits; what goes wrong with one subject becomes a finding of it, and the others go
on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fnmatch import fnmatchcase

from plans.desired import Desired, GraphAnswer, Pin, Subject, SubjectKind
from plans.plan import Change, Entry, Filters, Header, Rollout
from plans.policy import Finding, Severity
from plans.problem import Problem
from plans.rollout import domain as domain_rollout
from plans.rollout import onboarding
from plans.rollout.by_hand import by_hand
from plans.rollout.onboarding import Onboarding, Verify
from plans.snapshot import Snapshot
from plans.values import Key, Name, ZoneRef
from providers.contract import Unsupported
from provisioner.delegation import Delegations
from provisioner.desired.problems import ConsentMissing
from provisioner.desired.source import DesiredSource
from provisioner.fleet import Fleet
from provisioner.manifest.model import Domain, Tenant, chooses

EXPIRES_AFTER = timedelta(hours=24)
"""By when a rollout must have begun."""


@dataclass(frozen=True, slots=True)
class Planning:
    """A plan in the making: its header, and its entries as they are found, by tenant and then by domain.

    `consents` has, once the entries were taken, the page on which an administrator consents, of each tenant that lacks it.
    """

    header: Header
    entries: Iterator[Entry]
    consents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Wish:
    """One domain, and what is known of it before its zone is read."""

    domain: Domain
    findings: tuple[Finding, ...]
    answer: GraphAnswer | None = None
    aim: Desired | Onboarding | None = None
    zone: ZoneRef | None = None

    @property
    def keys(self) -> frozenset[Key]:
        """What must be read of the zone for it."""
        match self.aim, self.zone:
            case Desired(), ZoneRef() as zone:
                return domain_rollout.keys(self.domain.name, zone.name)
            case Onboarding() as on_its_way, ZoneRef() as zone:
                return onboarding.keys(on_its_way, zone.name)
            case _:
                return frozenset()


def plan(fleet: Fleet, filters: Filters, pins: Mapping[Name, Name] | None = None) -> Planning:
    """Plan every domain that the filters let through. `pins` are the mail hosts that the state keeps.

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
    consents: dict[str, str] = {}
    return Planning(header, _entries(fleet, found, pins or {}, consents), consents)


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
            chosen = [name for name in source.domains() if chooses(tenant, name)]
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


def _entries(
    fleet: Fleet, tenants: Collection[_TenantDomains], pins: Mapping[Name, Name], consents: dict[str, str]
) -> Iterator[Entry]:
    listed = {domain.name for domain in fleet.manifest.domains}
    by_provider: dict[str, list[Name]] = defaultdict(list)
    for tenant in tenants:
        for domain in tenant.domains.values():
            by_provider[domain.provider.label].append(domain.name)
    zones, delegations = {label: fleet.zones(label, names) for label, names in by_provider.items()}, Delegations(fleet)
    for tenant in tenants:
        if tenant.failure:
            subject = Subject(Name(tenant.label), SubjectKind.TENANT)
            yield Entry(subject, tenant.label, (_failure("tenant-unreadable", subject, tenant.failure),))
        answers = dict(tenant.source.answers(tenant.domains.keys()))
        consents |= {lack.tenant: lack.url for lack in (tenant.failure, *answers.values()) if isinstance(lack, ConsentMissing)}
        wishes = []
        for name, domain in tenant.domains.items():
            zone = zones[domain.provider.label].get(name)
            of_domain = _pins(domain, pins.get(name))
            wishes.append(_wish(domain, answers[name], zone, of_domain, delegations, onboard=name in listed))
        snapshots = _Snapshots(fleet, wishes)
        yield from (_entry(fleet, wish, snapshots, tenant.source.notices) for wish in wishes)


def _pins(domain: Domain, kept: Name | None) -> tuple[Pin, ...]:
    said = (Pin(domain.name, domain.exchange, str(domain.where)),) if domain.exchange else ()
    return (*said, Pin(domain.name, kept, "the state")) if kept else said


def _wish(
    domain: Domain,
    answer: GraphAnswer | Problem,
    zone: ZoneRef | Problem | None,
    pins: Sequence[Pin],
    delegations: Delegations,
    *,
    onboard: bool,
) -> _Wish:
    """Judge what Graph says of a domain, and whether there is a zone to bring it to."""
    subject = Subject(domain.name)
    if isinstance(answer, Problem):
        return _Wish(domain, (_failure("graph-unreadable", subject, answer),))
    aim: Desired | Onboarding | None
    aim, findings = onboarding.readiness(answer, onboard=onboard)
    if aim is None and not any(finding.stops for finding in findings):
        aim, of_mx = domain_rollout.desire(answer, pins)
        findings = (*findings, *of_mx)
    if isinstance(zone, ZoneRef):
        astray = None if domain.staged else delegations.finding(subject, zone)
        return _Wish(domain, findings, answer, aim, zone) if astray is None else _Wish(domain, (*findings, astray), answer)
    if isinstance(aim, Onboarding) and not (aim.proof and domain.verify is Verify.DNS):
        return _Wish(domain, findings, answer, aim)
    if isinstance(zone, Problem):
        return _Wish(domain, (*findings, _failure("zone-unreadable", subject, zone)), answer)
    what = f"No zone of the provider {domain.provider.label} holds {subject}."
    mend = f"Create the zone there, or name another provider for the domain ({domain.where})."
    return _Wish(domain, (*findings, Finding.block(subject, "zone-not-found", what, mend)), answer)


class _Snapshots:
    """What the zones of some wishes hold: each zone is read once, when the first wish for it comes up."""

    def __init__(self, fleet: Fleet, wishes: Collection[_Wish]) -> None:
        self._fleet = fleet
        self._keys: dict[ZoneRef, set[Key]] = defaultdict(set)
        self._read: dict[ZoneRef, Snapshot | Problem] = {}
        for wish in wishes:
            if wish.zone:
                self._keys[wish.zone] |= wish.keys

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


def _entry(fleet: Fleet, wish: _Wish, snapshots: _Snapshots, notices: Collection[str]) -> Entry:
    """Compare what is wanted with what there is; what could not be checked is told where something is to be approved."""
    subject, tenant = Subject(wish.domain.name), wish.domain.tenant.label
    rollout: Rollout | None = None
    findings: tuple[Finding, ...] = ()
    try:
        match wish.aim, wish.zone:
            case Desired() as desired, ZoneRef() as zone:
                canonical = _canonical(fleet, desired, zone)
                rollout, findings = domain_rollout.propose(canonical, snapshots.of(zone), wish.domain.strategy)
            case Onboarding() as on_its_way, zone:
                snapshot = snapshots.of(zone) if zone and wish.keys else None
                rollout, findings = onboarding.propose(on_its_way, snapshot, wish.domain.verify)
                _check(fleet, rollout)
            case _:
                pass  # a finding stopped it before
    except Unsupported as problem:
        rollout, findings = None, (_failure("unsupported", subject, problem, Severity.BLOCK),)
    except Problem as problem:
        rollout, findings = None, (_failure("zone-unreadable", subject, problem),)
    if rollout and wish.zone and not fleet.capabilities(wish.zone.provider).writes:
        rollout = by_hand(rollout)
    if rollout and wish.domain.staged:
        what = "The zone is staged: what is written is read back at the provider, and not looked up in DNS."
        findings = (*findings, Finding(Severity.NOTICE, "staged", subject, what, "Drop `staged` once the zone is delegated."))
    unchecked = [Finding(Severity.NOTICE, "unchecked", subject, told, "Nothing need be done.") for told in notices if rollout]
    evidence = (*wish.aim.evidence,) if isinstance(wish.aim, Desired) else (wish.answer,) if wish.answer else ()
    return Entry(subject, tenant, (*wish.findings, *findings, *unchecked), evidence, rollout)


def _canonical(fleet: Fleet, desired: Desired, zone: ZoneRef) -> Desired:
    """Give what is wanted as the zone's provider will give it back. Raises `Unsupported`."""
    reader = fleet.reader(zone.provider)
    return replace(desired, rrsets=tuple(reader.canonical(zone, one) for one in desired.rrsets))


def _check(fleet: Fleet, rollout: Rollout | None) -> None:
    """Make sure that a provider will give back what the steps write. Raises `Unsupported`."""
    for step in rollout.steps if rollout else ():
        if isinstance(step.action, Change) and step.zone and step.action.after:
            fleet.reader(step.zone.provider).canonical(step.zone, step.action.after)


def _failure(code: str, subject: Subject, problem: Problem, severity: Severity = Severity.ERROR) -> Finding:
    if isinstance(problem, ConsentMissing):
        code = "consent-missing"
    return Finding(severity, code, subject, f"{problem.headline}\n{problem.detail}", problem.mend)
