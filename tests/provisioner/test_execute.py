from __future__ import annotations

from datetime import timedelta

import pytest

from plans.codec import encode_entry
from plans.conditions import ProviderHolds
from plans.desired import Subject
from plans.plan import Change, Entry, Filters, Header, Rollout, SetSigning, Step
from plans.policy import Risk
from plans.position import EventKind
from plans.values import Mx, ZoneRef, name, rrset
from providers.contract import AuthFailed, Outcome, Status, Unavailable
from provisioner.engine import Planning
from provisioner.execute import stopped
from provisioner.exits import Exit
from provisioner.planfile import PlanFile
from provisioner.report.exit_code import of_apply
from provisioner.results import Result, Standing
from provisioner.state import State
from tests.provisioner.walking import walk
from tests.provisioner.worlds import CONTOSO, KEY, NEW, OLD, World, mx


def journal(state: State, plan: PlanFile) -> list[tuple[EventKind, str]]:
    stored = state.find(Subject(CONTOSO), plan.id)
    return [(event.kind, event.outcome) for event in state.events(stored.id)] if stored else []


def is_finished(state: State, plan: PlanFile) -> bool:
    return {begun.outcome for begun in state.begun(plan.id).values()} == {"finished"}


BEGUN = (EventKind.BEGUN, "")
WRITTEN = (EventKind.SETTLED, "written")
SEEN = (EventKind.SEEN, "")


def test_a_write_is_journalled_before_after_and_when_it_is_seen(world: World, state: State) -> None:
    with world.plan() as plan:
        assert walk(world, state, plan) == [Result(Subject(CONTOSO), Standing.DONE, 1)]
        assert journal(state, plan) == [BEGUN, WRITTEN, SEEN]
        assert len(world.provider.writes) == 1
        assert is_finished(state, plan)
        assert walk(world, state, plan) == [Result(Subject(CONTOSO), Standing.DONE, 0)]
        assert len(world.provider.writes) == 1


def test_what_somebody_else_did_already_is_done(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.put(CONTOSO, NEW)
        assert walk(world, state, plan) == [Result(Subject(CONTOSO), Standing.DONE, 0)]
        assert journal(state, plan) == []
        assert not is_finished(state, plan)
        assert world.provider.writes == ()


def test_a_lost_answer_is_settled_by_reading_and_not_written_again(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.script = ["lost"]
        assert walk(world, state, plan) == [Result(Subject(CONTOSO), Standing.DONE, 1)]
        assert journal(state, plan) == [BEGUN, WRITTEN, SEEN]
        assert len(world.provider.writes) == 1


def test_an_answer_lost_before_the_write_is_written_again(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.script = [Outcome(Status.UNKNOWN)]
        assert walk(world, state, plan) == [Result(Subject(CONTOSO), Standing.DONE, 1)]
        assert journal(state, plan) == [BEGUN, BEGUN, WRITTEN, SEEN]


def test_a_zone_that_changed_elsewhere_is_read_and_tried_again(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.script = ["meanwhile"]
        assert walk(world, state, plan) == [Result(Subject(CONTOSO), Standing.DONE, 1)]
        assert journal(state, plan) == [BEGUN, (EventKind.SETTLED, "conflict"), BEGUN, WRITTEN, SEEN]


def test_a_zone_that_never_holds_still_fails(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.script = ["meanwhile"] * 20
        (result,) = walk(world, state, plan)
        assert (result.standing, result.written) == (Standing.FAILED, 0)
        assert result.problem
        assert "the zone changed" in result.problem.detail
        assert walk(world, state, plan)[0].standing is Standing.FAILED
        world.provider.script = []
        assert walk(world, state, plan)[0].standing is Standing.DONE


@pytest.mark.parametrize("status", [Status.REJECTED, Status.NOT_TRIED])
def test_a_refused_write_fails_with_the_providers_reason(world: World, state: State, status: Status) -> None:
    with world.plan() as plan:
        world.provider.script = [Outcome(status, "The zone is frozen.")]
        (result,) = walk(world, state, plan)
        assert (result.standing, result.written) == (Standing.FAILED, 0)
        assert result.problem
        assert result.problem.detail == "The zone is frozen."
        assert journal(state, plan) == [BEGUN, (EventKind.SETTLED, status.value)]
        assert walk(world, state, plan)[0].standing is Standing.DONE


def test_an_error_before_the_write_is_journalled_as_not_tried(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.script = [AuthFailed("The key has expired", "For mem.", "Make a new one.")]
        (result,) = walk(world, state, plan)
        assert result.problem
        assert (result.standing, result.problem.headline) == (Standing.FAILED, "The key has expired")
        assert journal(state, plan) == [BEGUN, (EventKind.SETTLED, "not-tried")]


def test_a_read_error_fails_the_subject(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.read_error = Unavailable("No answer", "From mem.", "Try again.")
        assert walk(world, state, plan)[0].standing is Standing.FAILED
        assert journal(state, plan) == []


def test_what_was_written_and_is_not_seen_yet_waits(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.script = ["late"]
        results = walk(world, state, plan)
        assert [(result.standing, result.written) for result in results] == [(Standing.WAITING, 1)]
        assert results[0].waiting
        assert of_apply(results) == Exit.WAITING
        assert [(result.standing, result.written) for result in walk(world, state, plan)] == [(Standing.WAITING, 0)]
        with world.plan() as newer:
            assert walk(world, state, newer)[0].standing is Standing.WAITING
        world.provider.catch_up()
        assert walk(world, state, plan) == [Result(Subject(CONTOSO), Standing.DONE, 0)]
        assert len(world.provider.writes) == 1


def test_a_changed_value_is_stale(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.remove(CONTOSO, KEY)
        results = walk(world, state, plan)
        assert results[0].standing is Standing.STALE
        assert results[0].problem
        assert "no set" in results[0].problem.detail
        assert of_apply(results) == Exit.STALE
        assert journal(state, plan) == []


def test_a_plan_may_not_begin_after_it_has_expired_but_may_go_on(world: World, state: State) -> None:
    with world.plan() as plan:
        world.clock += timedelta(hours=24)
        (result,) = walk(world, state, plan)
        assert result.problem
        assert (result.standing, result.problem.headline) == (Standing.STALE, "The plan has expired")
        assert world.provider.writes == ()
        world.clock -= timedelta(hours=1)
        world.provider.script = [Outcome(Status.REJECTED)]
        assert walk(world, state, plan)[0].standing is Standing.FAILED
        world.clock += timedelta(days=2)
        assert walk(world, state, plan)[0].standing is Standing.DONE


def test_a_newer_plan_replaces_one_that_never_wrote(world: World, state: State) -> None:
    with world.plan() as old:
        world.provider.script = [Outcome(Status.REJECTED)]
        walk(world, state, old)
        world.provider.put(CONTOSO, mx("other.o-v1.mx.microsoft"))
        with world.plan() as newer:
            assert walk(world, state, newer) == [Result(Subject(CONTOSO), Standing.DONE, 1)]
        (result,) = walk(world, state, old)
        assert result.problem
        assert result.standing is Standing.STALE
        assert "superseded" in result.problem.detail


def test_a_newer_plan_finishes_what_an_older_one_wrote(world: World, state: State) -> None:
    with world.plan() as old, world.plan(Filters(("contoso.*",))) as newer:
        world.provider.script = ["late"]
        walk(world, state, old)
        world.provider.catch_up()
        assert walk(world, state, newer) == [Result(Subject(CONTOSO), Standing.DONE, 0)]
        assert is_finished(state, old)


def test_a_newer_plan_that_says_otherwise_waits_for_a_half_done_one(world: World, state: State) -> None:
    with world.plan() as old:
        world.provider.script = ["late"]
        walk(world, state, old)
        world.hosts[CONTOSO] = "contoso-example.a-v1.mx.microsoft"
        world.save_answer()
        with world.plan() as newer:
            results = walk(world, state, newer)
    assert results[0].standing is Standing.REFUSED
    assert results[0].problem
    assert "half done" in results[0].problem.headline
    assert of_apply(results) == Exit.REFUSED


def test_a_forgotten_rollout_is_not_taken_up_again(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.script = ["late"]
        walk(world, state, plan)
        assert state.forget(state.begin_run("forget", "0"), Subject(CONTOSO))
        (result,) = walk(world, state, plan)
        assert result.problem
        assert (result.standing, "forgotten" in result.problem.detail) == (Standing.STALE, True)
        world.provider.catch_up()
        with world.plan() as newer:
            assert not list(newer.entries())


def sealed(world: World, rollout: Rollout) -> PlanFile:
    header = Header(world.clock, world.clock + timedelta(hours=24), Filters(), ())
    return PlanFile.record(Planning(header, iter([Entry(rollout.subject, "contoso", (), (), rollout)])))


def zone_of(world: World) -> ZoneRef:
    return world.provider.zones([CONTOSO])[CONTOSO]


def test_several_steps_are_walked_in_order(world: World, state: State) -> None:
    middle = mx("middle.o-v1.mx.microsoft")
    steps = tuple(
        Step(Risk.REPLACE_MX, Change(before, after), zone_of(world), (), (ProviderHolds(zone_of(world), KEY, after),))
        for before, after in ((OLD, middle), (middle, NEW))
    )
    with sealed(world, Rollout(Subject(CONTOSO), steps)) as plan:
        world.provider.script = [Outcome(Status.UNKNOWN)] * 2
        assert walk(world, state, plan) == [Result(Subject(CONTOSO), Standing.DONE, 2)]
        assert [write.changes[0].after for write in world.provider.writes] == [middle, NEW]


def test_a_half_done_rollout_goes_on_under_a_newer_plan_with_the_same_rest(world: World, state: State) -> None:
    middle = mx("middle.o-v1.mx.microsoft")
    first, second = (
        Step(Risk.REPLACE_MX, Change(before, after), zone_of(world), (), (ProviderHolds(zone_of(world), KEY, after),))
        for before, after in ((OLD, middle), (middle, NEW))
    )
    with (
        sealed(world, Rollout(Subject(CONTOSO), (first, second))) as old,
        sealed(world, Rollout(Subject(CONTOSO), (second,))) as rest,
    ):
        run = state.begin_run("apply", "0")
        stored = state.start(run, Subject(CONTOSO), old.id, next(iter(lines_of(old))))
        state.record(run, stored.id, EventKind.BEGUN, 0, {})
        world.provider.put(CONTOSO, middle)
        assert walk(world, state, rest) == [Result(Subject(CONTOSO), Standing.DONE, 1)]
        assert is_finished(state, old)


def lines_of(plan: PlanFile) -> list[bytes]:
    return [encode_entry(entry) for entry in plan.entries()]


def test_a_zone_that_nobody_can_sign_is_refused(world: World, state: State) -> None:
    step = Step(Risk.SIGN, SetSigning(signed=True), zone_of(world), (), (ProviderHolds(zone_of(world), KEY, NEW),))
    with sealed(world, Rollout(Subject(CONTOSO), (step,))) as plan:
        (result,) = walk(world, state, plan)
    assert result.problem
    assert result.standing is Standing.FAILED
    assert "signs no zones" in result.problem.detail


def test_a_zone_that_is_gone_makes_the_plan_stale(world: World, state: State) -> None:
    elsewhere = ZoneRef("mem", "memory", "", "gone.example", name("gone.example"))
    change = Change(None, rrset("gone.example", "MX", 60, [Mx(0, name("mx.example"))]))
    step = Step(Risk.CREATE_MX, change, elsewhere, (), (ProviderHolds(elsewhere, change.key, change.after),))
    with sealed(world, Rollout(Subject(name("gone.example")), (step,))) as plan:
        (result,) = walk(world, state, plan)
    assert result.problem
    assert result.standing is Standing.STALE
    assert "now holds no such zone" in result.problem.detail


def test_what_was_stopped_while_planning_is_a_result(world: World) -> None:
    world.provider.put(CONTOSO, mx("mx.gateway.example"))
    with world.plan() as plan:
        (result,) = stopped(plan)
    assert (result.standing, result.written) == (Standing.REFUSED, 0)
    assert result.problem
    assert result.problem.headline == "contoso.example: foreign-mx"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ([], Exit.DONE),
        ([(Standing.DONE, 1)], Exit.DONE),
        ([(Standing.DONE, 0), (Standing.WAITING, 0)], Exit.WAITING),
        ([(Standing.DONE, 1), (Standing.WAITING, 1)], Exit.WAITING),
        ([(Standing.STALE, 0), (Standing.FAILED, 0), (Standing.REFUSED, 0)], Exit.STALE),
        ([(Standing.DONE, 1), (Standing.STALE, 0)], Exit.PARTIAL),
        ([(Standing.DONE, 1), (Standing.FAILED, 0)], Exit.PARTIAL),
        ([(Standing.DONE, 1), (Standing.REFUSED, 0)], Exit.PARTIAL),
        ([(Standing.FAILED, 1)], Exit.PARTIAL),
        ([(Standing.FAILED, 0), (Standing.REFUSED, 0), (Standing.WAITING, 0)], Exit.ERROR),
        ([(Standing.REFUSED, 0), (Standing.WAITING, 0)], Exit.REFUSED),
    ],
)
def test_the_exit_code_is_the_first_that_applies(told: list[tuple[Standing, int]], code: Exit) -> None:
    assert of_apply([Result(Subject(CONTOSO), standing, written) for standing, written in told]) == code
