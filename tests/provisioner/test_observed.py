"""For which domains public DNS may tell that nothing is to do, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plans.desired import Dnssec, Subject
from plans.plan import Entry, Filters
from plans.values import Name, name
from providers import memory
from provisioner import engine
from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.kept import Kept, Opened
from provisioner.managed import PORTION
from provisioner.manifest.model import Domain
from provisioner.observed import seen_in_dns
from tests.emulators.dns_many import HINTS, ManyZones, many_zones
from tests.provisioner.worlds import CONTOSO, FABRIKAM, Scripted, World, asking

EU = name("eu.contoso.example")


def seen(world: World, kept: Kept | None = None) -> set[Name]:
    fleet = world.fleet()
    return set(seen_in_dns(fleet, fleet.manifest.domains, kept or Kept()))


def only(domain: Name, **how: object) -> Callable[[Domain], Domain]:
    """Make what changes these settings of one domain."""
    return lambda one: asking(**how)(one) if one.name == domain else one


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.served(tmp_path)


@pytest.mark.parametrize("how", [{"staged": True}, {"dane": True}, {"dnssec": Dnssec.MANAGE}, {"dnssec": Dnssec.OFF}])
def test_a_domain_of_which_more_is_wanted_than_its_mx_is_not_left_to_dns(world: World, how: dict[str, object]) -> None:
    assert seen(world) == {CONTOSO, FABRIKAM}
    world.shape = only(CONTOSO, **how)
    assert seen(world) == {FABRIKAM}


def test_neither_is_one_that_may_lie_in_a_zone_whose_signing_is_ours(world: World) -> None:
    world.listed = (CONTOSO, FABRIKAM, EU)
    world.hosts[EU] = "eu-contoso-example.o-v1.mx.microsoft"
    assert seen(world) == {CONTOSO, FABRIKAM, EU}
    world.shape = only(EU, dnssec=Dnssec.MANAGE)
    assert seen(world) == {FABRIKAM}


def test_neither_is_one_whose_rollout_is_open(world: World) -> None:
    with world.plan() as plan:
        (entry,) = (one for one in plan.entries() if one.subject == Subject(CONTOSO))
    assert entry.rollout
    assert seen(world, Kept(opened={entry.subject: Opened("plan", entry.rollout, ())})) == {FABRIKAM}


def test_neither_is_one_whose_provider_publishes_nothing(world: World) -> None:
    world.capabilities = memory.ADAPTER.capabilities
    assert seen(world) == set()


def test_without_a_named_provider_it_depends_on_those_that_can_be_meant(world: World) -> None:
    world.auto = True
    assert seen(world) == {CONTOSO, FABRIKAM}
    world.others = {"files": (Scripted({}, "files"), memory.ADAPTER.capabilities)}
    assert seen(world) == {CONTOSO, FABRIKAM}
    world.capabilities, world.others = memory.ADAPTER.capabilities, {}
    assert seen(world) == set()


@pytest.fixture
def zones() -> Iterator[ManyZones]:
    with many_zones() as zones:
        zones.mx = lambda zone: f"0 {zone.removesuffix('.').replace('.', '-')}.o-v1.mx.microsoft."
        yield zones


def planned(world: World, zones: ManyZones, *, dns_first: bool) -> tuple[dict[str, Entry], int]:
    """Plan with public DNS on loopback; gives the entries, and how many subjects were in sync."""
    hints = world.folder / "hints"
    hints.write_text(HINTS)
    world.lookup = PublicLookup(ResolverOptions(hints=hints, port=zones.port))
    planning = engine.plan(world.fleet(), Filters(), dns_first=dns_first)
    entries = list(planning.entries)
    return {str(one.subject): one for one in entries}, sum(one.in_sync for one in entries)


def test_where_all_is_right_no_provider_hears_of_it(world: World, zones: ManyZones) -> None:
    entries, in_sync = planned(world, zones, dns_first=True)
    assert (list(entries), in_sync) == (["contoso.example", "fabrikam.example"], 2)
    assert (world.provider.zones_asked, world.provider.reads) == ([], 0)
    assert entries["contoso.example"].evidence


def test_the_provider_is_asked_for_what_differs_and_for_that_alone(world: World, zones: ManyZones) -> None:
    right = zones.mx
    zones.mx = lambda zone: right(zone) if zone == FABRIKAM else "0 contoso-example.mail.protection.outlook.com."
    planned(world, zones, dns_first=True)
    assert world.provider.zones_asked == [{CONTOSO}]


def test_a_finding_about_what_is_wanted_is_told_of_a_domain_that_is_in_sync_too(world: World, zones: ManyZones) -> None:
    world.hosts[CONTOSO] = "contoso-example.mail.protection.outlook.com"
    world.shape = only(CONTOSO, exchange=name("contoso-example.o-v1.mx.microsoft"))
    entries, _ = planned(world, zones, dns_first=True)
    assert [one.code for one in entries["contoso.example"].findings] == ["pinned"]
    assert world.provider.zones_asked == []


def test_a_domain_that_graph_does_not_answer_for_is_looked_for_nowhere(world: World, zones: ManyZones) -> None:
    world.listed = (CONTOSO, FABRIKAM, name("other.example"))
    entries, _ = planned(world, zones, dns_first=True)
    assert [one.code for one in entries["other.example"].findings] == ["graph-unreadable"]
    assert world.provider.zones_asked == []


def test_without_dns_first_every_zone_is_looked_for_at_once(world: World, zones: ManyZones) -> None:
    planned(world, zones, dns_first=False)
    assert world.provider.zones_asked == [{CONTOSO, FABRIKAM}]


def test_a_tenant_of_any_size_is_looked_at_as_one(world: World) -> None:
    many = [name(f"d{number}.contoso.example") for number in range(PORTION)]
    world.hosts = {one: f"{one.removesuffix('.').replace('.', '-')}.mail.protection.outlook.com" for one in many}
    world.listed = tuple(many)
    assert sum(1 for _ in engine.plan(world.fleet(), Filters()).entries) == PORTION
    assert world.provider.zones_asked == [set(many)]
