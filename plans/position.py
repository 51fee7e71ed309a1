"""Where a saved rollout stands: purely, from its steps, its journal, what the provider holds and what time it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from plans.conditions import Condition, GraphAsks, GraphSays, HeldFor, Instant, ProviderHolds, StsAllows
from plans.facts import Facts
from plans.judging import Memory, Sighting, judge, sightings
from plans.plan import Change, Manual, Rollout, Step
from plans.values import Key, Live, Name, RRset, ZoneRef
from plans.verdicts import Judgement, Verdict

WRITTEN = "written"
"""The outcome of a settled write that the provider confirmed."""
SHOWN = timedelta(hours=1)
"""Within so long a time a provider shows what it confirmed; after it, the old value is somebody's doing."""


class EventKind(StrEnum):
    """What the journal says of a step."""

    BEGUN = "begun"
    """A write was about to be sent."""
    SETTLED = "settled"
    """What became of that write is known."""
    SEEN = "seen"
    """What the step was to bring about was observed."""
    MET = "met"
    """A condition with a wait was seen to be met; the wait counts from here."""
    LOST = "lost"
    """Such a condition was seen not to be met; the wait starts again."""


@dataclass(frozen=True, slots=True)
class Event:
    """One journal entry of a rollout. `step` counts from 0; `outcome` is what a settled write came to.

    `condition` names what was met or lost (`judging.Sighting.mark`).
    """

    kind: EventKind
    step: int
    at: datetime
    outcome: str = ""
    condition: str = ""


class Write(StrEnum):
    """What the journal says of a step's write."""

    NONE = "not begun"
    BEGUN = "begun, and it is not known what became of it"
    WRITTEN = "written"
    FAILED = "not written at the last try"


@dataclass(frozen=True, slots=True)
class Ready:
    """The step can be taken now."""

    step: int


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that is not met yet: why not, and when it can be at the earliest (UTC); None: nobody knows."""

    condition: Condition
    why: str = field(default="", compare=False)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The step waits for conditions."""

    step: int
    unmet: tuple[Unmet, ...]

    @property
    def until(self) -> datetime | None:
        """When all of them can be met at the earliest; None where nobody knows."""
        times = [one.until for one in self.unmet if one.until]
        return max(times) if times and len(times) == len(self.unmet) else None


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
    differences: tuple[Difference, ...] = ()
    contradicted: tuple[Unmet, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """Every step was seen to be done."""


State = Ready | Waiting | Stale | Finished


@dataclass(frozen=True, slots=True)
class Position:
    """Where a rollout stands, and what was seen now and is not in the journal yet.

    `newly_seen` are steps, `noted` what must be remembered of the conditions of a step. `words`: on whose word a step is
    done, or may be taken, where it was not seen what that rests on.
    """

    state: State
    newly_seen: tuple[int, ...] = ()
    noted: tuple[tuple[int, Sighting], ...] = ()
    words: tuple[tuple[int, str], ...] = ()

    def words_for(self, step: int) -> str:
        """Say on whose word a step rests; empty: on nobody's."""
        return "; ".join(word for number, word in self.words if number == step)


def asked_of_graph(rollout: Rollout) -> frozenset[Name]:
    """Give the domains of which a condition of the rollout needs Graph's word: what `Facts.graph` should have."""
    named = (_instant(condition) for step in rollout.steps for condition in (*step.requires, *step.done_when))
    return frozenset(condition.domain for condition in named if isinstance(condition, GraphSays | GraphAsks))


def looked_at(rollout: Rollout, events: Sequence[Event]) -> frozenset[Instant]:
    """Give the conditions whose facts decide where the rollout stands: those of the first step that was not seen to be done.

    Of later steps, those of MTA-STS: their long wait counts from the first look.
    """
    first = next((number for number in range(len(rollout.steps)) if not _was_seen(number, events)), len(rollout.steps))
    now = [one for step in rollout.steps[first : first + 1] for one in (*step.requires, *step.done_when)]
    later = [one for step in rollout.steps[first:] for one in step.requires]
    return frozenset(map(_instant, now)) | {one for one in map(_instant, later) if isinstance(one, StsAllows)}


def _instant(condition: Condition) -> Instant:
    return condition.condition if isinstance(condition, HeldFor) else condition


def keys(rollout: Rollout) -> dict[ZoneRef, frozenset[Key]]:
    """Give every key that the rollout changes or waits for, by the zone that holds it: what `Facts.live` must have."""
    found: dict[ZoneRef, set[Key]] = defaultdict(set)
    for step in rollout.steps:
        if step.zone and isinstance(step.action, Change):
            found[step.zone].add(step.action.key)
        for condition in map(_instant, (*step.requires, *step.done_when)):
            if isinstance(condition, ProviderHolds):
                found[condition.zone].add(condition.key)
    return {zone: frozenset(of_zone) for zone, of_zone in found.items()}


def position(rollout: Rollout, events: Sequence[Event], facts: Facts) -> Position:
    """Say where a rollout stands.

    A step is done when it was seen to be done, by whomever: what the journal has no word of is judged by what is there.
    """
    memory = memory_of(events)
    newly_seen: list[int] = []
    words: list[tuple[int, str]] = []
    for number, step in enumerate(rollout.steps):
        if _was_seen(number, events):
            continue
        done = [judge(condition, facts, memory) for condition in step.done_when]
        if all(verdict.met for verdict in done):
            newly_seen.append(number)
            words += [(number, verdict.why) for verdict in done if verdict.on_word]
            continue
        gates = [judge(condition, facts, memory) for condition in step.requires]
        words += [(number, verdict.why) for verdict in gates if verdict.on_word]
        of_step = [event for event in events if event.step == number]
        noted = tuple(_noted(rollout, number, facts, memory))
        return Position(_before_step(rollout, number, of_step, facts, gates, done), tuple(newly_seen), noted, tuple(words))
    return Position(Finished(), tuple(newly_seen), words=tuple(words))


def last_write(number: int, events: Sequence[Event]) -> Write:
    """Say what the journal knows of the last write of a step."""
    writes = [event for event in events if event.step == number and event.kind in {EventKind.BEGUN, EventKind.SETTLED}]
    if not writes:
        return Write.NONE
    if writes[-1].kind is EventKind.BEGUN:
        return Write.BEGUN
    return Write.WRITTEN if writes[-1].outcome == WRITTEN else Write.FAILED


def memory_of(events: Iterable[Event]) -> Memory:
    """Give what the journal remembers of a rollout's conditions."""
    return Memory((one.at, Sighting(one.condition, met=one.kind is EventKind.MET)) for one in events if one.condition)


def behind(rollout: Rollout, events: Sequence[Event], live: Mapping[Key, Live]) -> int:
    """Give how many steps are done as far as the journal and the providers tell, whether they are served yet or not."""
    for number, step in enumerate(rollout.steps):
        held = [one for one in step.done_when if isinstance(one, ProviderHolds)]
        there = bool(held) and all(one.key in live and live[one.key] == one.after for one in held)
        if not (there or _was_seen(number, events)):
            return number
    return len(rollout.steps)


def _was_seen(number: int, events: Sequence[Event]) -> bool:
    return any(event.kind is EventKind.SEEN and event.step == number for event in events)


def _noted(rollout: Rollout, first: int, facts: Facts, memory: Memory) -> Iterator[tuple[int, Sighting]]:
    """Give what must be remembered of the conditions that steps from `first` on require; each once."""
    told: set[str] = set()
    for number in range(first, len(rollout.steps)):
        for condition in rollout.steps[number].requires:
            for sighting in sightings(condition, facts):
                if sighting.mark not in told and memory.is_news(sighting):
                    told.add(sighting.mark)
                    yield number, sighting


def _before_step(
    rollout: Rollout, number: int, events: Sequence[Event], facts: Facts, gates: Sequence[Verdict], done: Sequence[Verdict]
) -> State:
    """Say what a step that is not done waits for, if for anything: `gates` and `done` judge what it requires, and its end."""
    step = rollout.steps[number]
    differing = differences(rollout, number, events, facts.live, facts.at)
    unmet = () if is_there(step, facts.live) else _unmet(step.requires, gates)
    contradicted = tuple(one for judgement, one in unmet if judgement is Judgement.CONTRADICTED)
    if differing or contradicted:
        return Stale(number, differing, contradicted)
    is_done = is_there(step, facts.live) or last_write(number, events) is Write.WRITTEN
    if not unmet and (is_done or isinstance(step.action, Manual)):
        unmet = _unmet(step.done_when, done)
    return Waiting(number, tuple(one for _, one in unmet)) if unmet else Ready(number)


def is_there(step: Step, live: Mapping[Key, Live]) -> bool:
    """Whether what the step writes is at the provider already, by whomever."""
    return isinstance(step.action, Change) and live.get(step.action.key) == step.action.after


def _unmet(conditions: Sequence[Condition], verdicts: Sequence[Verdict]) -> tuple[tuple[Judgement, Unmet], ...]:
    judged = zip(conditions, verdicts, strict=True)
    return tuple((one.judgement, Unmet(condition, one.why, one.until)) for condition, one in judged if not one.met)


def differences(
    rollout: Rollout, number: int, events: Sequence[Event], live: Mapping[Key, Live], now: datetime
) -> tuple[Difference, ...]:
    """Compare every key of the rollout with what the plan says for the point before the given step; after it, if it was undone.

    A TXT set belongs to others but for the one value that was added: once that was seen, they may change it.
    """
    expected: dict[Key, RRset | None] = {}
    for index, step in enumerate(rollout.steps):
        if isinstance(step.action, Change):
            if index < number and step.action.key.type == "TXT":
                continue
            if index < number or (index == number and (is_there(step, live) or _was_undone(step, number, events, live, now))):
                expected[step.action.key] = step.action.after
            else:
                expected.setdefault(step.action.key, step.action.before)
    return tuple(Difference(key, wanted, live[key]) for key, wanted in sorted(expected.items()) if live[key] != wanted)


def _was_undone(step: Step, number: int, events: Sequence[Event], live: Mapping[Key, Live], now: datetime) -> bool:
    """Whether a step's write was confirmed, and the provider holds what was there before when it has to show it (`SHOWN`)."""
    if not isinstance(step.action, Change) or last_write(number, events) is not Write.WRITTEN:
        return False
    written = max(event.at for event in events if event.step == number and event.outcome == WRITTEN)
    return live[step.action.key] == step.action.before and now - written >= SHOWN
