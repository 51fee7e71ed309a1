from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from plans.plan import Entry, Manual
from plans.policy import Severity
from plans.values import Key, Name, name
from providers import memory
from providers.contract import Served, Unavailable
from tests.provisioner.worlds import CONTOSO, FABRIKAM, World

OURS = {name("ns1.ours.example"): frozenset({"192.0.2.1"}), name("ns2.ours.example"): frozenset({"192.0.2.2", "2001:db8::2"})}
WHITE_LABEL = {name("ns1.contoso.example"): frozenset({"192.0.2.1"}), name("ns2.contoso.example"): frozenset({"2001:db8::2"})}
THEIRS = {name("ns1.theirs.example"): frozenset({"198.51.100.1"})}


@dataclass
class Parent:
    """Public DNS in which every zone is delegated to the same servers."""

    servers: Mapping[Name, frozenset[str]]
    failure: Unavailable | None = None
    asked: list[Name] = field(default_factory=list)

    def zone_of(self, host: Name) -> Name:
        return host

    def delegation(self, zone: Name) -> Mapping[Name, frozenset[str]]:
        self.asked.append(zone)
        if self.failure:
            raise self.failure
        return self.servers

    def addresses(self, host: Name) -> frozenset[str]:
        return (OURS | WHITE_LABEL | THEIRS).get(host, frozenset())

    def served(self, zone: Name, keys: Collection[Key]) -> Mapping[Key, Served]:
        raise Unavailable("Not asked", f"{zone} {keys}", "Ask.")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, capabilities=replace(memory.ADAPTER.capabilities, publishes="dns"))
    made.provider.servers = frozenset(OURS)
    return made


def planned(world: World, parent: Parent) -> dict[Name, Entry]:
    world.lookup = parent
    with world.plan() as plan:
        return {entry.subject.name: entry for entry in plan.entries()}


def codes(entry: Entry) -> list[tuple[str, Severity]]:
    return [(finding.code, finding.severity) for finding in entry.findings]


@pytest.mark.parametrize("servers", [OURS, WHITE_LABEL])
def test_servers_are_compared_by_address_whatever_their_names(world: World, servers: Mapping[Name, frozenset[str]]) -> None:
    entries = planned(world, Parent(servers))
    assert set(entries) == {CONTOSO}
    assert entries[CONTOSO].rollout


@pytest.mark.parametrize(
    ("servers", "code"),
    [
        (THEIRS, "not-authoritative"),
        (OURS | THEIRS, "delegated-in-part"),
        (OURS | {name("lame.example"): frozenset()}, "delegated-in-part"),
        ({}, "not-delegated"),
    ],
)
def test_a_zone_that_the_world_does_not_ask_is_blocked(world: World, servers: Mapping[Name, frozenset[str]], code: str) -> None:
    entries = planned(world, Parent(servers))
    assert {subject: codes(entry) for subject, entry in entries.items()} == {
        CONTOSO: [(code, Severity.BLOCK)],
        FABRIKAM: [(code, Severity.BLOCK)],
    }
    assert "staged: true" in entries[CONTOSO].findings[0].mend


def test_a_provider_that_cannot_name_its_servers_is_blocked(world: World) -> None:
    world.provider.servers = frozenset()
    assert codes(planned(world, Parent(OURS))[CONTOSO]) == [("servers-unknown", Severity.BLOCK)]


def test_a_parent_that_cannot_be_asked_is_an_error(world: World) -> None:
    parent = Parent(OURS, Unavailable("No answer", "From example.", "Try again."))
    assert codes(planned(world, parent)[CONTOSO]) == [("delegation-unreadable", Severity.ERROR)]


def test_each_zone_is_asked_for_once(world: World) -> None:
    sub = name("eu.contoso.example")
    world.listed = (CONTOSO, sub)
    world.hosts[sub] = "eu-contoso-example.o-v1.mx.microsoft"
    parent = Parent(OURS)
    planned(world, parent)
    assert parent.asked == [CONTOSO]


def test_a_staged_zone_is_not_looked_up_and_says_so(world: World) -> None:
    world.staged = True
    parent = Parent(THEIRS)
    assert codes(planned(world, parent)[CONTOSO]) == [("staged", Severity.NOTICE)]
    assert parent.asked == []


def test_a_zone_that_publishes_nothing_is_not_looked_up(world: World) -> None:
    world.capabilities = memory.ADAPTER.capabilities
    parent = Parent(THEIRS)
    assert planned(world, parent)[CONTOSO].rollout
    assert parent.asked == []


def test_where_nobody_of_ours_can_write_the_change_is_a_step_for_a_person(world: World) -> None:
    world.capabilities = replace(world.capabilities, writes=False)
    parent = Parent(THEIRS)
    rollout = planned(world, parent)[CONTOSO].rollout
    assert parent.asked == []
    assert rollout
    assert isinstance(rollout.steps[0].action, Manual)
    assert rollout.steps[0].zone is None
