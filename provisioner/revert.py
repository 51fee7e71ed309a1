"""The use case `revert`: a plan that brings back what stood before a run, before a plan, or at a time, as the journal has it.

It is made like any other plan, and applied like one. Microsoft Graph is not asked: going back is not what it says.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from plans.codec import decode_entry
from plans.conditions import HostResolves, HostTakesMail, Instant, Presents
from plans.desired import Dnssec, Subject, SubjectKind
from plans.judging import Memory, judge
from plans.microsoft import microsoft_host
from plans.plan import STAGED, Change, Entry, Filters, Header, Rollout
from plans.policy import Finding, Severity
from plans.problem import Problem
from plans.rollout import back, mail_host, phased
from plans.rollout import domain as domain_rollout
from plans.rollout import zone as zone_rollout
from plans.rollout.back import Past, Stood
from plans.rollout.by_hand import by_hand
from plans.rollout.domain import MicrosoftTlsa
from plans.rollout.phased import LEAST_TTL, Terms
from plans.rollout.zone import entry_points
from plans.values import Ds, Key, Live, Mx, Name, Tlsa, ZoneRef, is_at_or_below, told
from provisioner import dnssec
from provisioner.choosing import Zones
from provisioner.delegation import Delegations
from provisioner.engine import Planning
from provisioner.fleet import Fleet
from provisioner.kept import Kept
from provisioner.manifest.model import Domain, Route, SmtpProbe, chooses, matches
from provisioner.microsoft_tlsa import seen
from provisioner.probe.gather import gather
from provisioner.state import State, Written

_FORWARD = "The way forward is proposed again by the next `plan`, and by `reconcile`"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which writes are taken back: those of a run, those of a plan, or those later than a time (UTC); of subjects by globs."""

    run: int | None = None
    plan_id: str = ""
    to: datetime | None = None
    globs: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.to:
            return f"as it stood {self.to:%Y-%m-%d %H:%M:%SZ}"
        return f"as it stood before {f'plan {self.plan_id[:12]}' if self.plan_id else f'run {self.run}'}"

    def takes_back(self, one: Written) -> bool:
        """Whether a write is taken back."""
        if self.to:
            return one.at > self.to
        return one.plan_id == self.plan_id if self.plan_id else one.run == self.run

    def passes(self, subject: Subject) -> bool:
        """Whether a subject is one of those that are asked for."""
        return not self.globs or matches(subject.name, self.globs)


def plan(fleet: Fleet, state: State, chosen: Chosen, planner: str = "") -> Planning:
    """Plan the way back of every subject for which such a write is known.

    Raises:
        Problem: there is none.
        StateDamaged: the journal was edited.

    """
    subjects = {one.subject for one in state.writes(since=chosen.to) if chosen.takes_back(one) and chosen.passes(one.subject)}
    if not subjects:
        raise _nothing(state, chosen)
    created = fleet.now()
    policy = fleet.manifest.policy
    header = Header(created, created + policy.expires, Filters(chosen.globs), (), planner, policy.digest)
    kept = Kept.of(state, supersede=True)
    way = _Way(fleet, state, chosen, kept)
    return Planning(header, (way.back(subject) for subject in sorted(subjects, key=lambda one: (one.kind, one.name))))


def _nothing(state: State, chosen: Chosen) -> Problem:
    mend = "See what was written, by which run and plan:  provisioner history"
    if chosen.run is not None and all(one.id != chosen.run for one in state.runs()):
        return Problem(f"There is no run {chosen.run}", f"The state {state.where} knows none of that number.", mend)
    of = f" of {', '.join(chosen.globs)}" if chosen.globs else ""
    if chosen.to:
        return Problem(
            "There is nothing to revert", f"The journal has no write{of} after {chosen.to:%Y-%m-%d %H:%M:%SZ}.", mend
        )
    which = f"plan {chosen.plan_id[:12]}" if chosen.plan_id else f"run {chosen.run}"
    return Problem("There is nothing to revert", f"The journal has no write{of} by {which}.", mend)


class _Refused(Exception):
    """Why one subject has no way back."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.what)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class _Found:
    """What is proposed for a subject, beside what is live."""

    rollout: Rollout | None
    findings: tuple[Finding, ...]
    live: dict[Key, Live]


class _Way:
    """Makes the entries of one plan."""

    def __init__(self, fleet: Fleet, state: State, chosen: Chosen, kept: Kept) -> None:
        self._fleet = fleet
        self._state = state
        self._chosen = chosen
        self._kept = kept
        self._delegations = Delegations(fleet)
        self._witness = fleet.witness()

    def back(self, subject: Subject) -> Entry:
        """Plan one subject; what is wrong with it is a finding of it."""
        writes = list(self._state.writes(subject))
        past = back.past(
            writes, self._chosen.takes_back, self._fleet.now(), lambda zone: self._fleet.waits(zone.provider).propagation
        )
        tenant = self._tenant(writes[-1])
        evidence = tuple(back.evidence(past, str(self._chosen)))
        try:
            found = self._found(subject, tenant, past)
        except _Refused as why:
            return Entry(subject, tenant, (why.finding,), evidence)
        except Problem as problem:
            return Entry(subject, tenant, (Finding.failed(subject, "revert-unreadable", problem),), evidence)
        rollout, about, superseded = self._kept.beside(found.rollout, found.live)
        return Entry(subject, tenant, (*found.findings, *about), evidence, rollout, superseded)

    def _tenant(self, last: Written) -> str:
        stored = self._state.find(last.subject, last.plan_id)
        return decode_entry(stored.line).tenant if stored else ""

    def _found(self, subject: Subject, tenant: str, past: Past) -> _Found:
        match subject.kind:
            case SubjectKind.DOMAIN:
                return self._domain(subject, tenant, past)
            case SubjectKind.ZONE:
                return self._zone(subject, tenant, past)
            case SubjectKind.MAIL_HOST:
                return self._mail_host(subject, past)
            case SubjectKind.TENANT:
                raise AssertionError(subject)  # it has no steps

    def _domain(self, subject: Subject, tenant: str, past: Past) -> _Found:
        domain = self._managed(subject, tenant)
        stays = tuple(back.stays(subject, past))
        stood = past.sets.get(Key(subject.name, "MX"))
        if stood is None:
            return _Found(None, stays, {})
        zone = self._zone_of(subject, stood.zone, staged=domain.staged)
        snapshot = self._fleet.reader(zone.provider).read(zone, domain_rollout.keys(subject.name, zone.name))
        self._unchanged(subject, stood, snapshot.sets[stood.key])
        opened = self._kept.opened.get(subject)
        terms = self._terms(domain, stood)
        memory = phased.remembered(opened.rollout, opened.done(snapshot.sets), terms.soak) if opened and terms else None
        host = microsoft_host(snapshot.sets[stood.key])
        published = seen(self._fleet, host) if host and terms else MicrosoftTlsa.UNCLEAR
        rollout, findings = back.mx(subject, stood, snapshot, domain.strategy, terms, memory, published)
        if rollout and terms:
            self._still_there(subject, stood, terms)
        if rollout and not self._fleet.capabilities(zone.provider).writes:
            rollout = by_hand(rollout)
        if rollout and domain.staged:
            what = "The zone is staged: what is written is read back at the provider, and not looked up in DNS."
            findings = (*findings, Finding(Severity.NOTICE, STAGED, subject, what, "Drop `staged` once the zone is delegated."))
        if not any(one.stops for one in findings):
            findings = (*findings, _against(subject, domain, stood))
        return _Found(rollout, (*stays, *findings), dict(snapshot.sets))

    def _managed(self, subject: Subject, tenant: str) -> Domain:
        """Give what the manifest says of a domain; of one that it does not name nothing is touched."""
        manifest = self._fleet.manifest
        listed = next((one for one in manifest.domains if one.name == subject.name), None)
        if listed:
            return listed
        known = manifest.tenants.get(tenant)
        if known is None or known.domains is None or not chooses(known, subject.name):
            raise _Refused(_unmanaged(subject, f"{manifest.file} manages {subject} no more, so that nothing of it is touched."))
        return manifest.discovered(known, subject.name)

    def _zone_of(self, subject: Subject, zone: ZoneRef, *, staged: bool = False) -> ZoneRef:
        """Give the zone that was written, if it is still the one that its provider's label means and the world asks."""
        now = self._fleet.zones(zone.provider, [zone.name]).get(zone.name)
        if isinstance(now, Problem):
            raise now
        if now != zone:
            what = f"It was written in the zone {zone.name} of {zone.provider} ({zone.id}), which is no longer what that means."
            raise _Refused(Finding.block(subject, "zone-changed", what, "Bring it back at the DNS provider that holds it now."))
        astray = None if staged else self._delegations.finding(subject, zone)
        if astray:
            raise _Refused(astray)
        return zone

    def _unchanged(self, subject: Subject, stood: Stood, live: Live) -> None:
        opened = self._kept.opened.get(subject)
        steps = opened.rollout.steps if opened else ()
        under_way = [step.action.after for step in steps if isinstance(step.action, Change) and step.action.key == stood.key]
        changed = back.changed_since(subject, stood, live, under_way)
        if changed:
            raise _Refused(changed)

    def _terms(self, domain: Domain, stood: Stood) -> Terms | None:
        """Give what going back in phases must keep to; None: nobody can see from outside what is written there."""
        label = stood.zone.provider
        if domain.staged or self._fleet.capabilities(label).publishes == "none":
            return None
        held = stood.before or stood.left
        least = self._fleet.reader(label).canonical(stood.zone, replace(held, ttl=LEAST_TTL)).ttl if held else LEAST_TTL
        soak = round(self._fleet.manifest.policy.soak.total_seconds())
        return Terms(max(LEAST_TTL, least), soak, smtp=domain.smtp_probe is SmtpProbe.REQUIRED, graph=False)

    def _still_there(self, subject: Subject, stood: Stood, terms: Terms) -> None:
        """Refuse to lead mail to hosts that are not there any more."""
        hosts = sorted(one.exchange for one in stood.before.values if isinstance(one, Mx)) if stood.before else []
        asked: list[Instant] = [HostResolves(host) for host in hosts]
        asked += [HostTakesMail(host) for host in hosts if terms.smtp]
        self._need(subject, "host-gone", asked, "Mail would be led to it. Have it take mail again, then type the same again.")

    def _need(self, subject: Subject, code: str, asked: Collection[Instant], mend: str) -> None:
        now = self._kept.at or self._fleet.now()
        facts = gather(self._witness, frozenset(asked), now, {}, {}, {}, lambda: self._kept.confirmations)
        for one in asked:
            verdict = judge(one, facts, Memory())
            if not verdict.met:
                raise _Refused(Finding.block(subject, code, f"This is not so any more: {one}.\n{verdict.why}", mend))

    def _mail_host(self, subject: Subject, past: Past) -> _Found:
        manifest, key = self._fleet.manifest, mail_host.key(subject.name)
        if all(one.name != subject.name for one in manifest.mail_hosts):
            raise _Refused(_unmanaged(subject, f"{manifest.file} names the mail host {subject} no more."))
        stood = past.sets[key]
        zone = self._zone_of(subject, stood.zone)
        snapshot = self._fleet.reader(zone.provider).read(zone, mail_host.keys(subject.name, zone.name))
        self._unchanged(subject, stood, snapshot.sets[key])
        rollout, findings = back.tlsa(subject, stood, snapshot)
        if rollout and stood.before:
            records = tuple(one for one in stood.before.values if isinstance(one, Tlsa))
            self._need(
                subject,
                "host-presents-another",
                [Presents(subject.name, records)],
                "Install the certificate of that time again, at every address; then type the same again.",
            )
        return _Found(
            rollout, (*findings, _forward(subject, "while the manifest names it under `mail_hosts`")), dict(snapshot.sets)
        )

    def _zone(self, subject: Subject, tenant: str, past: Past) -> _Found:
        stood = past.sets.get(Key(subject.name, "DS"))
        zone = self._signed_zone(subject, past)
        wish = dnssec.wish_of(self._fleet, zone, self._in_zone(subject, tenant, zone), self._witness)
        if isinstance(wish, Finding):
            raise _Refused(wish)
        if stood:
            self._unchanged(subject, stood, wish.parent.held)
        opened = self._kept.opened.get(subject)
        wish = replace(wish, remembered=zone_rollout.remembered(opened.rollout) if opened else None)
        live = {Key(zone.name, "DS"): wish.parent.held} if wish.parent.zone else {}
        signed_by_us = past.signing is not None and not past.signing.before
        if past.signing and past.signing.before:
            what = (
                f"The zone was signed before, with keys that are gone: {subject} can only be signed anew, with new keys and DS."
            )
            raise _Refused(
                Finding.block(subject, "keys-gone", what, "Write `dnssec: manage` at a domain in it, then:  provisioner plan")
            )
        if signed_by_us or (stood and stood.before is None):
            rollout, findings = zone_rollout.propose(replace(wish, dnssec=Dnssec.OFF), self._fleet.now())
            rollout = rollout if signed_by_us else back.but_the_signing(rollout)
            return _Found(rollout, (*findings, _forward(subject, "while `dnssec: manage` stands there")), live)
        wanted = frozenset(one for one in stood.before.values if isinstance(one, Ds)) if stood and stood.before else frozenset()
        if not wanted <= (entry_points(wish.facts) or frozenset()):
            what = (
                f"The DS that stood, {told(stood.before if stood else None)}, is not for the keys that every server serves now."
            )
            raise _Refused(Finding.block(subject, "keys-gone", what, "See what would fit the served keys:  provisioner plan"))
        provider = replace(wish.provider, ds=tuple(sorted(wanted))) if wish.provider else None
        asked = replace(wish, dnssec=Dnssec.MANAGE, provider=provider)
        rollout, findings = dnssec.proposed(self._fleet, asked, dnssec.listing(self._fleet))
        return _Found(rollout, (*findings, _forward(subject, "as `dnssec` asks there")), live)

    def _signed_zone(self, subject: Subject, past: Past) -> ZoneRef:
        """Give the zone whose signing or DS was written. Its DS may stand in another zone, or at a registrar."""
        if past.signing:
            return self._zone_of(subject, past.signing.zone)
        managed = [one for one in self._fleet.manifest.domains if is_at_or_below(one.name, subject.name)]
        zones = Zones(self._fleet, managed, self._delegations)
        found = [zone for one in managed if isinstance(zone := zones.of(one), ZoneRef) and zone.name == subject.name]
        if not found:
            raise _Refused(_unmanaged(subject, f"{self._fleet.manifest.file} names no domain in the zone {subject} any more."))
        return self._zone_of(subject, found[0])

    def _in_zone(self, subject: Subject, tenant: str, zone: ZoneRef) -> list[Domain]:
        listed = [one for one in self._fleet.manifest.domains if is_at_or_below(one.name, zone.name)]
        zones = Zones(self._fleet, listed, self._delegations)
        return [one for one in listed if zones.of(one) == zone] or [self._managed(subject, tenant.partition(",")[0])]


def _unmanaged(subject: Subject, what: str) -> Finding:
    return Finding.block(subject, "not-managed", what, "Put it back into the manifest, then type the same again.")


def _forward(subject: Subject, when: str) -> Finding:
    return Finding(Severity.NOTICE, "goes-back", subject, f"{_FORWARD} {when}.", "Change the manifest if it is to stay so.")


def _against(subject: Subject, domain: Domain, stood: Stood) -> Finding:
    """Say what becomes of an MX that goes back, though nothing asks for it."""
    hosts = {one.exchange for one in stood.before.values if isinstance(one, Mx)} if stood.before else set[Name]()
    if domain.route is Route.GATEWAY:
        return _forward(subject, f"while `mx` at {domain.where} asks for other hosts")
    if domain.exchange in hosts:
        what = f"The manifest pins {domain.exchange} ({domain.where}): the next `plan` asks for it as well."
        return Finding(Severity.NOTICE, "goes-back", subject, what, "Nothing need be done.")
    mend = f"To stay there, pin it at {subject} in the manifest:  exchange: {min(hosts, default=Name('HOST')).rstrip('.')}"
    return Finding(Severity.NOTICE, "goes-back", subject, f"{_FORWARD}, as long as Microsoft Graph asks for it.", mend)
