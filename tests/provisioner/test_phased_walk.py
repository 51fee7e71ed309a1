"""An MX that moves in phases, walked over many runs by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from plans.conditions import GraphAsks
from plans.facts import NoAnswer, Session, StsMode, StsPolicy
from plans.plan import Change
from plans.values import Live, Mx, Name, RRset, name, rrset
from providers.contract import AuthFailed
from provisioner.exits import Exit
from provisioner.manifest.model import Domain, SmtpProbe
from provisioner.planfile import PlanFile
from provisioner.report.exit_code import of_apply
from provisioner.results import Result, Standing
from provisioner.state import State
from tests.provisioner.walking import CONTOSO_SUBJECT, entry, events, one, reasons, walk, written
from tests.provisioner.witnesses import FIRST, GONE, MAIL_ADDRESS, SECOND
from tests.provisioner.worlds import CONTOSO, KEY, NEW, OLD, Killed, World, mx

HOST = name("contoso-example.o-v1.mx.microsoft")
LEGACY = name("contoso-example.mail.protection.outlook.com")
LOW = replace(OLD, ttl=30)
BOTH = rrset(CONTOSO, "MX", 30, [Mx(0, LEGACY), Mx(10, HOST)])
SWAPPED = rrset(CONTOSO, "MX", 30, [Mx(0, HOST), Mx(20, LEGACY)])
ALONE = replace(NEW, ttl=30)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.served(tmp_path)


def later(world: World, **time: float) -> None:
    world.clock += timedelta(**time)


def live(world: World) -> Live:
    return world.provider.read(world.provider.zones([CONTOSO])[CONTOSO], [KEY]).sets[KEY]


def to_step(world: World, state: State, plan: PlanFile, step: int) -> Result:
    """Walk until the given step is the one that waits."""
    for _ in range(12):
        result = one(walk(world, state, plan))
        if result.waits is None or result.waits.step >= step:
            return result
        later(world, hours=1, seconds=1)
    raise AssertionError(step)


def test_each_run_does_what_its_time_allows_and_says_what_it_waits_for(world: World, state: State) -> None:
    with world.plan() as plan:
        rollout = entry(plan).rollout
        assert rollout
        assert [step.action.after for step in rollout.steps if isinstance(step.action, Change)] == [
            LOW,
            BOTH,
            SWAPPED,
            ALONE,
            NEW,
        ]
        told: list[tuple[int, int, list[str]]] = []
        results: list[Result] = []
        for pause in (0, 1800, 1800, 29, 1, 30 + 3599, 1, 29, 1):
            later(world, seconds=pause)
            results = walk(world, state, plan)
            result = one(results)
            if result.standing is Standing.WAITING:
                assert result.waits
                assert of_apply(results) == Exit.WAITING
                told.append((result.written, result.waits.step, reasons(result)))
        assert told == [
            (1, 1, ["until 24 03:24:10"]),
            (0, 1, ["until 24 03:24:10"]),
            (1, 2, ["until 24 03:24:40"]),
            (0, 2, ["until 24 03:24:40"]),
            (1, 3, ["until 24 04:25:10"]),
            (0, 3, ["until 24 04:25:10"]),
            (1, 4, ["until 24 04:25:40"]),
            (0, 4, ["until 24 04:25:40"]),
        ]
        assert results == [Result(CONTOSO_SUBJECT, Standing.DONE, 1)]
        assert written(world.provider) == [LOW, BOTH, SWAPPED, ALONE, NEW]
        assert walk(world, state, plan) == [Result(CONTOSO_SUBJECT, Standing.DONE)]
        assert events(state, plan) == [
            *("begun 0", "settled 0 written", "seen 0", "met 1"),
            *("begun 1", "settled 1 written", "seen 1", "met 2"),
            *("begun 2", "settled 2 written", "seen 2", "met 3"),
            *("begun 3", "settled 3 written", "seen 3", "met 4"),
            *("begun 4", "settled 4 written", "seen 4"),
        ]


def test_a_server_that_lags_is_named_and_no_wait_counts_before_it_serves_the_set(world: World, state: State) -> None:
    with world.plan() as plan:
        world.witness.hold_back(SECOND, KEY)
        assert reasons(one(walk(world, state, plan))) == [f"{SECOND} serves {OLD.values[0]} (TTL 3600)"]
        later(world, hours=5)
        assert reasons(one(walk(world, state, plan))) == [f"{SECOND} serves {OLD.values[0]} (TTL 3600)"]
        assert events(state, plan) == ["begun 0", "settled 0 written"]
        world.witness.catch_up()
        assert reasons(one(walk(world, state, plan))) == ["until 24 08:24:10"]
        assert written(world.provider) == [LOW]


def test_a_silent_server_opens_nothing_and_breaks_no_wait(world: World, state: State) -> None:
    with world.plan() as plan:
        assert one(walk(world, state, plan)).written == 1
        world.witness.silent.add(FIRST)
        later(world, hours=2)
        assert reasons(one(walk(world, state, plan))) == [f"{FIRST}: it is silent"]
        world.witness.catch_up()
        assert one(walk(world, state, plan)).written == 1


def test_a_server_that_goes_back_to_the_old_set_lets_the_wait_begin_again(world: World, state: State) -> None:
    with world.plan() as plan:
        world.witness.hold_back(SECOND, KEY)
        walk(world, state, plan)
        world.witness.catch_up()
        walk(world, state, plan)
        world.provider.put(CONTOSO, OLD)
        world.witness.hold_back(SECOND, KEY)
        world.provider.put(CONTOSO, LOW)
        later(world, minutes=59)
        assert reasons(one(walk(world, state, plan))) == [f"{SECOND} serves {OLD.values[0]} (TTL 3600)"]
        world.witness.catch_up()
        later(world, minutes=1)
        assert reasons(one(walk(world, state, plan))) == ["until 24 04:24:10"]
        assert events(state, plan)[3:] == ["met 1", "lost 1", "met 1"]


def test_a_world_that_cannot_be_looked_at_is_waited_for(world: World, state: State) -> None:
    with world.plan() as plan:
        world.witness.is_down = True
        assert reasons(one(walk(world, state, plan))) == ["contoso.example.: No answer: From there."]
        assert written(world.provider) == [LOW]
        world.witness.is_down = False
        assert reasons(one(walk(world, state, plan))) == ["until 24 03:24:10"]


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(minutes=-1)])
def test_a_clock_that_is_put_back_lengthens_a_wait_and_never_shortens_it(world: World, state: State, jump: timedelta) -> None:
    with world.plan() as plan:
        walk(world, state, plan)
        world.clock += jump
        assert one(walk(world, state, plan)).standing is Standing.WAITING
        world.clock += timedelta(minutes=59)
        assert one(walk(world, state, plan)).standing is Standing.WAITING
        assert written(world.provider) == [LOW]


def test_a_run_that_dies_in_a_write_is_gone_on_with(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.script = ["killed"]
        with pytest.raises(Killed):
            walk(world, state, plan)
        assert events(state, plan) == ["begun 0"]
        assert (live(world), state.leases()) == (LOW, ())
        result = one(walk(world, state, plan))
        assert (result.written, reasons(result)) == (0, ["until 24 03:24:10"])
        assert events(state, plan) == ["begun 0", "settled 0 written", "seen 0", "met 1"]
        assert to_step(world, state, plan, 4).standing is Standing.WAITING
        assert written(world.provider) == [LOW, BOTH, SWAPPED, ALONE]


def test_a_lost_answer_is_settled_by_what_the_provider_holds_though_a_server_lags(world: World, state: State) -> None:
    with world.plan() as plan:
        assert to_step(world, state, plan, 1).written == 1
        later(world, hours=1)
        world.provider.script = ["lost"]
        world.witness.hold_back(SECOND, KEY)
        result = one(walk(world, state, plan))
        assert (result.written, result.unsure) == (1, False)
        assert reasons(result) == [f"{SECOND} serves {LOW.values[0]} (TTL 30)"]
        world.witness.catch_up()
        assert one(walk(world, state, plan)).written == 0
        assert events(state, plan)[4:] == ["begun 1", "settled 1 written", "lost 1", "seen 1", "met 2"]


def test_what_became_of_a_write_stays_unsure_where_it_cannot_be_read(world: World, state: State) -> None:
    with world.plan() as plan:
        world.provider.script = ["lost"]
        world.provider.fails_once_written = GONE
        results = walk(world, state, plan)
        result = one(results)
        assert (result.standing, result.written, result.unsure) == (Standing.FAILED, 0, True)
        assert of_apply(results) == Exit.PARTIAL
        world.provider.fails_once_written = world.provider.read_error = None
        assert one(walk(world, state, plan)).standing is Standing.WAITING
        assert written(world.provider) == [LOW]


def test_another_host_in_graphs_answer_makes_the_plan_stale(world: World, state: State) -> None:
    with world.plan() as plan:
        walk(world, state, plan)
        world.ask_for("contoso-example.a-v1.mx.microsoft")
        later(world, hours=1)
        results = walk(world, state, plan)
        assert (one(results).standing, of_apply(results)) == (Standing.STALE, Exit.STALE)
        problem = one(results).problem
        assert problem
        assert str(GraphAsks(CONTOSO, HOST)) in problem.detail
        assert "it asks for contoso-example.a-v1.mx.microsoft. now" in problem.detail
        assert problem.mend == "Make a new plan:  provisioner plan --domain contoso.example --out FILE"
        assert written(world.provider) == [LOW]


def test_a_set_that_somebody_changed_half_way_makes_the_plan_stale(world: World, state: State) -> None:
    with world.plan() as plan:
        walk(world, state, plan)
        world.provider.put(CONTOSO, mx("backup.contoso.example"))
        later(world, hours=1)
        assert one(walk(world, state, plan)).standing is Standing.STALE
        assert written(world.provider) == [LOW]


def enforced(id: str, *patterns: str) -> StsPolicy:  # noqa: A002 - the policy's word
    return StsPolicy(id, 300, StsMode.ENFORCE, patterns, 604800, f"body of {id}")


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        (enforced("1", "*.mail.protection.outlook.com"), f"policy 1 does not name {HOST}"),
        (NoAnswer("the policy cannot be fetched"), "the policy cannot be fetched"),
    ],
)
def test_a_closed_mta_sts_policy_keeps_the_new_host_out(
    policy: StsPolicy | NoAnswer, why: str, world: World, state: State
) -> None:
    world.witness.policies[CONTOSO] = policy
    with world.plan() as plan:
        walk(world, state, plan)
        later(world, days=3)
        assert reasons(one(walk(world, state, plan))) == [why]
        world.witness.policies[CONTOSO] = enforced("2", "*.mail.protection.outlook.com", "*.o-v1.mx.microsoft")
        assert reasons(one(walk(world, state, plan))) == ["until 28 02:24:10"]
        later(world, days=1)
        assert one(walk(world, state, plan)).written == 1
        assert live(world) == BOTH


def test_a_policy_that_allows_both_hosts_is_counted_from_the_first_look(world: World, state: State) -> None:
    world.witness.policies[CONTOSO] = enforced("1", "*.mail.protection.outlook.com", "*.o-v1.mx.microsoft")
    with world.plan() as plan:
        assert one(walk(world, state, plan)).written == 1
        later(world, days=1)
        assert one(walk(world, state, plan)).written == 1


def test_a_host_without_an_address_is_not_named(world: World, state: State) -> None:
    world.witness.hosts[HOST] = lambda facts: replace(facts, addresses=frozenset())
    with world.plan() as plan:
        walk(world, state, plan)
        later(world, hours=1)
        assert reasons(one(walk(world, state, plan))) == ["it has none"]


def required(domain: Domain) -> Domain:
    return replace(domain, smtp_probe=SmtpProbe.REQUIRED)


def advisory(domain: Domain) -> Domain:
    return domain


@pytest.mark.parametrize(("shape", "standing"), [(required, [f"{MAIL_ADDRESS}: refused"]), (advisory, None)])
def test_a_host_that_takes_no_mail_matters_where_the_probe_is_required(
    shape: Callable[[Domain], Domain], standing: list[str] | None, world: World, state: State
) -> None:
    refused = {MAIL_ADDRESS: Session(accepts=False, starttls=False, why="refused")}
    world.witness.hosts[HOST] = lambda facts: replace(facts, sessions=refused)
    world.shape = shape
    with world.plan() as plan:
        walk(world, state, plan)
        later(world, hours=1)
        result = one(walk(world, state, plan))
        assert (reasons(result) if standing else None) == standing
        assert result.written == (0 if standing else 1)


def test_what_a_step_does_not_wait_for_is_not_looked_at(world: World, state: State) -> None:
    with world.plan() as plan:
        walk(world, state, plan)
    assert set(world.witness.asked) == {"servers of contoso.example.", HOST, "MTA-STS of contoso.example."}


def test_an_error_before_a_write_half_way_leaves_the_rollout_where_it_is(world: World, state: State) -> None:
    with world.plan() as plan:
        walk(world, state, plan)
        later(world, hours=1)
        world.provider.script = [AuthFailed("The key has expired", "For mem.", "Make a new one.")]
        assert one(walk(world, state, plan)).standing is Standing.FAILED
        assert one(walk(world, state, plan)).written == 1
        assert live(world) == BOTH


def hosts(of: Live) -> set[Name]:
    assert isinstance(of, RRset)
    return {value.exchange for value in of.values if isinstance(value, Mx)}


def test_at_no_time_is_the_mx_without_a_host_that_takes_the_mail(world: World, state: State) -> None:
    with world.plan() as plan:
        to_step(world, state, plan, 5)
    assert all(after and hosts(after) & {HOST, LEGACY} for after in written(world.provider))
