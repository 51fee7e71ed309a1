"""Where zones are: found from the root and through forwarders alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from plans.values import name
from providers.contract import Lookup, Unavailable
from provisioner.dns import PublicLookup, ResolverOptions
from provisioner.dns.client import Client
from provisioner.dns.zones import Effort, Way
from tests.emulators.dns import Fault
from tests.provisioner.dns.asking import CONTOSO, LAME, NS1, NS2, key, one
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
