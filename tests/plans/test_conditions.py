"""Conditions as data: each kind can be named, is written into a plan and read back, and waits are sound."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans import codec
from plans.conditions import (
    ChainValid,
    Condition,
    GraphSays,
    HeldFor,
    Instant,
    ParentServesDs,
    Presents,
    ProviderHolds,
    Readiness,
    ServedEverywhere,
    StsAllows,
    ZoneSigned,
)
from plans.desired import Subject
from plans.plan import Entry, Manual, Rollout, Step
from plans.policy import Risk
from plans.values import Ds, Key, Mx, Name, Tlsa, ZoneRef, name, rrset
from tests.strategies import held_for, instants

DOMAIN = name("contoso.example")
KEY = Key(DOMAIN, "MX")
SET = rrset(DOMAIN, "MX", 60, [Mx(0, name("b.example")), Mx(10, name("a.example"))])
ZONE = ZoneRef("aws", "route53", "1", "Z1", DOMAIN)


def kind_of(condition: type[Condition]) -> str:
    return condition.__name__


@pytest.mark.parametrize("kind", [*get_args(Instant), HeldFor], ids=kind_of)
@settings(max_examples=settings().max_examples // 4)
@given(data=st.data())
def test_each_kind_of_condition_is_read_back_from_a_plan_as_it_was(kind: type[Condition], data: st.DataObject) -> None:
    condition = data.draw(held_for if kind is HeldFor else instants[kind])
    step = Step(Risk.MANUAL, Manual("Do it."), None, (condition,), (condition,))
    entry = Entry(Subject(DOMAIN), "contoso", rollout=Rollout(Subject(DOMAIN), (step,)))
    assert codec.decode_entry(codec.encode_entry(entry)) == entry


def test_each_kind_has_a_mark_of_its_own() -> None:
    marks = [kind.__dataclass_fields__["kind"].default for kind in (*get_args(Instant), HeldFor)]
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize("kind", get_args(Instant), ids=kind_of)
@settings(max_examples=5)
@given(data=st.data())
def test_a_condition_says_what_it_waits_for_and_for_how_long(kind: type[Condition], data: st.DataObject) -> None:
    condition = data.draw(instants[kind])
    assert isinstance(condition, Instant)
    told = str(condition)
    assert told
    assert kind.__name__ not in told
    if not isinstance(condition, StsAllows):
        assert str(HeldFor(condition, 60)) == f"{told}, and has for 1 min"


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (ProviderHolds(ZONE, KEY, SET), "aws, read back, holds 0 b.example., 10 a.example. (TTL 60) at contoso.example. MX"),
        (ServedEverywhere(DOMAIN, KEY, None), "every server of contoso.example. serves no set at contoso.example. MX"),
        (GraphSays(DOMAIN, Readiness.VERIFIED), "Microsoft Graph says that contoso.example. is verified"),
        (
            GraphSays(DOMAIN, Readiness.ASSIGNED),
            "Microsoft Graph names a host under mx.microsoft for contoso.example., or one is pinned",
        ),
        (
            ZoneSigned(DOMAIN, (Ds(7, 13, 2, "ab" * 32),), 86400),
            "every server of contoso.example. serves it signed with the keys 7, valid for 1 d more",
        ),
        (ZoneSigned(DOMAIN, (), 0), "every server of contoso.example. serves it signed"),
        (ParentServesDs(DOMAIN, ()), "every server of the zone above contoso.example. serves no DS"),
        (
            ParentServesDs(DOMAIN, (Ds(7, 13, 2, "ab" * 32), Ds(8, 13, 2, "ab" * 32))),
            "every server of the zone above contoso.example. serves the DS for 7, 8",
        ),
        (
            Presents(Name("mx.example."), (Tlsa(3, 1, 1, "ab" * 32),)),
            "every address of mx.example. presents what 3 1 1 abababababababab matches",
        ),
        (
            HeldFor(ChainValid(DOMAIN), 90000),
            "the chain of trust from the root to contoso.example. is valid, and has for 1 d 1 h",
        ),
    ],
)
def test_conditions_say_who_must_say_what(condition: Condition, told: str) -> None:
    assert str(condition) == told


def test_there_is_no_wait_backwards() -> None:
    with pytest.raises(ValueError, match="a wait of -1"):
        HeldFor(ChainValid(DOMAIN), -1)
