"""What a plan says of zones that are to be signed, or not to be any more: one entry a zone, however many domains it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from plans.desired import Dnssec, Subject, SubjectKind
from plans.facts import ZoneFacts
from plans.microsoft import HostKind, host_kind
from plans.plan import Entry
from plans.policy import Finding, Severity
from plans.problem import Problem
from plans.rollout import zone as zone_rollout
from plans.rollout.zone import DS_TTL, Parent, SignedByProvider, Surety, Wish, entry_points
from plans.values import Ds, Key, Mx, Name, RRset, ZoneRef, is_at_or_below
from providers.contract import Reader, Unsupported
from provisioner.choosing import Zones
from provisioner.delegation import REGISTRAR, Delegations
from provisioner.fleet import Fleet
from provisioner.kept import Kept
from provisioner.manifest.model import Domain, ProviderConfig
from provisioner.probe.witness import Witness


def entries(fleet: Fleet, zones: Zones, delegations: Delegations, domains: Collection[Domain], kept: Kept) -> Iterator[Entry]:
    """Plan the DNSSEC of every zone in which a domain asks for it. What is wrong with a zone is a finding of it."""
    together: dict[ZoneRef, list[Domain]] = defaultdict(list)
    for domain in domains:
        if isinstance(zone := zones.of(domain), ZoneRef):
            together[zone].append(domain)
    asked = {zone: held for zone, held in together.items() if any(one.dnssec is not Dnssec.KEEP for one in held)}
    witness = fleet.witness()
    for zone, held in sorted(asked.items()):
        yield _entry(fleet, zone, held, delegations, witness, kept)


def _entry(
    fleet: Fleet, zone: ZoneRef, domains: Collection[Domain], delegations: Delegations, witness: Witness, kept: Kept
) -> Entry:
    subject, tenant = Subject(zone.name, SubjectKind.ZONE), ", ".join(sorted({one.tenant.label for one in domains}))
    refusal = _refusal(fleet, subject, zone, domains) or delegations.finding(subject, zone)
    if refusal:
        return Entry(subject, tenant, (refusal,))
    try:
        wish = wish_of(fleet, zone, domains, witness)
    except Unsupported as problem:
        return Entry(subject, tenant, (Finding.failed(subject, "unsupported", problem, Severity.BLOCK),))
    except Problem as problem:
        return Entry(subject, tenant, (Finding.failed(subject, "dnssec-unreadable", problem),))
    if isinstance(wish, Finding):
        return Entry(subject, tenant, (wish,))
    astray = delegations.finding(subject, wish.parent.zone) if wish.parent.zone else None
    if astray:
        return Entry(subject, tenant, (astray,))
    opened = kept.opened.get(subject)
    wish = replace(wish, remembered=zone_rollout.remembered(opened.rollout) if opened else None)
    rollout, findings = zone_rollout.propose(wish, fleet.now())
    live = {Key(zone.name, "DS"): wish.parent.held} if wish.parent.zone else {}
    rollout, about, superseded = kept.beside(rollout, live)
    return Entry(subject, tenant, (*findings, *about), (), rollout, superseded)


def _refusal(fleet: Fleet, subject: Subject, zone: ZoneRef, domains: Collection[Domain]) -> Finding | None:
    said = {(one.dnssec, one.parent.label if one.parent else "") for one in domains}
    if len(said) > 1:
        told = "; ".join(
            f"{one.name.rstrip('.')} {one.dnssec}{f', parent {one.parent.label}' if one.parent else ''} ({one.where})"
            for one in domains
        )
        what = f"The domains in this zone do not agree on `dnssec` and `parent`: {told}."
        return Finding.block(subject, "dnssec-disagrees", what, "Write the same at each of them: a zone is signed as a whole.")
    if any(one.staged for one in domains) or fleet.capabilities(zone.provider).publishes == "none":
        what = "The zone is not looked up in DNS, so that nobody could see whether its signatures are there."
        return Finding.block(subject, "dnssec-needs-dns", what, "Drop `staged`, or `dnssec`, until the zone is served.")
    return None


def wish_of(fleet: Fleet, zone: ZoneRef, domains: Collection[Domain], witness: Witness) -> Wish | Finding:
    """Find out all that a proposal for the zone needs. Raises `Problem`."""
    first = next(iter(domains))
    facts = witness.zone_facts(zone.name)
    signer = fleet.reader(zone.provider).signer()
    state = signer.state(zone) if signer else None
    signed = SignedByProvider(state.signed, state.ds) if state else None
    parent = _parent(fleet, zone, facts, first.parent, signed)
    if isinstance(parent, Finding):
        return parent
    waits = fleet.waits(zone.provider)
    since = (
        [one.signed_since for one in domains if one.signed_since],
        [one.delegated_since for one in domains if one.delegated_since],
    )
    surety = Surety(
        propagation=round(waits.propagation.total_seconds()),
        signed_since=max(since[0], default=None),
        delegated_since=max(since[1], default=None),
    )
    if waits.max_zone_ttl is not None:
        surety = replace(surety, longest_ttl=waits.max_zone_ttl)
    named = _exchanges(fleet, zone, domains)
    with_dane = tuple(sorted(owner for owner, hosts in named.items() if any(map(_has_dane, hosts))))
    hosts = _mail_hosts(fleet, zone, named)
    return Wish(zone, first.dnssec, facts, signed, parent, hosts, surety, with_dane=with_dane)


def _parent(
    fleet: Fleet, zone: ZoneRef, facts: ZoneFacts, config: ProviderConfig | None, signed: SignedByProvider | None
) -> Parent | Finding:
    """Find the zone at a provider that holds the DS, and what it holds now; else a person brings it. Raises `Problem`."""
    if config is None or not fleet.capabilities(config.label).writes:
        return Parent(None)
    registrar = fleet.capabilities(config.label).types == REGISTRAR
    wanted = zone.name if registrar else facts.parent
    found = fleet.zones(config.label, [wanted]).get(wanted)
    if isinstance(found, Problem):
        raise found
    if found is None or found.name != wanted:
        what = f"{config.label}, which is to hold its DS, does not hold {wanted.rstrip('.')}."
        mend = "Name the provider of the zone above, or the registrar, under `parent`; or drop it for a step by hand."
        return Finding.block(Subject(zone.name, SubjectKind.ZONE), "parent-not-found", what, mend)
    key, reader = Key(zone.name, "DS"), fleet.reader(config.label)
    ds = frozenset(signed.ds) if signed and signed.ds else entry_points(facts)
    return Parent(found, reader.read(found, {key}).sets[key], _given_ttl(reader, found, key, ds) if ds else None)


def _given_ttl(reader: Reader, zone: ZoneRef, key: Key, ds: Collection[Ds]) -> int | None:
    """Give the TTL that a provider gives a DS set whatever is asked; None: the one that is asked. Raises `Unsupported`."""
    given = {reader.canonical(zone, RRset(key, asked, tuple(sorted(ds)))).ttl for asked in (DS_TTL, 2 * DS_TTL)}
    return given.pop() if len(given) == 1 else None


def _exchanges(fleet: Fleet, zone: ZoneRef, domains: Collection[Domain]) -> dict[Name, frozenset[Name]]:
    """Give the MX hosts of each domain as its provider holds them. Raises `Problem`."""
    held = fleet.reader(zone.provider).read(zone, {Key(one.name, "MX") for one in domains}).sets
    return {
        key.owner: frozenset(value.exchange for value in one.values if isinstance(value, Mx))
        for key, one in held.items()
        if isinstance(one, RRset)
    }


def _has_dane(host: Name) -> bool:
    return host_kind(host) is HostKind.MX_MICROSOFT


def _mail_hosts(fleet: Fleet, zone: ZoneRef, named: Mapping[Name, frozenset[Name]]) -> tuple[Name, ...]:
    """Give the MX hosts that lie in the zone: their TLSA counts once the zone is secure."""
    hosts = frozenset[Name]().union(*named.values()) | {host.name for host in fleet.manifest.mail_hosts}
    return tuple(sorted(host for host in hosts if is_at_or_below(host, zone.name)))
