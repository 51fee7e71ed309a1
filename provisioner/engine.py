"""The use case `plan`: what every selected domain should have, what it has, and the steps from one to the other.

Where public DNS shows that a domain's MX is right, its provider is not asked at all (`observed`); else the provider decides.
Values come out, nothing here prints, asks or exits; what goes wrong with one subject becomes a finding of it, and the others go
on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from plans.acknowledgement import acknowledged
from plans.contest import warned
from plans.desired import Desired, Dnssec, Subject, SubjectKind
from plans.microsoft import HostKind, host_kind, microsoft_host
from plans.plan import STAGED, Change, Entry, Filters, Header, Rollout
from plans.policy import Finding, Severity
from plans.problem import Problem
from plans.rollout import domain as domain_rollout
from plans.rollout import onboarding
from plans.rollout.by_hand import by_hand
from plans.rollout.domain import Dane, Takeover
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
from provisioner.looks import Looks, Wish
from provisioner.managed import TenantDomains, aim, is_held, managed, pins, portions, told_by
from provisioner.manifest.model import Domain, Route, SmtpProbe
from provisioner.observed import Right, observer, seen_in_dns


@dataclass(frozen=True, slots=True)
class Planning:
    """A plan in the making: its header, and its entries as they are found, by tenant and then by domain.

    `consents` has, once the entries were taken, the page on which an administrator consents, of each tenant that lacks it.
    `domains` is how many entries are each about a domain; None: nobody counted.
    """

    header: Header
    entries: Iterator[Entry]
    consents: Mapping[str, str] = field(default_factory=dict)
    domains: int | None = None


def plan(fleet: Fleet, filters: Filters, kept: Kept | None = None, planner: str = "", *, dns_first: bool = False) -> Planning:
    """Plan every domain that the filters let through, in the light of what the state keeps; `planner` is who does.

    `dns_first`: a provider is asked only for what public DNS does not show to be right.

    Raises:
        Problem: the filters let no domain through.

    """
    found = managed(fleet, filters)
    if filters.partial and not any(one.domains or one.failure for one in found):
        raise Problem(
            "No domain is left to plan",
            f"No domain that {fleet.manifest.file} manages passes {', '.join(filters.options)}.",
            "Compare them with what stands under domains: in the manifest.",
        )
    created = fleet.now()
    policy = fleet.manifest.policy
    sources = tuple(one.source.source for one in found)
    header = Header(created, created + policy.expires, filters, sources, planner, policy.digest)
    consents: dict[str, str] = {}
    kept = kept or Kept()
    entries = warned(_entries(fleet, found, filters, kept, consents, dns_first=dns_first), kept.trails)
    entries = acknowledged(entries, policy.acknowledged, created, whole=not filters.partial)
    return Planning(header, entries, consents, sum(len(one.domains) for one in found))


def _entries(
    fleet: Fleet,
    tenants: Collection[TenantDomains],
    filters: Filters,
    kept: Kept,
    consents: dict[str, str],
    *,
    dns_first: bool,
) -> Iterator[Entry]:
    listed = {domain.name for domain in fleet.manifest.domains}
    domains = [domain for tenant in tenants for domain in tenant.domains.values()]
    in_dns = seen_in_dns(fleet, domains, kept) if dns_first else frozenset[Name]()
    asked = [domain for domain in domains if domain.name not in in_dns]
    with Delegations(fleet) as delegations, observer(fleet, in_dns) as right:
        zones = Zones(fleet, asked, delegations)
        if any(domain.dnssec is not Dnssec.KEEP for domain in asked):
            from provisioner import dnssec  # noqa: PLC0415 - few manifests ask for it, none starts slower

            yield from dnssec.entries(fleet, zones, delegations, asked, kept)
        hosts = [host for host in fleet.manifest.mail_hosts if is_held(host.provider, filters)]
        if hosts:
            from provisioner import mail_hosts  # noqa: PLC0415 - the same

            yield from mail_hosts.entries(fleet, hosts, delegations, kept)
        for portion in portions(tenants):
            judged = told_by(lambda one: _judged(one, listed, kept), portion, lambda one: one.tenant)
            found = []
            for tenant, (wishes, lacking) in zip(portion, judged, strict=True):
                found.append((tenant, wishes))
                consents |= lacking
            yield from _looked_at(fleet, found, zones, delegations, kept, right, in_dns)
            del found  # what comes next takes the room
            for tenant in portion:
                tenant.source.release()
    if fleet.manifest.partners and not filters.providers:
        from provisioner import customers  # noqa: PLC0415 - few manifests name partners

        yield from customers.entries(fleet, filters, consents)


def _looked_at(
    fleet: Fleet,
    found: Sequence[tuple[TenantDomains, list[Wish]]],
    zones: Zones,
    delegations: Delegations,
    kept: Kept,
    right: Right,
    in_dns: Collection[Name],
) -> Iterator[Entry]:
    """Look at what is wanted of some tenants' domains: in public DNS first, and at the providers of those that are left."""
    done = right([wish.aim for _, wishes in found for wish in wishes if isinstance(wish.aim, Desired)])
    asked = [wish.domain for _, wishes in found for wish in wishes if wish.answer and wish.domain.name not in done]
    zones.find([domain for domain in asked if domain.name in in_dns])
    placed = [(tenant, [one if one.domain.name in done else _placed(one, zones) for one in wishes]) for tenant, wishes in found]
    looks = Looks(fleet, [wish for _, wishes in placed for wish in wishes], delegations)
    with looks.begun():
        for tenant, wishes in placed:
            if tenant.failure:
                subject = Subject(Name(tenant.label), SubjectKind.TENANT)
                yield Entry(subject, tenant.label, (_unread("tenant-unreadable", subject, tenant.failure),))
            yield from (_entry(fleet, wish, looks, tenant.source.notices, kept) for wish in wishes)


def _judged(tenant: TenantDomains, listed: Collection[Name], kept: Kept) -> tuple[list[Wish], dict[str, str]]:
    """Judge what Graph says of a tenant's domains; beside it, the pages on which somebody has to consent first."""
    answers = dict(tenant.source.answers(tenant.domains.keys()))
    consents = {lack.tenant: lack.url for lack in (tenant.failure, *answers.values()) if isinstance(lack, ConsentMissing)}
    wishes = []
    for name, domain in tenant.domains.items():
        answer = answers[name]
        if isinstance(answer, Problem):
            wishes.append(Wish(domain, (_unread("graph-unreadable", Subject(name), answer),)))
        else:
            wish, findings = aim(domain, answer, pins(domain, kept.pins.get(name)), onboard=name in listed)
            wishes.append(Wish(domain, findings, answer, wish))
    return wishes, consents


def _placed(wish: Wish, zones: Zones) -> Wish:
    """See whether there is a zone to bring a domain to."""
    domain = wish.domain
    if wish.answer is None:
        return wish
    zone = zones.of(domain)
    if isinstance(zone, ZoneRef):
        return replace(wish, zone=zone)
    if isinstance(wish.aim, Onboarding) and not (wish.aim.proof and domain.verify is Verify.DNS):
        return wish
    return Wish(domain, (*wish.findings, zone), wish.answer)


def _entry(fleet: Fleet, wish: Wish, looks: Looks, notices: Collection[str], kept: Kept) -> Entry:
    """Compare what is wanted with what there is; what could not be checked is told where something is to be approved."""
    subject, tenant = Subject(wish.domain.name), wish.domain.tenant.label
    rollout: Rollout | None = None
    findings: tuple[Finding, ...] = ()
    live: Mapping[Key, Live] = {}
    try:
        held = looks.of(wish)
        if isinstance(held, Finding):
            return Entry(subject, tenant, (*wish.findings, held), (wish.answer,) if wish.answer else ())
        live = held.sets if held else {}
        match wish.aim, held:
            case Desired() as desired, Snapshot() as snapshot:
                rollout, findings = _propose(fleet, wish.domain, desired, snapshot, kept)
            case Onboarding() as on_its_way, _:
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
