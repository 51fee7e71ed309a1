"""Keys that we and somebody else write in turn: seen from what we wrote, and from what we would write now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from plans.plan import Action, Change, Entry, Manual, Rollout, SetSigning
from plans.policy import CONTESTED, Finding, Severity
from plans.values import Key, ZoneRef

WITHIN = timedelta(days=7)
"""So long a time two changes back must lie within."""


class Written(Protocol):
    """One write of ours that was confirmed: when (UTC), in which zone, and what."""

    @property
    def at(self) -> datetime:
        """When it was confirmed."""

    @property
    def zone(self) -> ZoneRef | None:
        """Where; None: nowhere of ours."""

    @property
    def change(self) -> Change | SetSigning:
        """What was written."""


Place = tuple[ZoneRef, Key | None]
"""A key in a zone; None: the zone's signing."""


@dataclass(frozen=True, slots=True)
class Trail:
    """Our writes of one key: the last of them, and when each of them was that overwrote what somebody had made of ours."""

    last: Change | SetSigning
    at: datetime
    first: datetime
    again: tuple[datetime, ...] = ()


def trails(writes: Iterable[Written]) -> Mapping[Place, Trail]:
    """Follow writes, oldest first, and give the keys that we had to write again because somebody had changed them."""
    found: dict[Place, Trail] = {}
    for one in writes:
        place = place_of(one.zone, one.change)
        if place is None:
            continue
        before = found.get(place)
        if before is None:
            found[place] = Trail(one.change, one.at, one.at)
        else:
            again = (*before.again, one.at) if _is_over(before.last, one.change) else before.again
            found[place] = Trail(one.change, one.at, before.first, again)
    return {place: trail for place, trail in found.items() if trail.again}


def contested(rollout: Rollout, known: Mapping[Place, Trail]) -> Finding | None:
    """Say that a rollout would write a key which somebody has changed back twice; None: it would not.

    `known` comes of the writes of the last seven days (`WITHIN`).
    """
    seen: set[Place] = set()
    for step in rollout.steps:
        place = place_of(step.zone, step.action)
        if place is None or place in seen:
            continue
        seen.add(place)
        trail = known.get(place)
        if trail and _is_over(trail.last, step.action):
            times = ", ".join(f"{at:%Y-%m-%d %H:%M:%SZ}" for at in (trail.first, *trail.again))
            what = f"{place[1] or f'the signing of {place[0].name}'} was changed back each time after we wrote it: {times}."
            mend = "Find out who changes it, and agree on who does. Until then only an approved plan writes it again."
            return Finding(Severity.WARNING, CONTESTED, rollout.subject, what, mend)
    return None


def warned(entries: Iterable[Entry], known: Mapping[Place, Trail]) -> Iterator[Entry]:
    """Add to entries the findings that they would write what is contested."""
    for entry in entries:
        finding = contested(entry.rollout, known) if entry.rollout and known else None
        yield replace(entry, findings=(*entry.findings, finding)) if finding else entry


def place_of(zone: ZoneRef | None, action: Action) -> Place | None:
    """Give what is written; None: it is nothing of ours alone. A TXT set belongs to others but for one value."""
    match zone, action:
        case None, _:
            return None
        case _, Manual():
            return None
        case ZoneRef(), Change(key=key):
            return None if key.type == "TXT" else (zone, key)
        case _:
            return (zone, None)


def _is_over(last: Change | SetSigning, following: Action) -> bool:
    """Whether a write does not go on from where the last one ended: somebody wrote in between."""
    match last, following:
        case Change(after=after), Change(before=before):
            return before != after
        case SetSigning(signed=signed), SetSigning(signed=again):
            return signed == again
        case _:
            return False
