"""What the parents of many zones name is told as one zone's is, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plans.values import Name, name
from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.dns.lookup import MANY
from provisioner.targets import Target
from tests.emulators.dns_many import HINTS, REGISTRY, SERVERS, ManyZones, many_zones, names


@pytest.fixture
def zones() -> Iterator[ManyZones]:
    with many_zones() as zones:
        yield zones


@pytest.fixture
def lookup(zones: ManyZones, tmp_path: Path) -> PublicLookup:
    hints = tmp_path / "hints"
    hints.write_text(HINTS)
    return PublicLookup(ResolverOptions(hints=hints, port=zones.port))


def test_hundreds_cost_one_question_each_and_are_told_as_one_is(zones: ManyZones, lookup: PublicLookup) -> None:
    of = names(300)
    with lookup.parents(of) as parent:
        told = {zone: parent(zone) for zone in of}
    assert [zones.asked[REGISTRY, zone, "NS"] for zone in of] == [1] * 300
    assert all(servers is not None and set().union(*servers.values()) == set(SERVERS) for servers in told.values())
    assert {zone: lookup.delegation(zone) for zone in of[:3]} == {zone: told[zone] for zone in of[:3]}


def test_what_no_parent_delegates_or_nobody_answers_is_left_to_whoever_looks_closer(
    zones: ManyZones, lookup: PublicLookup
) -> None:
    of = names(MANY)
    below = Name(f"www.{of[1]}")
    zones.refuses = lambda _address, owner, _times: "drop" if owner == of[0] else ""
    with lookup.parents([*of, below]) as parent:
        assert (parent(of[0]), parent(below), parent(name("elsewhere.example"))) == (None, None, None)
        assert parent(of[1])


def test_a_few_or_what_forwarders_find_is_not_asked_beforehand(zones: ManyZones, lookup: PublicLookup) -> None:
    with lookup.parents(names(MANY - 1)) as parent:
        assert parent(names(1)[0]) is None
    through = PublicLookup(ResolverOptions((Target("127.0.0.1", 9),)))
    with through.parents(names(MANY)) as parent:
        assert parent(names(1)[0]) is None
    assert not zones.asked


def test_who_ends_early_leaves_nobody_waiting(zones: ManyZones, lookup: PublicLookup) -> None:
    of = names(MANY)
    zones.refuses = lambda _address, _owner, _times: "drop"
    with lookup.parents(of) as parent:
        pass
    assert {parent(zone) for zone in of} == {None}
