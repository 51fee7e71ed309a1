"""Where zones are, and what their servers say: found from the root and through forwarders alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from plans.values import Irregular, Key, RRset, name, parse_value, rrset
from providers.contract import Lookup, Served, Unavailable
from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.dns.client import Client
from provisioner.dns.zones import Effort, Way
from tests.emulators.dns import Fault
from tests.provisioner.dns.conftest import (
    CONTOSO_ZONE,
    EXAMPLE_ZONE,
    FIRST,
    IMPATIENCE,
    RECURSIVE,
    ROOT,
    ROOT_ZONE,
    SECOND,
    TLD,
    World,
)

CONTOSO = name("contoso.example")
NS1, NS2 = name("ns1.contoso.example"), name("ns2.contoso.example")
EVERYWHERE = (ROOT, TLD, FIRST, SECOND)


def key(owner: str, kind: str) -> Key:
    return Key(name(owner), kind)


def one(lookup: Lookup, owner: str, kind: str) -> Served:
    wanted = key(owner, kind)
    return lookup.served(CONTOSO, [wanted])[wanted]


def a_set(owner: str, kind: str, ttl: int, *values: str) -> RRset:
    return rrset(owner, kind, ttl, [parse_value(kind, value) for value in values])


def test_a_lookup_is_what_the_contract_asks_for(lookup: PublicLookup) -> None:
    contract: Lookup = lookup
    assert contract.zone_of(CONTOSO) == CONTOSO


@pytest.mark.parametrize(
    ("asked", "zone"),
    [
        (".", "."),
        ("example", "example."),
        ("contoso.example", "contoso.example."),
        ("host.contoso.example", "contoso.example."),
        ("a.deep.empty.contoso.example", "contoso.example."),
        ("www.contoso.example", "contoso.example."),
        ("below.www.contoso.example", "contoso.example."),
        ("nobody.example", "example."),
        ("nobody.nowhere", "."),
    ],
)
def test_the_zone_of_a_name_is_the_one_that_is_delegated(lookup: PublicLookup, asked: str, zone: str) -> None:
    assert lookup.zone_of(name(asked)) == zone


def test_a_cut_is_found_where_one_server_has_both_sides(world: World, lookup: PublicLookup) -> None:
    world.servers.serve("contoso.example.", CONTOSO_ZONE, TLD)
    world.servers.serve("sub.contoso.example.", "@ NS ns1.contoso.example.\nhost A 192.0.2.1", FIRST, SECOND)
    assert lookup.zone_of(name("www.contoso.example")) == CONTOSO
    assert lookup.zone_of(name("host.sub.contoso.example")) == "sub.contoso.example."
    assert lookup.delegation(CONTOSO).keys() == {NS1, NS2}


def test_an_empty_name_that_is_denied_hides_no_zone_below_it(world: World, lookup: PublicLookup) -> None:
    far = "far.empty.example."
    world.servers.serve("example.", f"{EXAMPLE_ZONE}far.empty NS ns1.contoso", TLD)
    world.servers.serve(far, "@ NS ns1.contoso.example.\n@ MX 0 mail", FIRST)
    world.servers.fail(TLD, Fault.NXDOMAIN_FOR_EMPTY)
    assert lookup.zone_of(name(f"host.{far}")) == far


def test_what_was_found_is_not_asked_for_again(world: World, lookup: PublicLookup) -> None:
    for _ in range(2):
        lookup.zone_of(name("nobody.contoso.example"))
        lookup.delegation(CONTOSO)
        lookup.addresses(name("host.contoso.example"))
        lookup.addresses(name("none.contoso.example"))
    asked = len(world.servers.asked)
    lookup.delegation(CONTOSO)
    assert len(world.servers.asked) == asked
    assert world.servers.count("none.contoso.example.", "A") == 1


def test_threads_may_share_a_lookup(lookup: PublicLookup) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: lookup.zone_of(name("host.contoso.example")), range(24)))
    assert set(found) == {CONTOSO}


def test_the_delegation_is_the_parents(world: World, lookup: PublicLookup) -> None:
    world.servers.serve("contoso.example.", "@ NS elsewhere.example.", FIRST, SECOND)
    assert lookup.delegation(CONTOSO) == {NS1: {FIRST}, NS2: {SECOND}}


def test_the_roots_servers_are_those_that_are_known(lookup: PublicLookup) -> None:
    assert lookup.delegation(name(".")) == {name("a.root"): {ROOT}}


def test_addresses_of_servers_that_came_without_are_looked_up(world: World, lookup: PublicLookup) -> None:
    world.servers.serve("example.", f"{EXAMPLE_ZONE}fabrikam NS ns1.contoso.example.\nfabrikam NS gone.contoso", TLD)
    world.servers.serve("fabrikam.example.", "@ MX 0 mail", FIRST)
    world.servers.serve(".", f"{ROOT_ZONE}fabrikam. NS ns1.contoso.example.", ROOT)
    world.servers.serve("fabrikam.", "@ MX 0 mail", FIRST)
    gone = name("gone.contoso.example")
    assert lookup.delegation(name("fabrikam.example")) == {NS1: {FIRST}, gone: set()}
    assert lookup.delegation(name("fabrikam")) == {NS1: {FIRST}}
    with pytest.raises(Unavailable, match=r"gone\.contoso\.example\.: it has no address"):
        lookup.served(name("fabrikam.example"), [key("fabrikam.example", "MX")])


def test_an_address_from_whom_it_is_no_business_of_is_not_believed(world: World) -> None:
    world.servers.serve(".", f"{ROOT_ZONE}foreign. NS ns.foreign.\nns.foreign. A {RECURSIVE}", ROOT)
    world.servers.serve("foreign.", "x NS ns1.contoso.example.\nns1.contoso.example. A 127.0.53.66", RECURSIVE)
    world.servers._servers[RECURSIVE].recursive = False
    assert world.lookup().delegation(name("x.foreign")) == {NS1: {FIRST}}


def test_a_name_that_is_not_delegated_has_no_servers(lookup: PublicLookup) -> None:
    assert lookup.delegation(name("host.contoso.example")) == {}
    with pytest.raises(Unavailable, match=r"Zone host\.contoso\.example\. is not delegated"):
        lookup.served(name("host.contoso.example"), [key("host.contoso.example", "MX")])


def test_addresses_are_those_of_both_families(lookup: PublicLookup) -> None:
    assert lookup.addresses(name("host.contoso.example")) == {"192.0.2.11", "2001:db8::11"}
    assert lookup.addresses(name("none.contoso.example")) == set()
    assert lookup.addresses(name("deep.empty.contoso.example")) == {"192.0.2.12"}


@pytest.mark.parametrize("alias", ["www.contoso.example", "below.renamed.contoso.example"])
def test_an_alias_has_no_addresses_of_its_own(lookup: PublicLookup, alias: str) -> None:
    with pytest.raises(Unavailable, match="It is an alias"):
        lookup.addresses(name(alias))


def test_a_name_server_that_is_an_alias_is_refused(world: World, lookup: PublicLookup) -> None:
    world.servers.serve("example.", f"{EXAMPLE_ZONE}fabrikam NS www.contoso", TLD)
    with pytest.raises(Unavailable, match=r"www\.contoso\.example\. has no addresses of its own"):
        lookup.delegation(name("fabrikam.example"))


LAME = [Fault.REFUSED, Fault.SERVFAIL, Fault.NO_AUTHORITY, Fault.UPWARD, Fault.OTHER_RECORDS]


@pytest.mark.parametrize("fault", LAME)
def test_another_server_of_the_zone_is_asked_where_one_is_lame(world: World, fault: Fault) -> None:
    world.servers.fail(FIRST, fault)
    assert world.lookup().addresses(name("host.contoso.example")) == {"192.0.2.11", "2001:db8::11"}
    assert world.lookup().zone_of(name("below.host.contoso.example")) == CONTOSO


@pytest.mark.parametrize("fault", LAME)
def test_a_zone_whose_servers_are_all_lame_is_unavailable_and_still_delegated(
    world: World, lookup: PublicLookup, fault: Fault
) -> None:
    world.servers.fail(FIRST, fault)
    world.servers.fail(SECOND, fault)
    assert lookup.zone_of(CONTOSO) == CONTOSO
    with pytest.raises(Unavailable) as caught:
        lookup.addresses(name("host.contoso.example"))
    assert f"ns1.contoso.example. ({FIRST}): " in caught.value.detail
    assert f"ns2.contoso.example. ({SECOND}): " in caught.value.detail


def test_silent_servers_are_passed_over_and_a_zone_that_has_no_other_is_unavailable(world: World) -> None:
    world.servers.fail(FIRST, Fault.SILENT)
    host = name("host.contoso.example")
    assert world.lookup(patience=IMPATIENCE).addresses(host) == {"192.0.2.11", "2001:db8::11"}
    with pytest.raises(Unavailable, match=f"{FIRST}.*no answer in 0.5 s"):
        one(world.lookup(patience=IMPATIENCE), "contoso.example", "MX")
    world.servers.fail(SECOND, Fault.SILENT)
    with pytest.raises(Unavailable, match=r"no answer in 0\.5 s"):
        world.lookup(patience=IMPATIENCE).addresses(host)


def test_a_server_that_answers_from_a_zone_above_is_lame(world: World, lookup: PublicLookup) -> None:
    world.servers.serve("example.", f"{EXAMPLE_ZONE}lame NS ns1.contoso", TLD)
    world.servers.serve("example.", "@ NS ns", FIRST)
    lame = name("lame.example")
    with pytest.raises(Unavailable):
        lookup.served(lame, [key("lame.example", "MX")])
    with pytest.raises(Unavailable, match=r"answers from the zone example\."):
        world.lookup().zone_of(name("x.lame.example"))
    with pytest.raises(Unavailable, match=r"answers from the zone example\."):
        world.lookup().addresses(name("lame.example"))


def test_delegations_that_depend_on_each_other_lead_nowhere(world: World) -> None:
    more = "a NS ns.b\nb NS ns.a\nself NS ns.self\n"
    world.servers.serve("example.", EXAMPLE_ZONE + more, TLD)
    lookup = world.lookup()
    for zone in ("a.example", "b.example", "self.example"):
        assert lookup.zone_of(name(zone)) == name(zone)
        with pytest.raises(Unavailable, match="depend on each other"):
            lookup.delegation(name(zone))
    assert len(world.servers.asked) < 40


def test_a_server_that_is_alone_with_its_address_is_asked_at_the_parent_where_that_has_the_zone(world: World) -> None:
    world.servers.serve("both.example.", f"@ NS ns\n@ NS www\nns A {TLD}\nwww CNAME ns", TLD)
    lookup = world.lookup()
    assert lookup.zone_of(name("both.example")) == "both.example."
    with pytest.raises(Unavailable, match=r"www\.both\.example\. has no addresses of its own"):
        lookup.delegation(name("both.example"))
    world.servers.serve("both.example.", f"@ NS ns\nns A {TLD}", TLD)
    assert world.lookup().delegation(name("both.example")) == {name("ns.both.example"): {TLD}}


def test_a_lookup_ends_after_a_time() -> None:
    effort = Effort(seconds=0)
    with pytest.raises(Unavailable, match="DNS leads too far"):
        effort.spend()


def test_a_chain_of_delegations_without_addresses_has_an_end(world: World) -> None:
    chain = "\n".join(f"z{at} NS ns.z{at + 1}" for at in range(40))
    world.servers.serve("example.", f"{EXAMPLE_ZONE}{chain}\n", TLD)
    with pytest.raises(Unavailable):
        world.lookup().delegation(name("z0.example"))
    assert len(world.servers.asked) < 40


def test_a_delegation_that_fans_out_is_given_up(world: World) -> None:
    fan = "\n".join(f"z{at} NS ns.z{other}" for at in range(12) for other in range(12) if other != at)
    world.servers.serve("example.", f"{EXAMPLE_ZONE}{fan}\n", TLD)
    with pytest.raises(Unavailable):
        world.lookup().delegation(name("z0.example"))
    assert len(world.servers.asked) <= 210


def test_a_delegation_to_very_many_servers_is_refused(world: World) -> None:
    many = "\n".join(f"many NS ns{at}.many" for at in range(33))
    world.servers.serve("example.", f"{EXAMPLE_ZONE}{many}\n", TLD)
    with pytest.raises(Unavailable, match="names 33 servers"):
        world.lookup().zone_of(name("many.example"))


def test_a_zone_with_very_many_addresses_is_not_asked(world: World) -> None:
    glue = "\n".join(f"ns.wide A 127.1.0.{at}" for at in range(1, 70))
    world.servers.serve("example.", f"{EXAMPLE_ZONE}wide NS ns.wide\n{glue}\n", TLD)
    with pytest.raises(Unavailable, match="69 addresses"):
        world.lookup().served(name("wide.example"), [key("wide.example", "MX")])


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


def test_the_second_forwarder_is_asked_where_the_first_is_silent(world: World) -> None:
    hints = world.folder / "absent"
    target = world.lookup(forward=True)._options.forward[0]
    dead = type(target)(TLD, target.port)
    lookup = PublicLookup(ResolverOptions((dead, target), hints, world.servers.port), Client(IMPATIENCE))
    assert lookup.zone_of(CONTOSO) == CONTOSO
    world.servers.fail(TLD, Fault.SILENT)
    assert lookup.zone_of(name("www.contoso.example")) == CONTOSO


def test_no_forwarder_that_answers_is_unavailable(world: World) -> None:
    world.servers.fail(RECURSIVE, Fault.SILENT)
    with pytest.raises(Unavailable, match=f"No forwarder answers\ncontoso.example. SOA was asked for.\n{RECURSIVE}:"):
        world.lookup(forward=True, patience=IMPATIENCE).zone_of(CONTOSO)


def test_a_forwarder_without_recursion_is_none(world: World) -> None:
    world.servers._servers[RECURSIVE].recursive = False
    with pytest.raises(Unavailable, match="REFUSED, and it offers no recursion"):
        world.lookup(forward=True).zone_of(CONTOSO)


def test_a_forwarder_that_drops_the_authority_section_will_do(world: World) -> None:
    world.servers.fail(RECURSIVE, Fault.NO_SOA)
    lookup = world.lookup(forward=True)
    assert lookup.zone_of(name("host.contoso.example")) == CONTOSO
    assert lookup.zone_of(name("none.contoso.example")) == CONTOSO


def test_a_forwarder_that_answers_something_else_is_not_believed(world: World) -> None:
    world.servers.fail(RECURSIVE, Fault.OTHER_RECORDS)
    lookup = world.lookup(forward=True)
    with pytest.raises(Unavailable):
        lookup.zone_of(CONTOSO)
    world.servers.fail(RECURSIVE)
    world.servers.serve("example.", f"{EXAMPLE_ZONE}fabrikam NS ns1.contoso.example.\nfabrikam NS other.example.", TLD)
    assert lookup.zone_of(name("nobody.example")) == "example."
    lookup.addresses(name("nobody.example"))
    world.servers.fail(RECURSIVE, Fault.OTHER_RECORDS)
    with pytest.raises(Unavailable, match="answers something else"):
        lookup.delegation(name("fabrikam.example"))


def test_a_server_whose_address_the_forwarder_cannot_find_out_is_named(world: World) -> None:
    world.servers.serve("example.", f"{EXAMPLE_ZONE}fabrikam NS ns.broken\nbroken NS ns.broken", TLD)
    with pytest.raises(Unavailable, match=r"The addresses of ns\.broken\.example\. cannot be found\n.*SERVFAIL"):
        world.lookup(forward=True).delegation(name("fabrikam.example"))


HINTS = [
    ("", "names no server of the root"),
    (". NS a.root.\n", "names no server of the root"),
    ("a.root. A 192.0.2.1\n", "names no server of the root"),
    (". NS\n", "cannot be used"),
]


@pytest.mark.parametrize(("text", "told"), HINTS)
def test_hints_that_name_no_server_are_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "hints"
    file.write_text(text)
    with pytest.raises(Unavailable) as caught:
        PublicLookup(ResolverOptions(hints=file)).zone_of(CONTOSO)
    assert str(file) in caught.value.detail
    assert told in f"{caught.value.headline} {caught.value.detail}"


def test_hints_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be read"):
        PublicLookup(ResolverOptions(hints=tmp_path / "hints")).zone_of(CONTOSO)


def test_the_built_in_root_has_thirteen_servers_with_two_addresses_each() -> None:
    servers = PublicLookup().delegation(name("."))
    assert len(servers) == 13
    assert all(sorted(":" in address for address in addresses) == [False, True] for addresses in servers.values())


def test_servers_beyond_loopback_are_never_asked_elsewhere_than_on_port_53() -> None:
    way = Way(Client(), 5353)
    assert (way.target("127.0.53.1").port, way.target("::1").port) == (5353, 5353)
    assert (way.target("192.0.2.1").port, way.target("2001:db8::1").port) == (53, 53)
