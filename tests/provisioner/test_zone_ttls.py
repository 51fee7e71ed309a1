"""How long is waited before a DS comes in, and with which TTL it does: by listings of whole zones, made only for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from plans.desired import Dnssec
from plans.plan import Change, Entry
from plans.policy import Severity
from plans.values import Irregular, Key, RRset, name, parse_value, rrset
from providers.contract import Unavailable
from provisioner.state import State
from tests.provisioner.test_zones import DS_KEY, ZONE, ds, holding, made, with_parent, zone
from tests.provisioner.walking import codes, entry, one, planned, reasons, walk
from tests.provisioner.witnesses import DS, KSK, ScriptedSigner
from tests.provisioner.worlds import CONTOSO, EXAMPLE, FABRIKAM, OLD, PUBLISHED, REGISTRAR, Registrar, Scripted, World, asking

OTHERS_DS = rrset("elsewhere.example", "DS", 7200, [parse_value("DS", f"1 13 2 {'ab' * 32}")])


@pytest.fixture
def holder() -> Scripted:
    """The provider of the zone above."""
    return holding(OTHERS_DS)


@pytest.fixture
def world(tmp_path: Path, holder: Scripted) -> World:
    """A world whose one zone is signed already, and lacks its DS."""
    world = made(tmp_path, reg=holder)
    with_parent(world, "reg")
    world.witness.keys[CONTOSO] = (KSK,)
    return world


def somebodys(ttl: int) -> RRset:
    return rrset("www.contoso.example", "A", ttl, [parse_value("A", "192.0.2.1")])


def waited(world: World, state: State) -> str:
    """Tell until when the zone must have been signed."""
    with planned(world, state) as plan:
        return reasons(one(walk(world, state, plan)))[0]


def written(of: Entry) -> RRset | None:
    assert of.rollout
    action = of.rollout.steps[0].action
    assert isinstance(action, Change)
    return action.after


@pytest.mark.parametrize(
    ("ttl", "until"),
    [(300, "25 02:29:10"), (2 * 86400, "26 02:29:10"), (30 * 86400, "01 02:29:10")],
    ids=["a day at least", "as long as somebody's set", "a week at most"],
)
def test_the_highest_ttl_of_any_set_is_waited_for(ttl: int, until: str, world: World, state: State) -> None:
    world.provider.put(CONTOSO, somebodys(ttl))
    assert codes(zone(world, state)) == []
    assert waited(world, state) == f"until {until}"


def test_what_a_person_says_goes_before_any_listing(world: World, state: State) -> None:
    world.provider.put(CONTOSO, somebodys(2 * 86400))
    world.max_zone_ttl = timedelta(hours=2)
    assert codes(zone(world, state)) == []
    assert waited(world, state) == "until 24 04:29:10"
    assert world.provider.listed == []


def unlisted(world: World) -> None:
    world.capabilities = replace(world.capabilities, lists=False)


def untold(world: World) -> None:
    world.provider.put(CONTOSO, Irregular(Key(name("www.contoso.example"), "A"), "it is an alias"))


@pytest.mark.parametrize("spoil", [unlisted, untold])
def test_where_nobody_tells_it_a_week_is_waited_and_that_is_told(
    spoil: Callable[[World], None], world: World, state: State
) -> None:
    spoil(world)
    (told,) = zone(world, state).findings
    assert (told.severity, told.code) == (Severity.NOTICE, "highest-ttl-unknown")
    assert "It counts as 7 d " in told.what
    assert waited(world, state) == "until 01 02:29:10"


@pytest.mark.parametrize("failing", ["the zone's", "the parent's"])
def test_a_listing_that_fails_is_an_error_and_no_answer(failing: str, world: World, holder: Scripted, state: State) -> None:
    failed = world.provider if failing == "the zone's" else holder
    failed.listing_error = Unavailable("No answer", "Of page 2.", "Try again.")
    told = zone(world, state)
    assert (codes(told), told.rollout) == (["dnssec-unreadable"], None)


def signed_and_held(world: World) -> None:
    holder, _ = world.others["reg"]
    assert isinstance(holder, Scripted)
    holder.put(EXAMPLE, ds(DS))
    world.witness.ds[CONTOSO] = ds(DS)


def unsigned(world: World) -> None:
    world.witness.keys.clear()


def on_the_way_out(world: World) -> None:
    signed_and_held(world)
    parent = world.fleet().manifest.providers["reg"]
    world.shape = asking(dnssec=Dnssec.OFF, parent=parent)
    world.provider.put(CONTOSO, OLD)


@pytest.mark.parametrize("spoil", [signed_and_held, unsigned, on_the_way_out])
def test_zones_are_looked_through_for_a_ds_that_is_to_come_in_alone(
    spoil: Callable[[World], None], world: World, holder: Scripted, state: State
) -> None:
    spoil(world)
    with planned(world, state) as plan:
        list(plan.entries())
    assert world.provider.listed + holder.listed == []


def test_a_new_ds_gets_the_ttl_of_others_at_the_parent(world: World, holder: Scripted, state: State) -> None:
    assert written(zone(world, state)) == ds(DS, ttl=7200)
    assert (world.provider.listed, holder.listed) == ([CONTOSO], [EXAMPLE])


def no_others(world: World) -> None:
    holder, _ = world.others["reg"]
    assert isinstance(holder, Scripted)
    holder.remove(EXAMPLE, OTHERS_DS.key)


def unlisted_parent(world: World) -> None:
    world.others["reg"] = (world.others["reg"][0], replace(PUBLISHED, lists=False))


@pytest.mark.parametrize("spoil", [no_others, unlisted_parent])
def test_without_others_at_the_parent_it_gets_an_hour(spoil: Callable[[World], None], world: World, state: State) -> None:
    spoil(world)
    assert written(zone(world, state)) == ds(DS, ttl=3600)


def test_a_ds_set_that_stands_keeps_its_ttl(world: World, holder: Scripted, state: State) -> None:
    other = parse_value("DS", f"9 13 2 {'cd' * 32}")
    holder.put(EXAMPLE, rrset(CONTOSO, "DS", 900, [other]))
    made = written(zone(world, state))
    assert made
    assert (made.key, made.ttl) == (DS_KEY, 900)
    assert holder.listed == []


def test_a_registrar_gives_its_own_ttl_and_is_not_asked(tmp_path: Path) -> None:
    registrar = Registrar()
    world = made(tmp_path, reg=registrar)
    world.others["reg"] = (registrar, REGISTRAR)
    with_parent(world, "reg")
    world.witness.keys[CONTOSO] = (KSK,)
    with State.open(world.fleet().manifest.state, world.now) as state:
        assert written(zone(world, state)) == ds(DS)
    assert registrar.listed == []


def test_a_parent_of_several_zones_is_looked_through_once(world: World, holder: Scripted, state: State) -> None:
    world.listed = (CONTOSO, FABRIKAM)
    world.witness.keys[FABRIKAM] = (KSK,)
    world.provider.signs = ScriptedSigner(world.witness.keys)
    with planned(world, state) as plan:
        assert entry(plan, ZONE).rollout
        assert entry(plan, replace(ZONE, name=FABRIKAM)).rollout
    assert sorted(world.provider.listed) == [CONTOSO, FABRIKAM]
    assert holder.listed == [EXAMPLE]
