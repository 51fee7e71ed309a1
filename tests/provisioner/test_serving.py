"""That a provider which never changes by which servers it serves a zone is asked that once in the zone's life."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from plans.plan import Filters
from plans.values import Name, ZoneRef
from provisioner import engine
from provisioner.planfile import PlanFile
from provisioner.state import State
from tests.provisioner.worlds import CONTOSO, FABRIKAM, OLD, PUBLISHED, Scripted, World


class Asked(Scripted):
    """Notes for which zones it is asked the servers, and gives zones other ids once they are made anew."""

    def __init__(self) -> None:
        super().__init__({CONTOSO: [OLD], FABRIKAM: []})
        self.asked: list[Name] = []
        self.anew: set[Name] = set()

    def zones(self, names: Collection[Name]) -> Mapping[Name, ZoneRef]:
        found = super().zones(names)
        return {one: replace(zone, id="anew") if zone.name in self.anew else zone for one, zone in found.items()}

    def name_servers(self, zone: ZoneRef) -> frozenset[Name]:
        self.asked.append(zone.name)
        return super().name_servers(zone)


@pytest.fixture
def provider() -> Asked:
    return Asked()


@pytest.fixture
def world(tmp_path: Path, provider: Asked) -> World:
    made = World.served(tmp_path)
    made.provider, made.capabilities = provider, replace(PUBLISHED, keeps_servers=True)
    provider.servers = frozenset(made.lookup.delegation(CONTOSO)) if made.lookup else frozenset()
    return made


Planned = Callable[..., list[Name]]


@pytest.fixture
def planned(world: World, provider: Asked, tmp_path: Path) -> Planned:
    """Plan with a state or without one, and give the zones for which the provider was asked the servers."""

    def plan(*, state: bool = True, writes: bool = True) -> list[Name]:
        provider.asked.clear()
        fleet = world.fleet()
        with (
            State.open(f"sqlite:///{tmp_path}/state.db", world.now) as opened,
            fleet.serving.kept_in(opened, writes=writes) if state else nullcontext(),
            PlanFile.record(engine.plan(fleet, Filters())) as made,
        ):
            codes = {finding.code for entry in made.entries() for finding in entry.findings}
            assert not codes & {"not-authoritative", "delegation-unreadable", "servers-unknown"}
        return sorted(provider.asked)

    return plan


def test_what_a_run_that_writes_was_told_no_later_run_asks(planned: Planned) -> None:
    assert planned() == [CONTOSO, FABRIKAM]
    assert planned() == planned(writes=False) == []


def test_a_run_that_only_looks_keeps_nothing(planned: Planned) -> None:
    assert planned(writes=False) == [CONTOSO, FABRIKAM]
    assert planned(state=False) == [CONTOSO, FABRIKAM]
    assert planned(writes=False) == [CONTOSO, FABRIKAM]


def test_a_zone_that_is_made_anew_is_asked_for_anew(planned: Planned, provider: Asked) -> None:
    planned()
    provider.anew.add(CONTOSO)
    assert planned() == [CONTOSO]


def test_a_provider_that_may_change_them_is_asked_each_time(world: World, planned: Planned) -> None:
    world.capabilities = PUBLISHED
    assert planned() == planned() == [CONTOSO, FABRIKAM]


def test_servers_that_the_parent_does_not_name_are_asked_for_again(
    world: World, planned: Planned, provider: Asked, tmp_path: Path
) -> None:
    right = provider.servers
    zone = provider.zones([CONTOSO])[CONTOSO]
    with State.open(f"sqlite:///{tmp_path}/state.db", world.now) as state:
        state.keep_servers({zone: frozenset({min(right)})})
    assert planned() == [CONTOSO, FABRIKAM]
    with State.open(f"sqlite:///{tmp_path}/state.db", world.now) as state:
        assert state.servers([zone]) == {zone: right}


def test_that_it_cannot_tell_them_is_not_kept(world: World, provider: Asked, tmp_path: Path) -> None:
    servers, provider.servers = provider.servers, frozenset()
    fleet = world.fleet()
    with State.open(f"sqlite:///{tmp_path}/state.db", world.now) as state, fleet.serving.kept_in(state, writes=True):
        PlanFile.record(engine.plan(fleet, Filters())).__exit__()
    provider.servers = servers
    with State.open(f"sqlite:///{tmp_path}/state.db", world.now) as state:
        assert state.servers(list(provider.zones([CONTOSO, FABRIKAM]).values())) == {}


def test_what_was_told_before_there_was_a_state_is_kept_once_there_is(world: World, provider: Asked, tmp_path: Path) -> None:
    fleet = world.fleet()
    PlanFile.record(engine.plan(fleet, Filters())).__exit__()
    zones = provider.zones([CONTOSO, FABRIKAM]).values()
    with State.open(f"sqlite:///{tmp_path}/state.db", world.now) as state:
        with fleet.serving.kept_in(state, writes=True):
            pass
        assert state.servers(list(zones)) == dict.fromkeys(zones, provider.servers)
