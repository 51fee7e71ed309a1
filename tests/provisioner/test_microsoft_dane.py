"""What only a person can do in Exchange Online on the way to DANE and back, planned by what is seen and watched for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from plans.desired import Dnssec
from plans.facts import HostFacts, Secured, Security
from plans.plan import Entry, Manual
from plans.values import Live, Tlsa, name, rrset
from provisioner.results import Standing
from provisioner.state import State
from tests.provisioner.walking import CONTOSO_SUBJECT, codes, entry, one, planned, reasons, walk, written
from tests.provisioner.witnesses import CURRENT_TLSA, KSK
from tests.provisioner.worlds import CONTOSO, NEW, OLD, World, asking

HOST = name("contoso-example.o-v1.mx.microsoft")
LEGACY = name("contoso-example.mail.protection.outlook.com")
DAY = timedelta(days=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A signed zone whose domain is to have DANE, as far as it is served by Microsoft."""
    world = World.served(tmp_path)
    world.listed = (CONTOSO,)
    world.provider.put(CONTOSO, NEW)
    world.witness.keys[CONTOSO] = (KSK,)
    world.witness.ds[CONTOSO] = rrset(CONTOSO, "DS", 3600, KSK.ds)
    world.shape = asking(dnssec=Dnssec.MANAGE, dane=True)
    return world


def shows(held: Live, security: Security = Security.SECURE) -> Callable[[HostFacts], HostFacts]:
    return lambda facts: replace(facts, tlsa=Secured(held, security))


def tlsa(*records: Tlsa) -> Live:
    return rrset(f"_25._tcp.{HOST}", "TLSA", 600, records)


PUBLISHED, WITHDRAWN = shows(tlsa(CURRENT_TLSA)), shows(None)
UNCLEAR = shows(None, Security.INDETERMINATE)


def told(world: World, state: State) -> Entry | None:
    with planned(world, state) as plan:
        return next((told for told in plan.entries() if told.subject == CONTOSO_SUBJECT), None)


def by_hand(of: Entry | None) -> list[str]:
    assert of
    assert of.rollout
    return [step.action.copy[0].split()[0] if isinstance(step.action, Manual) else step.risk for step in of.rollout.steps]


@pytest.mark.parametrize("seen", [WITHDRAWN, UNCLEAR])
def test_dane_is_turned_on_by_a_person_and_is_on_once_microsoft_publishes_it(
    seen: Callable[[HostFacts], HostFacts], world: World, state: State
) -> None:
    world.witness.hosts[HOST] = seen
    with planned(world, state) as plan:
        assert by_hand(entry(plan)) == ["Enable-SmtpDaneInbound"]
        for _ in range(7):
            assert one(walk(world, state, plan)).standing is Standing.WAITING
            world.clock += DAY
        world.witness.hosts[HOST] = PUBLISHED
        assert one(walk(world, state, plan)).standing is Standing.DONE
    assert told(world, state) is None
    assert written(world.provider) == []


def test_a_legacy_host_is_assigned_one_with_dnssec_first(world: World, state: State) -> None:
    world.provider.put(CONTOSO, OLD)
    world.ask_for(LEGACY)
    with planned(world, state) as plan:
        assert by_hand(entry(plan)) == ["Enable-DnssecForVerifiedDomain"]
        assert reasons(one(walk(world, state, plan))) == ["it names none yet"]
        state.pin(state.begin_run("pin", "0"), CONTOSO, HOST)
        assert one(walk(world, state, plan)).standing is Standing.DONE
    found = told(world, state)
    assert found
    assert codes(found) == ["pinned"]
    assert by_hand(found) == ["lower-ttl", "add-mx", "swap-mx", "remove-mx", "raise-ttl", "Enable-SmtpDaneInbound"]


@pytest.mark.parametrize(
    ("seen", "first"),
    [(PUBLISHED, ["Disable-SmtpDaneInbound", "lower-ttl"]), (UNCLEAR, ["Disable-SmtpDaneInbound", "lower-ttl"])],
)
def test_on_the_way_back_the_tlsa_goes_first_and_out_of_every_cache(
    seen: Callable[[HostFacts], HostFacts], first: list[str], world: World, state: State
) -> None:
    world.shape = asking(exchange=LEGACY)
    world.witness.hosts[HOST] = seen
    with planned(world, state) as plan:
        assert codes(entry(plan)) == ["going-back"]
        assert by_hand(entry(plan))[:2] == first
        assert one(walk(world, state, plan)).written == 0
        world.witness.hosts[HOST] = WITHDRAWN
        assert reasons(one(walk(world, state, plan))) == ["until 25 02:24:10"]
        world.clock += DAY
        assert one(walk(world, state, plan)).written == 1
        assert written(world.provider) == [replace(NEW, ttl=30)]


def test_what_is_withdrawn_already_is_only_waited_for(world: World, state: State) -> None:
    world.shape = asking(exchange=LEGACY)
    world.witness.hosts[HOST] = WITHDRAWN
    assert by_hand(told(world, state))[0] == "lower-ttl"


def test_where_nobody_asks_for_dane_no_host_is_looked_at(world: World, state: State) -> None:
    world.shape = asking()
    assert told(world, state) is None
    assert world.witness.asked == []
