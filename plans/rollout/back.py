"""The way back: what stood before we wrote, as the journal has it, and the steps that bring it there again.

Nothing is computed that the journal does not have. What stands there now must be what we left; what somebody changed since
stays. An MX goes back in phases as it came; a TLSA set by way of both, since the host must match one record at every moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar, cast

from plans.conditions import Condition, HeldFor, Presents, ProviderHolds, ServedEverywhere, ZoneUnsigned
from plans.contest import Written
from plans.desired import Evidence, Journalled, Subject
from plans.microsoft import microsoft_host
from plans.plan import Change, Rollout, SetSigning, Step
from plans.policy import Finding, Risk, Severity
from plans.rollout import exchange, surroundings
from plans.rollout.domain import MicrosoftTlsa, Strategy
from plans.rollout.phased import Remembered, Terms, phases
from plans.snapshot import Snapshot
from plans.values import Key, Live, Mx, Name, RRset, Tlsa, ZoneRef, rrset, told

_W = TypeVar("_W", bound=Written)


@dataclass(frozen=True, slots=True)
class Stood:
    """What stood at a key before the first of the writes that are taken back, and what our last one left.

    `older_ttl` (seconds): that of any of our older sets which a cache may hold yet.
    """

    zone: ZoneRef
    key: Key
    before: RRset | None
    left: RRset | None
    overwritten_at: datetime
    older_ttl: int


@dataclass(frozen=True, slots=True)
class Signing:
    """Whether a zone was signed before the first of the writes that are taken back."""

    zone: ZoneRef
    before: bool
    overwritten_at: datetime


@dataclass(frozen=True, slots=True)
class Past:
    """What is to be taken back for one subject."""

    sets: Mapping[Key, Stood]
    signing: Signing | None = None


def past(
    writes: Iterable[_W], taken_back: Callable[[_W], bool], now: datetime, propagation: Callable[[ZoneRef], timedelta]
) -> Past:
    """Read one subject's writes, oldest first. `propagation`: how long a zone's servers may serve what was there before."""
    first: dict[Key, _W] = {}
    last: dict[Key, RRset | None] = {}
    older: dict[Key, int] = {}
    signing: Signing | None = None
    for one in writes:
        match one.zone, one.change:
            case ZoneRef() as zone, Change(before=before, after=after, key=key):
                last[key] = after
                if before and one.at + timedelta(seconds=before.ttl) + propagation(zone) > now:
                    older[key] = max(before.ttl, older.get(key, 0))
                if taken_back(one):
                    first.setdefault(key, one)
            case ZoneRef() as zone, SetSigning(signed=signed) if signing is None and taken_back(one):
                signing = Signing(zone, not signed, one.at)
    sets = {
        key: Stood(one.zone, key, one.change.before, last[key], one.at, older.get(key, 0))
        for key, one in first.items()
        if one.zone and isinstance(one.change, Change)
    }
    return Past(sets, signing)


def evidence(past: Past, back_to: str) -> Iterator[Evidence]:
    """Say what the journal has; `back_to` says before what, or when, it stood so."""
    for stood in past.sets.values():
        yield Journalled(str(stood.key), told(stood.before), stood.overwritten_at, back_to)
    if past.signing:
        was = "signed" if past.signing.before else "not signed"
        yield Journalled(f"the zone {past.signing.zone.name}", was, past.signing.overwritten_at, back_to)


def but_the_signing(rollout: Rollout | None) -> Rollout | None:
    """Leave the signatures: somebody else made them."""

    def unsigns(step: Step) -> bool:
        return any(isinstance(one, ZoneUnsigned) for one in step.done_when)

    steps = tuple(step for step in rollout.steps if not unsigns(step)) if rollout else ()
    return replace(rollout, steps=steps) if rollout and steps else None


def stays(subject: Subject, past: Past) -> Iterator[Finding]:
    """Tell what is not taken back: the text by which a tenant proved that a domain is its own."""
    for key in sorted(past.sets):
        if key.type == "TXT":
            what = f"The value that was added at {key} stays; the others there are not ours."
            mend = "Remove it at the DNS provider if nobody needs it; Microsoft asks for it once."
            yield Finding(Severity.NOTICE, "text-stays", subject, what, mend)


def changed_since(subject: Subject, stood: Stood, live: Live, under_way: Iterable[Live] = ()) -> Finding | None:
    """Give the block where somebody else changed what we left. `under_way`: what an open rollout may have left as well."""
    ours = {_values(one) for one in (stood.left, stood.before, *under_way)}
    if _values(live) in ours:
        return None
    what = f"{stood.key} was changed since: we left {told(stood.left)}, and now there is {told(live)}."
    mend = "Nothing of it is overwritten. Look who changed it; then bring it back at the DNS provider, or make a new plan."
    return Finding.block(subject, "changed-since", what, mend)


def mx(
    subject: Subject,
    stood: Stood,
    snapshot: Snapshot,
    strategy: Strategy,
    terms: Terms | None,
    remembered: Remembered | None,
    published: MicrosoftTlsa,
) -> tuple[Rollout | None, tuple[Finding, ...]]:
    """Give the steps from the live MX set to the one that stood. Neither: it stands there.

    `terms` None: what is written is not looked up in DNS. `remembered` is what an open rollout knows. `published`: what
    Microsoft publishes for the live host; its DANE is turned off first.
    """
    live, wanted = snapshot.sets[stood.key], stood.before
    obstacle = surroundings.obstacle(subject, stood.key, snapshot)
    if obstacle:
        return None, (obstacle,)
    if wanted is None:
        what = f"There was no MX before, and {stood.key} is never left empty: senders would try the addresses of the name."
        mend = "Remove it at the DNS provider if the domain is to take no mail."
        return None, (Finding.block(subject, "no-mx-before", what, mend),)
    live = cast("RRset", live)  # `changed_since` has refused one that is gone
    if terms is None:
        return _at_once(subject, live, wanted, snapshot.zone, strategy)
    older = max(stood.older_ttl, remembered.older_ttl if remembered else 0)
    made = phases(subject, live, wanted, snapshot.zone, replace(terms, graph=False), Remembered(older, wanted.ttl))
    if isinstance(made, Finding):
        return None, (made,)
    old = microsoft_host(live)
    if made and old and published is MicrosoftTlsa.PUBLISHED and old not in _hosts(wanted):
        first = replace(made.steps[0], requires=(*made.steps[0].requires, exchange.tlsa_forgotten(old)))
        made = replace(made, steps=(exchange.turn_off_dane(subject.name, old), first, *made.steps[1:]))
    return made, ()


def _at_once(
    subject: Subject, live: RRset, wanted: RRset, zone: ZoneRef, strategy: Strategy
) -> tuple[Rollout | None, tuple[Finding, ...]]:
    if live == wanted:
        return None, ()
    if strategy is Strategy.PHASED:
        what = "The MX would go back in phases, and what is written here is not looked up in DNS, so that no wait could begin."
        mend = f"To change it in one write, add `strategy: direct` to {subject} in the manifest."
        return None, (Finding.block(subject, "phases-need-dns", what, mend),)
    done_when = (ProviderHolds(zone, wanted.key, wanted),)
    return Rollout(subject, (Step(Risk.REPLACE_MX, Change(live, wanted), zone, (), done_when),)), ()


def swapped_back(subject: Subject, live: RRset, before: RRset, zone: ZoneRef) -> Change | None:
    """Give the one write that prefers again the hosts that stood before, the others behind them; None: they are preferred."""
    made = phases(subject, live, before, zone, Terms(lowest_ttl=live.ttl, graph=False))
    step = made.steps[0] if isinstance(made, Rollout) else None
    return step.action if step and step.risk is Risk.SWAP_MX and isinstance(step.action, Change) else None


def tlsa(subject: Subject, stood: Stood, snapshot: Snapshot) -> tuple[Rollout | None, tuple[Finding, ...]]:
    """Give the steps from the live TLSA set of a mail host to the one that stood. Neither: it stands there."""
    live, wanted = snapshot.sets[stood.key], stood.before
    obstacle = surroundings.obstacle(subject, stood.key, snapshot)
    if obstacle:
        return None, (obstacle,)
    steps = tuple(_tlsa_steps(subject.name, live if isinstance(live, RRset) else None, wanted, stood.key, snapshot))
    return (Rollout(subject, steps) if steps else None), ()


def _tlsa_steps(host: Name, live: RRset | None, wanted: RRset | None, key: Key, snapshot: Snapshot) -> Iterator[Step]:
    """Add what stood, and then remove what did not; both while the host presents what stays."""
    if wanted is None:
        if live:
            yield _write(Risk.REMOVE_TLSA, Change(live, None), snapshot, ())
        return
    held, back = (_tlsa(live), _tlsa(wanted))
    both = rrset(key.owner, "TLSA", live.ttl if live else wanted.ttl, held | back)
    if live is None or held != held | back:
        risk = Risk.EXTEND_TLSA if live else Risk.FIRST_TLSA
        yield _write(risk, Change(live, both), snapshot, (Presents(host, tuple(sorted(held | back))),))
    if both != wanted:
        stays = HeldFor(Presents(host, tuple(sorted(back))), both.ttl)
        yield _write(Risk.REMOVE_TLSA, Change(both, wanted), snapshot, (stays,))


def _write(risk: Risk, change: Change, snapshot: Snapshot, requires: tuple[Condition, ...]) -> Step:
    zone, key, after = snapshot.zone, change.key, change.after
    return Step(risk, change, zone, requires, (ProviderHolds(zone, key, after), ServedEverywhere(zone.name, key, after)))


def _values(live: Live) -> object:
    return live.values if isinstance(live, RRset) else live


def _hosts(of: RRset) -> set[Name]:
    return {one.exchange for one in of.values if isinstance(one, Mx)}


def _tlsa(of: RRset | None) -> frozenset[Tlsa]:
    return frozenset(one for one in of.values if isinstance(one, Tlsa)) if of else frozenset()
