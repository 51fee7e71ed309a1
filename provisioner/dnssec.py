"""What a plan says of zones that are to be signed, or not to be any more: one entry a zone, however many domains it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import cast

from plans.desired import Dnssec, Subject, SubjectKind
from plans.duration import duration
from plans.facts import ZoneFacts
from plans.microsoft import microsoft_host
from plans.plan import Entry, Rollout
from plans.policy import Finding, Severity
from plans.problem import Problem
from plans.rollout import zone as zone_rollout
from plans.rollout.zone import DS_TTL, entry_points
from plans.rollout.zone_wish import Parent, SignedByProvider, Surety, Wish
from plans.values import Ds, Key, Mx, Name, RRset, ZoneRef, is_at_or_below
from providers.contract import Lister, Reader, Unsupported
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
    witness, listed = fleet.witness(), listing(fleet)
    for zone, held in sorted(asked.items()):
        yield _entry(fleet, zone, held, delegations, witness, kept, listed)


def _entry(
    fleet: Fleet,
    zone: ZoneRef,
    domains: Collection[Domain],
    delegations: Delegations,
    witness: Witness,
    kept: Kept,
    listed: Listed,
) -> Entry:
    subject, tenant = Subject(zone.name, SubjectKind.ZONE), ", ".join(sorted({one.tenant.label for one in domains}))
    refusal = _refusal(fleet, subject, zone, domains) or delegations.finding(subject, zone)
    if refusal:
        return Entry(subject, tenant, (refusal,))
    try:
        wish = wish_of(fleet, zone, domains, witness)
        if isinstance(wish, Finding):
            return Entry(subject, tenant, (wish,))
        return _of(fleet, wish, tenant, delegations, kept, listed)
    except Unsupported as problem:
        return Entry(subject, tenant, (Finding.failed(subject, "unsupported", problem, Severity.BLOCK),))
    except Problem as problem:
        return Entry(subject, tenant, (Finding.failed(subject, "dnssec-unreadable", problem),))


def _of(fleet: Fleet, wish: Wish, tenant: str, delegations: Delegations, kept: Kept, listed: Listed) -> Entry:
    subject, zone = wish.subject, wish.zone
    astray = delegations.finding(subject, wish.parent.zone) if wish.parent.zone else None
    if astray:
        return Entry(subject, tenant, (astray,))
    opened = kept.opened.get(subject)
    remembered = zone_rollout.remembered(opened.rollout) if opened else None
    wish = replace(wish, remembered=remembered, with_tlsa=_own_hosts(fleet, zone))
    rollout, findings = proposed(fleet, wish, listed)
    live = {Key(zone.name, "DS"): wish.parent.held} if wish.parent.zone else {}
    rollout, about, superseded = kept.beside(rollout, live)
    return Entry(subject, tenant, (*findings, *about), (), rollout, superseded)


Listed = Callable[[ZoneRef], Mapping[str, int]]
"""Gives the highest TTL (seconds) of each type in a whole zone; nothing where its provider cannot tell. Raises `Problem`."""


def listing(fleet: Fleet) -> Listed:
    """Give what looks through zones, through each once."""

    @cache
    def listed(zone: ZoneRef) -> Mapping[str, int]:
        if not fleet.capabilities(zone.provider).lists:
            return {}
        return cast("Lister", fleet.reader(zone.provider)).highest_ttls(zone) or {}

    return listed


def proposed(fleet: Fleet, wish: Wish, listed: Listed) -> tuple[Rollout | None, tuple[Finding, ...]]:
    """Propose; zones are looked through only for a DS that is to come in. Raises `Problem`.

    How long unsigned answers may be cached is what a person says, else what a listing gives, else taken as unknown, which is
    told. A new DS set gets the TTL that others at the parent have. On the way out of DNSSEC nothing is looked through: what a
    set had that has gone stands in no listing.
    """
    now = fleet.now()
    if wish.dnssec is not Dnssec.MANAGE or not zone_rollout.counts_on_ttls(wish, now):
        return zone_rollout.propose(wish, now)
    told: tuple[Finding, ...] = ()
    if fleet.waits(wish.zone.provider).max_zone_ttl is None:
        if ttls := listed(wish.zone):
            wish = replace(wish, surety=wish.surety.with_listed(max(ttls.values())))
        else:
            told = (_unlisted(wish),)
    parent = wish.parent
    if parent.zone and parent.ttl is None and not (parent.held or wish.facts.ds):
        wish = replace(wish, parent=replace(parent, ttl=listed(parent.zone).get("DS")))
    rollout, findings = zone_rollout.propose(wish, now)
    return rollout, (*findings, *told)


def _unlisted(wish: Wish) -> Finding:
    what = f"The highest TTL in the zone is not known. It counts as {duration(wish.surety.longest_ttl)} until the DS comes in."
    mend = "Say it by `max_zone_ttl` of the provider; where that is of type rfc2136, let the key transfer the zone."
    return Finding(Severity.NOTICE, "highest-ttl-unknown", wish.subject, what, mend)


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
    return Wish(
        zone,
        first.dnssec,
        facts,
        signed,
        parent,
        _mail_hosts(fleet, zone, named),
        surety,
        domains=tuple(sorted(one.name for one in domains)),
        with_dane=tuple(sorted(owner for owner, held in named.items() if microsoft_host(held))),
    )


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


def _exchanges(fleet: Fleet, zone: ZoneRef, domains: Collection[Domain]) -> dict[Name, RRset]:
    """Give the MX set of each domain as its provider holds it. Raises `Problem`."""
    held = fleet.reader(zone.provider).read(zone, {Key(one.name, "MX") for one in domains}).sets
    return {key.owner: one for key, one in held.items() if isinstance(one, RRset)}


def _mail_hosts(fleet: Fleet, zone: ZoneRef, named: Mapping[Name, RRset]) -> tuple[Name, ...]:
    """Give the MX hosts that lie in the zone: their TLSA counts once the zone is secure."""
    hosts = {value.exchange for held in named.values() for value in held.values if isinstance(value, Mx)}
    live = {host for host in hosts if is_at_or_below(host, zone.name)}
    return tuple(sorted(live.union(_own_hosts(fleet, zone))))


def _own_hosts(fleet: Fleet, zone: ZoneRef) -> tuple[Name, ...]:
    """Give the mail hosts of the manifest that lie in the zone."""
    return tuple(sorted(host.name for host in fleet.manifest.mail_hosts if is_at_or_below(host.name, zone.name)))
