"""What the servers of a zone say: found from the root and through forwarders alike."""

from __future__ import annotations

import pytest

from plans.values import Irregular, RRset, parse_value, rrset
from providers.contract import Served, Unavailable
from provisioner.dns import PublicLookup
from tests.emulators.dns import Fault
from tests.provisioner.dns.asking import CONTOSO, LAME, key, one
from tests.provisioner.dns.conftest import CONTOSO_ZONE, EXAMPLE_ZONE, FIRST, SECOND, TLD, World


def a_set(owner: str, kind: str, ttl: int, *values: str) -> RRset:
    return rrset(owner, kind, ttl, [parse_value(kind, value) for value in values])


@pytest.mark.parametrize(
    ("owner", "kind", "served"),
    [
        (
            "contoso.example",
            "MX",
            Served(a_set("contoso.example", "MX", 600, "0 contoso-example.mail.protection.outlook.com."), owner_exists=True),
        ),
        ("contoso.example", "TXT", Served(a_set("contoso.example", "TXT", 3600, '"v=spf1 -all"'), owner_exists=True)),
        ("contoso.example", "TLSA", Served(None, owner_exists=True)),
        ("empty.contoso.example", "MX", Served(None, owner_exists=True)),
        ("none.contoso.example", "MX", Served(None, owner_exists=False)),
        (
            "www.contoso.example",
            "CNAME",
            Served(a_set("www.contoso.example", "CNAME", 3600, "contoso.example."), owner_exists=True),
        ),
        (
            "www.contoso.example",
            "MX",
            Served(Irregular(key("www.contoso.example", "MX"), "CNAME at the name"), owner_exists=True),
        ),
        (
            "sub.contoso.example",
            "NS",
            Served(a_set("sub.contoso.example", "NS", 3600, "ns1.contoso.example."), owner_exists=True),
        ),
        (
            "sub.contoso.example",
            "DS",
            Served(a_set("sub.contoso.example", "DS", 3600, "12345 13 2 " + "ab" * 32), owner_exists=True),
        ),
        (
            "sub.contoso.example",
            "MX",
            Served(
                Irregular(
                    key("sub.contoso.example", "MX"),
                    "hidden by the zone cut at sub.contoso.example.: the zone never answers with it",
                ),
                owner_exists=True,
            ),
        ),
        (
            "a.sub.contoso.example",
            "NS",
            Served(
                Irregular(
                    key("a.sub.contoso.example", "NS"),
                    "hidden by the zone cut at sub.contoso.example.: the zone never answers with it",
                ),
                owner_exists=False,
            ),
        ),
        (
            "a.renamed.contoso.example",
            "CNAME",
            Served(
                Irregular(
                    key("a.renamed.contoso.example", "CNAME"),
                    "hidden by the DNAME at renamed.contoso.example.: the zone never answers with it",
                ),
                owner_exists=False,
            ),
        ),
    ],
)
def test_what_all_servers_answer_is_served(lookup: PublicLookup, owner: str, kind: str, served: Served) -> None:
    assert one(lookup, owner, kind) == served


def test_every_address_is_asked_for_every_key(world: World, lookup: PublicLookup) -> None:
    lookup.served(CONTOSO, [key("contoso.example", "MX"), key("contoso.example", "TXT"), key("contoso.example", "MX")])
    for address in (FIRST, SECOND):
        asked = [(found.name, found.type) for found in world.servers.asked if found.address == address]
        assert sorted(asked)[-2:] == [("contoso.example.", "MX"), ("contoso.example.", "TXT")]


def test_no_key_is_no_question(world: World, lookup: PublicLookup) -> None:
    assert lookup.served(CONTOSO, []) == {}
    assert world.servers.asked == []


def test_a_zone_is_read_anew_each_time(world: World, lookup: PublicLookup) -> None:
    held = [a_set("contoso.example", "MX", 60, "10 a.example.")]
    world.servers.serve("contoso.example.", lambda: held, FIRST, SECOND)
    assert one(lookup, "contoso.example", "MX").held == held[0]
    held[0] = a_set("contoso.example", "MX", 60, "10 b.example.")
    assert one(lookup, "contoso.example", "MX").held == held[0]


def test_answers_from_the_zone_below_a_cut_on_the_same_server_are_told_by_its_denial(
    world: World, lookup: PublicLookup
) -> None:
    world.servers.serve("sub.contoso.example.", "@ NS ns1.contoso.example.", FIRST, SECOND)
    found = one(lookup, "a.sub.contoso.example", "MX")
    assert isinstance(found.held, Irregular)
    assert "hidden by the zone cut at sub.contoso.example." in found.held.reason
    assert not found.owner_exists


def test_denials_without_soa_are_denials(world: World, lookup: PublicLookup) -> None:
    for address in (FIRST, SECOND):
        world.servers.fail(address, Fault.NO_SOA)
    assert one(lookup, "none.contoso.example", "MX") == Served(None, owner_exists=False)
    assert one(lookup, "contoso.example", "TLSA") == Served(None, owner_exists=True)


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        (CONTOSO_ZONE.replace("600 MX", "601 MX"), "0 contoso-example.mail.protection.outlook.com., TTL 601"),
        (CONTOSO_ZONE.replace("MX 0", "MX 10"), "10 contoso-example.mail.protection.outlook.com., TTL 600"),
        (CONTOSO_ZONE.replace("@ 600 MX", "x MX"), "no such record"),
        ("@ CNAME www", "CNAME at the name"),
    ],
    ids=["ttl", "value", "absent", "alias"],
)
def test_servers_that_differ_are_named_with_their_answers(world: World, lookup: PublicLookup, zone: str, told: str) -> None:
    world.servers.serve("contoso.example.", zone, SECOND)
    with pytest.raises(Unavailable) as caught:
        one(lookup, "contoso.example", "MX")
    assert f"{FIRST}: 0 contoso-example.mail.protection.outlook.com., TTL 600" in caught.value.detail
    assert f"{SECOND}: {told}" in caught.value.detail


def test_servers_differ_where_a_name_exists_at_one_of_them_only(world: World, lookup: PublicLookup) -> None:
    world.servers.serve("contoso.example.", CONTOSO_ZONE + "none TXT x", SECOND)
    with pytest.raises(Unavailable, match=f"{FIRST}: no such name\n{SECOND}: no such record"):
        one(lookup, "none.contoso.example", "MX")


def test_names_in_values_may_differ_in_case(world: World, lookup: PublicLookup) -> None:
    world.servers.serve("contoso.example.", CONTOSO_ZONE.replace("CNAME contoso.example.", "CNAME CONTOSO.example."), SECOND)
    assert one(lookup, "www.contoso.example", "CNAME").held == a_set("www.contoso.example", "CNAME", 3600, "contoso.example.")


def test_addresses_that_each_server_makes_are_irregular(world: World, lookup: PublicLookup) -> None:
    world.servers.serve("contoso.example.", CONTOSO_ZONE.replace("@ A 192.0.2.10", "@ A 192.0.2.77"), SECOND)
    wanted = key("contoso.example", "A")
    assert one(lookup, "contoso.example", "A") == Served(Irregular(wanted, "its servers answer differently"), owner_exists=True)


def test_a_serial_that_is_on_its_way_is_no_difference(world: World, lookup: PublicLookup) -> None:
    world.servers.serve("contoso.example.", CONTOSO_ZONE.replace("hostmaster 7", "hostmaster 8"), SECOND)
    held = one(lookup, "contoso.example", "SOA").held
    assert isinstance(held, RRset)
    assert " 7 3600 " in str(held.values[0])
    world.servers.serve("contoso.example.", CONTOSO_ZONE.replace("86400 300", "86400 60"), SECOND)
    with pytest.raises(Unavailable, match="answer differently"):
        one(lookup, "contoso.example", "SOA")


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (Fault.MIXED_TTLS, "MX", "mixed TTLs: 600, 601"),
        (Fault.EMPTY_TLSA, "TLSA", "not understood: '3 1 0 ' is no TLSA data"),
    ],
)
def test_a_set_that_cannot_be_owned_is_irregular(
    world: World, lookup: PublicLookup, fault: Fault, kind: str, reason: str
) -> None:
    lookup.delegation(CONTOSO)
    world.servers.fail(FIRST, fault)
    world.servers.fail(SECOND, fault)
    held = one(lookup, "contoso.example", kind).held
    assert isinstance(held, Irregular)
    assert held.reason.startswith(reason)


@pytest.mark.parametrize("fault", LAME)
def test_every_server_must_answer(world: World, lookup: PublicLookup, fault: Fault) -> None:
    world.servers.fail(SECOND, fault)
    with pytest.raises(Unavailable) as caught:
        one(lookup, "contoso.example", "MX")
    assert caught.value.headline == "Not every server of zone contoso.example. answers for it"
    assert f"ns2.contoso.example. ({SECOND}): contoso.example. MX: " in caught.value.detail
    assert FIRST not in caught.value.detail


def test_a_server_that_denies_in_the_name_of_another_zone_does_not_answer(world: World, lookup: PublicLookup) -> None:
    lookup.delegation(CONTOSO)
    world.servers._servers[SECOND].zones.clear()
    world.servers.serve("example.", "@ NS ns", SECOND)
    with pytest.raises(Unavailable, match=r"answers from the zone example\."):
        one(lookup, "contoso.example", "MX")


def test_an_address_without_a_route_is_left_out_with_a_note(world: World) -> None:
    world.servers.serve("example.", f"{EXAMPLE_ZONE}ns2.contoso AAAA fe80::53", TLD)
    lookup = world.lookup()
    assert one(lookup, "contoso.example", "MX").owner_exists
    assert lookup.notes == ("ns2.contoso.example. was not asked at fe80::53: no route to it from this machine",)


def test_a_server_without_any_route_is_no_server_that_answers(world: World) -> None:
    world.servers.serve("example.", EXAMPLE_ZONE.replace(f"ns2.contoso A {SECOND}", "ns2.contoso AAAA fe80::53"), TLD)
    lookup = world.lookup()
    with pytest.raises(Unavailable, match=r"ns2\.contoso\.example\. \(fe80::53\): .*no route"):
        one(lookup, "contoso.example", "MX")
    assert lookup.notes == ()
