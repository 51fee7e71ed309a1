"""The way back of zones and mail hosts: DS, signatures and TLSA as the journal has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from plans.desired import Dnssec, Journalled, Subject, SubjectKind
from plans.plan import Change, Entry, SetSigning
from plans.policy import Risk
from plans.values import Key, Tlsa, name, rrset
from provisioner import revert
from provisioner.emergency import NoWayOut, take, way_out
from provisioner.execute import Pace
from provisioner.planfile import PlanFile
from provisioner.results import Standing
from provisioner.revert import Chosen
from provisioner.state import State
from tests.provisioner.walking import codes, entry, planned, walk
from tests.provisioner.witnesses import CERTIFICATE, CURRENT_TLSA, DS, KSK, NEW_DS, NEW_KSK, NEXT, NEXT_TLSA, ScriptedSigner
from tests.provisioner.worlds import CONTOSO, DELEGATION, EXAMPLE, Scripted, World, asking, mx

ZONE = Subject(CONTOSO, SubjectKind.ZONE)
HOST = name("mx1.contoso.example")
MAIL_HOST = Subject(HOST, SubjectKind.MAIL_HOST)
DS_KEY = Key(CONTOSO, "DS")
LEGACY = "contoso-example.mail.protection.outlook.com"
"""Where no domain relies on DANE, a zone may lose its DS."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A zone that its provider can sign; the zone above is at another one."""
    world = World.served(tmp_path, reg=Scripted({EXAMPLE: [DELEGATION]}, "reg"))
    world.listed = (CONTOSO,)
    world.provider.put(CONTOSO, mx(LEGACY))
    world.ask_for(LEGACY)
    world.provider.signs = ScriptedSigner(world.witness.keys)
    ask_for(world, Dnssec.MANAGE)
    return world


def ask_for(world: World, dnssec: Dnssec) -> None:
    config = world.fleet().manifest.providers["reg"]
    world.shape = asking(dnssec=dnssec, parent=config)


def to_end(world: World, state: State, made: Callable[[], PlanFile], of: Subject = ZONE) -> str:
    """Make a plan and walk it by the day to the end of a subject; give its id."""
    with made() as plan:
        for _ in range(30):
            (result,) = [one for one in walk(world, state, plan) if one.subject == of]
            if result.standing is Standing.DONE:
                return plan.id
            assert result.standing is Standing.WAITING, result
            world.clock += timedelta(days=1)
        raise AssertionError(of)


def back(world: World, state: State, chosen: Chosen) -> PlanFile:
    return PlanFile.record(revert.plan(world.fleet(), state, chosen))


def risks(of: Entry) -> list[Risk]:
    assert of.rollout, of.findings
    return [step.risk for step in of.rollout.steps]


def held_ds(world: World) -> object:
    reg = world.fleet().reader("reg")
    return reg.read(reg.zones([EXAMPLE])[EXAMPLE], {DS_KEY}).sets[DS_KEY]


def test_a_zone_that_we_signed_loses_its_ds_and_then_its_signatures(world: World, state: State) -> None:
    signed = to_end(world, state, lambda: planned(world, state))
    to_end(world, state, lambda: planned(world, state))
    assert held_ds(world)
    with back(world, state, Chosen(plan_id=signed)) as plan:
        found = entry(plan, ZONE)
        assert risks(found) == [Risk.REMOVE_DS, Risk.UNSIGN]
        assert [one.stood for one in found.evidence if isinstance(one, Journalled)] == ["not signed"]
        assert codes(found) == ["goes-back"]
    to_end(world, state, lambda: back(world, state, Chosen(plan_id=signed)))
    assert (held_ds(world), world.witness.keys[CONTOSO]) == (None, ())


def test_only_the_ds_goes_where_somebody_else_signed_the_zone(world: World, state: State) -> None:
    world.witness.keys[CONTOSO] = (KSK,)
    added = to_end(world, state, lambda: planned(world, state))
    with back(world, state, Chosen(plan_id=added)) as plan:
        assert risks(entry(plan, ZONE)) == [Risk.REMOVE_DS]
    to_end(world, state, lambda: back(world, state, Chosen(plan_id=added)))
    assert held_ds(world) is None
    assert world.witness.keys[CONTOSO] == (KSK,)


def without(world: World, state: State) -> str:
    """Let the zone's DS and signatures have been removed by us."""
    world.witness.keys[CONTOSO] = (KSK,)
    world.provider.signs = ScriptedSigner(world.witness.keys)
    world.provider.signs.sign(world.provider.zones([CONTOSO])[CONTOSO])
    world.witness.keys[CONTOSO] = (KSK,)
    to_end(world, state, lambda: planned(world, state))
    ask_for(world, Dnssec.OFF)
    return to_end(world, state, lambda: planned(world, state))


def test_signatures_that_are_gone_do_not_come_back(world: World, state: State) -> None:
    off = without(world, state)
    with back(world, state, Chosen(plan_id=off)) as plan:
        assert codes(entry(plan, ZONE)) == ["keys-gone"]


def test_a_ds_comes_back_while_its_key_is_served(world: World, state: State) -> None:
    off = without(world, state)
    before = world.clock
    (removed, *_) = [one for one in state.writes(ZONE) if one.plan_id == off]
    world.witness.keys[CONTOSO] = (KSK,)
    assert before > removed.at
    with back(world, state, Chosen(run=removed.run)) as plan:
        found = entry(plan, ZONE)
        assert risks(found) == [Risk.ADD_DS]
    world.witness.keys[CONTOSO] = (NEW_KSK,)
    with back(world, state, Chosen(run=removed.run)) as plan:
        assert codes(entry(plan, ZONE)) == ["keys-gone"]


def test_a_ds_that_somebody_changed_stays(world: World, state: State) -> None:
    world.witness.keys[CONTOSO] = (KSK,)
    added = to_end(world, state, lambda: planned(world, state))
    reg = world.others["reg"][0]
    assert isinstance(reg, Scripted)
    reg.put(EXAMPLE, rrset(CONTOSO, "DS", 3600, [DS, NEW_DS]))
    with back(world, state, Chosen(plan_id=added)) as plan:
        assert codes(entry(plan, ZONE)) == ["changed-since"]
    world.listed = ()
    with back(world, state, Chosen(plan_id=added)) as plan:
        assert codes(entry(plan, ZONE)) == ["not-managed"]


def test_now_a_ds_that_no_key_stands_behind_goes_at_once(world: World, state: State) -> None:
    world.witness.keys[CONTOSO] = (KSK,)
    to_end(world, state, lambda: planned(world, state))
    with pytest.raises(NoWayOut):
        way_out(world.fleet(), state, CONTOSO, "why")
    world.witness.keys[CONTOSO] = (NEW_KSK,)
    run = state.begin_run("revert --now", "0")
    found = way_out(world.fleet(), state, CONTOSO, "nobody validates it")
    assert found.what == f"{CONTOSO} DS becomes no set"
    (result,) = take(world.fleet(), state, run, found, "nobody validates it", Pace())
    assert (result.subject, result.standing) == (ZONE, Standing.DONE)
    assert held_ds(world) is None
    assert state.verify() == ()


def test_now_a_person_is_told_which_ds_to_remove(world: World, state: State) -> None:
    world.shape = asking(dnssec=Dnssec.MANAGE)
    world.witness.keys[CONTOSO] = (NEW_KSK,)
    world.witness.ds[CONTOSO] = rrset(CONTOSO, "DS", 3600, [DS])
    with pytest.raises(NoWayOut, match="Only a person") as caught:
        way_out(world.fleet(), state, CONTOSO, "why")
    assert f"remove  {CONTOSO} IN DS {DS}" in caught.value.detail
    world.witness.is_down = True
    with pytest.raises(NoWayOut, match="No single write"):
        way_out(world.fleet(), state, CONTOSO, "why")


@pytest.fixture
def with_host(world: World) -> World:
    """A signed zone with a mail host that presents its certificate."""
    world.shape = lambda domain: domain
    world.witness.keys[CONTOSO] = (KSK,)
    for file, certificate in (("mx1.pem", CERTIFICATE), ("next.pem", NEXT)):
        (world.folder / file).write_bytes(certificate.pem)
    world.mail_hosts[HOST] = (world.folder / "mx1.pem", None)
    return world


def tlsa(*records: Tlsa) -> object:
    return rrset(f"_25._tcp.{HOST}", "TLSA", 600, records)


def afters(of: Entry) -> list[object]:
    assert of.rollout, of.findings
    assert not any(isinstance(step.action, SetSigning) for step in of.rollout.steps)
    return [step.action.after for step in of.rollout.steps if isinstance(step.action, Change)]


def test_a_first_tlsa_goes_and_one_that_stood_comes_back(with_host: World, state: State) -> None:
    world = with_host
    first = to_end(world, state, lambda: planned(world, state), MAIL_HOST)
    with back(world, state, Chosen(plan_id=first)) as plan:
        assert (afters(entry(plan, MAIL_HOST)), codes(entry(plan, MAIL_HOST))) == ([None], ["goes-back"])
    world.mail_hosts[HOST] = (world.folder / "next.pem", None)
    world.witness.presented[HOST] = NEXT.der
    second = to_end(world, state, lambda: planned(world, state), MAIL_HOST)
    with back(world, state, Chosen(plan_id=second)) as plan:
        assert codes(entry(plan, MAIL_HOST)) == ["host-presents-another"]
    world.witness.presented[HOST] = CERTIFICATE.der
    with back(world, state, Chosen(plan_id=second)) as plan:
        found = entry(plan, MAIL_HOST)
        assert afters(found) == [tlsa(CURRENT_TLSA, NEXT_TLSA), tlsa(CURRENT_TLSA)]
        assert risks(found) == [Risk.EXTEND_TLSA, Risk.REMOVE_TLSA]
    to_end(world, state, lambda: back(world, state, Chosen(plan_id=second)), MAIL_HOST)
    world.mail_hosts.clear()
    with back(world, state, Chosen(plan_id=second)) as plan:
        assert codes(entry(plan, MAIL_HOST)) == ["not-managed"]
