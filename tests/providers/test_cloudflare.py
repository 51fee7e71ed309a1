"""Zones at Cloudflare as they are read and changed, where nothing goes wrong but what others do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from plans.plan import Change
from plans.values import Irregular, Key, Opaque, RRset, name
from providers.cloudflare import Cloudflare
from providers.cloudflare.records import fields_of
from providers.contract import Status, Unsupported
from providers.limiter import Meter
from tests.emulators.cloudflare import CloudflareEmulator, Fault, running
from tests.emulators.cloudflare_zone import Zone
from tests.providers.cloudflare_bench import TOKEN, live, opened, ref_of

MakeSet = Callable[..., RRset]
APEX = name("example.com")
MX = Key(APEX, "MX")
DIGEST = "0f" * 32


@pytest.fixture
def emulator() -> Iterator[CloudflareEmulator]:
    with running(CloudflareEmulator(TOKEN)) as emulator:
        yield emulator


@pytest.fixture
def zone(emulator: CloudflareEmulator) -> Zone:
    return emulator.add("example.com")


def apply(provider: Cloudflare, *changes: Change) -> Any:
    zone = ref_of(provider)
    base = provider.read(zone, [change.key for change in changes])
    return provider.apply(base, changes)


def mx_records(zone: Zone) -> list[tuple[int, str, int]]:
    return sorted((one["priority"], one["content"], one["ttl"]) for one in zone.records.values() if one["type"] == "MX")


def test_a_plan_reads_once_and_an_apply_reads_once_and_writes_once(
    emulator: CloudflareEmulator, zone: Zone, mx: MakeSet
) -> None:
    zone.hold("MX", "example.com", 3600, content="old.example.net", priority=10)
    meter = Meter()
    provider = opened(emulator, meter=meter)
    provider.zones([APEX])
    assert meter.calls == {"cloudflare:zones.list": 1}
    old = mx("example.com", "10 old.example.net.")
    base = provider.read(ref_of(provider), [MX])
    assert base.sets[MX] == old
    assert meter.calls == {"cloudflare:records.list": 1, "cloudflare:zones.list": 1}
    provider.apply(base, [Change(old, mx("example.com", "0 new.example.net."))])
    assert meter.calls == {"cloudflare:records.batch": 1, "cloudflare:records.list": 2, "cloudflare:zones.list": 1}
    assert meter.throttles == {}


def test_auto_is_read_as_it_is_served(emulator: CloudflareEmulator, zone: Zone, mx: MakeSet) -> None:
    zone.hold("MX", "example.com", 1, content="a.example.net", priority=10)
    zone.hold("MX", "example.com", 300, content="b.example.net", priority=20)
    assert live(emulator, MX) == mx("example.com", "10 a.example.net.", "20 b.example.net.", ttl=300)


def test_a_write_that_keeps_the_ttl_keeps_auto(emulator: CloudflareEmulator, zone: Zone, mx: MakeSet) -> None:
    zone.hold("MX", "example.com", 1, content="a.example.net", priority=10)
    old = mx("example.com", "10 a.example.net.", ttl=300)
    new = mx("example.com", "0 b.example.net.", "30 c.example.net.", ttl=300)
    assert apply(opened(emulator), Change(old, new))[MX].status is Status.WRITTEN
    assert mx_records(zone) == [(0, "b.example.net", 1), (30, "c.example.net", 1)]
    assert live(emulator, MX) == new


def test_a_write_of_another_ttl_replaces_auto_for_good(emulator: CloudflareEmulator, zone: Zone, mx: MakeSet) -> None:
    zone.hold("MX", "example.com", 1, content="a.example.net", priority=10)
    auto, short = (mx("example.com", "10 a.example.net.", ttl=ttl) for ttl in (300, 60))
    apply(opened(emulator), Change(auto, short))
    assert mx_records(zone) == [(10, "a.example.net", 60)]
    apply(opened(emulator), Change(short, auto))
    assert mx_records(zone) == [(10, "a.example.net", 300)]


def test_auto_that_became_its_own_number_is_a_conflict(emulator: CloudflareEmulator, zone: Zone, mx: MakeSet) -> None:
    record = zone.hold("MX", "example.com", 1, content="a.example.net", priority=10)
    provider = opened(emulator)
    base = provider.read(ref_of(provider), [MX])
    record["ttl"] = 300
    change = Change(mx("example.com", "10 a.example.net.", ttl=300), None)
    assert provider.apply(base, [change])[MX].status is Status.CONFLICT


@pytest.mark.parametrize(
    ("plan", "wanted", "given"),
    [
        ("free", 1, 60),
        ("free", 59, 60),
        ("free", 60, 60),
        ("enterprise", 10, 30),
        ("enterprise", 45, 45),
        ("pro", 604800, 86400),
    ],
)
def test_ttls_are_brought_into_what_the_plan_takes(
    emulator: CloudflareEmulator, mx: MakeSet, plan: str, wanted: int, given: int
) -> None:
    emulator.add("example.com", plan=plan)
    provider = opened(emulator)
    canonical = provider.canonical(ref_of(provider), mx("example.com", "10 a.example.net.", ttl=wanted))
    assert canonical == mx("example.com", "10 a.example.net.", ttl=given)
    assert apply(provider, Change(None, canonical))[MX].status is Status.WRITTEN


def test_comment_and_tags_of_a_record_that_is_changed_are_kept(emulator: CloudflareEmulator, zone: Zone, mx: MakeSet) -> None:
    own = {"comment": "asked for by Mallory", "tags": ["owner:mail"], "settings": {"ipv4_only": True}, "proxied": False}
    record = zone.hold("MX", "example.com", 3600, content="a.example.net", priority=10, **own)
    change = Change(mx("example.com", "10 a.example.net."), mx("example.com", "0 b.example.net.", ttl=600))
    apply(opened(emulator), change)
    (now,) = zone.records.values()
    assert {key: now[key] for key in (*own, "id", "content", "priority", "ttl")} == own | {
        "id": record["id"],
        "content": "b.example.net",
        "priority": 0,
        "ttl": 600,
    }


def test_a_set_that_goes_on_is_never_empty_in_whichever_order_its_records_arrive(
    emulator: CloudflareEmulator, zone: Zone, mx: MakeSet
) -> None:
    for priority, host in ((10, "a"), (20, "b"), (30, "c")):
        zone.hold("MX", "example.com", 3600, content=f"{host}.example.net", priority=priority)
    old = mx("example.com", "10 a.example.net.", "20 b.example.net.", "30 c.example.net.")
    apply(opened(emulator), Change(old, mx("example.com", "5 d.example.net.")))
    (batch,) = [seen.body for seen in emulator.seen if seen.operation == "records.batch"]
    assert (len(batch["deletes"]), len(batch["patches"]), "posts" in batch) == (2, 1, False)
    assert mx_records(zone) == [(5, "d.example.net", 3600)]


def test_a_value_that_stays_is_not_touched(emulator: CloudflareEmulator, zone: Zone, mx: MakeSet) -> None:
    kept = zone.hold("MX", "example.com", 3600, content="A.Example.NET", priority=10)
    before = dict(kept)
    apply(
        opened(emulator),
        Change(mx("example.com", "10 a.example.net."), mx("example.com", "10 a.example.net.", "20 b.example.net.")),
    )
    assert zone.records[kept["id"]] == before
    assert emulator.seen[-1].body == {
        "posts": [{"name": "example.com", "type": "MX", "ttl": 3600, "content": "b.example.net", "priority": 20}]
    }


def test_ds_and_tlsa_are_written_in_parts(emulator: CloudflareEmulator, zone: Zone, rrs: MakeSet) -> None:
    zone.hold("NS", "sub.example.com", content="ns.example.net")
    ds = rrs("sub.example.com", "DS", 3600, f"1 13 2 {DIGEST}")
    tlsa = rrs("_25._tcp.mx.example.com", "TLSA", 3600, f"3 1 1 {DIGEST}")
    outcomes = apply(opened(emulator), Change(None, ds), Change(None, tlsa))
    assert {outcome.status for outcome in outcomes.values()} == {Status.WRITTEN}
    assert [post["data"] for post in emulator.seen[-1].body["posts"]] == [
        {"key_tag": 1, "algorithm": 13, "digest_type": 2, "digest": DIGEST.upper()},
        {"usage": 3, "selector": 1, "matching_type": 1, "certificate": DIGEST.upper()},
    ]


def test_what_is_only_read_has_no_fields_to_be_written() -> None:
    with pytest.raises(TypeError, match="never written"):
        fields_of(Opaque("192.0.2.1"))


def test_numbers_that_come_as_floats_are_integers(emulator: CloudflareEmulator, zone: Zone, rrs: MakeSet) -> None:
    data = {"usage": 3.0, "selector": 1.0, "matching_type": 1.0, "certificate": DIGEST.upper()}
    zone.hold("TLSA", "_25._tcp.mx.example.com", 3600.0, data=data, content="")
    wanted = rrs("_25._tcp.mx.example.com", "TLSA", 3600, f"3 1 1 {DIGEST}")
    assert live(emulator, wanted.key) == wanted


@pytest.mark.parametrize(
    ("rdata_type", "fields", "value"),
    [
        pytest.param("MX", {"content": "a.example.net", "data": {"priority": 7}}, "7 a.example.net.", id="priority in data"),
        pytest.param("MX", {"content": ".", "priority": 0}, "0 .", id="null MX"),
        pytest.param("DS", {"content": f"1 13 2 {DIGEST.upper()}"}, f"1 13 2 {DIGEST}", id="content without data"),
        pytest.param("TXT", {"content": "v=spf1 -all"}, '"v=spf1 -all"', id="text without quotes"),
        pytest.param("TXT", {"content": "x" * 256}, f'"{"x" * 255}" "x"', id="long text without quotes"),
        pytest.param("TXT", {"content": '"a" "b"'}, '"a" "b"', id="two strings"),
        pytest.param("A", {"content": "192.0.2.1"}, "192.0.2.1", id="an address"),
    ],
)
def test_a_record_is_read(
    emulator: CloudflareEmulator, zone: Zone, rrs: MakeSet, rdata_type: str, fields: dict[str, Any], value: str
) -> None:
    zone.hold("NS", "sub.example.com", content="ns.example.net")
    owner = "sub.example.com" if rdata_type == "DS" else "box.example.com"
    zone.hold(rdata_type, owner, 3600, **fields)
    wanted = rrs(owner, rdata_type, 3600, value)
    assert live(emulator, wanted.key) == wanted


@pytest.mark.parametrize(
    ("rdata_type", "fields"),
    [
        pytest.param("MX", {"content": "a.example.net"}, id="no priority"),
        pytest.param("MX", {"priority": 1}, id="no content"),
        pytest.param("MX", {"content": "a..b", "priority": 1}, id="no name"),
        pytest.param(
            "TLSA", {"data": {"usage": 3.5, "selector": 1, "matching_type": 1, "certificate": "ab"}}, id="half a number"
        ),
        pytest.param("TLSA", {"data": {"usage": 3}}, id="parts missing"),
        pytest.param("TLSA", {}, id="nothing at all"),
        pytest.param("TXT", {}, id="no text"),
        pytest.param("TXT", {"content": r"a\b"}, id="text that has two readings"),
        pytest.param("TXT", {"content": '"a" b"'}, id="broken quotes"),
        pytest.param("A", {"content": "192.0.2.1", "proxied": True}, id="proxied"),
        pytest.param("CAA", {"content": "what"}, id="of no type's form"),
    ],
)
def test_a_record_that_cannot_be_told_makes_its_set_irregular(
    emulator: CloudflareEmulator, zone: Zone, rdata_type: str, fields: dict[str, Any]
) -> None:
    zone.hold(rdata_type, "box.example.com", 3600, **fields)
    found = live(emulator, Key(name("box.example.com"), rdata_type))
    assert isinstance(found, Irregular)
    assert found.reason


def test_a_set_that_email_routing_keeps_is_irregular_but_a_text_can_be_added(
    emulator: CloudflareEmulator, zone: Zone, rrs: MakeSet
) -> None:
    locked = {"meta": {"email_routing": True, "read_only": True}}
    zone.hold("MX", "example.com", 1, content="route1.mx.cloudflare.net", priority=10, **locked)
    zone.hold("TXT", "example.com", 1, content='"v=spf1 include:_spf.mx.cloudflare.net ~all"', **locked)
    found = live(emulator, MX)
    assert isinstance(found, Irregular)
    assert "Email Routing" in found.reason
    spf = '"v=spf1 include:_spf.mx.cloudflare.net ~all"'
    before, after = rrs("example.com", "TXT", 300, spf), rrs("example.com", "TXT", 300, spf, '"MS=ms1"')
    assert apply(opened(emulator), Change(before, after))[before.key].status is Status.WRITTEN


def test_a_cname_at_the_apex_is_flattened_and_an_mx_stands_beside_it(
    emulator: CloudflareEmulator, zone: Zone, mx: MakeSet
) -> None:
    zone.hold("CNAME", "example.com", content="site.example.net", proxied=True)
    zone.hold("MX", "example.com", 3600, content="a.example.net", priority=10)
    provider = opened(emulator)
    address, alias = Key(APEX, "A"), Key(APEX, "CNAME")
    snapshot = provider.read(ref_of(provider), [MX, address, alias])
    assert snapshot.nodes[APEX] == {"SOA", "NS", "A", "AAAA", "MX"}
    assert snapshot.sets[MX] == mx("example.com", "10 a.example.net.")
    assert isinstance(snapshot.sets[address], Irregular)
    assert isinstance(snapshot.sets[alias], Irregular)
    change = Change(mx("example.com", "10 a.example.net."), mx("example.com", "0 b.example.net."))
    assert provider.apply(snapshot, [change])[MX].status is Status.WRITTEN


def test_the_name_servers_at_the_apex_are_cloudflares_own(emulator: CloudflareEmulator, zone: Zone) -> None:
    assert isinstance(live(emulator, Key(APEX, "NS")), Irregular)
    provider = opened(emulator)
    zone.vanity = ("ns1.example.com",)
    servers = {"bob.ns.cloudflare.com.", "lola.ns.cloudflare.com.", "ns1.example.com."}
    assert provider.name_servers(ref_of(provider)) == servers


def test_a_zone_of_many_records_is_read_in_pages(emulator: CloudflareEmulator, zone: Zone, mx: MakeSet) -> None:
    for number in range(10):
        zone.hold("A", f"h{number}.example.com", content="192.0.2.1")
    zone.hold("MX", "example.com", 3600, content="a.example.net", priority=10)
    emulator.largest_page = 4
    assert live(emulator, MX) == mx("example.com", "10 a.example.net.")
    assert emulator.operations.count("records.list") == 3


def test_a_set_in_two_pages_is_one(emulator: CloudflareEmulator, zone: Zone, mx: MakeSet) -> None:
    for number in range(5):
        zone.hold("MX", "example.com", 3600, content=f"h{number}.example.net", priority=number)
    emulator.largest_page = 2
    assert live(emulator, MX) == mx("example.com", *(f"{number} h{number}.example.net." for number in range(5)))


def test_the_most_is_asked_for_at_once(emulator: CloudflareEmulator, zone: Zone) -> None:
    live(emulator, MX)
    sizes = [(seen.operation, seen.query["per_page"]) for seen in emulator.seen]
    assert sizes == [("zones.list", "50"), ("records.list", "5000")]


def test_ds_needs_a_delegation_and_apex_ds_a_parent(emulator: CloudflareEmulator, zone: Zone, rrs: MakeSet) -> None:
    zone.hold("A", "sub.example.com", content="192.0.2.1")
    provider = opened(emulator)
    with pytest.raises(Unsupported, match="is no delegation"):
        apply(provider, Change(None, rrs("sub.example.com", "DS", 3600, f"1 13 2 {DIGEST}")))
    with pytest.raises(Unsupported, match="parent zone"):
        provider.canonical(ref_of(provider), rrs("example.com", "DS", 3600, f"1 13 2 {DIGEST}"))
    assert emulator.commits == []


def test_names_with_escapes_are_refused_while_planning(emulator: CloudflareEmulator, zone: Zone, rrs: MakeSet) -> None:
    provider = opened(emulator)
    for refused in (
        rrs(r"a\.b.example.com", "MX", 3600, "10 a.example."),
        rrs("box.example.com", "MX", 3600, r"10 a\.b.example."),
    ):
        with pytest.raises(Unsupported, match="escapes"):
            provider.canonical(ref_of(provider), refused)


def race(what: str, zone: Zone) -> Callable[[], object]:
    (record,) = [one for one in zone.records.values() if one["type"] == "MX"]
    return {
        "the record goes": lambda: zone.records.pop(record["id"]),
        "the value is edited": lambda: record.update(content="theirs.example.net", modified_on=zone.now()),
        "the same value is added": lambda: zone.hold("MX", "example.com", 3600, content="new.example.net", priority=0),
    }[what]


@pytest.mark.parametrize("what", ["the record goes", "the same value is added"])
def test_who_is_faster_within_the_last_round_trip_makes_a_conflict(
    emulator: CloudflareEmulator, zone: Zone, mx: MakeSet, what: str
) -> None:
    zone.hold("MX", "example.com", 3600, content="old.example.net", priority=10)
    emulator.fail("records.batch", Fault(before=race(what, zone)))
    change = Change(mx("example.com", "10 old.example.net."), mx("example.com", "0 new.example.net."))
    assert apply(opened(emulator), change)[MX].status is Status.CONFLICT
    assert emulator.commits == []


def test_an_edit_within_the_last_round_trip_before_a_delete_is_told(
    emulator: CloudflareEmulator, zone: Zone, mx: MakeSet
) -> None:
    zone.hold("MX", "example.com", 3600, content="old.example.net", priority=10)
    emulator.fail("records.batch", Fault(before=race("the value is edited", zone)))
    outcome = apply(opened(emulator), Change(mx("example.com", "10 old.example.net."), None))[MX]
    assert outcome.status is Status.UNKNOWN
    assert "held 10 theirs.example.net." in outcome.detail


@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(lambda _: {}, id="nothing"),
        pytest.param(lambda result: result | {"patches": []}, id="no patches"),
        pytest.param(lambda result: result | {"patches": [one | {"ttl": 60} for one in result["patches"]]}, id="another TTL"),
        pytest.param(
            lambda result: result | {"patches": [one | {"priority": None} for one in result["patches"]]}, id="no value"
        ),
    ],
)
def test_an_answer_that_shows_something_else_leaves_the_outcome_unknown(
    emulator: CloudflareEmulator, zone: Zone, mx: MakeSet, alter: Callable[[Any], Any]
) -> None:
    zone.hold("MX", "example.com", 3600, content="old.example.net", priority=10)
    emulator.fail("records.batch", Fault(alter=alter))
    change = Change(mx("example.com", "10 old.example.net."), mx("example.com", "0 new.example.net."))
    outcome = apply(opened(emulator), change)[MX]
    assert outcome.status is Status.UNKNOWN
    assert outcome.detail


def test_a_delete_whose_record_cannot_be_told_leaves_the_outcome_unknown(
    emulator: CloudflareEmulator, zone: Zone, mx: MakeSet
) -> None:
    zone.hold("MX", "example.com", 3600, content="old.example.net", priority=10)
    emulator.fail("records.batch", Fault(alter=lambda result: {"deletes": [one | {"name": ".."} for one in result["deletes"]]}))
    assert apply(opened(emulator), Change(mx("example.com", "10 old.example.net."), None))[MX].status is Status.UNKNOWN


def test_a_delete_that_is_not_told_of_leaves_the_outcome_unknown(emulator: CloudflareEmulator, zone: Zone, mx: MakeSet) -> None:
    zone.hold("MX", "example.com", 3600, content="old.example.net", priority=10)
    emulator.fail("records.batch", Fault(alter=lambda _: {}))
    assert apply(opened(emulator), Change(mx("example.com", "10 old.example.net."), None))[MX].status is Status.UNKNOWN


def test_a_base_of_another_adapter_is_a_conflict(emulator: CloudflareEmulator, zone: Zone, mx: MakeSet) -> None:
    provider = opened(emulator)
    base = provider.read(ref_of(provider), [MX])
    create = Change(None, mx("example.com", "0 new.example.net."))
    for token in ("", "no JSON", "[]", '{"other": "key"}'):
        assert provider.apply(replace(base, token=token), [create])[MX].status is Status.CONFLICT


def test_more_records_than_the_plan_takes_at_once_are_rejected(emulator: CloudflareEmulator, zone: Zone, mx: MakeSet) -> None:
    wanted = mx("example.com", *(f"10 h{number}.example.net." for number in range(201)))
    outcome = apply(opened(emulator), Change(None, wanted))[MX]
    assert outcome.status is Status.REJECTED
    assert "200 records" in outcome.detail
    assert zone.records == {}
