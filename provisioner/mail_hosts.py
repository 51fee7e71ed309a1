"""What a plan says of mail hosts of ours: one entry a host, however many domains name it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from plans.conditions import Presents
from plans.facts import Facts, Signed
from plans.judging import Memory, judge
from plans.plan import Entry
from plans.policy import Finding, Severity
from plans.problem import Problem
from plans.rollout import mail_host
from plans.rollout.by_hand import by_hand
from plans.values import RRset, ZoneRef
from providers.contract import Unsupported
from provisioner.choosing import Zones
from provisioner.delegation import Delegations
from provisioner.desired.certificate import read_certificate
from provisioner.fleet import Fleet
from provisioner.kept import Kept
from provisioner.manifest.model import MailHost
from provisioner.probe.witness import Witness


def entries(fleet: Fleet, hosts: Sequence[MailHost], delegations: Delegations, kept: Kept) -> Iterator[Entry]:
    """Plan the TLSA set of mail hosts. What is wrong with one is a finding of it."""
    zones, witness = Zones(fleet, hosts, delegations), fleet.witness()
    for host in sorted(hosts, key=lambda one: one.name):
        yield _entry(fleet, host, zones, delegations, witness, kept)


def _entry(fleet: Fleet, host: MailHost, zones: Zones, delegations: Delegations, witness: Witness, kept: Kept) -> Entry:
    zone = zones.of(host)
    if isinstance(zone, Finding):
        return Entry(host.subject, "", (zone,))
    astray = delegations.finding(host.subject, zone)
    if astray:
        return Entry(host.subject, "", (astray,))
    try:
        wish = _wish(fleet, host, zone, witness, kept)
        snapshot = fleet.reader(zone.provider).read(zone, mail_host.keys(host.name, zone.name))
        rollout, findings = mail_host.propose(wish, snapshot)
    except Unsupported as problem:
        return Entry(host.subject, "", (Finding.failed(host.subject, "unsupported", problem, Severity.BLOCK),))
    except Problem as problem:
        return Entry(host.subject, "", (Finding.failed(host.subject, "mail-host-unreadable", problem),))
    if rollout and not fleet.capabilities(zone.provider).writes:
        rollout = by_hand(rollout)
    rollout, about, superseded = kept.beside(rollout, snapshot.sets)
    return Entry(host.subject, "", (*findings, *about), (), rollout, superseded)


def _wish(fleet: Fleet, host: MailHost, zone: ZoneRef, witness: Witness, kept: Kept) -> mail_host.Wish:
    """Find out all that a proposal for the host needs. Raises `Problem`."""
    now = fleet.now()
    current = read_certificate(host.certificate, host.name, now).tlsa
    upcoming = read_certificate(host.upcoming, host.name, now).tlsa if host.upcoming else None
    dnssec, seen = witness.zone_facts(zone.name), witness.host(host.name, smtp=True)
    facts = Facts(kept.at or now, {}, hosts={host.name: seen}, confirmations=kept.confirmations)
    installed = judge(Presents(host.name, (upcoming,)), facts, Memory()) if upcoming else None
    wish = mail_host.Wish(
        host.name,
        current,
        upcoming,
        seen.address_ttl,
        signed=any(isinstance(one, Signed) for one in dnssec.signed.values()),
        negative_ttl=dnssec.negative_ttl,
        propagation=round(fleet.waits(zone.provider).propagation.total_seconds()),
        installed=bool(installed and installed.met),
        word=installed.why if installed and installed.on_word else "",
    )
    sample = RRset(wish.key, wish.ttl, (current,))
    return replace(wish, ttl=fleet.reader(zone.provider).canonical(zone, sample).ttl)
