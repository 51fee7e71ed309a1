"""What the parents of many zones name is told as one zone's is, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plans.values import Name, name
from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.dns.parents import MANY, Parents
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


def asking(lookup: PublicLookup) -> Parents:
    parents = lookup.parents()
    assert parents
    return parents


def test_hundreds_cost_one_question_each_and_are_told_as_one_is(zones: ManyZones, lookup: PublicLookup) -> None:
    of = names(300)
    with asking(lookup) as parents:
        parents.expect(of)
        parents.expect(of)
        told = {zone: parents.delegation(zone) for zone in of}
    assert [zones.asked[REGISTRY, zone, "NS"] for zone in of] == [1] * 300
    assert all(servers is not None and set().union(*servers.values()) == set(SERVERS) for servers in told.values())
    assert {zone: lookup.delegation(zone) for zone in of[:3]} == {zone: told[zone] for zone in of[:3]}


def test_what_no_parent_delegates_or_nobody_answers_is_left_to_whoever_looks_closer(
    zones: ManyZones, lookup: PublicLookup
) -> None:
    of = names(MANY)
    below = Name(f"www.{of[1]}")
    zones.refuses = lambda _address, owner, _times: "drop" if owner == of[0] else ""
    with asking(lookup) as parents:
        parents.expect([*of, below])
        told = [parents.delegation(zone) for zone in (of[0], below, name("elsewhere.example"))]
        assert told == [None, None, None]
        assert parents.delegation(of[1])


def test_a_few_or_what_forwarders_find_is_not_asked_beforehand(zones: ManyZones, lookup: PublicLookup) -> None:
    with asking(lookup) as parents:
        parents.expect(names(MANY - 1))
        assert parents.delegation(names(1)[0]) is None
        assert parents.addresses(name("nobody.invalid")) is None
    assert PublicLookup(ResolverOptions((Target("127.0.0.1", 9),))).parents() is None
    assert not zones.asked


def test_addresses_of_the_servers_are_told_as_well(zones: ManyZones, lookup: PublicLookup) -> None:
    of = names(MANY)
    with asking(lookup) as parents:
        parents.expect(of)
        servers = parents.delegation(of[0]) or {}
        assert {host: parents.addresses(host) for host in servers} == dict(servers)
        told, asked = {host: lookup.addresses(host) for host in servers}, zones.asked.copy()
        assert told == {host: parents.addresses(host) for host in servers}
        assert zones.asked == asked
        assert parents.addresses(of[1]) is None
        zones.refuses = lambda _address, _owner, _times: "drop"
        assert parents.addresses(name("d9999.example")) is None


def test_who_ends_early_leaves_nobody_waiting(zones: ManyZones, lookup: PublicLookup) -> None:
    of = names(MANY)
    zones.refuses = lambda _address, _owner, _times: "drop"
    with asking(lookup) as parents:
        parents.expect(of)
    assert {parents.delegation(zone) for zone in of} == {None}
