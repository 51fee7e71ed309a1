from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.approval import Approval, Begun, Due, Numbers, Rejection, Signed, due, may_be, people
from plans.desired import Subject
from plans.plan import GOES_ON, WAITS, Entry
from plans.policy import Finding, Risk, Severity
from plans.values import name
from tests.strategies import entries

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, CARRY = timedelta(hours=1), timedelta(days=30)

risks = st.sampled_from(Risk)
signatures = st.lists(st.builds(Signed, st.frozensets(st.sampled_from("abcdef"), min_size=1, max_size=3)), max_size=8)


@given(st.integers(0, 3), st.dictionaries(risks, st.integers(0, 3)), st.sets(risks))
def test_each_class_of_a_plan_that_needs_anybody_is_asked_for_by_its_own_number(
    default: int, named: dict[Risk, int], of_plan: set[Risk]
) -> None:
    asked = Numbers(default, named).asked(of_plan)
    assert all(asked.get(risk, 0) == named.get(risk, default) for risk in of_plan)
    assert asked.keys() <= of_plan


@given(signatures)
def test_signatures_that_share_a_principal_are_one_persons_and_none_is_lost(signed: list[Signed]) -> None:
    found = people(signed)
    assert len(found) <= len(signed)
    assert sum(map(len, found)) == len(frozenset().union(*found))
    assert all(sum(one.principals <= person for person in found) == 1 for one in signed)


@given(signatures, st.randoms())
def test_neither_the_order_nor_a_repetition_makes_more_people(signed: list[Signed], dice: object) -> None:
    mixed = signed * 2
    dice.shuffle(mixed)  # type: ignore[attr-defined]  # Hypothesis hands out a random.Random
    assert set(people(mixed)) == set(people(signed))


@given(signatures, st.sampled_from("abcdef"))
def test_the_planner_counts_under_none_of_their_names(signed: list[Signed], planner: str) -> None:
    counted = people(signed, planner)
    assert set(counted) == {person for person in people(signed) if planner not in person}


@pytest.mark.parametrize(
    ("principal", "planner", "same"),
    [
        ("alice@example.com", "alice@example.com", True),
        ("Alice@Example.com", "alice@example.COM", True),
        ("alice@example.com", "alice", True),
        ("alice", "alice@example.com", True),
        ("alice@example.com", "alice@example.net", False),
        ("alice", "alic", False),
        ("*@example.com", "alice@example.com", True),
        ("*@example.net", "alice@example.com", False),
        ("alic?", "alice", True),
        ("[a]lice", "alice", False),
    ],
)
def test_case_and_an_unsaid_mail_domain_tell_nobody_apart(principal: str, planner: str, *, same: bool) -> None:
    assert may_be(principal, planner) is same


def entry(of: str, drawn: Entry) -> Entry:
    subject = Subject(name(of))
    return Entry(subject, "contoso", rollout=drawn.rollout and type(drawn.rollout)(subject, drawn.rollout.steps))


def risks_of(one: Entry) -> frozenset[Risk]:
    return frozenset(step.risk for step in one.rollout.steps) if one.rollout else frozenset()


@given(entries(), entries(), entries())
def test_what_may_begin_and_what_has_begun_is_due_and_nothing_else(first: Entry, second: Entry, third: Entry) -> None:
    fresh, begun, over = entry("a.example", first), entry("b.example", second), entry("c.example", third)
    known = {begun.subject: Begun(NOW - CARRY + HOUR), over.subject: Begun(NOW - HOUR, "finished")}
    found = due([fresh, begun, over], known, NOW + HOUR, CARRY, NOW)
    assert found == Due(risks_of(fresh), risks_of(begun), NOW - CARRY + HOUR)


@given(entries())
def test_after_its_time_nothing_begins_and_after_its_carry_nothing_is_carried(drawn: Entry) -> None:
    one = entry("a.example", drawn)
    assert due([one], {}, NOW, CARRY, NOW) == Due()
    kept = due([one], {one.subject: Begun(NOW - CARRY)}, NOW, CARRY, NOW)
    assert (kept.fresh, kept.carried, kept.since) == (risks_of(one), frozenset(), None)


@given(entries(), st.sampled_from([GOES_ON, WAITS]))
def test_what_goes_on_with_another_plans_rollout_after_its_time_needs_approval_then_as_before(drawn: Entry, code: str) -> None:
    one = entry("a.example", drawn)
    rest = replace(one, findings=(Finding(Severity.NOTICE, code, one.subject, "", ""),))
    assert due([rest], {}, NOW, CARRY, NOW) == due([rest], {}, NOW + HOUR, CARRY, NOW) == Due(risks_of(one))


@pytest.mark.parametrize("made", [NOW.replace(tzinfo=None), NOW.astimezone(timezone(HOUR))], ids=["none", "other"])
def test_times_are_utc(made: datetime) -> None:
    with pytest.raises(ValueError, match="UTC"):
        Approval("a" * 64, "", "", "", made)
    with pytest.raises(ValueError, match="UTC"):
        Approval("a" * 64, "", "", "", NOW, made)
    with pytest.raises(ValueError, match="UTC"):
        Rejection("a" * 64, "", "", made)
