"""Reconciling: what policy lets a schedule do is done, what is open is walked on, and the rest waits for somebody's yes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from plans.plan import Entry, Filters
from plans.policy import Risk
from plans.problem import Problem
from provisioner import engine
from provisioner.execute import Pace
from provisioner.kept import Kept
from provisioner.planfile import PlanFile
from provisioner.reconcile import Leave, Reconciliation, Withheld, same_steps, schedule
from provisioner.reconciled import Place, Reconciled
from provisioner.results import Standing
from provisioner.state import LeaseHeld, State, StoredRollout
from tests.provisioner.walking import CONTOSO_SUBJECT, one, walk, written
from tests.provisioner.worlds import CONTOSO, FABRIKAM, NEW, OLD, Scripted, World, mx

LAPSED = Problem("The approval of the rollout has lapsed", "It has begun long ago.", "Have it approved.")
ASKS = Withheld(Place.APPROVAL, Problem("Steps wait for approval", "Somebody has to look.", "Approve them."))


@dataclass
class Policy:
    """What a reconcile may do, as a test says it."""

    alone: frozenset[Risk] = frozenset()
    lapsed: Problem | None = None
    approved: PlanFile | None = None
    filters: Filters = field(default_factory=Filters)

    @property
    def leave(self) -> Leave:
        return Leave(self._withheld, self._lapsed, lambda _: True, self.approved)

    def _withheld(self, entry: Entry) -> Withheld | None:
        assert entry.rollout
        return None if self.alone.issuperset(step.risk for step in entry.rollout.steps) else ASKS

    def _lapsed(self, _stored: StoredRollout, _entry: Entry) -> Problem | None:
        return self.lapsed


@contextmanager
def reconciled(world: World, state: State, policy: Policy) -> Iterator[tuple[list[Reconciled], PlanFile]]:
    """Reconcile once, and give what was told of each subject and the plan that waits."""
    fleet, run = world.fleet(), state.begin_run("reconcile", "0")
    going = Reconciliation(fleet, state, run, policy.leave, Pace())
    told = list(going.subjects(engine.plan(fleet, policy.filters, Kept.of(state), "reconcile")))
    assert state.verify() == ()
    assert going.pending
    with going.pending:
        yield told, going.pending


def places(told: list[Reconciled]) -> dict[str, Place]:
    assert len({one.subject for one in told}) == len(told)
    return {str(one.subject): one.place for one in told}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.served(tmp_path)


def test_what_is_as_it_should_be_is_told_and_left(tmp_path: Path, state: State) -> None:
    world = World(tmp_path, Scripted({CONTOSO: [NEW], FABRIKAM: [mx("fabrikam-example.o-v1.mx.microsoft", FABRIKAM)]}))
    with reconciled(world, state, Policy()) as (told, pending):
        assert places(told) == {"contoso.example": Place.IN_SYNC, "fabrikam.example": Place.IN_SYNC}
        assert pending.totals.steps == 0


def test_what_policy_lets_it_do_is_done_and_nothing_else(tmp_path: Path, state: State) -> None:
    legacy = mx("fabrikam-example.mail.protection.outlook.com", FABRIKAM)
    world = World(tmp_path, Scripted({CONTOSO: [], FABRIKAM: [legacy]}))
    with reconciled(world, state, Policy(frozenset({Risk.CREATE_MX}))) as (told, pending):
        assert places(told) == {"contoso.example": Place.CHANGED, "fabrikam.example": Place.APPROVAL}
        assert written(world.provider) == [NEW]
        assert [entry.subject.name for entry in pending.entries()] == [FABRIKAM]
    with reconciled(world, state, Policy(frozenset({Risk.CREATE_MX}))) as (told, again):
        assert places(told) == {"contoso.example": Place.IN_SYNC, "fabrikam.example": Place.APPROVAL}
        with world.plan(Filters(("fabrikam.example",))) as plan:
            assert same_steps(plan, again)


def test_a_plan_that_somebody_approved_is_begun_and_walked_by_reconciles_alone(world: World, state: State) -> None:
    with reconciled(world, state, Policy()) as (told, pending):
        assert places(told) == {"contoso.example": Place.APPROVAL, "fabrikam.example": Place.IN_SYNC}
        with reconciled(world, state, Policy(approved=pending)) as (begun, left):
            assert places(begun) == {"contoso.example": Place.WAITING, "fabrikam.example": Place.IN_SYNC}
            assert left.totals.steps == 0
    for _ in range(20):
        world.clock += timedelta(hours=1, seconds=1)
        with reconciled(world, state, Policy()) as (told, left):
            assert left.totals.steps == 0
            if places(told)["contoso.example"] is Place.CHANGED:
                break
            assert places(told)["contoso.example"] is Place.WAITING
    else:
        pytest.fail("it never came to its end")
    assert written(world.provider)[-1] == NEW
    with reconciled(world, state, Policy()) as (told, _):
        assert places(told) == {"contoso.example": Place.IN_SYNC, "fabrikam.example": Place.IN_SYNC}


def test_an_open_rollout_whose_approval_has_lapsed_waits_for_another_one(world: World, state: State) -> None:
    with world.plan() as plan:
        assert one(walk(world, state, plan)).standing is Standing.WAITING
    world.clock += timedelta(hours=2)
    with reconciled(world, state, Policy(lapsed=LAPSED)) as (told, pending):
        found = next(one for one in told if one.subject == CONTOSO_SUBJECT)
        assert (found.place, found.problem) == (Place.APPROVAL, LAPSED)
        assert [entry.subject for entry in pending.entries()] == [CONTOSO_SUBJECT]
        assert len(written(world.provider)) == 1
        with reconciled(world, state, Policy(approved=pending)) as (again, _):
            assert places(again)["contoso.example"] is Place.WAITING
    assert len(written(world.provider)) == 2


def test_a_lapsed_rollout_that_the_filters_leave_out_of_the_plan_is_told_all_the_same(world: World, state: State) -> None:
    with world.plan() as plan:
        walk(world, state, plan)
    policy = Policy(lapsed=LAPSED, filters=Filters(("fabrikam.example",)))
    with reconciled(world, state, policy) as (told, _):
        assert places(told) == {"contoso.example": Place.APPROVAL, "fabrikam.example": Place.IN_SYNC}


def test_what_stops_a_subject_is_told_though_its_open_rollout_waits(world: World, state: State) -> None:
    with world.plan() as plan:
        walk(world, state, plan)
    world.ask_for("contoso-example.p-v1.mx.microsoft")
    with reconciled(world, state, Policy()) as (told, pending):
        found = next(one for one in told if one.subject == CONTOSO_SUBJECT)
        assert found.place in {Place.REFUSED, Place.STALE}
        assert found.needs_a_person
        assert pending.totals.steps == 0


def test_two_of_the_same_schedule_never_overlap(world: World, state: State) -> None:
    world.fleet()
    first, second = state.begin_run("reconcile", "0"), state.begin_run("reconcile", "0")
    with schedule(state, first, Filters(), Pace()):
        with pytest.raises(LeaseHeld), schedule(state, second, Filters(), Pace()):
            pass
        with schedule(state, second, Filters(("other.example",)), Pace()):
            pass
    with schedule(state, second, Filters(), Pace()):
        pass


def test_steps_are_the_same_whenever_a_plan_is_made(tmp_path: Path) -> None:
    world = World(tmp_path, Scripted({CONTOSO: [OLD], FABRIKAM: [mx("fabrikam-example.o-v1.mx.microsoft", FABRIKAM)]}))
    with world.plan() as plan:
        world.clock += timedelta(hours=1)
        with world.plan() as later:
            assert plan.id != later.id
            assert same_steps(plan, later)
        world.ask_for("contoso-example.p-v1.mx.microsoft")
        with world.plan() as other:
            assert not same_steps(plan, other)
