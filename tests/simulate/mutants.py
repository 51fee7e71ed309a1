"""Programs made wrong on purpose: each one must be caught, or the simulator is blind to that mistake.

A mutant rewrites rollouts as they are proposed, or stands around `position`; the program's text is not touched. `caught` is the
check that must find it: `mail`, `dnssec` and `dane` where mail is lost, `order`, `stale`, `wrote`, `rest` or `end` elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from plans.conditions import (
    Condition,
    HeldFor,
    HostResolves,
    HostTakesMail,
    Instant,
    MxOffDane,
    Presents,
    ProviderHolds,
    ServedEverywhere,
    StsAllows,
    TlsaGone,
    TlsaHarmless,
)
from plans.facts import Facts
from plans.plan import Change, Rollout, Step
from plans.policy import Risk
from plans.position import Event, EventKind, Position, Ready, Waiting, position
from plans.rollout.phased import UNKNOWN_TTL
from plans.values import Mx, RRset, ZoneRef
from tests.simulate.walk import Program

Rewrite = Callable[[Rollout], Rollout]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake, and the check that must find it."""

    name: str
    program: Program
    caught: str


def _each_step(change: Callable[[Step], Step]) -> Rewrite:
    return lambda rollout: replace(rollout, steps=tuple(map(change, rollout.steps)))


def _requiring(change: Callable[[Step, Condition], Condition | None]) -> Rewrite:
    """Change, or with None drop, what steps require."""

    def of_step(step: Step) -> Step:
        kept = (change(step, one) for one in step.requires)
        return replace(step, requires=tuple(one for one in kept if one is not None))

    return _each_step(of_step)


def without(*kinds: type[Instant]) -> Program:
    """Make one that skips gates of these kinds."""

    def is_one(one: Condition) -> bool:
        return isinstance(one.condition if isinstance(one, HeldFor) else one, kinds)

    return Program(_requiring(lambda _, one: None if is_one(one) else one))


def without_waits(*risks: Risk) -> Program:
    """Make one that does not wait before steps of these classes; none named: before none."""
    return Program(_requiring(lambda step, one: None if isinstance(one, HeldFor) and step.risk in (risks or Risk) else one))


def with_waits(seconds: Callable[[Step, HeldFor], int]) -> Program:
    """Make one with other waits."""
    return Program(_requiring(lambda step, one: replace(one, seconds=seconds(step, one)) if isinstance(one, HeldFor) else one))


def _with_sets(change: Callable[[RRset], RRset]) -> Program:
    """Make one that leaves other sets, all through a rollout."""

    def of(held: RRset | None) -> RRset | None:
        return held and change(held)

    def of_condition(one: Condition) -> Condition:
        match one:
            case HeldFor(inner, seconds):
                changed = of_condition(inner)
                assert not isinstance(changed, HeldFor | StsAllows)
                return HeldFor(changed, seconds)
            case ProviderHolds() | ServedEverywhere():
                return replace(one, after=of(one.after))
            case _:
                return one

    def of_step(step: Step) -> Step:
        action = step.action
        if isinstance(action, Change) and of(action.before) != of(action.after):
            action = Change(of(action.before), of(action.after))
        return replace(
            step,
            action=action,
            requires=tuple(map(of_condition, step.requires)),
            done_when=tuple(map(of_condition, step.done_when)),
        )

    return Program(_each_step(of_step))


def _added_at_twenty(held: RRset) -> RRset:
    """Put a host that stands last and was added there at 20, as it is in the usual case."""
    *others, last = sorted(one for one in held.values if isinstance(one, Mx))
    if others and last.exchange.endswith("mx.microsoft."):
        return RRset(held.key, held.ttl, tuple(sorted([*others, Mx(20, last.exchange)])))
    return held


def _without_step(risk: Risk) -> Program:
    """Make one that leaves a step out, the one after it based on the set before."""

    def rewritten(rollout: Rollout) -> Rollout:
        steps = list(rollout.steps)
        number = next((number for number, step in enumerate(steps[:-1]) if step.risk is risk), None)
        if number is None:
            return rollout
        gone, following = steps[number].action, steps[number + 1]
        assert isinstance(gone, Change)
        assert isinstance(following.action, Change)
        served = [one for one in steps[number].requires if isinstance(one, HeldFor)]
        gates = [one for one in following.requires if not isinstance(one, HeldFor)]
        action = Change(gone.before, following.action.after)
        steps[number : number + 2] = [replace(following, action=action, requires=(*served, *gates))]
        return replace(rollout, steps=tuple(steps))

    return Program(rewritten)


def _in_other_order(rollout: Rollout) -> Rollout:
    """Exchange the last two steps."""
    return replace(rollout, steps=(*rollout.steps[:-2], *reversed(rollout.steps[-2:])))


def _held_by_provider(step: Step, one: Condition) -> Condition:
    """Wait from when the provider held the set, not from when its servers served it."""
    match step.zone, one:
        case ZoneRef() as zone, HeldFor(ServedEverywhere(_, key, after), seconds):
            return HeldFor(ProviderHolds(zone, key, after), seconds)
        case _:
            return one


def _now(kind: type[Instant]) -> Program:
    """Make one that looks once at something of this kind, not for as long as an earlier answer may be cached."""
    return Program(
        _requiring(lambda _, one: one.condition if isinstance(one, HeldFor) and isinstance(one.condition, kind) else one)
    )


def _seen_at_the_provider(step: Step) -> Step:
    held = tuple(one for one in step.done_when if isinstance(one, ProviderHolds))
    return replace(step, done_when=held or step.done_when)


def _one_server_is_enough(rollout: Rollout, events: Sequence[Event], facts: Facts) -> Position:
    served = {place: dict(list(answers.items())[:1]) for place, answers in facts.served.items()}
    return position(rollout, events, replace(facts, served=served))


def _one_address_is_enough(rollout: Rollout, events: Sequence[Event], facts: Facts) -> Position:
    zones = {name: replace(zone, signed=dict(list(zone.signed.items())[:1])) for name, zone in facts.zones.items()}
    return position(rollout, events, replace(facts, zones=zones))


def _from_the_write(rollout: Rollout, events: Sequence[Event], facts: Facts) -> Position:
    """Count waits from the write that was confirmed."""
    written = [event for event in events if event.kind is EventKind.SETTLED]
    met = [
        Event(EventKind.MET, event.step, event.at, condition=str(one))
        for event in written
        for one in rollout.steps[event.step].done_when
        if isinstance(one, ServedEverywhere)
    ]
    marks = {event.condition for event in met}
    return position(rollout, [*(event for event in events if event.condition not in marks), *met], facts)


def _whatever_the_clock(rollout: Rollout, events: Sequence[Event], facts: Facts) -> Position:
    return position(rollout, events, replace(facts, clock_skew=None))


def _policy_open_for_long(rollout: Rollout, events: Sequence[Event], facts: Facts) -> Position:
    """Take an MTA-STS policy that was seen to be open for one that always was."""
    early = [replace(event, at=event.at - timedelta(days=10)) if "[id" in event.condition else event for event in events]
    return position(rollout, early, facts)


def _policy_under_the_same_id(rollout: Rollout, events: Sequence[Event], facts: Facts) -> Position:
    """Forget that a policy was closed under the id under which it is open now."""
    return position(rollout, [event for event in events if not event.condition.endswith("not named]")], facts)


def _writes_again(rollout: Rollout, events: Sequence[Event], facts: Facts) -> Position:
    """Write once more while the servers have not got it."""
    where = position(rollout, events, facts)
    begun = {event.step for event in events if event.kind is EventKind.BEGUN}
    if isinstance(where.state, Waiting) and where.state.step in begun:
        return replace(where, state=Ready(where.state.step))
    return where


def _own_ttl(risk: Risk) -> Program:
    """Make one that waits before such a step for the TTL of the set that it replaces, not for that of the set before."""

    def seconds(step: Step, wait: HeldFor) -> int:
        return min(wait.seconds, _replaced_ttl(step)) if step.risk is risk else wait.seconds

    return with_waits(seconds)


def _known_ttl(step: Step, wait: HeldFor) -> int:
    """Take what nobody remembers for the TTL that is served."""
    return wait.seconds - UNKNOWN_TTL + _replaced_ttl(step) if wait.seconds >= UNKNOWN_TTL else wait.seconds


def _replaced_ttl(step: Step) -> int:
    return step.action.before.ttl if isinstance(step.action, Change) and step.action.before else 0


DOMAIN_MUTANTS = (
    Mutant("no waits", without_waits(), "mail"),
    Mutant("no wait before the new host comes in", without_waits(Risk.ADD_MX), "mail"),
    Mutant("no wait before the swap", without_waits(Risk.SWAP_MX), "order"),
    Mutant("no wait before the old host goes", without_waits(Risk.REMOVE_MX), "order"),
    Mutant("no wait before the TTL comes back", without_waits(Risk.RAISE_TTL), "order"),
    Mutant("the lowered TTL waited for instead of the old one", _own_ttl(Risk.ADD_MX), "mail"),
    Mutant("no soak", _own_ttl(Risk.REMOVE_MX), "order"),
    Mutant("an unknown TTL taken for the one that is served", with_waits(_known_ttl), "mail"),
    Mutant("waits a second short", with_waits(lambda _, wait: max(0, wait.seconds - 1)), "order"),
    Mutant("no lowering of the TTL", _without_step(Risk.LOWER_TTL), "mail"),
    Mutant("no swap", _without_step(Risk.SWAP_MX), "order"),
    Mutant("the new host not before it is alone", _without_step(Risk.ADD_MX), "order"),
    Mutant("the last two steps exchanged", Program(_in_other_order), "stale"),
    Mutant("the new host always at 20", _with_sets(_added_at_twenty), "order"),
    Mutant("hosts that do not resolve", without(HostResolves), "mail"),
    Mutant("hosts not tried by SMTP", without(HostTakesMail), "mail"),
    Mutant("MTA-STS ignored", without(StsAllows), "mail"),
    Mutant("MTA-STS not waited for", Program(position=_policy_open_for_long), "mail"),
    Mutant("an MTA-STS policy changed under its id", Program(position=_policy_under_the_same_id), "mail"),
    Mutant("waits from what the provider holds", Program(_requiring(_held_by_provider)), "order"),
    Mutant("waits from the write", Program(position=_from_the_write), "order"),
    Mutant("one server is enough", Program(position=_one_server_is_enough), "mail"),
    Mutant("steps done when the provider holds them", Program(_each_step(_seen_at_the_provider)), "order"),
    Mutant("a wrong clock believed", Program(position=_whatever_the_clock), "mail"),
    Mutant("a step done twice", Program(position=_writes_again), "wrote"),
    Mutant("proposed again without what the journal knows", Program(remembered=lambda *_: None), "rest"),
)

ZONE_MUTANTS = (
    Mutant("no waits", without_waits(), "dnssec"),
    Mutant("DS before unsigned answers are gone", without_waits(Risk.ADD_DS), "dnssec"),
    Mutant("DS a second early", with_waits(lambda _, wait: max(0, wait.seconds - 301)), "dnssec"),
    Mutant("DS after an hour, whatever the highest TTL", with_waits(lambda _, wait: min(wait.seconds, 3900)), "dnssec"),
    Mutant("signatures gone while the DS is cached", without_waits(Risk.UNSIGN), "dnssec"),
    Mutant("the old DS gone before the new one is known", without_waits(Risk.REMOVE_DS), "order"),
    Mutant("signing seen at one server", Program(position=_one_address_is_enough), "dnssec"),
    Mutant("dead TLSA switched on", without(TlsaHarmless), "dane"),
    Mutant("TLSA that was dead a moment ago switched on", _now(TlsaHarmless), "dane"),
    Mutant("the DS gone while a TLSA set stands", without(TlsaGone), "order"),
    Mutant("the DS gone while the old TLSA set is cached", _now(TlsaGone), "order"),
    Mutant("the DS gone while an MX leads under mx.microsoft", without(MxOffDane), "order"),
    Mutant("the DS gone while the old MX set is cached", _now(MxOffDane), "order"),
    Mutant("a manual wait ignored", without_waits(Risk.MANUAL), "dnssec"),
)

HOST_MUTANTS = (
    Mutant("no waits", without_waits(), "dane"),
    Mutant("the certificate before its record is known", without_waits(Risk.MANUAL), "dane"),
    Mutant("the certificate after half of the wait", with_waits(lambda _, wait: max(0, wait.seconds - 300) // 3), "dane"),
    Mutant("the old record gone at once", without_waits(Risk.REMOVE_TLSA), "order"),
    Mutant("the old record gone while it is presented", without(Presents), "dane"),
    Mutant("one server is enough", Program(position=_one_server_is_enough), "dane"),
    Mutant("waits from the write", Program(position=_from_the_write), "dane"),
    Mutant("a record written twice", Program(position=_writes_again), "wrote"),
)
