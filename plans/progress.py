"""How far a saved rollout is as its journal tells it alone: nothing is looked at, so what was not journalled is not known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from plans.conditions import Condition, HeldFor
from plans.judging import Memory, confirmed_mark
from plans.plan import Manual, Rollout
from plans.position import Event, EventKind, Write, last_write, memory_of


@dataclass(frozen=True, slots=True)
class Wait:
    """A condition of the step at which a rollout stands.

    For one with a wait: since when it was seen to be met without a break, or `confirmed` by people's words alone, and when the
    wait runs out. For any other, and where it was not seen to be met, both are None: only the next look tells.
    """

    condition: Condition
    since: datetime | None = None
    until: datetime | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """The first step that was not seen to be done (counted from 0), since when it is that one, its write and its waits."""

    step: int
    since: datetime
    write: Write
    waits: tuple[Wait, ...]


def progress(rollout: Rollout, opened: datetime, events: Sequence[Event]) -> Progress | None:
    """Say how far a rollout is that was opened then; None: every step was seen to be done."""
    seen = {event.step: event.at for event in events if event.kind is EventKind.SEEN}
    number = next((number for number in range(len(rollout.steps)) if number not in seen), None)
    if number is None:
        return None
    step, write = rollout.steps[number], last_write(number, events)
    conditions = step.done_when if write is Write.WRITTEN else step.requires
    if isinstance(step.action, Manual):
        conditions = (*step.requires, *step.done_when)
    return Progress(number, max([opened, *seen.values()]), write, tuple(_waits(conditions, memory_of(events))))


def _waits(conditions: Sequence[Condition], memory: Memory) -> Iterator[Wait]:
    for condition in conditions:
        if not isinstance(condition, HeldFor):
            yield Wait(condition)
            continue
        seen, said = (memory.since(mark) for mark in (str(condition.condition), confirmed_mark(condition.condition)))
        since = said or seen  # a look that rested on no word would have ended that wait
        until = since + timedelta(seconds=condition.seconds) if since else None
        yield Wait(condition, since, until, confirmed=said is not None)
