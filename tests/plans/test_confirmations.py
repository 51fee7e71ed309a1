"""Somebody's word for what a mail host presents: what it stands in for, and that it opens nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.conditions import HeldFor, HostTakesMail, Presents, TlsaHarmless, TlsaSecure
from plans.dane import tlsa_of
from plans.desired import Subject, SubjectKind
from plans.facts import CONFIRMED_FOR, Confirmation, Facts, HostFacts, Secured, Security, Session
from plans.judging import Memory, judge
from plans.plan import Manual, Rollout, Step
from plans.policy import Risk
from plans.position import Event, EventKind, Finished, Position, Waiting, position
from plans.progress import Wait, progress
from plans.values import Tlsa, name, rrset
from plans.verdicts import Judgement, Verdict
from tests.emulators.authority import issue

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOST, OTHER_HOST = name("mx1.contoso.example"), name("mx2.contoso.example")
FIRST, SECOND = "192.0.2.1", "2001:db8::1"
CERTIFICATES = [issue("mx1.contoso.example") for _ in range(2)]
OWN, OTHER = (tlsa_of(one.public_key) for one in CERTIFICATES)
PRESENTS, PRESENTS_OTHER = (Session(accepts=True, starttls=True, chain=(one.der,)) for one in CERTIFICATES)
SILENT = Session(accepts=None, starttls=False, why="timed out")
CLOSED = Session(accepts=False, starttls=False, why="Connection refused", refused=True)
SAYS_NO = Session(accepts=False, starttls=False, why="it greets with 554 no")
PLAIN = Session(accepts=True, starttls=False, why="it offers no STARTTLS")
BROKEN = Session(accepts=True, starttls=True, why="TLS does not come about")
MUTE = (SILENT, CLOSED)
WORD = Confirmation(HOST, OWN.association, frozenset({FIRST, SECOND}), "ops@desk", NOW - timedelta(hours=1))
CONDITION = Presents(HOST, (OWN,))
HINT = "provisioner confirm mx1.contoso.example"


def looked(*sessions: Session, word: Confirmation | None = WORD, at: datetime = NOW) -> Facts:
    """Look at a host with one address for each session."""
    named = dict(zip((FIRST, SECOND), sessions, strict=False))
    tlsa = Secured(rrset(f"_25._tcp.{HOST}", "TLSA", 300, [OWN]), Security.SECURE)
    host = HostFacts(HOST, frozenset(named), 300, Security.SECURE, tlsa, named)
    return Facts(at, {}, hosts={HOST: host}, confirmations={word.host: word} if word else {})


def judged(facts: Facts, records: Sequence[Tlsa] = (OWN,)) -> Verdict:
    return judge(Presents(HOST, tuple(records)), facts, Memory())


@pytest.mark.parametrize("sessions", [(SILENT,), (CLOSED,), (SILENT, CLOSED), (PRESENTS, SILENT), (CLOSED, PRESENTS)])
def test_a_word_stands_in_where_nothing_was_heard_and_is_told(sessions: tuple[Session, ...]) -> None:
    verdict = judged(looked(*sessions))
    assert (verdict.met, verdict.on_word) == (True, True)
    assert verdict.why == "by the word of ops@desk, 2026-11-24 11:00:00Z"


def test_what_was_seen_everywhere_rests_on_nobodys_word() -> None:
    assert judged(looked(PRESENTS, PRESENTS)) == Verdict(Judgement.MET)


@pytest.mark.parametrize("contradiction", [PRESENTS_OTHER, SAYS_NO, PLAIN, BROKEN])
@pytest.mark.parametrize("beside", [(), (SILENT,), (CLOSED,), (PRESENTS,)])
def test_a_word_counts_nothing_against_what_was_seen(contradiction: Session, beside: tuple[Session, ...]) -> None:
    verdict = judged(looked(contradiction, *beside))
    assert verdict.judgement is Judgement.NOT_YET
    assert verdict.why.startswith(FIRST)
    assert HINT not in verdict.why


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (None, ""),
        (replace(WORD, host=OTHER_HOST), ""),
        (replace(WORD, key=OTHER.association), "is for another key, {other}; "),
        (replace(WORD, at=NOW - CONFIRMED_FOR), "has lapsed; "),
        (replace(WORD, at=NOW + timedelta(seconds=1)), "is of a time yet to come; "),
        (replace(WORD, addresses=frozenset({FIRST})), f"is not about {SECOND}; "),
        (replace(WORD, addresses=frozenset()), f"is not about {FIRST}, {SECOND}; "),
    ],
)
@pytest.mark.parametrize(("mute", "judgement"), [(SILENT, Judgement.UNKNOWN), (CLOSED, Judgement.NOT_YET)])
def test_a_word_that_is_none_for_this_opens_nothing_and_the_command_is_named(
    word: Confirmation | None, told: str, mute: Session, judgement: Judgement
) -> None:
    verdict = judged(looked(mute, mute, word=word))
    assert verdict.judgement is judgement
    assert verdict.why.startswith(f"{FIRST if mute is CLOSED else SECOND}: {mute.why}; ")
    why_not = told.format(other=OTHER.association[:16])
    assert verdict.why.endswith(f"{why_not}whoever sees it from elsewhere may say so:  {HINT}")
    assert "seen since" not in verdict.why


def test_a_word_lasts_until_it_is_a_day_old() -> None:
    last = WORD.until - timedelta(microseconds=1)
    assert judged(looked(SILENT, at=last)).met
    assert not judged(looked(SILENT, at=WORD.until)).met


@pytest.mark.parametrize(
    ("records", "met"),
    [
        ((OTHER, OWN), True),
        ((OTHER,), False),
        ((), False),
        ((Tlsa(3, 1, 2, "ab" * 64), OWN), False),  # senders that know SHA-512 pass over the other (RFC 7671 §9)
        ((Tlsa(3, 0, 1, OWN.association),), False),
        ((Tlsa(1, 1, 1, OWN.association),), False),
        ((Tlsa(2, 1, 1, "ab" * 32), OWN), True),
    ],
)
def test_a_word_is_about_the_records_3_1_1_of_its_key(records: tuple[Tlsa, ...], met: bool) -> None:
    assert judged(looked(SILENT), records).met is met


def test_a_word_is_about_nothing_else_and_stands_in_for_no_look() -> None:
    for condition in (HostTakesMail(HOST), TlsaHarmless(HOST), TlsaSecure(HOST)):
        assert not judge(condition, looked(SILENT), Memory()).met
    facts, host = looked(SILENT), looked(SILENT).hosts[HOST]
    for spoilt in (replace(host, sessions={}), replace(host, addresses=frozenset()), replace(host, addresses=None)):
        assert not judged(replace(facts, hosts={HOST: spoilt})).met
    assert not judged(replace(facts, hosts={})).met


_SEEN = {PRESENTS: OWN, PRESENTS_OTHER: OTHER}
words = st.builds(
    Confirmation,
    st.sampled_from([HOST, OTHER_HOST]),
    st.sampled_from([OWN.association, OTHER.association]),
    st.frozensets(st.sampled_from([FIRST, SECOND, "192.0.2.3"])),
    st.just("ops@desk"),
    st.integers(-2 * 86400, 2 * 86400).map(lambda seconds: NOW - timedelta(seconds=seconds)),
)


@given(
    st.lists(st.sampled_from([PRESENTS, PRESENTS_OTHER, *MUTE, SAYS_NO, PLAIN, BROKEN]), min_size=1, max_size=2),
    st.none() | words,
    st.lists(st.sampled_from([OWN, OTHER]), unique=True),
)
def test_no_word_opens_more_than_it_says(sessions: list[Session], word: Confirmation | None, records: list[Tlsa]) -> None:
    facts = looked(*sessions, word=word)
    age = NOW - word.at if word else CONFIRMED_FOR
    about = (
        word and word.host == HOST and timedelta(0) <= age < CONFIRMED_FOR and word.key in {one.association for one in records}
    )

    def is_so(address: str, session: Session) -> bool:
        return bool(about and word and address in word.addresses) if session in MUTE else _SEEN.get(session) in records

    verdict = judged(facts, records)
    assert verdict.met is all(is_so(address, session) for address, session in facts.hosts[HOST].sessions.items())
    assert verdict.on_word is (verdict.met and any(session in MUTE for session in sessions))


ROLLOUT = Rollout(
    Subject(HOST, SubjectKind.MAIL_HOST),
    (
        Step(Risk.MANUAL, Manual("Install it."), None, (), (CONDITION,)),
        Step(Risk.MANUAL, Manual("Wait."), None, (HeldFor(CONDITION, 3600),), (Presents(HOST, (OTHER,)),)),
    ),
)
DONE = (Event(EventKind.SEEN, 0, NOW),)


def walked(*looks: Facts) -> tuple[tuple[Event, ...], Position]:
    """Look one time after the other, keeping what is to be remembered, and give where the rollout stands."""
    events: tuple[Event, ...] = DONE
    where = position(ROLLOUT, DONE, looks[0])
    for facts in looks:
        where = position(ROLLOUT, events, facts)
        kinds = {True: EventKind.MET, False: EventKind.LOST}
        events += tuple(Event(kinds[one.met], step, facts.at, condition=one.mark) for step, one in where.noted)
    return events, where


def until(where: Position) -> list[datetime | None]:
    assert isinstance(where.state, Waiting)
    return [one.until for one in where.state.unmet]


def after(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_a_wait_counts_from_the_first_look_at_which_the_word_counted() -> None:
    events, where = walked(looked(SILENT))
    assert until(where) == [after(60)]
    assert isinstance(where.state, Waiting)
    assert where.state.unmet[0].why == "by the word of ops@desk, 2026-11-24 11:00:00Z; waits since 2026-11-24 12:00:00Z"
    progressed = progress(ROLLOUT, NOW, events)
    assert progressed
    assert progressed.waits[0] == Wait(HeldFor(CONDITION, 3600), NOW, after(60), confirmed=True)
    assert until(walked(looked(SILENT), looked(SILENT, at=after(60)))[1]) == [None]


def test_a_wait_starts_again_where_the_word_lapsed_or_was_taken_back() -> None:
    gap = looked(SILENT, word=None, at=after(30))
    assert until(walked(looked(SILENT), gap, looked(SILENT, at=after(60)))[1]) == [after(120)]


def test_a_wait_by_somebodys_word_is_none_for_what_is_seen_and_the_other_way_round() -> None:
    assert until(walked(looked(SILENT), looked(PRESENTS, at=after(60)))[1]) == [after(120)]
    events, where = walked(looked(PRESENTS), looked(SILENT, at=after(60)))
    assert until(where) == [after(120)]
    told = [progress(ROLLOUT, NOW, so_far) for so_far in (events[:2], events)]
    assert [one.waits[0] for one in told if one] == [
        Wait(HeldFor(CONDITION, 3600), NOW, after(60)),
        Wait(HeldFor(CONDITION, 3600), after(60), after(120), confirmed=True),
    ]


def test_a_step_that_is_done_or_open_by_somebodys_word_says_whose() -> None:
    only = replace(ROLLOUT, steps=ROLLOUT.steps[:1])
    where = position(only, (), looked(CLOSED))
    assert where == Position(Finished(), (0,), words=((0, f"by {WORD}"),))
    assert (where.words_for(0), where.words_for(1)) == ("by the word of ops@desk, 2026-11-24 11:00:00Z", "")
    gate = Rollout(only.subject, (replace(only.steps[0], requires=(CONDITION,), done_when=(Presents(HOST, (OTHER,)),)),))
    assert position(gate, (), looked(CLOSED)).words_for(0) == f"by {WORD}"
    assert position(gate, (), looked(PRESENTS)).words == ()
