"""The dynamic-update adapter beyond the suite: finding zones, and reading in full."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import pytest
from pydantic import ValidationError

from plans.desired import Subject
from plans.rollout import surroundings
from plans.snapshot import Snapshot
from plans.values import Irregular, Key, Name, RRset, name
from providers.contract import (
    AuthFailed,
    ProviderError,
    Rejected,
    Unavailable,
    Unsupported,
    ZoneNotFound,
)
from providers.rfc2136 import Rfc2136, Rfc2136Options
from providers.rfc2136.wire import Deadlines
from tests.emulators.dns_update import KEY_FILE, SECRET, Fault, Primary, opened
from tests.providers.rfc2136.conftest import APEX, NEW, OLD, QUICK, ZONE, live, mx, zone_of

# Options


@pytest.mark.parametrize(
    ("options", "at"),
    [
        ({"server": "192.0.2.1:53"}, "server"),
        ({"server": "ns 1"}, "server"),
        ({"server": ""}, "server"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"tsig": {"env": "A", "file": "b"}}, "tsig"),
        ({"tsig": SECRET}, "tsig"),
        ({"zones": ["a..b"]}, "zones"),
        ({"read": "ixfr"}, "read"),
    ],
)
def test_wrong_options_are_told(options: dict[str, object], at: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Rfc2136Options.model_validate({"type": "rfc2136", "server": "ns.example.com", "tsig": {"env": "TSIG"}} | options)
    assert wrong.value.errors()[0]["loc"][0] == at


def test_an_ipv6_address_is_written_in_brackets_where_a_port_follows() -> None:
    listed = opened(53, server="2001:db8::1", zones=["example.com"])
    assert [zone.account for zone in listed.catalogue()] == ["[2001:db8::1]:53"]


# Zones


def test_zones_are_asked_for_once(primary: Primary, asking: Rfc2136) -> None:
    primary.add_zone("child.example.com")
    primary.put(APEX, "www.example.com", "CNAME", 300, "mail.child.example.com.")
    primary.put(APEX, "away.example.com", "NS", 300, "ns.example.net.")
    names = {
        APEX: APEX,
        "a.b.example.com": APEX,
        "www.example.com": APEX,
        "x.away.example.com": APEX,
        "x.child.example.com": "child.example.com",
        "elsewhere.invalid": None,
    }
    asked = 0
    for _ in range(2):
        found = asking.zones([name(one) for one in names])
        assert {name(one): zone and name(zone) for one, zone in names.items()} == {
            name(one): found[name(one)].name if name(one) in found else None for one in names
        }
        asked = primary.heard["query"]
        primary.fail("query", *[Fault.SERVFAIL] * 9)
    assert primary.heard["query"] == asked


def test_zones_that_are_listed_need_no_question(primary: Primary) -> None:
    listed = opened(primary.port, zones=["Example.COM", "example.net"])
    assert {zone.name for zone in listed.zones([name("a.example.com"), name("example.org")]).values()} == {ZONE}
    assert [zone.name for zone in listed.catalogue()] == [ZONE, name("example.net")]
    assert primary.heard["query"] == 0


def test_zones_cannot_be_listed_by_asking(asking: Rfc2136) -> None:
    with pytest.raises(Unsupported, match="zones:"):
        asking.catalogue()


def test_a_zone_that_is_not_listed_is_none_of_ours(primary: Primary, asking: Rfc2136) -> None:
    with pytest.raises(ZoneNotFound):
        opened(primary.port, zones=[]).read(zone_of(asking), [])


def test_a_zone_that_is_gone_is_told(primary: Primary, provider: Rfc2136) -> None:
    zone = zone_of(provider)
    primary.zones.clear()
    with pytest.raises(ZoneNotFound, match=r"does not hold the zone, or does not show it to the key [\w-]+\.\n"):
        provider.read(zone, [])


def test_name_servers_are_those_at_the_apex(provider: Rfc2136) -> None:
    assert provider.name_servers(zone_of(provider)) == {name("ns.example.net")}


def test_nothing_is_signed_by_us(provider: Rfc2136) -> None:
    assert provider.signer() is None


# Reading


def test_the_token_is_the_serial(primary: Primary, provider: Rfc2136) -> None:
    zone = zone_of(provider)
    before = provider.read(zone, []).token
    primary.put(APEX, APEX, "MX", 300, NEW)
    assert int(provider.read(zone, []).token) == int(before) + 1


def test_what_stands_below_a_dname_is_hidden(primary: Primary, provider: Rfc2136) -> None:
    primary.put(APEX, "old.example.com", "DNAME", 300, "new.example.net.")
    assert isinstance(live(provider, "box.old.example.com", "MX"), Irregular)
    assert live(provider, "old.example.com", "MX") is None
    assert live(provider, "old.example.com", "DNAME")


def test_values_that_are_not_understood_cannot_be_owned(primary: Primary, provider: Rfc2136) -> None:
    primary.put(APEX, "_25._tcp.mail.example.com", "TLSA", 300, r"\# 3 0301fa")
    found = live(provider, "_25._tcp.mail.example.com", "TLSA")
    assert isinstance(found, Irregular)
    assert "not understood" in found.reason


def test_the_machinery_of_dnssec_does_not_count(primary: Primary, provider: Rfc2136) -> None:
    primary.put(APEX, "mail.example.com", "NSEC", 300, "example.com. A NSEC")
    primary.put(
        APEX, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.com", "NSEC3", 300, "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A"
    )
    snapshot = provider.read(zone_of(provider), [Key(name("mail.example.com"), "MX")])
    assert snapshot.nodes == {name("mail.example.com"): {"A"}}


@pytest.mark.parametrize("deep", ["", "f." * 48 + "g" * 60 + "." + "h" * 63 + "."])
def test_a_wildcards_answer_is_no_name(primary: Primary, provider: Rfc2136, deep: str) -> None:
    primary.put(APEX, "*.wild.example.com", "A", 300, "192.0.2.3")
    primary.put(APEX, "real.wild.example.com", "A", 300, "192.0.2.4")
    primary.put(APEX, "*.real.wild.example.com", "A", 300, "192.0.2.4")
    zone = zone_of(provider)
    made, real = name(f"{deep}made.wild.example.com"), name("real.wild.example.com")
    snapshot = provider.read(zone, [Key(made, "A"), Key(real, "A")])
    assert snapshot.sets[Key(made, "A")] is None
    assert snapshot.nodes == {real: {"A"}}


def test_the_rollout_sees_the_wildcard_that_a_record_would_shadow(primary: Primary, provider: Rfc2136) -> None:
    primary.put(APEX, "*.wild.example.com", "A", 300, "192.0.2.3")
    primary.put(APEX, "away.example.com", "NS", 300, "ns.example.net.")
    zone = zone_of(provider)

    def around(owner: Name) -> Snapshot:
        return provider.read(zone, surroundings.keys(owner, zone.name) | {Key(owner, "MX")})

    made, away, plain = name("made.wild.example.com"), name("x.away.example.com"), name("mail.example.com")
    assert surroundings.shadowed_wildcard(made, around(made)) == name("*.wild.example.com")
    assert surroundings.shadowed_wildcard(plain, around(plain)) is None
    finding = surroundings.obstacle(Subject(away), Key(away, "MX"), around(away))
    assert finding is not None
    assert finding.code == "delegated-away"
    assert surroundings.obstacle(Subject(plain), Key(plain, "MX"), around(plain)) is None


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.NOTIMP])
def test_a_wildcard_that_cannot_be_told_from_a_name_is_a_refusal(primary: Primary, asking: Rfc2136, fault: Fault) -> None:
    primary.put(APEX, "*.wild.example.com", "A", 300, "192.0.2.3")
    primary.fail("update", fault)
    with pytest.raises(AuthFailed, match="read: axfr"):
        live(asking, "made.wild.example.com", "A")


def test_a_lost_answer_about_a_wildcard_is_a_refusal(primary: Primary, asking: Rfc2136) -> None:
    primary.put(APEX, "*.wild.example.com", "A", 300, "192.0.2.3")
    primary.fail("update", Fault.DROP_BEFORE)
    with pytest.raises(Unavailable):
        live(asking, "made.wild.example.com", "A")


def test_what_a_zone_below_answers_is_hidden(primary: Primary, provider: Rfc2136) -> None:
    primary.put(APEX, "child.example.com", "NS", 300, "ns.example.net.")
    primary.put(APEX, "child.example.com", "DS", 300, f"1 13 2 {'ab' * 32}")
    primary.add_zone("child.example.com")
    primary.put("child.example.com", "child.example.com", "MX", 300, OLD)
    primary.put("child.example.com", "mail.child.example.com", "A", 300, "192.0.2.1")
    zone = zone_of(provider)
    for owner in ("child.example.com", "mail.child.example.com", "nowhere.child.example.com"):
        key = Key(name(owner), "MX")
        assert isinstance(provider.read(zone, [key]).sets[key], Irregular)
    ds = live(provider, "child.example.com", "DS")
    assert isinstance(ds, RRset)
    several = [Key(name("child.example.com"), "MX"), Key(name("x.child.example.com"), "MX")]
    assert provider.read(zone, several).nodes == {name("child.example.com"): {"NS", "DS"}}


def test_the_delegation_itself_is_unknown_where_the_child_answers(primary: Primary, asking: Rfc2136) -> None:
    primary.put(APEX, "child.example.com", "NS", 300, "ns.example.net.")
    primary.put(APEX, "away.example.com", "NS", 300, "ns.example.net.")
    primary.add_zone("child.example.com")
    assert isinstance(live(asking, "child.example.com", "NS"), Irregular)
    assert isinstance(live(asking, "away.example.com", "NS"), RRset)


def test_a_server_that_answers_any_in_part_is_read_by_transfers(primary: Primary, asking: Rfc2136) -> None:
    primary.full_any = False
    with pytest.raises(Unsupported, match="read: axfr"):
        live(asking, APEX, "MX")
    assert live(opened(primary.port, read="axfr"), APEX, "MX") == mx(OLD)


def test_a_zone_that_changes_while_it_is_read_is_read_again(primary: Primary, asking: Rfc2136) -> None:
    zone = zone_of(asking)
    changes = iter(range(2))

    def change() -> None:
        if (number := next(changes, None)) is not None:
            primary.put(APEX, "mail.example.com", "MX", 300 + number, OLD)

    primary.after_query = change
    key = Key(name("mail.example.com"), "MX")
    assert asking.read(zone, [key]).sets[key] == mx(OLD, ttl=301, owner="mail.example.com")
    primary.after_query = lambda: primary.put(APEX, "other.example.com", "A", 300, "192.0.2.1")
    with pytest.raises(Unavailable, match="changes faster"):
        asking.read(zone, [key])


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        ([Fault.SERVFAIL], Unavailable),
        ([Fault.DROP_BEFORE] * 3, Unavailable),
        ([Fault.SILENCE], Unavailable),
        ([Fault.GARBAGE], Unavailable),
        ([Fault.OTHER_ID], Unavailable),
        ([Fault.UNSIGNED], Unavailable),
        ([Fault.FORGED], Unavailable),
        ([Fault.CUT_SHORT], Unavailable),
        ([Fault.BAD_KEY], AuthFailed),
        ([Fault.BAD_SIGNATURE], AuthFailed),
        ([Fault.BAD_TIME], AuthFailed),
        ([Fault.NOTIMP], ProviderError),
    ],
)
@pytest.mark.parametrize("read", ["query", "axfr"])
def test_what_cannot_be_read_is_an_error(primary: Primary, read: str, faults: list[Fault], error: type[ProviderError]) -> None:
    provider = opened(primary.port, deadlines=QUICK, read=read)
    zone = zone_of(provider)
    primary.fail("transfer" if read == "axfr" else "query", *faults)
    with pytest.raises(error) as failed:
        provider.read(zone, [mx(OLD).key])
    assert SECRET not in str(failed.value)


def test_other_failures_of_transfers(primary: Primary) -> None:
    provider = opened(primary.port, deadlines=QUICK, read="axfr")
    zone = zone_of(provider)
    primary.transfers = False
    with pytest.raises(AuthFailed, match="allow-transfer"):
        provider.read(zone, [])


def test_a_transfer_without_its_beginning_is_rejected(primary: Primary) -> None:
    provider = opened(primary.port, read="axfr")
    primary.alien["example.com.", "AXFR"] = _empty
    with pytest.raises(Rejected, match="without an SOA"):
        provider.read(zone_of(provider), [])


def test_a_transfer_that_takes_too_long_is_given_up(primary: Primary) -> None:
    provider = opened(primary.port, deadlines=Deadlines(transfer=0.0), read="axfr")
    with pytest.raises(Unavailable):
        provider.read(zone_of(provider), [])


def test_a_key_that_the_server_does_not_know_is_told(primary: Primary) -> None:
    provider = opened(primary.port, KEY_FILE.replace("provisioner-test", "nobody"))
    with pytest.raises(AuthFailed, match="NOTAUTH"):
        provider.zones([ZONE])


def test_a_connection_that_breaks_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def break_it() -> None:
            connection, _ = listening.accept()
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

        thread = threading.Thread(target=break_it)
        thread.start()
        with pytest.raises(Unavailable, match="reset"):
            opened(listening.getsockname()[1], deadlines=QUICK).zones([ZONE])
        thread.join()


def test_other_failures_of_questions(primary: Primary, asking: Rfc2136) -> None:
    zone = zone_of(asking)
    primary.fail("query", Fault.TRUNCATED)
    with pytest.raises(Unsupported, match="read: axfr"):
        asking.read(zone, [mx(OLD).key])
    primary.fail("query", Fault.UNAUTHORITATIVE)
    with pytest.raises(ZoneNotFound, match="NOERROR without authority"):
        asking.read(zone, [mx(OLD).key])


def _empty(answer: dns.message.Message) -> None:
    answer.answer.clear()
    answer.authority.clear()


def _no_authority(answer: dns.message.Message) -> None:
    answer.flags &= ~dns.flags.AA


@pytest.mark.parametrize(
    ("owner", "kind", "spoil"),
    [
        ("mail.example.com.", "ANY", _empty),
        ("mail.example.com.", "ANY", _no_authority),
        ("sub.example.com.", "DS", _no_authority),
        ("sub.example.com.", "DS", _empty),
    ],
)
def test_answers_that_make_no_sense_are_rejected(
    primary: Primary, asking: Rfc2136, owner: str, kind: str, spoil: Callable[[dns.message.Message], None]
) -> None:
    primary.put(APEX, "sub.example.com", "NS", 300, "ns.example.net.")
    primary.alien[owner, kind] = spoil
    with pytest.raises(Rejected, match="makes no sense"):
        live(asking, owner, "MX")


def test_a_serial_that_vanishes_is_a_change(primary: Primary, asking: Rfc2136) -> None:
    zone = zone_of(asking)
    primary.alien["example.com.", "SOA"] = _empty
    with pytest.raises(Unavailable, match="changes faster"):
        asking.read(zone, [Key(name("mail.example.com"), "MX")])


def test_a_connection_that_the_server_closes_between_two_questions_is_opened_again(primary: Primary, asking: Rfc2136) -> None:
    zone = zone_of(asking)
    primary.fail("query", Fault.CLOSE, Fault.DROP_BEFORE, Fault.CLOSE)
    key = Key(name("mail.example.com"), "A")
    with pytest.raises(Unavailable):  # dropped on a new connection as well: that is no leave-taking
        asking.read(zone, [key])
    primary.fail("query", Fault.CLOSE, Fault.CLOSE, Fault.CLOSE)
    assert asking.read(zone, [key]).sets[key]


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        opened(port).zones([ZONE])


def test_a_server_that_drips_is_not_waited_for(primary: Primary) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                while not stop.wait(0.1):
                    connection.sendall(b"\x7f")

        stop = threading.Event()
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(Unavailable, match="no answer in time"):
                opened(listening.getsockname()[1], deadlines=QUICK).zones([ZONE])
        finally:
            stop.set()
            thread.join()


def test_the_key_is_read_when_it_is_needed(primary: Primary) -> None:
    provider = opened(primary.port, "key {", zones=[APEX])
    zone = zone_of(provider)
    with pytest.raises(AuthFailed, match="environment variable TSIG:1: the key's name is missing"):
        provider.read(zone, [])
