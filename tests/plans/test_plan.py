from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.conditions import ProviderHolds
from plans.desired import Subject
from plans.plan import Change, Entry, Manual, Rollout, SetSigning, Step, Totals
from plans.policy import Finding, Risk, Severity
from plans.values import Key, Mx, Opaque, RRset, Txt, ZoneRef, name, rrset
from tests.strategies import entries

OWNER = name("contoso.example")
A = rrset(OWNER, "MX", 3600, [Mx(0, name("a.example"))])
B = rrset(OWNER, "MX", 3600, [Mx(0, name("b.example"))])
ELSEWHERE = rrset("fabrikam.example", "MX", 3600, [Mx(0, name("b.example"))])
ADDRESS = RRset(Key(OWNER, "A"), 60, (Opaque("192.0.2.1"),))
ZONE = ZoneRef("files", "zonefile", "zones", "contoso.example.zone", OWNER)


def txt(*texts: str) -> RRset:
    return rrset(OWNER, "TXT", 3600, map(Txt.of, texts))


DONE = (ProviderHolds(ZONE, A.key, B),)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Change(None, None),
        lambda: Change(A, A),
        lambda: Change(A, ELSEWHERE),
        lambda: Change(None, ADDRESS),
        lambda: Change(None, txt("a", "b")),
        lambda: Change(txt("a"), txt("a", "b", "c")),
        lambda: Change(txt("a"), txt("b")),
        lambda: Change(txt("a", "b"), txt("a")),
        lambda: Change(txt("a"), None),
        lambda: Change(txt("a"), replace(txt("a", "b"), ttl=60)),
        lambda: Change(ADDRESS, None),
        lambda: Step(Risk.REPLACE_MX, Change(A, B), None, (), DONE),
        lambda: Step(Risk.MANUAL, Manual("Do it."), ZONE, (), DONE),
        lambda: Step(Risk.SIGN, SetSigning(signed=True), None, (), DONE),
        lambda: Step(Risk.REPLACE_MX, Change(A, B), ZONE, (), ()),
        lambda: Rollout(Subject(OWNER), ()),
        lambda: Entry(Subject(OWNER), "contoso", (finding(Severity.BLOCK),), (), rollout(Change(A, B))),
        lambda: Entry(Subject(OWNER), "contoso", (finding(Severity.ERROR),), (), rollout(Change(A, B))),
    ],
)
def test_what_makes_no_sense_cannot_be_made(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        make()


def finding(severity: Severity) -> Finding:
    return Finding(severity, "some-code", Subject(OWNER), "what", "mend")


def rollout(*changes: Change) -> Rollout:
    steps = tuple(
        Step(Risk.REPLACE_MX, change, ZONE, (), (ProviderHolds(ZONE, change.key, change.after),)) for change in changes
    )
    return Rollout(Subject(OWNER), steps)


def test_totals_count_what_the_entries_say() -> None:
    told = [
        Entry(Subject(OWNER), "contoso"),
        Entry(Subject(OWNER), "contoso", (finding(Severity.NOTICE), finding(Severity.WARNING))),
        Entry(Subject(OWNER), "contoso", (finding(Severity.BLOCK), finding(Severity.BLOCK))),
        Entry(Subject(OWNER), "contoso", (finding(Severity.BLOCK), finding(Severity.ERROR))),
        Entry(Subject(OWNER), "contoso", (), (), rollout(Change(None, A), Change(A, B), Change(B, None))),
    ]
    totals = Totals()
    for entry in told:
        totals = totals.plus(entry)
    assert totals == Totals(5, 2, steps=3, add=1, change=1, delete=1, notices=1, warnings=1, blocked=1, failed=1, rollouts=1)
    assert totals.proceeding == 3


@given(st.lists(entries(), max_size=4))
def test_every_subject_is_in_sync_or_planned_or_stopped(told: list[Entry]) -> None:
    totals = Totals()
    for entry in told:
        totals = totals.plus(entry)
    assert sum(totals.kinds.values()) == totals.subjects
    planned = sum(entry.rollout is not None for entry in told)
    assert totals.subjects == totals.in_sync + planned + totals.blocked + totals.failed
