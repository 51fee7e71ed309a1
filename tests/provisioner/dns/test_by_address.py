from __future__ import annotations

import pytest

from plans.facts import NoAnswer
from plans.values import Key, name, parse_value, rrset
from providers.contract import Unavailable
from provisioner.dns import PublicLookup
from tests.emulators.dns import Fault
from tests.provisioner.dns.conftest import CONTOSO_ZONE, EXAMPLE_ZONE, FIRST, IMPATIENCE, SECOND, TLD, World

CONTOSO = name("contoso.example")
MX, TLSA = Key(CONTOSO, "MX"), Key(CONTOSO, "TLSA")
LIVE = rrset(CONTOSO, "MX", 600, [parse_value("MX", "0 contoso-example.mail.protection.outlook.com.")])


def test_each_address_tells_what_it_answers(lookup: PublicLookup, world: World) -> None:
    world.servers.serve("contoso.example.", CONTOSO_ZONE.replace("@ 600 MX", "@ 60 MX"), SECOND)
    other = rrset(CONTOSO, "MX", 60, LIVE.values)
    assert lookup.by_address(CONTOSO, [MX, TLSA]) == {MX: {FIRST: LIVE, SECOND: other}, TLSA: {FIRST: None, SECOND: None}}
    assert lookup.by_address(CONTOSO, []) == {}


def test_a_denial_is_heard_over_tcp(world: World) -> None:
    world.lookup().by_address(CONTOSO, [MX, TLSA])
    for address in (FIRST, SECOND):
        own = [(one.type, one.tcp) for one in world.servers.asked if one.address == address and one.name == CONTOSO]
        assert sorted(own) == [("MX", False), ("TLSA", False), ("TLSA", True)]


def test_a_denial_that_does_not_come_over_tcp_is_no_answer(world: World) -> None:
    world.servers.fail(SECOND, Fault.CLOSES_TCP)
    told = world.lookup(patience=IMPATIENCE).by_address(CONTOSO, [TLSA])[TLSA]
    assert told[FIRST] is None
    silent = told[SECOND]
    assert isinstance(silent, NoAnswer)
    assert f"{TLSA}: no" in silent.why


def test_an_address_that_fails_and_a_server_without_one_are_told(world: World) -> None:
    world.servers.fail(SECOND, Fault.REFUSED)
    below = "nowhere NS ns1.contoso\nnowhere NS none.contoso\n"
    world.servers.serve("example.", EXAMPLE_ZONE + below, TLD)
    world.servers.serve("nowhere.example.", "@ NS ns1.contoso.example.\n@ MX 0 mail\n", FIRST)
    lookup = world.lookup()
    assert lookup.by_address(CONTOSO, [MX])[MX] == {FIRST: LIVE, SECOND: NoAnswer(f"{MX}: REFUSED")}
    key = Key(name("nowhere.example"), "MX")
    told = lookup.by_address(key.owner, [key])[key]
    assert told["none.contoso.example."] == NoAnswer("it has no address")
    assert set(told) == {FIRST, "none.contoso.example."}


def test_a_zone_that_is_not_delegated_is_refused(lookup: PublicLookup) -> None:
    with pytest.raises(Unavailable, match="not delegated"):
        lookup.by_address(name("nobody.example"), [MX])
