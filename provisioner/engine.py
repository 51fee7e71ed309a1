"""The use case `plan`: what every selected domain should have, what it has, and the steps from one to the other.

Values come out, nothing here prints, asks or exits; what goes wrong with one subject becomes a finding of it, and the others go
on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from plans.desired import Desired, Dnssec, GraphAnswer, Pin, Subject, SubjectKind
from plans.microsoft import HostKind, host_kind
from plans.plan import STAGED, Change, Entry, Filters, Header, Rollout
from plans.policy import Finding, Severity
from plans.problem import Problem
from plans.rollout import domain as domain_rollout
from plans.rollout import onboarding
from plans.rollout.by_hand import by_hand
from plans.rollout.domain import Dane, Takeover, microsoft_host
from plans.rollout.onboarding import Onboarding, Verify
from plans.rollout.phased import LEAST_TTL, Terms, remembered
from plans.snapshot import Snapshot
from plans.values import Key, Live, Name, ZoneRef
from providers.contract import Unsupported
from provisioner.choosing import Zones
from provisioner.delegation import Delegations
from provisioner.desired.problems import ConsentMissing
from provisioner.fleet import Fleet
from provisioner.kept import Kept
from provisioner.managed import TenantDomains, aim, managed, pins
from provisioner.manifest.model import Domain, Route, SmtpProbe


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


def plan(fleet: Fleet, filters: Filters, kept: Kept | None = None, planner: str = "") -> Planning:
    """Plan every domain that the filters let through, in the light of what the state keeps; `planner` is who does.

    Raises:
        Problem: the filters let no domain through.

    """
    found = managed(fleet, filters)
    if filters.partial and not any(one.domains or one.failure for one in found):
        raise Problem(
            "No domain is left to plan",
            f"No domain that {fleet.manifest.file} manages passes --domain and --exclude-domain.",
            "Compare the globs with the names under domains: in the manifest.",
        )
    created = fleet.now()
    policy = fleet.manifest.policy
    sources = tuple(one.source.source for one in found)
    header = Header(created, created + policy.expires, filters, sources, planner, policy.digest)
    consents: dict[str, str] = {}
    return Planning(header, _entries(fleet, found, kept or Kept(), consents), consents)


def _entries(fleet: Fleet, tenants: Collection[TenantDomains], kept: Kept, consents: dict[str, str]) -> Iterator[Entry]:
    listed = {domain.name for domain in fleet.manifest.domains}
    delegations = Delegations(fleet)
    domains = [domain for tenant in tenants for domain in tenant.domains.values()]
    zones = Zones(fleet, domains, delegations)
    if any(domain.dnssec is not Dnssec.KEEP for domain in domains):
        from provisioner import dnssec  # noqa: PLC0415 - few manifests ask for it, none starts slower

        yield from dnssec.entries(fleet, zones, delegations, domains, kept)
    if fleet.manifest.mail_hosts:
        from provisioner import mail_hosts  # noqa: PLC0415 - the same

        yield from mail_hosts.entries(fleet, delegations, kept)
    for tenant in tenants:
        if tenant.failure:
            subject = Subject(Name(tenant.label), SubjectKind.TENANT)
            yield Entry(subject, tenant.label, (_unread("tenant-unreadable", subject, tenant.failure),))
        answers = dict(tenant.source.answers(tenant.domains.keys()))
        consents |= {lack.tenant: lack.url for lack in (tenant.failure, *answers.values()) if isinstance(lack, ConsentMissing)}
        wishes = []
        for name, domain in tenant.domains.items():
            of_domain = pins(domain, kept.pins.get(name))
            wishes.append(_wish(domain, answers[name], zones, of_domain, delegations, onboard=name in listed))
        snapshots = _Snapshots(fleet, wishes)
        yield from (_entry(fleet, wish, snapshots, tenant.source.notices, kept) for wish in wishes)


def _wish(
    domain: Domain,
    answer: GraphAnswer | Problem,
    zones: Zones,
    of_domain: Sequence[Pin],
    delegations: Delegations,
    *,
    onboard: bool,
) -> _Wish:
    """Judge what Graph says of a domain, and whether there is a zone to bring it to."""
    subject = Subject(domain.name)
    if isinstance(answer, Problem):
        return _Wish(domain, (_unread("graph-unreadable", subject, answer),))
    wish, findings = aim(domain, answer, of_domain, onboard=onboard)
    zone = zones.of(domain)
    if isinstance(zone, ZoneRef):
        astray = None if domain.staged else delegations.finding(subject, zone)
        return _Wish(domain, findings, answer, wish, zone) if astray is None else _Wish(domain, (*findings, astray), answer)
    if isinstance(wish, Onboarding) and not (wish.proof and domain.verify is Verify.DNS):
        return _Wish(domain, findings, answer, wish)
    return _Wish(domain, (*findings, zone), answer)


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


def _entry(fleet: Fleet, wish: _Wish, snapshots: _Snapshots, notices: Collection[str], kept: Kept) -> Entry:
    """Compare what is wanted with what there is; what could not be checked is told where something is to be approved."""
    subject, tenant = Subject(wish.domain.name), wish.domain.tenant.label
    rollout: Rollout | None = None
    findings: tuple[Finding, ...] = ()
    live: Mapping[Key, Live] = {}
    try:
        match wish.aim, wish.zone:
            case Desired() as desired, ZoneRef() as zone:
                snapshot = snapshots.of(zone)
                live = snapshot.sets
                rollout, findings = _propose(fleet, wish.domain, desired, snapshot, kept)
            case Onboarding() as on_its_way, zone:
                held = snapshots.of(zone) if zone and wish.keys else None
                live = held.sets if held else {}
                rollout, findings = onboarding.propose(on_its_way, held, wish.domain.verify)
                _check(fleet, rollout)
            case _:
                pass  # a finding stopped it before
    except Unsupported as problem:
        rollout, findings = None, (Finding.failed(subject, "unsupported", problem, Severity.BLOCK),)
    except Problem as problem:
        rollout, findings = None, (Finding.failed(subject, "zone-unreadable", problem),)
    if rollout and wish.zone and not fleet.capabilities(wish.zone.provider).writes:
        rollout = by_hand(rollout)
    rollout, about, superseded = kept.beside(rollout, live)
    findings = (*findings, *about)
    if rollout and wish.domain.staged:
        what = "The zone is staged: what is written is read back at the provider, and not looked up in DNS."
        findings = (*findings, Finding(Severity.NOTICE, STAGED, subject, what, "Drop `staged` once the zone is delegated."))
    unchecked = [Finding(Severity.NOTICE, "unchecked", subject, told, "Nothing need be done.") for told in notices if rollout]
    evidence = (*wish.aim.evidence,) if isinstance(wish.aim, Desired) else (wish.answer,) if wish.answer else ()
    return Entry(subject, tenant, (*wish.findings, *findings, *unchecked), evidence, rollout, superseded)


def _propose(
    fleet: Fleet, domain: Domain, desired: Desired, snapshot: Snapshot, kept: Kept
) -> tuple[Rollout | None, tuple[Finding, ...]]:
    """Propose a domain's steps, from what the world and the journal tell. Raises `Problem`."""
    zone, opened = snapshot.zone, kept.opened.get(desired.subject)
    canonical, terms = _canonical(fleet, desired, zone), _terms(fleet, domain, desired, zone)
    memory = remembered(opened.rollout, opened.done(snapshot.sets), terms.soak) if opened and terms else None
    takeover = Takeover(domain.takeover.from_host, domain.takeover.until, fleet.now()) if domain.takeover else None
    dane = _dane(fleet, domain, snapshot)
    return domain_rollout.propose(canonical, snapshot, domain.strategy, terms, memory, dane, takeover)


def _dane(fleet: Fleet, domain: Domain, snapshot: Snapshot) -> Dane | None:
    """See what Microsoft publishes for the live MX host, where that matters."""
    back = domain.exchange is not None and host_kind(domain.exchange) is HostKind.LEGACY
    if domain.route is Route.GATEWAY or not (domain.dane or back):
        return None
    from provisioner.microsoft_tlsa import seen  # noqa: PLC0415 - few runs look, none starts slower

    return Dane(domain.dane, seen(fleet, microsoft_host(snapshot.sets[Key(domain.name, "MX")])))


def _terms(fleet: Fleet, domain: Domain, desired: Desired, zone: ZoneRef) -> Terms | None:
    """Give what a change in phases must keep to; None: nobody can see from outside what is written there."""
    if domain.staged or fleet.capabilities(zone.provider).publishes == "none":
        return None
    least = fleet.reader(zone.provider).canonical(zone, replace(desired.rrsets[0], ttl=LEAST_TTL)).ttl
    return Terms(
        lowest_ttl=max(LEAST_TTL, least),
        soak=round(fleet.manifest.policy.soak.total_seconds()),
        smtp=domain.smtp_probe is SmtpProbe.REQUIRED,
        graph=domain.route is Route.EXCHANGE_ONLINE,
    )


def _canonical(fleet: Fleet, desired: Desired, zone: ZoneRef) -> Desired:
    """Give what is wanted as the zone's provider will give it back. Raises `Unsupported`."""
    reader = fleet.reader(zone.provider)
    return replace(desired, rrsets=tuple(reader.canonical(zone, one) for one in desired.rrsets))


def _check(fleet: Fleet, rollout: Rollout | None) -> None:
    """Make sure that a provider will give back what the steps write. Raises `Unsupported`."""
    for step in rollout.steps if rollout else ():
        if isinstance(step.action, Change) and step.zone and step.action.after:
            fleet.reader(step.zone.provider).canonical(step.zone, step.action.after)


def _unread(code: str, subject: Subject, problem: Problem) -> Finding:
    """Make the finding of something that Graph did not say."""
    return Finding.failed(subject, "consent-missing" if isinstance(problem, ConsentMissing) else code, problem)
