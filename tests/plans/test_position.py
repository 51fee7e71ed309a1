from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.conditions import ProviderHolds
from plans.desired import Subject
from plans.facts import Facts
from plans.plan import Change, Manual, Rollout, SetSigning, Step
from plans.policy import Risk
from plans.position import Difference, Event, EventKind, Finished, Position, Ready, Stale, Unmet, Waiting, keys, position
from plans.values import Irregular, Key, Live, Mx, RRset, ZoneRef, name, rrset

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OWNER = name("contoso.example")
OTHER = name("sub.contoso.example")
ZONE = ZoneRef("files", "zonefile", "zones", "contoso.example.zone", OWNER)


def mx(preference: int, ttl: int = 3600, owner: str = OWNER) -> RRset:
    return rrset(owner, "MX", ttl, [Mx(preference, name("mx.example"))])


A, B, C = mx(1), mx(2), mx(3)
D, E = mx(4, owner=OTHER), mx(5, owner=OTHER)
KEY, OTHER_KEY = A.key, D.key


def step(before: RRset | None, after: RRset, requires: tuple[ProviderHolds, ...] = ()) -> Step:
    return Step(Risk.REPLACE_MX, Change(before, after), ZONE, requires, (ProviderHolds(ZONE, after.key, after),))


def events(*told: tuple[EventKind, int, str]) -> tuple[Event, ...]:
    return tuple(Event(kind, number, NOW + timedelta(seconds=at), outcome) for at, (kind, number, outcome) in enumerate(told))


BEGUN = (EventKind.BEGUN, 0, "")
WRITTEN = (EventKind.SETTLED, 0, "written")
CONFLICT = (EventKind.SETTLED, 0, "conflict")
SEEN = (EventKind.SEEN, 0, "")
ONE = Rollout(Subject(OWNER), (step(A, B),))
TWO = Rollout(Subject(OWNER), (step(A, B), step(B, C)))


def stale(number: int, expected: Live, live: Live) -> Position:
    return Position(Stale(number, (Difference(KEY, expected, live),)))


@pytest.mark.parametrize(
    ("rollout", "journal", "live", "where"),
    [
        (ONE, (), A, Position(Ready(0))),
        (ONE, (), B, Position(Finished(), (0,))),
        (ONE, (), C, stale(0, A, C)),
        (ONE, (), None, stale(0, A, None)),
        (ONE, (), Irregular(KEY, "an alias"), stale(0, A, Irregular(KEY, "an alias"))),
        (ONE, (), mx(1, ttl=60), stale(0, A, mx(1, ttl=60))),
        (ONE, (BEGUN,), A, Position(Ready(0))),
        (ONE, (BEGUN,), B, Position(Finished(), (0,))),
        (ONE, (BEGUN,), C, stale(0, A, C)),
        (ONE, (BEGUN, WRITTEN), A, Position(Waiting(0, (Unmet(ProviderHolds(ZONE, KEY, B)),)))),
        (ONE, (BEGUN, WRITTEN), B, Position(Finished(), (0,))),
        (ONE, (BEGUN, CONFLICT), A, Position(Ready(0))),
        (ONE, (BEGUN, WRITTEN, BEGUN), A, Position(Ready(0))),
        (ONE, (BEGUN, WRITTEN, SEEN), B, Position(Finished())),
        (ONE, (BEGUN, WRITTEN, SEEN), A, Position(Finished())),
        (TWO, (BEGUN, WRITTEN), B, Position(Ready(1), (0,))),
        (TWO, (BEGUN, WRITTEN, SEEN), B, Position(Ready(1))),
        (TWO, (BEGUN, WRITTEN, SEEN), C, Position(Finished(), (1,))),
        (TWO, (BEGUN, WRITTEN, SEEN), A, stale(1, B, A)),
        (TWO, (), C, stale(0, A, C)),
    ],
)
def test_where_a_rollout_stands(
    rollout: Rollout, journal: tuple[tuple[EventKind, int, str], ...], live: Live, where: Position
) -> None:
    assert position(rollout, events(*journal), Facts(NOW, {KEY: live})) == where


def test_every_key_of_the_rollout_must_be_as_the_plan_says() -> None:
    rollout = Rollout(Subject(OWNER), (step(A, B), step(D, E)))
    assert position(rollout, (), Facts(NOW, {KEY: A, OTHER_KEY: D})) == Position(Ready(0))
    changed = Difference(OTHER_KEY, D, E)
    assert position(rollout, (), Facts(NOW, {KEY: A, OTHER_KEY: E})) == Position(Stale(0, (changed,)))
    assert position(rollout, (), Facts(NOW, {KEY: B, OTHER_KEY: None})) == Position(
        Stale(1, (Difference(OTHER_KEY, D, None),)), (0,)
    )


def test_a_step_whose_gate_is_closed_waits() -> None:
    gate = ProviderHolds(ZONE, OTHER_KEY, E)
    rollout = Rollout(Subject(OWNER), (step(A, B, (gate,)),))
    assert position(rollout, (), Facts(NOW, {KEY: A, OTHER_KEY: D})) == Position(Waiting(0, (Unmet(gate),)))
    assert position(rollout, (), Facts(NOW, {KEY: A, OTHER_KEY: E})) == Position(Ready(0))


def test_a_manual_step_waits_until_it_is_seen_to_be_done() -> None:
    done = ProviderHolds(ZONE, KEY, B)
    rollout = Rollout(Subject(OWNER), (Step(Risk.MANUAL, Manual("Do it."), None, (), (done,)),))
    assert position(rollout, (), Facts(NOW, {KEY: A})) == Position(Waiting(0, (Unmet(done),)))
    assert position(rollout, (), Facts(NOW, {KEY: B})) == Position(Finished(), (0,))


def test_signing_is_ready_until_it_was_done_and_then_waits_to_be_seen() -> None:
    done = ProviderHolds(ZONE, KEY, B)
    rollout = Rollout(Subject(OWNER), (Step(Risk.SIGN, SetSigning(signed=True), ZONE, (), (done,)),))
    assert position(rollout, (), Facts(NOW, {KEY: A})) == Position(Ready(0))
    assert position(rollout, events(BEGUN, WRITTEN), Facts(NOW, {KEY: A})) == Position(Waiting(0, (Unmet(done),)))


def test_the_keys_to_read_are_those_that_are_changed_or_waited_for() -> None:
    other_zone = ZoneRef("aws", "route53", "1", "Z1", OTHER)
    elsewhere = Step(Risk.REPLACE_MX, Change(D, E), other_zone, (), (ProviderHolds(other_zone, OTHER_KEY, E),))
    by_hand = Step(Risk.MANUAL, Manual("Do it."), None, (), (ProviderHolds(ZONE, Key(OWNER, "DS"), None),))
    rollout = Rollout(Subject(OWNER), (step(A, B), by_hand, step(B, C), elsewhere))
    assert keys(rollout) == {ZONE: {KEY, Key(OWNER, "DS")}, other_zone: {OTHER_KEY}}


@given(st.lists(st.integers(0, 65535), min_size=2, max_size=6, unique=True), st.data())
def test_a_rollout_is_walked_step_by_step_however_often_it_is_killed(preferences: list[int], data: st.DataObject) -> None:
    sets = [mx(preference) for preference in preferences]
    rollout = Rollout(Subject(OWNER), tuple(step(before, after) for before, after in pairwise(sets)))
    journal: list[Event] = []
    live = sets[0]
    writes = 0
    for _ in range(10 * len(sets)):
        where = position(rollout, journal, Facts(NOW, {KEY: live}))
        lived = data.draw(st.integers(0, len(where.newly_seen)), label="steps journalled as seen before it was killed")
        journal += [Event(EventKind.SEEN, number, NOW) for number in where.newly_seen[:lived]]
        if lived < len(where.newly_seen):
            continue
        if isinstance(where.state, Finished):
            break
        assert isinstance(where.state, Ready)
        number = where.state.step
        journal.append(Event(EventKind.BEGUN, number, NOW))
        if data.draw(st.booleans(), label="lived to write"):
            action = rollout.steps[number].action
            assert isinstance(action, Change)
            assert (action.before, action.after) == (live, sets[number + 1])
            live = sets[number + 1]
            writes += 1
            if data.draw(st.booleans(), label="lived to settle"):
                journal.append(Event(EventKind.SETTLED, number, NOW, "written"))
    assert writes <= len(rollout.steps)
