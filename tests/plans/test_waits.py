"""Waits: what is remembered of earlier looks, and when a wait that counts from them is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.conditions import ChainValid, Condition, HeldFor, HostResolves, ServedEverywhere, StsAllows
from plans.facts import Facts, HostFacts, NoAnswer, Secured, Security, StsMode, StsPolicy
from plans.judging import STS_LEAST, Memory, Sighting, judge, sightings
from plans.values import Key, Live, Mx, Name, name, rrset
from plans.verdicts import Judgement, Verdict

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DOMAIN = name("contoso.example")
KEY = Key(DOMAIN, "MX")
OLD_HOST, NEW_HOST = name("old.example"), name("new.example")
SET, OTHER = (rrset(DOMAIN, "MX", 60, [Mx(preference, NEW_HOST)]) for preference in (0, 10))
SERVED = ServedEverywhere(DOMAIN, KEY, SET)
WAIT = HeldFor(SERVED, 600)


def at(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def looked(seconds: int, held: Live | NoAnswer = SET, *, off: int | None = None) -> Facts:
    """Look at the one server there is."""
    skew = None if off is None else timedelta(seconds=off)
    return Facts(at(seconds), {}, served={(DOMAIN, KEY): {"192.0.2.1": held}}, clock_skew=skew)


def after(condition: Condition, looks: Sequence[Facts]) -> Verdict:
    """Judge by the last look, after every look was kept in memory."""
    told: list[tuple[datetime, Sighting]] = []
    for facts in looks:
        memory = Memory(told)
        told += [(facts.at, one) for one in sightings(condition, facts) if memory.is_news(one)]
    return judge(condition, looks[-1], Memory(told))


@pytest.mark.parametrize(
    ("looks", "met"),
    [
        ([looked(0)], False),
        ([looked(0), looked(599)], False),
        ([looked(0), looked(600)], True),
        ([looked(0), looked(300), looked(600)], True),
        ([looked(0, OTHER), looked(600)], False),
        ([looked(0), looked(300, OTHER), looked(600)], False),
        ([looked(0), looked(300, OTHER), looked(600), looked(1200)], True),
        ([looked(0), looked(300, NoAnswer("timed out")), looked(600)], True),
        ([looked(0), looked(600, NoAnswer("timed out"))], False),
        ([looked(0), looked(600, OTHER)], False),
        ([looked(0), looked(-100)], False),
        ([looked(0, off=61), looked(600)], False),
        ([looked(0), looked(600, off=61)], False),
        ([looked(0), looked(300, OTHER, off=61), looked(600)], False),
        ([looked(0, off=60), looked(600, off=-60)], True),
    ],
)
def test_a_wait_counts_from_the_first_look_without_a_break(looks: list[Facts], met: bool) -> None:
    assert after(WAIT, looks).met is met


def test_a_wait_says_until_when_it_is() -> None:
    verdict = after(WAIT, [looked(0), looked(10)])
    assert (verdict.judgement, verdict.until) == (Judgement.NOT_YET, at(600))
    assert "2026-11-24 00:00:00Z" in verdict.why


def test_no_wait_passes_by_a_clock_that_is_wrong() -> None:
    verdict = after(WAIT, [looked(0), looked(600, off=3600)])
    assert (verdict.judgement, verdict.until) == (Judgement.NOT_YET, None)
    assert "3600 s off" in verdict.why


def test_a_wait_of_no_time_is_over_at_once() -> None:
    assert after(HeldFor(SERVED, 0), [looked(0)]).met


def test_what_has_no_wait_is_not_remembered() -> None:
    found = HostFacts(NEW_HOST, frozenset(), 300, Security.SECURE, Secured(None, Security.SECURE))
    facts = replace(looked(0), hosts={NEW_HOST: found})
    assert list(sightings(HostResolves(NEW_HOST), facts)) == []
    assert list(sightings(HeldFor(ChainValid(DOMAIN), 60), facts)) == []


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from([SET, OTHER, NoAnswer("")])), min_size=1))
def test_a_wait_is_over_exactly_when_it_was_met_for_so_long(steps: list[tuple[int, Live | NoAnswer]]) -> None:
    now, since, looks = 0, None, []
    for later, held in steps:
        now += later
        looks.append(looked(now, held))
        since = None if held == OTHER else now if since is None and held == SET else since
    met = steps[-1][1] == SET and since is not None and now - since >= WAIT.seconds
    assert after(WAIT, looks).met is met


def test_only_news_is_remembered() -> None:
    memory = Memory([(at(0), Sighting("met", met=True)), (at(0), Sighting("lost", met=False))])
    assert not memory.is_news(Sighting("met", met=True))
    assert memory.is_news(Sighting("met", met=False))
    assert not memory.is_news(Sighting("lost", met=False))
    assert memory.is_news(Sighting("lost", met=True))
    assert not memory.is_news(Sighting("new", met=False))
    again = Memory([(at(0), Sighting("met", met=True)), (at(9), Sighting("met", met=True))])
    assert again.since("met") == at(0)
    assert (memory.since("met"), memory.since("lost"), memory.since("new")) == (at(0), None, None)


STS = StsAllows(DOMAIN, (NEW_HOST, OLD_HOST))
NO_RECORD = StsPolicy("", 300, StsMode.NONE)


def policy(
    *hosts: Name, record: str = "a", mode: StsMode = StsMode.ENFORCE, ttl: int = 300, body: str | None = None
) -> StsPolicy:
    patterns = tuple(host.rstrip(".") for host in hosts)
    return StsPolicy(record, ttl, mode, patterns, 604800, body or f"{mode} {patterns}")


CLOSED, OPEN = policy(OLD_HOST), policy(OLD_HOST, NEW_HOST)
RENAMED = replace(OPEN, id="b")


def seen(seconds: int, found: StsPolicy | NoAnswer, *, off: int = 0) -> Facts:
    return Facts(at(seconds), {}, sts={DOMAIN: found}, clock_skew=timedelta(seconds=off))


@pytest.mark.parametrize(
    ("looks", "judgement", "why"),
    [
        ([seen(0, NO_RECORD)], Judgement.MET, ""),
        ([seen(0, NoAnswer("HTTP 404"))], Judgement.UNKNOWN, "404"),
        ([seen(0, CLOSED)], Judgement.NOT_YET, "does not name new.example"),
        ([seen(0, CLOSED), seen(2 * STS_LEAST, CLOSED)], Judgement.NOT_YET, "does not name"),
        ([seen(0, OPEN)], Judgement.NOT_YET, "seen since"),
        ([seen(0, OPEN), seen(STS_LEAST - 1, OPEN)], Judgement.NOT_YET, "seen since"),
        ([seen(0, OPEN), seen(STS_LEAST, OPEN)], Judgement.MET, ""),
        ([seen(0, OPEN), seen(STS_LEAST, OPEN, off=61)], Judgement.NOT_YET, "off"),
        ([seen(0, policy(mode=StsMode.TESTING)), seen(STS_LEAST, policy(mode=StsMode.TESTING))], Judgement.MET, ""),
        ([seen(0, policy(mode=StsMode.NONE)), seen(STS_LEAST, policy(mode=StsMode.NONE))], Judgement.MET, ""),
        ([seen(0, policy(mode=StsMode.TESTING))], Judgement.NOT_YET, "seen since"),
        ([seen(0, replace(OPEN, ttl=90000)), seen(STS_LEAST, replace(OPEN, ttl=90000))], Judgement.NOT_YET, "seen since"),
        ([seen(0, replace(OPEN, ttl=90000)), seen(90000, replace(OPEN, ttl=90000))], Judgement.MET, ""),
        ([seen(0, CLOSED), seen(10, OPEN), seen(9 * STS_LEAST, OPEN)], Judgement.NOT_YET, "body changed under the id a"),
        ([seen(0, CLOSED, off=99), seen(10, OPEN), seen(9 * STS_LEAST, OPEN)], Judgement.NOT_YET, "body changed"),
        ([seen(0, CLOSED), seen(10, RENAMED), seen(STS_LEAST, RENAMED)], Judgement.NOT_YET, "seen since"),
        ([seen(0, CLOSED), seen(10, RENAMED), seen(STS_LEAST + 10, RENAMED)], Judgement.MET, ""),
        ([seen(0, OPEN), seen(STS_LEAST, replace(OPEN, digest="another"))], Judgement.NOT_YET, "seen since"),
        ([seen(0, OPEN), seen(10, RENAMED), seen(STS_LEAST, RENAMED)], Judgement.NOT_YET, "seen since"),
        ([seen(0, CLOSED), seen(9 * STS_LEAST, NO_RECORD)], Judgement.NOT_YET, "withdrawn"),
        ([seen(0, CLOSED), seen(10, RENAMED), seen(STS_LEAST, NO_RECORD)], Judgement.NOT_YET, "withdrawn"),
        ([seen(0, OPEN), seen(10, NO_RECORD)], Judgement.MET, ""),
    ],
)
def test_what_mta_sts_allows(looks: list[Facts], judgement: Judgement, why: str) -> None:
    verdict = after(STS, looks)
    assert verdict.judgement is judgement
    assert why in verdict.why


def test_a_policy_that_was_withdrawn_is_closed_only_for_the_hosts_that_it_did_not_name() -> None:
    closed = [(at(0), one) for one in sightings(STS, seen(0, CLOSED))]
    assert not judge(STS, seen(10, NO_RECORD), Memory(closed)).met
    assert judge(StsAllows(DOMAIN, (OLD_HOST,)), seen(10, NO_RECORD), Memory(closed)).met


@given(
    st.lists(
        st.tuples(
            st.integers(1, STS_LEAST),
            st.sampled_from([CLOSED, OPEN, RENAMED, policy(OLD_HOST, record="b"), NO_RECORD, NoAnswer("down")]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_no_sender_that_looks_daily_still_has_a_policy_that_refuses(steps: list[tuple[int, StsPolicy | NoAnswer]]) -> None:
    """Senders that took the policy on at any look, under whichever id was new to them, look again within a day."""
    now, looks, kept = 0, [], []
    for later, found in steps:
        now += later
        looks.append(seen(now, found))
        kept.append((now, found))
    if after(STS, looks).met:
        ids: dict[str, list[tuple[int, StsPolicy]]] = {}
        for when, found in kept:
            if isinstance(found, StsPolicy) and found.id:
                ids.setdefault(found.id, []).append((when, found))
        current = kept[-1][1]
        assert isinstance(current, StsPolicy)
        if current.id:
            of_id = ids[current.id]
            assert all(found.patterns == OPEN.patterns for _, found in of_id)
            assert now - of_id[0][0] >= STS_LEAST
        else:
            assert all(found.patterns == OPEN.patterns for of_id in ids.values() for _, found in of_id)
