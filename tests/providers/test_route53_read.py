"""Finding zones and reading sets in Route 53, and how many calls that takes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from plans.values import Irregular, Key, ZoneRef, name, parse_value, rrset
from providers.contract import Access, AuthFailed, Rejected, Unsupported, ZoneNotFound
from tests.emulators.route53 import Fault
from tests.providers.conftest import MakeSet
from tests.providers.route53_bench import Account, account

LIST_ZONES, LIST_SETS = "route53:ListHostedZonesByName", "route53:ListResourceRecordSets"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with account(monkeypatch, tmp_path) as held:
        yield held


def key(owner: str, rdata_type: str = "MX") -> Key:
    return Key(name(owner), rdata_type)


def zone_of(aws: Account, zone: str) -> ZoneRef:
    return aws.open().zones([name(zone)])[name(zone)]


def test_names_that_lie_together_cost_one_call(aws: Account) -> None:
    for number in range(40):
        aws.emulator.add_zone(f"zone{number:02}.example.com.")
    provider = aws.open()
    names = [name(f"mail.zone{number:02}.example.com") for number in range(40)]
    assert len(provider.zones(names)) == 40
    assert aws.meter.calls == {LIST_ZONES: 1}
    assert len(provider.zones(names)) == 40
    assert aws.meter.calls == {LIST_ZONES: 1}


def test_looking_zones_up_never_costs_more_than_listing_all(aws: Account) -> None:
    aws.emulator.zone_page = 10
    zones = [aws.emulator.add_zone(f"z{number:03}.com.").name for number in range(95)]
    provider = aws.open()
    assert len(provider.zones([name(zone) for zone in zones])) == 95
    assert aws.meter.calls == {LIST_ZONES: 10}
    assert [zone.name for zone in provider.catalogue()] == sorted(zones)
    assert aws.meter.calls == {LIST_ZONES: 20}
    assert [zone.name for zone in provider.catalogue()] == sorted(zones)
    assert provider.zones([name("unheard.org")]) == {}
    assert aws.meter.calls == {LIST_ZONES: 20}


def test_a_long_list_is_read_in_parts_that_hardly_overlap(aws: Account) -> None:
    zones = {name(aws.emulator.add_zone(f"z{number:04}.com.").name) for number in range(1050)}
    found = aws.open().zones([*zones, name("z0500.org")])
    assert {asked: zone.name for asked, zone in found.items()} == {zone: zone for zone in zones}
    assert 11 <= aws.meter.calls[LIST_ZONES] <= 11 + 3


def test_a_few_of_many_zones_are_not_found_by_listing_all(aws: Account) -> None:
    aws.emulator.zone_page = 10
    for number in range(95):
        aws.emulator.add_zone(f"z{number:03}.com.")
    found = aws.open().zones([name("a.b.z007.com"), name("z090.com"), name("com")])
    assert sorted(zone.name for zone in found.values()) == ["z007.com.", "z090.com."]
    assert aws.meter.calls[LIST_ZONES] <= 4


def test_threads_that_look_for_the_same_zones_list_them_once(aws: Account) -> None:
    aws.emulator.add_zone("example.com.")
    aws.emulator.latency = 0.05
    provider = aws.open()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: provider.zones([name("example.com")]), range(8)))
    assert len(found) == 8
    assert aws.meter.calls == {LIST_ZONES: 1}


def test_private_zones_are_never_taken(aws: Account) -> None:
    aws.emulator.add_zone("example.com.", private=True)
    aws.emulator.add_zone("inner.example.org.", private=True)
    public = aws.emulator.add_zone("example.org.")
    provider = aws.open()
    found = provider.zones([name("www.example.com"), name("a.inner.example.org")])
    assert {asked: zone.id for asked, zone in found.items()} == {"a.inner.example.org.": public.id}
    assert [zone.id for zone in provider.catalogue()] == [public.id]


def test_a_public_zone_is_found_beside_a_private_one_of_its_name(aws: Account) -> None:
    aws.emulator.add_zone("example.com.", private=True)
    public = aws.emulator.add_zone("example.com.")
    assert zone_of(aws, "example.com").id == public.id


def test_two_public_zones_of_one_name_stop_that_name_alone(aws: Account, mx: MakeSet) -> None:
    twins = [aws.emulator.add_zone("twin.example.").id for _ in range(2)]
    aws.emulator.add_zone("example.com.")
    provider = aws.open()
    found = provider.zones([name("twin.example"), name("example.com")])
    assert provider.read(found[name("example.com")], [key("example.com")]).sets == {key("example.com"): None}
    with pytest.raises(Rejected, match=r"more than one public zone twin\.example") as caught:
        provider.read(found[name("twin.example")], [key("twin.example")])
    assert all(twin in caught.value.detail for twin in twins)
    with pytest.raises(Rejected, match="more than one"):
        provider.signer().state(found[name("twin.example")])
    assert sorted(zone.id for zone in provider.catalogue()) == sorted([*twins, found[name("example.com")].id])


def test_a_zone_has_the_same_identity_under_every_profile_and_role(aws: Account, tmp_path: Path) -> None:
    aws.emulator.add_zone("example.com.")
    (tmp_path / "aws-config").write_text("[profile other]\nregion = eu-west-1\n")
    (tmp_path / "aws-credentials").write_text(
        "[other]\naws_access_key_id = AKIAEMULATOR00000001\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"
    )
    other = aws.open(profile="other").zones([name("example.com")])
    assert other[name("example.com")] == zone_of(aws, "example.com")
    assert other[name("example.com")].account == ""


def test_a_small_zone_is_read_by_one_call(aws: Account, rrs: MakeSet) -> None:
    zone = aws.emulator.add_zone("example.com.")
    zone.put("example.com.", "MX", 3600, "10 Mail.Example.COM.")
    zone.put("_25._tcp.mail.example.com.", "TLSA", 300, f"3 1 1 {'AB' * 32}")
    provider = aws.open()
    found = provider.read(zone_of(aws, "example.com"), [key("example.com"), key("_25._tcp.mail.example.com", "TLSA")])
    assert found.sets == {
        key("example.com"): rrs("example.com", "MX", 3600, "10 mail.example.com."),
        key("_25._tcp.mail.example.com", "TLSA"): rrs("_25._tcp.mail.example.com", "TLSA", 300, f"3 1 1 {'ab' * 32}"),
    }
    assert aws.meter.calls[LIST_SETS] == 1


def test_of_a_large_zone_only_the_asked_parts_are_read(aws: Account, mx: MakeSet) -> None:
    zone = aws.emulator.add_zone("example.com.")
    for number in range(3000):
        zone.put(f"host{number:04}.example.com.", "A", 300, "192.0.2.1")
    zone.put("zulu.example.com.", "MX", 3600, "10 mx.example.net.")
    provider = aws.open()
    keys = [key("example.com"), key("host1500.example.com"), key("zulu.example.com"), key("zzz.example.com")]
    found = provider.read(zone_of(aws, "example.com"), keys)
    assert found.sets == dict.fromkeys(keys, None) | {key("zulu.example.com"): mx("zulu.example.com", "10 mx.example.net.")}
    assert set(found.nodes) == {"example.com.", "host1500.example.com.", "zulu.example.com."}
    assert aws.meter.calls[LIST_SETS] == 3


def test_a_part_of_a_large_zone_that_is_known_costs_one_call(aws: Account) -> None:
    zone = aws.emulator.add_zone("example.com.")
    for number in range(1000):
        zone.put(f"host{number:04}.example.com.", "A", 300, "192.0.2.1")
    reference = zone_of(aws, "example.com")
    provider = aws.open()
    provider.read(reference, [key("zulu.example.com")])
    assert aws.meter.calls[LIST_SETS] == 2
    provider.read(reference, [key("zulu.example.com")])
    assert aws.meter.calls[LIST_SETS] == 3


def test_a_name_that_the_next_page_shows_to_exist_exists(aws: Account) -> None:
    zone = aws.emulator.add_zone("example.com.")
    zone.put("a.example.com.", "MX", 300, "10 mx.example.net.")
    zone.put("deep.down.example.com.", "A", 300, "192.0.2.1")
    aws.emulator.page = 1
    found = aws.open().read(zone_of(aws, "example.com"), [key("a.example.com"), key("down.example.com")])
    assert found.nodes == {"a.example.com.": {"MX"}, "down.example.com.": set()}


@pytest.mark.parametrize("page", [1, 2, 3, 7])
def test_pages_of_any_size_give_the_same(aws: Account, rrs: MakeSet, page: int) -> None:
    zone = aws.emulator.add_zone("example.com.")
    zone.put("deep.down.example.com.", "MX", 300, "10 mx.example.net.")
    zone.put("cut.example.com.", "NS", 300, "ns.example.net.")
    zone.put("below.cut.example.com.", "MX", 300, "10 mx.example.net.")
    for number in range(5):
        zone.put("many.example.com.", "A", 300, f"192.0.2.{number}", SetIdentifier=f"s{number}", Weight=1)
    zone.put("many.example.com.", "TXT", 300, '"text"')
    aws.emulator.page = page
    keys = [key("deep.down.example.com"), key("down.example.com"), key("below.cut.example.com"), key("many.example.com", "TXT"),
            key("many.example.com", "A"), key("gone.example.com")]  # fmt: skip
    found = aws.open().read(zone_of(aws, "example.com"), keys)
    hidden = found.sets[keys[2]]
    assert isinstance(hidden, Irregular)
    assert "zone cut at cut.example.com." in hidden.reason
    assert found.sets[keys[0]] == rrs("deep.down.example.com", "MX", 300, "10 mx.example.net.")
    assert found.sets[keys[3]] == rrs("many.example.com", "TXT", 300, '"text"')
    assert found.sets[keys[4]] == Irregular(keys[4], "it has a weighted routing policy")
    assert (found.sets[keys[1]], found.sets[keys[5]]) == (None, None)
    assert found.nodes == {
        "deep.down.example.com.": {"MX"}, "down.example.com.": set(), "below.cut.example.com.": {"MX"},
        "many.example.com.": {"A", "TXT"},
    }  # fmt: skip


def test_a_list_in_another_order_than_ours_is_read_whole(aws: Account, mx: MakeSet) -> None:
    zone = aws.emulator.add_zone("example.com.")
    for number in range(20):
        zone.put(f"host{number:02}.example.com.", "MX", 3600, "10 mx.example.net.")
    aws.emulator.page = 5
    aws.emulator.order = lambda stored: stored[::-1]
    keys = [key(f"host{number:02}.example.com") for number in range(21)]
    found = aws.open().read(zone_of(aws, "example.com"), keys)
    assert found.sets == {asked: mx(asked.owner, "10 mx.example.net.") for asked in keys[:20]} | {keys[20]: None}


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"Region": "us-east-1"}, "it has a latency routing policy"),
        ({"GeoLocation": {"CountryCode": "*"}}, "it has a geolocation routing policy"),
        ({"GeoProximityLocation": {"AWSRegion": "us-east-1"}}, "it has a geoproximity routing policy"),
        ({"Failover": "PRIMARY"}, "it has a failover routing policy"),
        ({"MultiValueAnswer": True}, "it has a multivalue answer routing policy"),
        ({"Weight": 0}, "it has a weighted routing policy"),
        ({}, "it has a routing policy"),
    ],
)
def test_routed_sets_are_irregular_by_their_policy(aws: Account, members: dict[str, object], reason: str) -> None:
    zone = aws.emulator.add_zone("example.com.")
    zone.put("example.com.", "MX", 300, "10 mx.example.net.", SetIdentifier="one", **members)
    assert aws.open().read(zone_of(aws, "example.com"), [key("example.com")]).sets == {
        key("example.com"): Irregular(key("example.com"), reason)
    }


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"TrafficPolicyInstanceId": "1"}, "it is made by a traffic policy"),
        ({"HealthCheckId": "1"}, "it depends on a health check"),
    ],
)
def test_sets_with_another_owner_are_irregular(aws: Account, members: dict[str, object], reason: str) -> None:
    zone = aws.emulator.add_zone("example.com.")
    zone.put("example.com.", "MX", 300, "10 mx.example.net.", **members)
    assert aws.open().read(zone_of(aws, "example.com"), [key("example.com")]).sets == {
        key("example.com"): Irregular(key("example.com"), reason)
    }


def test_a_value_that_nobody_understands_is_irregular(aws: Account) -> None:
    aws.emulator.add_zone("example.com.").put("example.com.", "MX", 300, "ten mx.example.net.")
    live = aws.open().read(zone_of(aws, "example.com"), [key("example.com")]).sets[key("example.com")]
    assert isinstance(live, Irregular)
    assert "cannot be understood" in live.reason


def test_a_set_that_is_listed_twice_is_irregular(aws: Account) -> None:
    zone = aws.emulator.add_zone("example.com.")
    zone.put("example.com.", "MX", 300, "10 mx.example.net.")
    twin = dict(zone.sets["example.com.", "MX", ""])
    zone.sets["example.com.", "MX", "twin"] = twin
    live = aws.open().read(zone_of(aws, "example.com"), [key("example.com")]).sets[key("example.com")]
    assert live == Irregular(key("example.com"), "it is listed more than once")


def test_escapes_are_octal_in_names_and_in_values(aws: Account) -> None:
    zone = aws.emulator.add_zone("example.com.")
    zone.put(r"\052.example.com.", "MX", 300, r"10 a\056b.example.net.")
    zone.put(r"a\100b.example.com.", "TXT", 300, r'"\303\244" "\"\\101"')
    found = aws.open().read(zone_of(aws, "example.com"), [key("*.example.com"), key(r"a\@b.example.com", "TXT")])
    star, at = found.sets.values()
    assert star == rrset("*.example.com", "MX", 300, [parse_value("MX", r"10 a\.b.example.net.")])
    assert at == rrset(r"a\@b.example.com", "TXT", 300, [parse_value("TXT", r'"\195\164" "\"\\101"')])


def test_a_reference_from_an_earlier_run_is_checked_without_a_call_of_its_own(aws: Account) -> None:
    held = aws.emulator.add_zone("example.com.")
    zone = ZoneRef("aws", "route53", "", held.id, name("example.com"))
    provider = aws.open()
    assert provider.read(zone, [key("mail.example.com")]).sets == {key("mail.example.com"): None}
    assert aws.meter.calls == {LIST_SETS: 1}
    with pytest.raises(ZoneNotFound):
        provider.read(ZoneRef("aws", "route53", "", held.id, name("example.org")), [key("example.org")])
    with pytest.raises(ZoneNotFound):
        aws.open().read(ZoneRef("aws", "route53", "", held.id, name("example.org")), [key("example.org")])
    with pytest.raises(ZoneNotFound):
        aws.open().read(ZoneRef("aws", "route53", "", "../Z1", name("example.com")), [key("example.com")])


def test_access_tells_what_can_be_told(aws: Account) -> None:
    zone = aws.emulator.add_zone("example.com.")
    reference = zone_of(aws, "example.com")
    told = aws.open().access(reference)
    assert (told.readable, told.writable) == (True, None)
    assert "ChangeResourceRecordSets" in told.detail
    aws.emulator.denied = {"ListResourceRecordSets"}
    denied = aws.open().access(reference)
    assert denied == Access(readable=False, writable=None, detail=denied.detail)
    assert "not authorized" in denied.detail
    del aws.emulator.zones[zone.id]
    aws.emulator.denied = set()
    with pytest.raises(ZoneNotFound):
        aws.open().access(reference)


def test_the_servers_are_those_that_route53_assigned(aws: Account) -> None:
    held = aws.emulator.add_zone("example.com.")
    held.put("example.com.", "NS", 300, "ns.elsewhere.example.")
    zone = zone_of(aws, "example.com")
    assert aws.open().name_servers(zone) == {f"{server}." for server in held.servers}
    with pytest.raises(ZoneNotFound):
        aws.open().name_servers(ZoneRef("aws", "route53", "", held.id, name("example.org")))


def test_a_set_that_no_request_can_carry_is_refused_while_planning(aws: Account, rrs: MakeSet) -> None:
    aws.emulator.add_zone("example.com.")
    zone = zone_of(aws, "example.com")
    provider = aws.open()
    long_text = " ".join(f'"{"x" * 250}"' for _ in range(16))
    for refused, why in (
        (rrs("example.com", "TXT", 300, long_text), "4000"),
        (rrs("example.com", "MX", 300, *(f"{number} mx.example.net." for number in range(1001))), "1000 records"),
        (rrs("example.com", "TLSA", 300, *(f"3 0 0 {'ab' * 1900}{number:02x}" for number in range(9))), "32000 characters"),
    ):
        with pytest.raises(Unsupported, match=why):
            provider.canonical(zone, refused)
    most = rrs("example.com", "MX", 2147483647, "0 .")
    assert provider.canonical(zone, most) == most


LIST = (
    '<?xml version="1.0"?><ListResourceRecordSetsResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'
    "<ResourceRecordSets>{sets}</ResourceRecordSets><IsTruncated>true</IsTruncated>{next}<MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
)


@pytest.mark.parametrize(
    ("sets", "following", "why"),
    [
        ("", "", "does not say where"),
        ("", "<NextRecordName>example.com.</NextRecordName>", "goes on at example.com., where it was"),
        ("<ResourceRecordSet><Name>a..example.com.</Name><Type>MX</Type></ResourceRecordSet>", "", "no domain name"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(aws: Account, sets: str, following: str, why: str) -> None:
    aws.emulator.add_zone("example.com.")
    zone = zone_of(aws, "example.com")
    body = LIST.format(sets=sets, next=following).encode()
    aws.emulator.fail("ListResourceRecordSets", *[Fault(status=200, body=body)] * 3)
    with pytest.raises(Rejected, match=why):
        aws.open().read(zone, [key("example.com")])


def test_reading_without_a_permission_names_it(aws: Account) -> None:
    aws.emulator.denied = {"ListHostedZonesByName"}
    with pytest.raises(AuthFailed) as caught:
        list(aws.open().catalogue())
    assert "route53:ListHostedZonesByName" in caught.value.mend
