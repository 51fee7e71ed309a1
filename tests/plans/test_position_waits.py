"""Where a rollout stands while it waits: what is noted, what must be looked at, and what makes it stale."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.conditions import (
    Condition,
    GraphAsks,
    GraphSays,
    HeldFor,
    HostResolves,
    ProviderHolds,
    Readiness,
    ServedEverywhere,
    StsAllows,
    TlsaGone,
)
from plans.desired import Cloud, GraphAnswer, MailExchange, Source, Subject
from plans.facts import Facts, HostFacts, NoAnswer, Secured, Security, StsMode, StsPolicy
from plans.judging import Sighting
from plans.plan import Change, Manual, Rollout, Step
from plans.policy import Risk
from plans.position import (
    SHOWN,
    WRITTEN,
    Difference,
    Event,
    EventKind,
    Finished,
    Position,
    Ready,
    Stale,
    Unmet,
    Waiting,
    asked_of_graph,
    behind,
    keys,
    looked_at,
    memory_of,
    position,
)
from plans.values import Key, Live, Mx, Name, RRset, Txt, ZoneRef, name, rrset

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DOMAIN = name("contoso.example")
ZONE = ZoneRef("aws", "route53", "1", "Z1", DOMAIN)
NEW, OTHER_NEW = name("contoso-example.o-v1.mx.microsoft"), name("contoso-example.a-v1.mx.microsoft")
KEY = Key(DOMAIN, "MX")
A, B, C = (rrset(DOMAIN, "MX", 60, [Mx(preference, NEW)]) for preference in (10, 20, 30))


def served(held: RRset) -> ServedEverywhere:
    return ServedEverywhere(DOMAIN, KEY, held)


def step(before: RRset, after: RRset, *requires: Condition) -> Step:
    return Step(Risk.SWAP_MX, Change(before, after), ZONE, requires, (ProviderHolds(ZONE, KEY, after), served(after)))


ALLOWS = StsAllows(DOMAIN, (NEW,))
RESOLVES = HostResolves(NEW)
ASKS = GraphAsks(DOMAIN, NEW)
ROLLOUT = Rollout(
    Subject(DOMAIN),
    (step(A, B), step(B, C, HeldFor(served(B), 600), RESOLVES, ALLOWS, ASKS)),
)
SEEN_FIRST = (Event(EventKind.SEEN, 0, NOW),)
RESOLVED = {NEW: HostFacts(NEW, frozenset(["192.0.2.9"]), 300, Security.SECURE, Secured(None, Security.SECURE))}
NO_POLICY = {DOMAIN: StsPolicy("", 0, StsMode.NONE)}


def graph(host: Name) -> dict[Name, GraphAnswer]:
    mail = (MailExchange(DOMAIN, host, 0, 3600),)
    return {DOMAIN: GraphAnswer(DOMAIN, Source("contoso", "graph"), Cloud.GLOBAL, NOW, mail)}


def facts(seconds: int, held: Live, at_servers: Live | NoAnswer, *, asks: Name = NEW) -> Facts:
    return Facts(
        NOW + timedelta(seconds=seconds),
        {KEY: held},
        graph(asks),
        served={(DOMAIN, KEY): {"192.0.2.1": at_servers}},
        hosts=RESOLVED,
        sts=NO_POLICY,
    )


def met(seconds: int, mark: object = served(B), *, so: bool = True) -> Event:
    kind = EventKind.MET if so else EventKind.LOST
    return Event(kind, 1, NOW + timedelta(seconds=seconds), condition=str(mark))


def test_a_wait_is_noted_and_says_until_when_it_is() -> None:
    where = position(ROLLOUT, SEEN_FIRST, facts(0, B, B))
    until = NOW + timedelta(seconds=600)
    assert where == Position(
        Waiting(1, (Unmet(HeldFor(served(B), 600), until=until),)), noted=((1, Sighting(str(served(B)), met=True)),)
    )
    assert isinstance(where.state, Waiting)
    assert where.state.until == until


def test_what_is_noted_already_is_not_noted_again_and_opens_the_step_in_time() -> None:
    events = (*SEEN_FIRST, met(0))
    assert isinstance(position(ROLLOUT, events, facts(599, B, B)).state, Waiting)
    assert position(ROLLOUT, events, facts(600, B, B)) == Position(Ready(1))
    assert memory_of(events).since(str(served(B))) == NOW


def test_a_break_is_noted_and_starts_the_wait_again() -> None:
    events = (*SEEN_FIRST, met(0))
    lost = position(ROLLOUT, events, facts(500, B, A))
    assert lost.noted == ((1, Sighting(str(served(B)), met=False)),)
    assert isinstance(lost.state, Waiting)
    again = (*events, met(500, so=False), met(550))
    assert isinstance(position(ROLLOUT, again, facts(1100, B, B)).state, Waiting)
    assert position(ROLLOUT, again, facts(1150, B, B)) == Position(Ready(1))


def test_by_a_clock_that_is_off_nothing_is_noted_and_no_wait_passes() -> None:
    off = replace(facts(9999, B, B), clock_skew=timedelta(hours=1))
    assert position(ROLLOUT, SEEN_FIRST, off).noted == ()
    assert isinstance(position(ROLLOUT, (*SEEN_FIRST, met(0)), off).state, Waiting)


def test_an_end_that_is_known_for_no_other_condition_is_not_told() -> None:
    unresolved = replace(facts(0, B, B), hosts={})
    where = position(ROLLOUT, SEEN_FIRST, unresolved)
    assert isinstance(where.state, Waiting)
    assert [one.condition for one in where.state.unmet] == [HeldFor(served(B), 600), RESOLVES]
    assert where.state.until is None


def test_a_plan_for_another_host_than_graph_asks_for_is_stale() -> None:
    where = position(ROLLOUT, (*SEEN_FIRST, met(0)), facts(600, B, B, asks=OTHER_NEW))
    assert where.state == Stale(1, (), (Unmet(ASKS),))
    assert isinstance(where.state, Stale)
    assert OTHER_NEW in where.state.contradicted[0].why


def test_a_step_that_waits_for_graph_alone_is_not_stale() -> None:
    silent = replace(facts(600, B, B), graph={})
    assert position(ROLLOUT, (*SEEN_FIRST, met(0)), silent).state == Waiting(1, (Unmet(ASKS),))


def test_what_somebody_else_wrote_already_needs_no_gate_and_waits_to_be_served() -> None:
    where = position(ROLLOUT, SEEN_FIRST, facts(0, C, B, asks=OTHER_NEW))
    assert where.state == Waiting(1, (Unmet(served(C)),))
    assert position(ROLLOUT, SEEN_FIRST, facts(0, C, C)).state == Finished()


def test_a_write_that_is_not_served_everywhere_is_not_done() -> None:
    written = (Event(EventKind.BEGUN, 0, NOW), Event(EventKind.SETTLED, 0, NOW, WRITTEN))
    assert position(ROLLOUT, written, facts(0, B, A)).state == Waiting(0, (Unmet(served(B)),))
    assert position(ROLLOUT, written, facts(0, B, NoAnswer("timed out"))).state == Waiting(0, (Unmet(served(B)),))
    assert position(ROLLOUT, written, facts(0, B, B)).newly_seen == (0,)


def test_what_is_looked_at_is_the_first_step_that_was_not_seen_and_mta_sts_of_all_that_follow() -> None:
    assert looked_at(ROLLOUT, ()) == {ProviderHolds(ZONE, KEY, B), served(B), ALLOWS}
    assert looked_at(ROLLOUT, SEEN_FIRST) == {served(B), RESOLVES, ALLOWS, ASKS, ProviderHolds(ZONE, KEY, C), served(C)}
    assert looked_at(ROLLOUT, (*SEEN_FIRST, Event(EventKind.SEEN, 1, NOW))) == frozenset()


def test_a_policy_is_remembered_from_the_first_step_on() -> None:
    closed = StsPolicy("a", 300, StsMode.ENFORCE, ("old.example",), 604800, "digest")
    where = position(ROLLOUT, (), replace(facts(0, A, A), sts={DOMAIN: closed}))
    assert where.state == Ready(0)
    about = [sighting for number, sighting in where.noted if number == 1 and sighting.mark.startswith(str(ALLOWS))]
    assert [sighting.met for sighting in about] == [True]


def test_one_sighting_is_noted_once_whichever_steps_need_it() -> None:
    twice = Rollout(Subject(DOMAIN), (step(A, B, HeldFor(served(A), 60)), step(B, C, HeldFor(served(A), 99))))
    assert position(twice, (), facts(0, A, A)).noted == ((0, Sighting(str(served(A)), met=True)),)


@pytest.mark.parametrize(
    ("events", "live", "done"),
    [
        ((), A, 0),
        ((), B, 1),
        ((), C, 0),
        (SEEN_FIRST, A, 1),
        (SEEN_FIRST, B, 1),
        (SEEN_FIRST, C, 2),
        ((*SEEN_FIRST, Event(EventKind.SEEN, 1, NOW)), A, 2),
    ],
)
def test_how_many_steps_are_behind(events: tuple[Event, ...], live: Live, done: int) -> None:
    assert behind(ROLLOUT, events, {KEY: live}) == done


def test_nothing_is_behind_that_neither_the_journal_nor_a_provider_tells() -> None:
    by_hand = Step(Risk.MANUAL, Manual("Do it."), None, (), (TlsaGone(NEW),))
    assert behind(Rollout(Subject(DOMAIN), (by_hand, step(A, B))), (), {KEY: B}) == 0
    assert behind(ROLLOUT, (), {}) == 0


def test_what_a_wait_is_about_is_read_and_asked_for_too() -> None:
    waits = (HeldFor(ProviderHolds(ZONE, Key(DOMAIN, "DS"), None), 60), HeldFor(GraphSays(DOMAIN, Readiness.EMAIL), 60))
    by_hand = Step(Risk.MANUAL, Manual("Do it."), None, waits, (TlsaGone(NEW),))
    rollout = Rollout(Subject(DOMAIN), (by_hand,))
    assert keys(rollout) == {ZONE: {Key(DOMAIN, "DS")}}
    assert asked_of_graph(rollout) == {DOMAIN}


def test_a_text_that_was_seen_may_be_changed_by_others() -> None:
    text = rrset(DOMAIN, "TXT", 60, [Txt.of("MS=1")])
    add = Step(Risk.ADD_TXT, Change(None, text), ZONE, (), (ProviderHolds(ZONE, text.key, text),))
    rollout = Rollout(Subject(DOMAIN), (add, step(A, B)))
    live = {text.key: None, KEY: A}
    assert position(rollout, SEEN_FIRST, Facts(NOW, live)).state == Ready(1)


@given(st.lists(st.tuples(st.integers(1, 300), st.booleans()), min_size=1, max_size=12))
def test_a_step_is_never_taken_before_its_wait_was_whole(looks: list[tuple[int, bool]]) -> None:
    events: list[Event] = list(SEEN_FIRST)
    now, since = 0, None
    for later, so in looks:
        now += later
        where = position(ROLLOUT, events, facts(now, B, B if so else A))
        kinds = {True: EventKind.MET, False: EventKind.LOST}
        at = NOW + timedelta(seconds=now)
        events += [Event(kinds[one.met], number, at, condition=one.mark) for number, one in where.noted]
        since = None if not so else now if since is None else since
        assert isinstance(where.state, Ready) is (since is not None and now - since >= 600)


WROTE = (*SEEN_FIRST, met(0), Event(EventKind.BEGUN, 1, NOW), Event(EventKind.SETTLED, 1, NOW, WRITTEN))


@pytest.mark.parametrize("late", [timedelta(minutes=10), SHOWN - timedelta(seconds=1)])
def test_a_write_that_the_provider_does_not_show_yet_is_waited_for(late: timedelta) -> None:
    where = position(ROLLOUT, WROTE, facts(round(late.total_seconds()), B, B))
    assert isinstance(where.state, Waiting)
    assert ProviderHolds(ZONE, KEY, C) in [one.condition for one in where.state.unmet]


def test_a_write_that_was_changed_back_before_anybody_saw_it_makes_the_plan_stale() -> None:
    late = round(SHOWN.total_seconds())
    assert position(ROLLOUT, WROTE, facts(late, B, B)).state == Stale(1, (Difference(KEY, C, B),))
    unsure = (*WROTE, Event(EventKind.BEGUN, 1, NOW + timedelta(seconds=1)))
    assert position(ROLLOUT, unsure, facts(late + 600, B, B)).state == Ready(1)
