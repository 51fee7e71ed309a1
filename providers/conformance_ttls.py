"""What the conformance suite checks of an adapter that looks through whole zones (`Capabilities.lists`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import cast

from plans.values import MANAGED_TYPES, ZoneRef, name
from providers.conformance_bench import Bench, Facts, scene_of
from providers.conformance_cases import SURROUNDINGS, Record, surroundings
from providers.conformance_checks import expect, expect_refusal, other_references
from providers.contract import Lister, Provider, ZoneNotFound

_CROWD = 320
"""So many sets are listed by no service that we know in one part."""
_NEVER_THE_PROVIDERS = frozenset({*MANAGED_TYPES, *(rdata_type for _, _, rdata_type, _ in SURROUNDINGS)} - {"NS"})


def beside(kind: str, facts: Facts, bench: Bench) -> None:
    """Show that a set that cannot be owned counts too: with its highest TTL, or by making the answer one that is not known."""
    scene = scene_of(facts, bench)
    bench.make_irregular(facts.apex, scene.key("box", facts.usual_type), kind)
    found = _found(scene.provider, scene.zone)
    if found is not None:
        _expect_those_of(scene.records(), found)


def _of_a_crowd(facts: Facts, bench: Bench) -> None:
    """Put the highest TTL of one type behind all other names, of one between them, and of one before them."""
    apex = facts.apex
    crowd = [Record.of(f"n{number:03}.{apex}", "TXT", 300, f'"{number}"') for number in range(_CROWD)]
    tall = [
        Record.of(f"0.{apex}", "A", 80_000, "192.0.2.9"),
        Record.of(f"n{_CROWD // 2}.{apex}", "AAAA", 80_001, "2001:db8::9"),
        Record.of(f"_sip._tcp.zz.{apex}", "SRV", 80_002, f"10 5 5061 mail.{apex}"),
        Record.of(f"zz.{apex}", "TXT", 80_003, '"the last"'),
    ]
    held = surroundings(apex).union(crowd, tall)
    provider = bench.open({apex: held})
    _expect_those_of(held, _found(provider, provider.zones([apex])[apex]))


def _of_an_empty_zone(facts: Facts, bench: Bench) -> None:
    apex, other = facts.apex, name(f"beside-{facts.apex}")
    provider = bench.open({apex: [], other: surroundings(other)})
    found = _found(provider, provider.zones([apex])[apex])
    expect("what a zone holds is told", found is not None, wanted=True)
    expect("a zone without sets has none but the provider's own", _NEVER_THE_PROVIDERS & {*(found or ())}, frozenset())


def _of_a_set_that_changes(facts: Facts, bench: Bench) -> None:
    scene = scene_of(facts, bench)
    key = scene.key("mail", "A")
    for ttl in (70_000, 60):
        bench.put(facts.apex, key, [Record.of(key.owner, "A", ttl, "192.0.2.1")])
        _expect_those_of(scene.records(), _found(scene.provider, scene.zone))


def _of_another_reference(facts: Facts, bench: Bench) -> None:
    scene = scene_of(facts, bench)
    for other in other_references(scene.zone):
        expect_refusal(ZoneNotFound, f"the reference {other}", partial(_found, scene.provider, other))


def _found(provider: Provider, zone: ZoneRef) -> Mapping[str, int] | None:
    return cast("Lister", provider).highest_ttls(zone)


def _expect_those_of(records: Collection[Record], found: Mapping[str, int] | None) -> None:
    """Compare with what records have; a provider's own NS at the apex may have any TTL."""
    wanted: dict[str, int] = {}
    for record in records:
        if record.type != "NS":
            wanted[record.type] = max(record.ttl, wanted.get(record.type, 0))
    told = {rdata_type: (found or {}).get(rdata_type, 0) for rdata_type in wanted}
    expect("the highest TTL of each type is told", told, wanted)


CHECKS: dict[str, Callable[[Facts, Bench], None]] = {
    "highest TTLs in a zone of many sets": _of_a_crowd,
    "highest TTLs in an empty zone": _of_an_empty_zone,
    "highest TTLs once a set has changed": _of_a_set_that_changes,
    "highest TTLs by the reference to another zone": _of_another_reference,
}
"""The cases, by their names."""
