from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given

from plans.conditions import GraphSays, ProviderHolds, Readiness
from plans.desired import Subject
from plans.facts import Facts
from plans.plan import Change, Manual, Rollout, Step
from plans.policy import Risk
from plans.position import Finished, Unmet, Waiting, keys, position
from plans.rollout.by_hand import by_hand
from plans.values import Mx, ZoneRef, name, rrset
from tests.strategies import changes

NOW = datetime(2026, 11, 24, tzinfo=UTC)

OWNER = name("contoso.example")
ZONE = ZoneRef("theirs", "manual", "", "contoso.example", OWNER)
OLD = rrset(OWNER, "MX", 300, [Mx(0, name("contoso-example.mail.protection.outlook.com")), Mx(20, name("stays.example"))])
NEW = rrset(OWNER, "MX", 300, [Mx(0, name("contoso-example.o-v1.mx.microsoft")), Mx(20, name("stays.example"))])


def rollout(change: Change) -> Rollout:
    return Rollout(Subject(OWNER), (Step(Risk.REPLACE_MX, change, ZONE, (), (ProviderHolds(ZONE, change.key, change.after),)),))


def test_a_change_is_printed_as_lines_and_as_form_fields() -> None:
    (step,) = by_hand(rollout(Change(OLD, NEW))).steps
    assert isinstance(step.action, Manual)
    assert (step.risk, step.zone) == (Risk.REPLACE_MX, None)
    assert step.action.copy == (
        "remove  contoso.example. 300 IN MX 0 contoso-example.mail.protection.outlook.com.",
        "have    contoso.example. 300 IN MX 0 contoso-example.o-v1.mx.microsoft.",
        "have    contoso.example. 300 IN MX 20 stays.example.",
        "in a form:  name contoso.example, type MX, TTL 300, priority 0, mail server contoso-example.o-v1.mx.microsoft.",
    )


def test_it_waits_until_the_set_is_there() -> None:
    made = by_hand(rollout(Change(OLD, NEW)))
    assert keys(made) == {ZONE: {OLD.key}}
    assert position(made, (), Facts(NOW, {OLD.key: OLD})).state == Waiting(0, tuple(map(Unmet, made.steps[0].done_when)))
    assert position(made, (), Facts(NOW, {OLD.key: NEW})).state == Finished()


@given(changes())
def test_any_change_can_be_done_by_hand(change: Change) -> None:
    (step,) = by_hand(rollout(change)).steps
    assert isinstance(step.action, Manual)
    for value in change.after.values if change.after else ():
        assert any(line.startswith("have ") and line.endswith(f" {value}") for line in step.action.copy)
    for value in change.before.values if change.before else ():
        assert any(line.endswith(f" {value}") for line in step.action.copy)


def test_what_is_no_change_stays_as_it_is() -> None:
    step = Step(Risk.MANUAL, Manual("Do it."), None, (), (GraphSays(OWNER, Readiness.EMAIL),))
    assert by_hand(Rollout(Subject(OWNER), (step,))).steps == (step,)
