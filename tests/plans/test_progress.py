from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from plans.conditions import GraphSays, HeldFor, ProviderHolds, Readiness
from plans.desired import Subject
from plans.plan import Change, Manual, Rollout, Step
from plans.policy import Risk
from plans.position import Event, EventKind, Write
from plans.progress import Wait, progress
from plans.values import Mx, ZoneRef, name, rrset

OPENED = datetime(2026, 11, 24, 12, tzinfo=UTC)
OWNER = name("contoso.example")
ZONE = ZoneRef("aws", "route53", "1", "Z1", OWNER)
SET = rrset(OWNER, "MX", 60, [Mx(0, name("a.example"))])
HOLDS = ProviderHolds(ZONE, SET.key, SET)
GONE = ProviderHolds(ZONE, SET.key, None)
HELD = HeldFor(HOLDS, 3600)
ASKED = GraphSays(OWNER, Readiness.EMAIL)
ROLLOUT = Rollout(
    Subject(OWNER),
    (
        Step(Risk.REPLACE_MX, Change(None, SET), ZONE, (), (HOLDS,)),
        Step(Risk.REMOVE_MX, Change(SET, None), ZONE, (HELD, ASKED), (GONE,)),
        Step(Risk.MANUAL, Manual("Turn it on."), None, (GONE,), (ASKED,)),
    ),
)


def at(minutes: int) -> datetime:
    return OPENED + timedelta(minutes=minutes)


def event(kind: EventKind, step: int, minutes: int, *, outcome: str = "", condition: str = "") -> Event:
    return Event(kind, step, at(minutes), outcome, condition)


SEEN_FIRST = event(EventKind.SEEN, 0, 3)
MET = event(EventKind.MET, 1, 4, condition=str(HOLDS))
LOST = event(EventKind.LOST, 1, 5, condition=str(HOLDS))


def test_a_rollout_that_was_only_opened_is_at_its_first_step() -> None:
    found = progress(ROLLOUT, OPENED, ())
    assert found
    assert (found.step, found.since, found.write, found.waits) == (0, OPENED, Write.NONE, ())


@pytest.mark.parametrize(
    ("last", "write", "waits"),
    [
        (event(EventKind.BEGUN, 0, 1), Write.BEGUN, ()),
        (event(EventKind.SETTLED, 0, 2, outcome="written"), Write.WRITTEN, (Wait(HOLDS),)),
        (event(EventKind.SETTLED, 0, 2, outcome="rejected"), Write.FAILED, ()),
    ],
)
def test_the_last_that_is_known_of_a_write_is_told(last: Event, write: Write, waits: tuple[Wait, ...]) -> None:
    found = progress(ROLLOUT, OPENED, (event(EventKind.BEGUN, 0, 1), last))
    assert found
    assert (found.step, found.since, found.write, found.waits) == (0, OPENED, write, waits)


@pytest.mark.parametrize(
    ("events", "wait"),
    [
        ((), Wait(HELD)),
        ((MET,), Wait(HELD, at(4), at(64))),
        ((MET, LOST), Wait(HELD)),
        ((MET, LOST, event(EventKind.MET, 1, 9, condition=str(HOLDS))), Wait(HELD, at(9), at(69))),
    ],
)
def test_a_wait_counts_from_the_first_look_without_a_break(events: tuple[Event, ...], wait: Wait) -> None:
    found = progress(ROLLOUT, OPENED, (SEEN_FIRST, *events))
    assert found
    assert (found.step, found.since, found.waits) == (1, at(3), (wait, Wait(ASKED)))


def test_what_a_person_does_waits_for_its_end_too() -> None:
    found = progress(ROLLOUT, OPENED, (SEEN_FIRST, event(EventKind.SEEN, 1, 90)))
    assert found
    assert (found.step, found.since, found.waits) == (2, at(90), (Wait(GONE), Wait(ASKED)))


def test_when_every_step_was_seen_nothing_is_left() -> None:
    assert progress(ROLLOUT, OPENED, [event(EventKind.SEEN, step, step) for step in range(3)]) is None
