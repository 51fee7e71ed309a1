"""A rollout that is half done when another plan is made: it goes on, is replaced, or stands in the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from plans.desired import Stated
from plans.plan import Manual
from plans.position import SHOWN
from plans.values import Mx, name, rrset
from providers.contract import Outcome, Status
from provisioner.exits import Exit
from provisioner.kept import Kept
from provisioner.manifest.model import Domain, Route, Takeover
from provisioner.planfile import PlanFile
from provisioner.report.exit_code import of_apply, of_plan
from provisioner.results import Standing
from provisioner.state import State
from tests.provisioner.walking import CONTOSO_SUBJECT, codes, entry, events, one, planned, reasons, walk
from tests.provisioner.witnesses import SECOND
from tests.provisioner.worlds import CONTOSO, KEY, OLD, World, mx

OTHER = "contoso-example.a-v1.mx.microsoft"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.served(tmp_path)


def test_a_new_plan_half_way_has_the_rest_of_the_steps_and_goes_on(world: World, state: State) -> None:
    with world.plan() as first:
        walk(world, state, first)
        with planned(world, state) as second:
            told, before = entry(second), entry(first)
            assert codes(told) == ["waits"]
            assert "1 of 5 steps are done" in told.findings[0].what
            assert told.rollout
            assert before.rollout
            assert told.rollout.steps == before.rollout.steps[1:]
            world.clock += timedelta(hours=1)
            assert one(walk(world, state, second)).written == 1
        assert state.find(CONTOSO_SUBJECT, second.id) is None
        assert events(state, first)[-1] == "met 2"


def test_the_rest_goes_on_after_its_own_plan_has_expired_while_the_first_one_is_open(world: World, state: State) -> None:
    with world.plan() as first:
        world.clock += timedelta(minutes=1)
        unbegun = world.plan()
        walk(world, state, first)
        with unbegun, planned(world, state) as second:
            world.clock += timedelta(days=2)
            assert one(walk(world, state, second)).written == 1
            result = one(walk(world, state, unbegun))
            assert (result.standing, result.problem and result.problem.headline) == (Standing.STALE, "The plan has expired")
            to_end(world, state, first)
            result = one(walk(world, state, second))
            assert (result.standing, result.written) == (Standing.STALE, 0)


def test_what_is_no_rest_any_more_replaces_nothing_after_its_plan_has_expired(world: World, state: State) -> None:
    with world.plan() as first:
        walk(world, state, first)
        with planned(world, state) as second:
            world.ask_for(OTHER)
            with planned(world, state, supersede=True) as third:
                walk(world, state, third)
            world.clock += timedelta(days=2)
            result = one(walk(world, state, second))
            assert (result.standing, result.problem and result.problem.headline) == (Standing.STALE, "The plan has expired")
        opened = state.open_rollout(CONTOSO_SUBJECT)
        assert opened
        assert opened.plan_id == third.id


def to_end(world: World, state: State, plan: PlanFile) -> None:
    """Walk a plan by the day until it is over."""
    for _ in range(9):
        world.clock += timedelta(days=1)
        if one(walk(world, state, plan)).standing is Standing.DONE:
            return
    raise AssertionError(plan.id)


def test_a_new_plan_made_while_a_server_lags_waits_as_the_open_one_does(world: World, state: State) -> None:
    with world.plan() as first:
        world.witness.hold_back(SECOND, KEY)
        walk(world, state, first)
        with planned(world, state) as second:
            assert codes(entry(second)) == ["goes-on"]
            assert reasons(one(walk(world, state, second))) == [f"{SECOND} serves {OLD.values[0]} (TTL 3600)"]


def test_a_plan_made_before_another_one_was_begun_goes_on_with_that(world: World, state: State) -> None:
    with world.plan() as first:
        world.clock += timedelta(minutes=1)
        with world.plan() as second:
            walk(world, state, first)
            assert one(walk(world, state, second)).standing is Standing.WAITING
            assert state.find(CONTOSO_SUBJECT, second.id) is None


@pytest.mark.parametrize("seen", [True, False])
def test_what_somebody_changed_back_is_written_again_only_by_a_plan_that_says_so(
    world: World, state: State, *, seen: bool
) -> None:
    with world.plan() as first:
        if not seen:
            world.witness.hold_back(SECOND, KEY)
        walk(world, state, first)
        world.provider.put(CONTOSO, OLD)
        world.clock += SHOWN
        result = one(walk(world, state, first))
        assert (result.standing, result.written) == (Standing.STALE, 0)
    with planned(world, state) as second:
        (block,) = entry(second).findings
        assert (block.code, entry(second).rollout) == ("rollout-open", None)
        assert "somebody changed what it wrote" in block.what
    world.witness.catch_up()
    with planned(world, state, supersede=True) as third:
        assert codes(entry(third)) == ["supersedes"]
        result = one(walk(world, state, third))
        assert (result.standing, result.written) == (Standing.WAITING, 1)
        to_end(world, state, third)


def test_something_else_stands_back_until_it_is_said_that_it_replaces_the_open_one(world: World, state: State) -> None:
    with world.plan() as first:
        walk(world, state, first)
        world.ask_for(OTHER)
        with planned(world, state) as second:
            assert codes(entry(second)) == ["rollout-open"]
            assert "half done (1 of 5 steps)" in entry(second).findings[0].what
            assert of_plan(second.totals, strict=True, detailed=False) == Exit.REFUSED
            assert of_plan(second.totals, strict=False, detailed=False) == Exit.DONE
        with planned(world, state, supersede=True) as third:
            assert (codes(entry(third)), entry(third).supersedes) == (["supersedes"], first.id)
            assert one(walk(world, state, third)).standing is Standing.WAITING
        result = one(walk(world, state, first))
        assert (result.standing, of_apply([result])) == (Standing.STALE, Exit.STALE)
        assert result.problem
        assert "superseded" in result.problem.detail
        opened = state.open_rollout(CONTOSO_SUBJECT)
        assert opened
        assert opened.plan_id == third.id


def test_what_was_begun_and_never_written_makes_way_by_itself(world: World, state: State) -> None:
    with world.plan() as first:
        world.provider.script = [Outcome(Status.REJECTED, "frozen")]
        assert one(walk(world, state, first)).standing is Standing.FAILED
        world.ask_for(OTHER)
        with planned(world, state) as second:
            assert codes(entry(second)) == []
            assert one(walk(world, state, second)).written == 1


def test_without_its_state_every_wait_begins_again(world: World, state: State, tmp_path: Path) -> None:
    with world.plan() as first:
        walk(world, state, first)
        world.clock += timedelta(minutes=59)
        with State.open(f"sqlite:///{tmp_path / 'another.db'}", world.now) as another:
            result = one(walk(world, another, first))
            assert (result.written, reasons(result)) == (0, ["until 24 04:23:10"])
            with planned(world, another) as second:
                assert codes(entry(second)) == ["waits"]


def test_a_set_that_looks_half_way_and_nobody_remembers_waits_a_day(world: World, state: State) -> None:
    old, new = name("contoso-example.mail.protection.outlook.com"), name("contoso-example.o-v1.mx.microsoft")
    world.provider.put(CONTOSO, rrset(CONTOSO, "MX", 30, [Mx(0, old), Mx(10, new)]))
    with planned(world, state) as plan:
        result = one(walk(world, state, plan))
        assert (result.written, reasons(result)) == (0, ["until 25 02:24:10"])


def test_what_the_state_keeps_is_read_whole(world: World, state: State) -> None:
    run = state.begin_run("pin", "0")
    state.pin(run, CONTOSO, name(OTHER))
    with world.plan() as plan:
        walk(world, state, plan)
    kept = Kept.of(state)
    assert kept.pins == {CONTOSO: name(OTHER)}
    assert {subject: (one.plan_id, one.wrote) for subject, one in kept.opened.items()} == {CONTOSO_SUBJECT: (plan.id, True)}


def test_a_pin_counts_for_a_walk_as_long_as_it_is_kept(world: World, state: State) -> None:
    world.ask_for("contoso-example.mail.protection.outlook.com")
    state.pin(state.begin_run("pin", "0"), CONTOSO, name(OTHER))
    with planned(world, state) as plan:
        assert codes(entry(plan)) == ["pinned"]
        assert one(walk(world, state, plan)).standing is Standing.WAITING
        state.unpin(state.begin_run("forget", "0"), CONTOSO)
        world.clock += timedelta(hours=1)
        assert one(walk(world, state, plan)).standing is Standing.STALE
        state.pin(state.begin_run("pin", "0"), CONTOSO, name(OTHER))
        assert one(walk(world, state, plan)).written == 1


def test_a_step_that_nobody_does_is_waited_for_and_nothing_is_written(world: World, state: State) -> None:
    world.capabilities = replace(world.capabilities, writes=False)
    with planned(world, state) as plan:
        rollout = entry(plan).rollout
        assert rollout
        assert all(isinstance(step.action, Manual) for step in rollout.steps)
        for _ in range(7):
            result = one(walk(world, state, plan))
            assert (result.standing, result.written) == (Standing.WAITING, 0)
            world.clock += timedelta(days=1)
        assert world.provider.writes == ()
        assert events(state, plan) == []
        world.provider.put(CONTOSO, replace(OLD, ttl=30))
        assert one(walk(world, state, plan)).standing is Standing.WAITING
        assert events(state, plan) == ["seen 0", "met 1"]


def through_gateway(domain: Domain) -> Domain:
    return replace(domain, route=Route.GATEWAY, mx=(Mx(10, name("mx1.contoso.example")),))


def test_a_gateways_hosts_are_those_of_the_manifest_and_graph_is_not_asked_for_them(world: World, state: State) -> None:
    world.shape = lambda domain: through_gateway(domain) if domain.name == CONTOSO else domain
    with planned(world, state) as plan:
        assert isinstance(entry(plan).evidence[1], Stated)
        walk(world, state, plan)
        world.ask_for(OTHER)
        world.clock += timedelta(hours=1)
        assert one(walk(world, state, plan)).written == 1


@pytest.mark.parametrize(
    ("until", "told"),
    [(timedelta(days=6), []), (timedelta(days=5), ["takeover-too-soon"]), (None, ["foreign-mx"])],
)
def test_somebody_elses_host_is_replaced_by_leave_alone(until: timedelta | None, told: list[str], world: World) -> None:
    host = "mx.elsewhere.example"
    world.provider.put(CONTOSO, mx(host))
    leave = Takeover(name(host), world.now() + until) if until else None
    world.shape = lambda domain: replace(domain, takeover=leave)
    with world.plan() as plan:
        assert codes(entry(plan)) == told
