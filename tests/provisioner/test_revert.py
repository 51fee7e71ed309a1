"""Plans that bring back what stood, walked by a clock that the test moves; and the way out in an emergency."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from plans.desired import Journalled
from plans.facts import Secured, Security
from plans.freeze import Once
from plans.plan import Change, Entry
from plans.policy import Risk
from plans.problem import Problem
from plans.rollout.domain import Strategy
from plans.values import Key, Live, Mx, RRset, name, rrset
from provisioner import revert
from provisioner.emergency import NoWayOut, take, way_out
from provisioner.execute import Pace
from provisioner.manifest.model import Domain, Route, SmtpProbe
from provisioner.planfile import PlanFile
from provisioner.results import Standing
from provisioner.revert import Chosen
from provisioner.state import Mark, State
from tests.provisioner.walking import CONTOSO_SUBJECT, codes, entry, one, walk
from tests.provisioner.witnesses import CURRENT_TLSA, GONE, NAME_SERVERS
from tests.provisioner.worlds import CONTOSO, FABRIKAM, KEY, NEW, OLD, Scripted, World, asking, mx

HOST = name("contoso-example.o-v1.mx.microsoft")
LEGACY = name("contoso-example.mail.protection.outlook.com")
LOW = replace(OLD, ttl=30)
BOTH = rrset(CONTOSO, "MX", 30, [Mx(0, LEGACY), Mx(10, HOST)])
SWAPPED = rrset(CONTOSO, "MX", 30, [Mx(0, HOST), Mx(20, LEGACY)])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.served(tmp_path)


def live(world: World, key: Key = KEY) -> Live:
    zone = world.provider.zones([CONTOSO])[CONTOSO]
    return world.provider.read(zone, [key]).sets[key]


def to_end(world: World, state: State, plan: PlanFile, until: Live = None, key: Key = KEY) -> None:
    """Walk a plan by the hour, to its end or until a set stands there."""
    for _ in range(20):
        result = one(walk(world, state, plan))
        if result.standing is Standing.DONE or (until and live(world, key) == until):
            return
        assert result.standing is Standing.WAITING, result
        world.clock += timedelta(hours=1, seconds=1)
    raise AssertionError(live(world, key))


def back(world: World, state: State, chosen: Chosen) -> PlanFile:
    return PlanFile.record(revert.plan(world.fleet(), state, chosen))


def afters(of: Entry) -> list[RRset | None]:
    assert of.rollout, of.findings
    return [step.action.after for step in of.rollout.steps if isinstance(step.action, Change)]


def test_a_finished_move_goes_back_in_phases_to_what_stood_before(world: World, state: State) -> None:
    with world.plan() as plan:
        to_end(world, state, plan)
        plan_id = plan.id
    assert live(world) == NEW
    with back(world, state, Chosen(plan_id=plan_id)) as plan:
        found = entry(plan)
        assert afters(found) == [
            replace(NEW, ttl=30),
            rrset(CONTOSO, "MX", 30, [Mx(0, HOST), Mx(10, LEGACY)]),
            rrset(CONTOSO, "MX", 30, [Mx(0, LEGACY), Mx(20, HOST)]),
            LOW,
            OLD,
        ]
        assert found.rollout
        assert [step.risk for step in found.rollout.steps] == [
            Risk.LOWER_TTL, Risk.ADD_MX, Risk.SWAP_MX, Risk.REMOVE_MX, Risk.RAISE_TTL
        ]  # fmt: skip
        (evidence,) = found.evidence
        assert isinstance(evidence, Journalled)
        assert (evidence.stood, evidence.back_to) == (
            f"0 {LEGACY} (TTL 3600)",
            f"as it stood before plan {plan_id[:12]}",
        )
        assert codes(found) == ["goes-back"]
        to_end(world, state, plan)
    assert live(world) == OLD
    with world.plan() as plan:
        assert afters(entry(plan))[-1] == NEW


@pytest.mark.parametrize(
    ("reached", "way"),
    [
        (LOW, [OLD]),
        (BOTH, [LOW, OLD]),
        (SWAPPED, [rrset(CONTOSO, "MX", 30, [Mx(0, LEGACY), Mx(10, HOST)]), LOW, OLD]),
    ],
)
def test_a_half_done_move_goes_back_from_where_it_stands(world: World, state: State, reached: RRset, way: list[RRset]) -> None:
    with world.plan() as plan:
        to_end(world, state, plan, reached)
        forward = plan.id
        with back(world, state, Chosen(run=1)) as plan_back:
            found = entry(plan_back)
            made = afters(found)
            assert (made[-1], len(made)) == (OLD, len(way))
            assert found.supersedes == forward
            assert codes(found) == ["goes-back", "supersedes"]
            to_end(world, state, plan_back)
        assert live(world) == OLD
        assert one(walk(world, state, plan)).standing is Standing.STALE
    assert live(world) == OLD


def test_what_a_cache_may_still_hold_is_waited_for_before_the_new_host_goes(world: World, state: State) -> None:
    with world.plan() as plan:
        to_end(world, state, plan, BOTH)
    with back(world, state, Chosen(run=1)) as plan:
        assert one(walk(world, state, plan)).written == 0
        world.clock += timedelta(seconds=3600)
        assert one(walk(world, state, plan)).written == 0
        world.clock += timedelta(hours=1)
        assert one(walk(world, state, plan)).written == 1
        assert live(world) == LOW


def test_a_time_is_what_stood_then(world: World, state: State) -> None:
    with world.plan() as plan:
        to_end(world, state, plan, SWAPPED)
        at = world.clock
        world.clock += timedelta(seconds=1)
        to_end(world, state, plan)
    with back(world, state, Chosen(to=at, globs=("contoso.*",))) as plan:
        assert afters(entry(plan))[-1] == SWAPPED
    with pytest.raises(Problem, match="nothing to revert"):
        revert.plan(world.fleet(), state, Chosen(to=world.clock + timedelta(days=1)))
    with pytest.raises(Problem, match="nothing to revert"):
        revert.plan(world.fleet(), state, Chosen(to=at, globs=("fabrikam.*",)))


def test_what_wrote_nothing_or_is_not_known_is_said(world: World, state: State) -> None:
    quiet = state.begin_run("apply", "0")
    with pytest.raises(Problem, match="There is no run 77"):
        revert.plan(world.fleet(), state, Chosen(run=77))
    for chosen in (Chosen(run=quiet.id), Chosen(plan_id="ab" * 32)):
        with pytest.raises(Problem, match="There is nothing to revert"):
            revert.plan(world.fleet(), state, chosen)


def moved(world: World, state: State) -> None:
    with world.plan() as plan:
        to_end(world, state, plan)


def put(world: World, held: RRset | None) -> None:
    """Change the MX past everybody, as somebody with the provider's console does."""
    if held:
        world.provider.put(CONTOSO, held)
    else:
        world.provider.remove(CONTOSO, KEY)


Meddle = Callable[[World], None]


def gone(world: World) -> None:
    world.witness.hosts[LEGACY] = lambda facts: replace(facts, addresses=frozenset())


def refuses(world: World) -> None:
    world.shape = asking(smtp_probe=SmtpProbe.REQUIRED)
    world.witness.hosts[LEGACY] = lambda facts: replace(facts, sessions={})


def unlisted(world: World) -> None:
    world.listed = ()


def dark(world: World) -> None:
    world.staged = True


def renamed(world: World) -> None:
    world.provider = Scripted({CONTOSO: [NEW], FABRIKAM: []}, "another")
    world.provider.servers = frozenset(NAME_SERVERS)


def alias(world: World) -> None:
    put(world, None)


@pytest.mark.parametrize(
    ("meddle", "code"),
    [
        (lambda world: put(world, mx("other.example")), "changed-since"),
        (alias, "changed-since"),
        (gone, "host-gone"),
        (refuses, "host-gone"),
        (unlisted, "not-managed"),
        (dark, "phases-need-dns"),
        (lambda world: setattr(world.provider, "servers", frozenset()), "servers-unknown"),
        (lambda world: setattr(world.provider, "read_error", GONE), "revert-unreadable"),
        (lambda world: setattr(world.provider, "zones_error", GONE), "revert-unreadable"),
        (renamed, "zone-changed"),
        (lambda _: None, "goes-back"),
    ],
)
def test_what_the_world_no_longer_supports_is_a_block(world: World, state: State, meddle: Meddle, code: str) -> None:
    moved(world, state)
    meddle(world)
    with back(world, state, Chosen(run=1)) as plan:
        found = entry(plan)
        assert code in codes(found)
        assert (found.rollout is None) == (code != "goes-back")


def test_an_mx_that_did_not_stand_before_is_never_taken_away(world: World, state: State) -> None:
    put(world, None)
    moved(world, state)
    with back(world, state, Chosen(run=1)) as plan:
        assert codes(entry(plan)) == ["no-mx-before"]


def test_where_nothing_is_looked_up_in_dns_one_write_goes_back(world: World, state: State) -> None:
    world.staged, world.strategy = True, Strategy.DIRECT
    moved(world, state)
    with back(world, state, Chosen(run=1)) as plan:
        found = entry(plan)
        assert afters(found) == [OLD]
        assert "staged" in codes(found)
        assert one(walk(world, state, plan)).standing is Standing.DONE
    assert live(world) == OLD


def swapped(world: World, state: State) -> PlanFile:
    plan = world.plan()
    to_end(world, state, plan, SWAPPED)
    return plan


def go(world: World, state: State, reason: str = "it refuses mail") -> list[Standing]:
    run = state.begin_run("revert --now", "0")
    found = way_out(world.fleet(), state, CONTOSO, reason)
    results = list(take(world.fleet(), state, run, found, reason, Pace()))
    assert state.verify() == ()
    return [result.standing for result in results]


def test_now_one_write_prefers_the_old_host_again_whatever_is_frozen(world: World, state: State) -> None:
    with swapped(world, state) as plan:
        freeze = Once(world.clock - timedelta(days=1), world.clock + timedelta(days=1), "holidays", "policy")
        world.policy = replace(world.policy, freezes=(freeze,))
        writes = len(world.provider.writes)
        assert go(world, state) == [Standing.DONE]
        assert live(world) == rrset(CONTOSO, "MX", 30, [Mx(0, LEGACY), Mx(30, HOST)])
        assert len(world.provider.writes) == writes + 1
        stored = state.find(CONTOSO_SUBJECT, plan.id)
        assert stored
        assert stored.outcome == "reverted"
        (mark,) = [told for told in state.history() if told.kind == Mark.EMERGENCY]
        assert (mark.body["reason"], mark.command) == ("it refuses mail", "revert --now")
        world.policy = replace(world.policy, freezes=())
        assert one(walk(world, state, plan)).standing is Standing.STALE
        with pytest.raises(NoWayOut, match="No single write") as caught:
            way_out(world.fleet(), state, CONTOSO, "again")
        assert "No rollout of contoso.example is open" in caught.value.detail
        with back(world, state, Chosen(plan_id=plan.id)) as plan_back:
            to_end(world, state, plan_back)
        assert live(world) == OLD


def test_now_a_way_out_that_was_cut_off_is_taken_to_its_end(world: World, state: State) -> None:
    with swapped(world, state):
        run = state.begin_run("revert --now", "0")
        found = way_out(world.fleet(), state, CONTOSO, "one")
        world.provider.script = [GONE]
        (result,) = take(world.fleet(), state, run, found, "one", Pace())
        assert result.standing is Standing.FAILED
        assert live(world) == SWAPPED
        assert way_out(world.fleet(), state, CONTOSO, "two").begun
        assert go(world, state, "two") == [Standing.DONE]
        assert state.open_rollout(CONTOSO_SUBJECT) is None


def test_now_the_rollout_ends_where_the_old_host_is_preferred_as_it_is(world: World, state: State) -> None:
    with world.plan() as plan:
        to_end(world, state, plan, BOTH)
        assert go(world, state) == []
        assert live(world) == BOTH
        stored = state.find(CONTOSO_SUBJECT, plan.id)
        assert stored
        assert stored.outcome == "reverted"


@pytest.mark.parametrize(
    ("held", "what"),
    [
        (replace(NEW, ttl=30), "is no longer in the MX set"),
        (None, "is no longer in the MX set"),
        (rrset(CONTOSO, "MX", 30, [Mx(0, HOST), Mx(5, name("x.example")), Mx(20, LEGACY)]), "Somebody else changed"),
    ],
)
def test_now_it_refuses_where_no_single_write_helps(world: World, state: State, held: RRset | None, what: str) -> None:
    with swapped(world, state):
        put(world, held)
        with pytest.raises(NoWayOut) as caught:
            way_out(world.fleet(), state, CONTOSO, "why")
        assert what in caught.value.detail
        assert "revert --domain contoso.example --to TIME" in caught.value.mend
        assert state.open_rollout(CONTOSO_SUBJECT)


@pytest.mark.parametrize(
    ("shape", "what"),
    [
        (asking(exchange=LEGACY), "The manifest pins"),
        (asking(route=Route.GATEWAY), "while `mx` at"),
        (asking(), "as long as Microsoft Graph asks for it"),
    ],
)
def test_it_says_whether_the_way_forward_comes_up_again(
    world: World, state: State, shape: Callable[[Domain], Domain], what: str
) -> None:
    moved(world, state)
    world.shape = shape
    with back(world, state, Chosen(run=1)) as plan:
        (finding,) = entry(plan).findings
        assert what in finding.what


def test_dane_is_turned_off_before_mail_is_led_away_from_its_host(world: World, state: State) -> None:
    moved(world, state)
    tlsa = Secured(rrset(f"_25._tcp.{HOST}", "TLSA", 600, [CURRENT_TLSA]), Security.SECURE)
    world.witness.hosts[HOST] = lambda facts: replace(facts, tlsa=tlsa)
    with back(world, state, Chosen(run=1)) as plan:
        found = entry(plan).rollout
        assert found
        assert found.steps[0].risk is Risk.MANUAL
        assert "has no TLSA, and has for" in str(found.steps[1].requires[-1])


def test_a_domain_that_a_glob_chose_goes_back_as_well(world: World, state: State) -> None:
    world.tenant_globs, world.listed, world.strategy = ("contoso.*",), (), Strategy.DIRECT
    moved(world, state)
    with back(world, state, Chosen(run=1)) as plan:
        assert afters(entry(plan))[-1] == OLD
