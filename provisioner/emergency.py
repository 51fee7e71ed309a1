"""The use case `revert --now`: one write that mail depends on, without a plan's approval, by the name of the domain.

Where validators refuse the zone because its DS matches no key that it serves, the DS goes; else, while the hosts that stood
before an open rollout are still in the MX set, they are preferred again. The journal keeps who did it, and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plans.codec import decode_entry, encode_entry
from plans.conditions import ProviderHolds
from plans.desired import Dnssec, Emergency, Subject
from plans.facts import Security
from plans.plan import Change, Entry, Filters, Header, Manual, Rollout, Step
from plans.policy import Finding, Risk
from plans.problem import Problem
from plans.rollout import back
from plans.rollout import zone as zone_rollout
from plans.values import Key, Mx, Name, RRset, ZoneRef, told
from plans.verify.check import Standing as Told
from plans.verify.zone import ds_checks
from provisioner import dnssec
from provisioner.choosing import Zones
from provisioner.delegation import Delegations
from provisioner.engine import Planning
from provisioner.execute import Pace, apply
from provisioner.fleet import Fleet
from provisioner.manifest.model import Domain, Policy
from provisioner.planfile import PlanFile
from provisioner.results import Result
from provisioner.state import Run, State, StoredRollout
from provisioner.walk import Approved

if TYPE_CHECKING:
    from plans.rollout.zone_wish import Wish


class NoWayOut(Problem):
    """No single write helps, or only a person can do it."""


@dataclass(frozen=True, slots=True)
class WayOut:
    """What is to be done at once: the plan's entry with one step, and the rollout that it closes.

    `begun`: the way out was taken before, and did not come to its end. `entry` None: the old hosts are preferred as it is.
    """

    subject: Subject
    entry: Entry | None
    opened: StoredRollout | None
    begun: bool = False

    @property
    def what(self) -> str:
        """Say what is done, in one line."""
        steps = self.entry.rollout.steps if self.entry and self.entry.rollout else ()
        changes = [step.action for step in steps if isinstance(step.action, Change)]
        does = [f"{change.key} becomes {told(change.after)}" for change in changes]
        closes = [f"the open rollout of plan {self.opened.plan_id[:12]} ends"] if self.opened and not self.begun else []
        return "; ".join([*does, *closes])


def way_out(fleet: Fleet, state: State, name: Name, reason: str) -> WayOut:
    """Find the one write that helps a domain.

    Raises:
        NoWayOut: there is none.
        Problem: the provider could not be read.

    """
    domain = next((one for one in fleet.manifest.domains if one.name == name), None)
    bogus = _bogus(fleet, state, domain, reason) if domain and domain.dnssec is not Dnssec.KEEP else None
    if bogus:
        return bogus
    subject = Subject(name)
    opened = state.open_rollout(subject)
    entry = decode_entry(opened.line) if opened else None
    if opened is None or entry is None or entry.rollout is None:
        raise _none(subject, f"No rollout of {subject} is open, so that nothing tells which host stood before.")
    if _is_emergency(entry):
        return WayOut(subject, entry, opened, begun=True)
    return WayOut(subject, _swap(fleet, subject, entry, reason), opened)


def take(fleet: Fleet, state: State, run: Run, way: WayOut, reason: str, pace: Pace) -> Iterator[Result]:
    """Do it: no policy holds it back. The open rollout is closed as reverted, so that nothing walks it forward again.

    Raises:
        RolloutOpen: another run has begun a rollout of it meanwhile.

    """
    if way.entry is None:
        if way.opened:
            state.close_rollout(run, way.opened.id, "reverted")
        return
    entry, now = way.entry, fleet.now()
    header = Header(now, now + fleet.manifest.policy.expires, Filters((str(way.subject),)), ())
    with PlanFile.record(Planning(header, iter([entry]))) as plan:
        plan_id = way.opened.plan_id if way.begun and way.opened else plan.id
        if not way.begun:
            state.revert(run, way.opened, way.subject, plan_id, encode_entry(entry), reason)
        free = Fleet(replace(fleet.manifest, policy=Policy()), fleet.now, fleet.lookup, witness=fleet.witness())
        yield from apply(free, state, run, lambda: [Approved(plan_id, header.expires, entry)], pace)


def _is_emergency(entry: Entry) -> bool:
    return any(isinstance(one, Emergency) for one in entry.evidence)


def _swap(fleet: Fleet, subject: Subject, entry: Entry, reason: str) -> Entry | None:
    """Prefer again the hosts that stood before an open rollout; None: they are preferred."""
    key = Key(subject.name, "MX")
    steps = [step for step in entry.rollout.steps if isinstance(step.action, Change)] if entry.rollout else []
    changes = [(step.zone, step.action) for step in steps if isinstance(step.action, Change) and step.action.key == key]
    zone, before = (changes[0][0], changes[0][1].before) if changes else (None, None)
    if zone is None or before is None:
        raise _none(subject, "Its open rollout replaces no MX that stood before.")
    live = fleet.reader(zone.provider).read(zone, {key}).sets[key]
    old, held = _hosts(before), _hosts(live) if isinstance(live, RRset) else set[Name]()
    known = old.union(*(_hosts(change.after) for _, change in changes if change.after))
    if not isinstance(live, RRset) or not old <= held:
        raise _none(subject, f"{', '.join(sorted(old - held))} is no longer in the MX set; there is {told(live)}.")
    if not held <= known:
        raise _none(subject, f"Somebody else changed the MX set; there is {told(live)}.")
    change = back.swapped_back(subject, live, before, zone)
    return _entry(subject, entry.tenant, Risk.SWAP_MX, change, zone, subject.name, reason) if change else None


def _bogus(fleet: Fleet, state: State, domain: Domain, reason: str) -> WayOut | None:
    """Take the DS out of the parent of a zone that validators refuse for it; None: it is not such a zone, as far as is seen."""
    try:
        wish = _wish(fleet, domain)
    except Problem:
        return None  # DNS may be what is broken; an MX can be swapped without it
    facts = wish.facts if wish else None
    if wish is None or facts is None or facts.security is not Security.BOGUS:
        return None
    if all(one.standing is not Told.FAULT for one in ds_checks(facts, fleet.now()) if one.name == "DS"):
        return None
    subject = wish.subject
    opened = state.open_rollout(subject)
    entry = decode_entry(opened.line) if opened else None
    if opened and entry and _is_emergency(entry):
        return WayOut(subject, entry, opened, begun=True)
    made, _ = zone_rollout.propose(replace(wish, dnssec=Dnssec.OFF), fleet.now())
    match made.steps[0].action if made else None:
        case Change() as change if wish.parent.zone:
            found = _entry(subject, domain.tenant.label, Risk.REMOVE_DS, change, wish.parent.zone, domain.name, reason)
            return WayOut(subject, found, opened)
        case Manual(what, copy):
            detail = "\n".join([f"Validators refuse {subject}: {facts.why}", what, *copy])
            raise NoWayOut("Only a person can remove the DS", detail, "Do that at the registrar, then:  provisioner verify")
        case _:
            return None


def _wish(fleet: Fleet, domain: Domain) -> Wish | None:
    found = Zones(fleet, [domain], Delegations(fleet)).of(domain)
    if isinstance(found, Finding):
        return None
    wish = dnssec.wish_of(fleet, found, [domain], fleet.witness())
    return None if isinstance(wish, Finding) else wish


def _entry(
    subject: Subject, tenant: str, risk: Risk, change: Change, zone: ZoneRef, domain: Name, reason: str
) -> Entry:  # fmt: skip
    step = Step(risk, change, zone, (), (ProviderHolds(zone, change.key, change.after),))
    return Entry(subject, tenant, (), (Emergency(domain, reason),), Rollout(subject, (step,)))


def _hosts(of: RRset) -> set[Name]:
    return {one.exchange for one in of.values if isinstance(one, Mx)}


def _none(subject: Subject, what: str) -> NoWayOut:
    mend = f"Go back in steps, to a time at which mail came:  provisioner revert --domain {subject} --to TIME --out FILE"
    return NoWayOut(f"No single write brings {subject} back", f"{what} Nothing was written.", mend)
