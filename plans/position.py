"""Where a saved rollout stands: purely, from its steps, its journal, what the provider holds and what time it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from plans.desired import MAIL_SERVICE, DomainFacts, GraphAnswer
from plans.plan import Change, Condition, GraphSays, Manual, ProviderHolds, Readiness, Rollout
from plans.values import Key, Live, Name, RRset, ZoneRef

WRITTEN = "written"
"""The outcome of a settled write that the provider confirmed."""


class EventKind(StrEnum):
    """What the journal says of a step."""

    BEGUN = "begun"
    """A write was about to be sent."""
    SETTLED = "settled"
    """What became of that write is known."""
    SEEN = "seen"
    """What the step was to bring about was observed."""


@dataclass(frozen=True, slots=True)
class Event:
    """One journal entry of a rollout. `step` counts from 0; `outcome` is what a settled write came to."""

    kind: EventKind
    step: int
    at: datetime
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was gathered just now; `live` has every key of the rollout. A fact that was not gathered opens nothing."""

    live: Mapping[Key, Live]
    graph: Mapping[Name, GraphAnswer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ready:
    """The step can be taken now."""

    step: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """The step waits for conditions; `until` is when they can be met at the earliest, None where nobody knows."""

    step: int
    unmet: tuple[Condition, ...]
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A key that does not hold what the plan says for this point."""

    key: Key
    expected: Live
    live: Live


@dataclass(frozen=True, slots=True)
class Stale:
    """The world is not as the plan says; the step may not be taken."""

    step: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """Every step was seen to be done."""


State = Ready | Waiting | Stale | Finished


@dataclass(frozen=True, slots=True)
class Position:
    """Where a rollout stands, and the steps that are seen to be done now and were not in the journal yet."""

    state: State
    newly_seen: tuple[int, ...] = ()


def is_met(condition: Condition, facts: Facts) -> bool:
    """Judge one condition by the facts: what was not gathered is not met."""
    match condition:
        case ProviderHolds(_, key, after):
            return key in facts.live and facts.live[key] == after
        case GraphSays(domain, readiness):
            answer = facts.graph.get(domain)
            return answer is not None and answer.facts is not None and _is_ready(answer.facts, readiness)
        case _ as never:
            assert_never(never)


def _is_ready(facts: DomainFacts, readiness: Readiness) -> bool:
    match readiness:
        case Readiness.VERIFIED:
            return facts.is_verified
        case Readiness.EMAIL:
            return facts.is_verified and MAIL_SERVICE in facts.supported_services
        case _ as never:
            assert_never(never)


def asked_of_graph(rollout: Rollout) -> frozenset[Name]:
    """Give the domains of which a condition of the rollout needs Graph's word: what `Facts.graph` should have."""
    conditions = (condition for step in rollout.steps for condition in (*step.requires, *step.done_when))
    return frozenset(condition.domain for condition in conditions if isinstance(condition, GraphSays))


def keys(rollout: Rollout) -> dict[ZoneRef, frozenset[Key]]:
    """Give every key that the rollout changes or waits for, by the zone that holds it: what `Facts.live` must have."""
    found: dict[ZoneRef, set[Key]] = defaultdict(set)
    for step in rollout.steps:
        if step.zone and isinstance(step.action, Change):
            found[step.zone].add(step.action.key)
        for condition in (*step.requires, *step.done_when):
            if isinstance(condition, ProviderHolds):
                found[condition.zone].add(condition.key)
    return {zone: frozenset(of_zone) for zone, of_zone in found.items()}


def position(rollout: Rollout, events: Sequence[Event], facts: Facts) -> Position:
    """Say where a rollout stands.

    A step is done when it was seen to be done, by whomever: what the journal has no word of is judged by what is there.
    """
    newly_seen: list[int] = []
    for number, step in enumerate(rollout.steps):
        of_step = [event for event in events if event.step == number]
        if any(event.kind is EventKind.SEEN for event in of_step):
            continue
        if not _unmet(step.done_when, facts):
            newly_seen.append(number)
            continue
        return Position(_before_step(rollout, number, of_step, facts), tuple(newly_seen))
    return Position(Finished(), tuple(newly_seen))


def _before_step(rollout: Rollout, number: int, events: Sequence[Event], facts: Facts) -> State:
    """Say what a step that is not done waits for, if for anything."""
    step = rollout.steps[number]
    differences = _differences(rollout, number, facts)
    if differences:
        return Stale(number, differences)
    unmet = _unmet(step.requires, facts)
    if unmet:
        return Waiting(number, unmet)
    if isinstance(step.action, Manual) or _written(events):
        return Waiting(number, _unmet(step.done_when, facts))
    return Ready(number)


def _unmet(conditions: Sequence[Condition], facts: Facts) -> tuple[Condition, ...]:
    return tuple(condition for condition in conditions if not is_met(condition, facts))


def _written(events: Sequence[Event]) -> bool:
    """Whether the last that is known of the step's write is that the provider confirmed it."""
    writes = [event for event in events if event.kind in {EventKind.BEGUN, EventKind.SETTLED}]
    return bool(writes) and writes[-1].outcome == WRITTEN


def _differences(rollout: Rollout, number: int, facts: Facts) -> tuple[Difference, ...]:
    """Compare every key of the rollout with what the plan says for the point before the given step.

    A TXT set belongs to others but for the one value that was added: once that was seen, they may change it.
    """
    expected: dict[Key, RRset | None] = {}
    for index, step in enumerate(rollout.steps):
        if isinstance(step.action, Change):
            if index < number and step.action.key.type == "TXT":
                continue
            if index < number:
                expected[step.action.key] = step.action.after
            else:
                expected.setdefault(step.action.key, step.action.before)
    return tuple(
        Difference(key, wanted, facts.live[key]) for key, wanted in sorted(expected.items()) if facts.live[key] != wanted
    )
