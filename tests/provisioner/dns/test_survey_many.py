"""Thousands of zones at once: nobody is asked twice for what all have in common, nor faster than it answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from plans.facts import NoAnswer
from plans.observation import Observation
from plans.values import Key, Name, RRset, name
from provisioner.dns import PublicLookup, ResolverOptions, peers
from provisioner.dns.client import Patience
from tests.emulators.dns_many import HINTS, REGISTRY, ROOT, SERVERS, ManyZones, many_zones, names

PATIENCE = Patience(udp=(15.0,), tcp=5.0)
BRIEF = Patience(udp=(0.2, 1.0, 2.0), tcp=5.0)


@pytest.fixture
def zones() -> Iterator[ManyZones]:
    with many_zones() as zones:
        yield zones


def observed(
    zones: ManyZones, folder: Path, of: list[Name], patience: Patience = PATIENCE, seconds: float | None = None
) -> dict[Name, Observation]:
    hints = folder / "hints"
    hints.write_text(HINTS)
    with PublicLookup(ResolverOptions(hints=hints, port=zones.port)).survey(patience) as open_now:
        told = list(open_now.observe([Key(one, "MX") for one in of], seconds))
    assert len(told) == len(of)
    return {one.key.owner: one for one in told}


def test_two_thousand_names_cost_one_question_each_at_the_registry_and_at_each_server(zones: ManyZones, tmp_path: Path) -> None:
    of = names(2000)
    told = observed(zones, tmp_path, of)
    for one in of:
        assert str(told[one].agreed.values[0]) == zones.mx(one)  # type: ignore[union-attr] # a set, or the test fails
    assert zones.at(ROOT) < 5
    assert [zones.asked[at, one, "MX"] for at in SERVERS for one in of] == [1] * 4000
    assert sum(zones.asked[REGISTRY, one, "NS"] for one in of) == 2000


def test_names_of_which_nobody_hears_anything_keep_no_other_from_being_told(zones: ManyZones, tmp_path: Path) -> None:
    of = names(60)
    silent = set(of[::3])
    zones.refuses = lambda address, owner, _times: "drop" if owner in silent and address in SERVERS else ""
    told = observed(zones, tmp_path, of, Patience(udp=(1.5, 1.5), tcp=5.0))
    assert {one for one in of if isinstance(told[one].agreed, NoAnswer)} == silent


@pytest.mark.parametrize("how", ["drop", "cut"])
def test_a_server_that_limits_its_rate_by_losing_or_cutting_answers_tells_all_the_same(
    zones: ManyZones, tmp_path: Path, how: str
) -> None:
    of = names(60)
    zones.refuses = lambda address, _owner, times: how if address in SERVERS and times == 1 else ""
    told = observed(zones, tmp_path, of, BRIEF)
    assert all(isinstance(one.agreed, RRset) for one in told.values()), told
    assert all(len(one.told) == 2 for one in told.values())


def test_a_server_that_answers_nothing_is_soon_asked_no_more(zones: ManyZones, tmp_path: Path) -> None:
    of = names(200)
    zones.refuses = lambda address, _owner, _times: "drop" if address == SERVERS[0] else ""
    told = observed(zones, tmp_path, of, Patience(udp=(0.3,), tcp=5.0))
    assert all(isinstance(one.agreed, NoAnswer) for one in told.values())
    assert zones.at(SERVERS[0]) <= peers.AT_ONE + peers.PATIENCE_ENDS
    assert any("asked no more" in str(one.agreed) for one in told.values())


def test_what_is_not_told_in_time_is_no_answer(zones: ManyZones, tmp_path: Path) -> None:
    zones.refuses = lambda _address, _owner, _times: "drop"
    told = observed(zones, tmp_path, names(3), seconds=0.2)
    assert {one.agreed for one in told.values()} == {NoAnswer("not told in time")}


def test_whoever_stops_in_the_middle_leaves_nothing_behind(zones: ManyZones, tmp_path: Path) -> None:
    (tmp_path / "hints").write_text(HINTS)
    before, of = threading.active_count(), names(50)
    zones.refuses = lambda address, owner, _times: "drop" if address in SERVERS and owner != of[0] else ""
    persistent = Patience(udp=(0.3,) * 100, tcp=5.0)
    with PublicLookup(ResolverOptions(hints=tmp_path / "hints", port=zones.port)).survey(persistent) as open_now:
        telling = open_now.observe([Key(one, "MX") for one in of])
        assert next(telling).key.owner == of[0]
        telling.close()  # type: ignore[attr-defined] # a generator
        asked = sum(zones.asked.values())
        (other,) = open_now.observe([Key(name("other.example"), "MX")], seconds=1.5)
        assert other.agreed == NoAnswer("not told in time")
        assert sum(zones.asked.values()) < asked + 2 * len(of)
    assert threading.active_count() <= before + 2


def test_of_no_keys_nothing_is_told(zones: ManyZones, tmp_path: Path) -> None:
    assert observed(zones, tmp_path, []) == {}
