from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from plans.codec import encode_entry
from plans.conditions import ChainValid, ProviderHolds, ZoneSigned
from plans.desired import Subject, SubjectKind
from plans.plan import Change, Entry, Manual, Rollout, SetSigning, Step
from plans.policy import Risk
from plans.position import EventKind
from plans.values import Mx, ZoneRef, name, rrset
from provisioner.state import Run, State, StateDamaged, Written, journal
from provisioner.state.history import PORTION
from provisioner.state.rollouts import Carried, CarriedEvent

CONTOSO, SIGNED = Subject(name("contoso.com")), Subject(name("contoso.com"), SubjectKind.ZONE)
ZONE = ZoneRef("aws", "route53", "1", "Z1", CONTOSO.name)
FIRST, SECOND = (rrset(CONTOSO.name, "MX", ttl, [Mx(0, name("mx.example"))]) for ttl in (60, 300))
ACTIONS = (Change(None, FIRST), Change(FIRST, SECOND), Manual("Do it."))


def step(action: Change | SetSigning | Manual) -> Step:
    match action:
        case Change(after=after, key=key):
            return Step(Risk.REPLACE_MX, action, ZONE, (), (ProviderHolds(ZONE, key, after),))
        case SetSigning():
            return Step(Risk.SIGN, action, ZONE, (), (ZoneSigned(ZONE.name, (), 0),))
        case Manual():
            return Step(Risk.MANUAL, action, None, (), (ChainValid(ZONE.name),))


def line(subject: Subject, *actions: Change | SetSigning | Manual) -> bytes:
    return encode_entry(Entry(subject, "contoso", rollout=Rollout(subject, tuple(map(step, actions)))))


def settle(state: State, run: Run, rollout: str, number: int, outcome: str = "written") -> None:
    state.record(run, rollout, EventKind.BEGUN, number, {})
    state.record(run, rollout, EventKind.SETTLED, number, {"outcome": outcome})


def test_every_confirmed_write_comes_with_what_was_written_and_who_wrote_it(state: State, run: Run) -> None:
    first = state.start(run, CONTOSO, "plan-a", line(CONTOSO, *ACTIONS))
    settle(state, run, first.id, 0, "conflict")
    settle(state, run, first.id, 0)
    later = state.begin_run("apply", "0.1.0")
    zone = state.start(later, SIGNED, "plan-b", line(SIGNED, SetSigning(signed=True)))
    settle(state, later, zone.id, 0)
    settle(state, later, first.id, 1)
    state.record(later, first.id, EventKind.SEEN, 2, {})
    state.close_rollout(later, first.id, "finished")
    found = list(state.writes())
    times = [entry.at for entry in state.history() if entry.body.get("outcome") == "written"]
    assert found == [
        Written(times[0], run.id, "plan-a", CONTOSO, 0, ZONE, ACTIONS[0]),
        Written(times[1], later.id, "plan-b", SIGNED, 0, ZONE, SetSigning(signed=True)),
        Written(times[2], later.id, "plan-a", CONTOSO, 1, ZONE, ACTIONS[1]),
    ]
    assert [one.plan_id for one in state.writes(SIGNED)] == ["plan-b"]
    assert list(state.writes(CONTOSO)) == [found[0], found[2]]
    assert list(state.writes(since=times[0])) == found
    assert list(state.writes(since=times[2] + timedelta(microseconds=1))) == []
    assert list(state.writes(Subject(name("fabrikam.com")))) == []


def test_what_another_state_wrote_counts_from_when_it_did(state: State, run: Run) -> None:
    long_ago = state.now() - timedelta(days=9)
    event = CarriedEvent(EventKind.SETTLED, 0, long_ago, {"outcome": "written"})
    state.take_over(run, Carried(CONTOSO, "plan-a", line(CONTOSO, *ACTIONS), long_ago, (event,)))
    assert [one.at for one in state.writes()] == [long_ago]
    assert list(state.writes(since=long_ago + timedelta(days=1))) == []


def test_writes_are_read_in_portions_and_whole(state: State, run: Run) -> None:
    rollout = state.start(run, CONTOSO, "plan-a", line(CONTOSO, *ACTIONS[:2] * (PORTION // 2), ACTIONS[0]))
    for number in range(PORTION + 1):
        state.record(run, rollout.id, EventKind.SETTLED, number, {"outcome": "written"})
    assert [one.number for one in state.writes()] == list(range(PORTION + 1))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE journal SET step = 1 WHERE kind = 'settled'", "entry 3: its columns do not give its hash"),
        ("UPDATE rollout SET line = '{}'", "is not the one that its id was made from"),
    ],
)
def test_what_was_edited_is_not_told(state: State, run: Run, raw: Connection, change: str, what: str) -> None:
    settle(state, run, state.start(run, CONTOSO, "plan-a", line(CONTOSO, *ACTIONS)).id, 0)
    raw.exec_driver_sql(change)
    with pytest.raises(StateDamaged, match=what):
        list(state.writes())


@pytest.mark.parametrize(
    ("column", "value"), [("step", 3), ("step", -1), ("step", 2), ("step", None), ("body", "[]"), ("at", "noon")]
)
def test_an_entry_about_no_write_is_damage_even_with_a_good_hash(
    state: State, run: Run, raw: Connection, column: str, value: object
) -> None:
    settle(state, run, state.start(run, CONTOSO, "plan-a", line(CONTOSO, *ACTIONS)).id, 0)
    raw.execute(text(f"UPDATE journal SET {column} = :value WHERE n = 3"), {"value": value})  # noqa: S608 - our names
    entry = raw.exec_driver_sql("SELECT * FROM journal WHERE n = 3").mappings().one()
    raw.execute(text("UPDATE journal SET hash = :hash WHERE n = 3"), {"hash": journal.entry_hash(dict(entry))})
    with pytest.raises(StateDamaged, match="entry 3 "):
        list(state.writes())


@pytest.mark.parametrize("told", [b"{}", encode_entry(Entry(CONTOSO, "contoso"))])
def test_a_line_that_has_no_such_step_is_damage(state: State, run: Run, told: bytes) -> None:
    settle(state, run, state.start(run, CONTOSO, "plan-a", told).id, 0)
    with pytest.raises(StateDamaged, match="entry 3 is about no step of a rollout"):
        list(state.writes())
