"""The Azure DNS adapter: zones, reading, and what is refused while planning."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from azure.core import AzureClouds
from azure.mgmt.core.tools import get_arm_endpoints
from pydantic import ValidationError

from plans.desired import Cloud
from plans.values import Irregular, Key, RRset, name, parse_value
from providers.azure.options import AzureOptions
from providers.contract import AuthFailed, Rejected, Unsupported, ZoneNotFound
from providers.limiter import Rate
from tests.emulators.azure_dns import GROUP, SUBSCRIPTION, AzureDnsEmulator, running
from tests.providers.azure_bench import APEX, World, world_of

MakeSet = Callable[..., RRset]
MX = Key(APEX, "MX")
PLAIN_MX = {"TTL": 3600, "MXRecords": [{"preference": 10, "exchange": "mx.example.net"}]}


@pytest.fixture
def world() -> Iterator[World]:
    with running(AzureDnsEmulator()) as emulator:
        yield world_of(emulator)


def options(**given: Any) -> AzureOptions:
    return AzureOptions.model_validate({"type": "azure", "subscription": SUBSCRIPTION, "credential": "partner"} | given)


def test_zones_are_listed_once_for_the_subscription_a_hundred_a_call(world: World) -> None:
    for number in range(250):
        world.emulator.add_zone(f"z{number}.example")
    adapter = world.adapter()
    found = adapter.zones([name("a.z7.example"), name("z249.example"), name("elsewhere.example")])
    assert [zone.name for zone in found.values()] == ["z7.example.", "z249.example."]
    assert len(list(adapter.catalogue())) == 250
    assert world.context.meter.calls == {"azure:list zones": 3}


def test_a_zone_is_identified_by_its_subscription_and_its_resource_id_in_lower_case(world: World) -> None:
    world.emulator.add_zone("Example.COM", "Dns-RG")
    found = world.adapter().zones([APEX])[APEX]
    path = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/dns-rg/providers/microsoft.network/dnszones/example.com"
    assert (found.provider, found.type, found.account, found.id, found.name) == ("az", "azure", SUBSCRIPTION, path, APEX)
    assert world.adapter().read(found, [MX]).sets == {MX: None}


def test_zones_of_one_resource_group_only(world: World) -> None:
    world.emulator.add_zone("example.com", "one")
    world.emulator.add_zone("example.com", "two")
    found = world.adapter(resource_group="Two").zones([APEX])
    assert found[APEX].id.split("/")[4] == "two"
    assert all("/resourceGroups/Two/" in path for _, path in world.emulator.log)
    with pytest.raises(ZoneNotFound):
        world.adapter(resource_group="one").read(found[APEX], [MX])


def test_a_name_of_two_zones_has_none_and_neither_have_the_names_below_it(world: World) -> None:
    world.emulator.add_zone("example.com", "one")
    world.emulator.add_zone("example.com", "two")
    world.emulator.add_zone("example")
    world.emulator.add_zone("com")
    adapter = world.adapter()
    assert adapter.zones([APEX, name("mail.example.com")]) == {}
    both = [zone for zone in adapter.catalogue() if zone.name == APEX]
    assert [zone.id.split("/")[4] for zone in both] == ["one", "two"]
    access = adapter.access(both[0])
    assert (access.readable, access.writable) == (True, False)
    assert "the resource groups one and two hold a zone example.com." in access.detail


def test_private_zones_are_left_out(world: World) -> None:
    world.emulator.add_zone("example.com", kind="Private")
    world.emulator.add_zone("example.net", kind="Public")
    assert [zone.name for zone in world.adapter().catalogue()] == ["example.net."]


def test_name_servers_come_with_the_listing(world: World) -> None:
    adapter, _, zone = world.zone()
    assert adapter.name_servers(zone) == {
        f"ns{number}-01.azure-dns.{top}." for number, top in enumerate(("com", "net", "org", "info"), 1)
    }
    assert world.emulator.log == []
    with pytest.raises(ZoneNotFound):
        adapter.name_servers(replace(zone, name=name("example.net"), id=zone.id.replace("example.com", "example.net")))


def test_a_zone_that_went_is_not_found(world: World) -> None:
    adapter, _, zone = world.zone()
    world.emulator.add_zone("example.net")
    del world.emulator.zones[GROUP, "example.com"]
    for call in (lambda: adapter.read(zone, [MX]), lambda: adapter.access(zone)):
        with pytest.raises(ZoneNotFound) as caught:
            call()
        assert "dnsZones/example.com" in caught.value.detail
        assert "HTTP 404 ResourceNotFound The Resource" in caught.value.detail


def test_whether_it_may_be_written_is_not_told(world: World) -> None:
    adapter, _, zone = world.zone()
    access = adapter.access(zone)
    assert (access.readable, access.writable) == (True, None)


@pytest.mark.parametrize(
    ("item", "what"),
    [
        ({"id": "x"}, "properties"),
        ({"id": "/x", "name": "example..com", "properties": {}}, "example..com"),
        ({"id": 7, "name": "example.com", "properties": {}}, "lower"),
    ],
)
def test_a_listing_of_zones_that_makes_no_sense_is_refused(world: World, item: dict[str, Any], what: str) -> None:
    world.emulator.replies.append({"value": [item]})
    with pytest.raises(Rejected, match=what):
        world.adapter().zones([APEX])


def test_a_zone_of_another_subscription_in_the_listing_is_refused(world: World) -> None:
    world.emulator.replies.append({"value": [{"id": "/subscriptions/x", "name": "example.com", "properties": {}}]})
    with pytest.raises(ZoneNotFound):
        world.adapter().zones([APEX])


def test_reading_a_zone_is_one_call_for_each_hundred_sets(world: World) -> None:
    adapter, held, zone = world.zone()
    world.emulator.put(held, "@", "MX", PLAIN_MX)
    snapshot = adapter.read(zone, [MX, Key(APEX, "TXT"), Key(name("_25._tcp.mail.example.com"), "TLSA")])
    assert snapshot.nodes == {APEX: {"SOA", "NS", "MX"}}
    assert len(world.emulator.log) == 1
    for number in range(300):
        world.emulator.put(held, f"h{number}", "A", {"TTL": 60, "ARecords": [{"ipv4Address": "192.0.2.1"}]})
    world.emulator.log.clear()
    assert adapter.read(zone, [MX]) == replace(snapshot, sets={MX: snapshot.sets[MX]})
    assert len(world.emulator.log) == 4


def test_a_large_zone_is_read_name_by_name_as_soon_as_that_is_fewer_calls(world: World) -> None:
    held = world.emulator.add_zone("example.com")
    for number in range(1700):
        world.emulator.put(held, f"h{number}", "A", {"TTL": 60, "ARecords": [{"ipv4Address": "192.0.2.1"}]})
    world.emulator.put(held, "@", "MX", PLAIN_MX)
    world.emulator.put(held, "a.deep", "MX", PLAIN_MX)
    keys = [MX, Key(name("deep.example.com"), "MX"), Key(name("gone.example.com"), "MX")]
    unaware, aware = world.adapter(), world.adapter()
    zone = aware.zones([APEX])[APEX]
    for key, types, calls in zip(keys, ({"SOA", "NS", "MX"}, set(), None), (14, 15, 15), strict=True):
        world.emulator.log.clear()
        snapshot = aware.read(zone, [key])
        assert snapshot.nodes == ({} if types is None else {key.owner: types})
        assert len(world.emulator.log) == calls
    world.emulator.log.clear()
    assert unaware.read(zone, keys) == aware.read(zone, keys)
    assert len(world.emulator.log) == 2 * 18
    world.emulator.log.clear()
    assert unaware.read(zone, keys[:1]) == aware.read(zone, keys[:1])
    assert len(world.emulator.log) == 2 * 14


def test_a_large_zone_that_went_is_not_found(world: World) -> None:
    world.emulator.add_zone("example.com").reported = 10_000
    world.emulator.add_zone("example.net")
    adapter = world.adapter()
    zone = adapter.zones([APEX])[APEX]
    del world.emulator.zones[GROUP, "example.com"]
    with pytest.raises(ZoneNotFound):
        adapter.read(zone, [MX])


def test_the_case_of_a_type_name_does_not_matter(world: World) -> None:
    adapter, _, zone = world.zone()
    item = {"name": "@", "type": "microsoft.network/DNSZONES/mx", "etag": "1", "properties": PLAIN_MX}
    world.emulator.replies.append({"value": [item]})
    held = adapter.read(zone, [MX]).sets[MX]
    assert isinstance(held, RRset)
    assert [str(value) for value in held.values] == ["10 mx.example.net."]


def test_members_that_say_nothing_do_not_make_a_set_irregular(world: World, mx: MakeSet) -> None:
    adapter, held, zone = world.zone()
    usual: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "targetResource": {},
        "trafficManagementProfile": {},
        "metadata": None,
    }
    world.emulator.put(held, "@", "MX", PLAIN_MX | usual)
    assert adapter.read(zone, [MX]).sets == {MX: mx("example.com", "10 mx.example.net.")}


@pytest.mark.parametrize(
    ("kind", "properties", "reason"),
    [
        ("MX", {"TTL": 60, "targetResource": {"id": "/x"}}, "alias"),
        ("MX", {"TTL": 60, "trafficManagementProfile": {"id": "/x"}}, "alias"),
        ("MX", {"TTL": 60}, "no record"),
        ("MX", PLAIN_MX | {"weight": 5}, "has weight, which a write would drop"),
        ("MX", {"TTL": 60, "MXRecords": [{"preference": 70000, "exchange": "mx.example.net"}]}, "70000"),
        ("MX", PLAIN_MX | {"TTL": 2**31}, "ttl"),
        ("TXT", {"TTL": 60, "TXTRecords": [{"value": ["naïve"]}]}, "printable ASCII"),
        ("TXT", {"TTL": 60, "TXTRecords": [{"value": []}]}, "without strings"),
    ],
)
def test_a_set_that_could_not_be_written_back_is_irregular(
    world: World, kind: str, properties: dict[str, Any], reason: str
) -> None:
    adapter, held, zone = world.zone()
    world.emulator.put(held, "@", kind, properties)
    found = adapter.read(zone, [Key(APEX, kind)]).sets[Key(APEX, kind)]
    assert isinstance(found, Irregular)
    assert reason in found.reason


@pytest.mark.parametrize(
    "item",
    [
        {"type": "x/MX", "etag": "1", "properties": PLAIN_MX},
        {"name": "a..b", "type": "x/MX", "etag": "1", "properties": PLAIN_MX},
        {"name": "@", "type": None, "etag": "1", "properties": PLAIN_MX},
        {"name": "@", "type": "x/MX", "properties": PLAIN_MX},
        {"name": "@", "type": "x/MX", "etag": "", "properties": PLAIN_MX},
        {"name": "@", "type": "x/MX", "etag": "1", "properties": PLAIN_MX | {"metadata": "x"}},
        {"name": "@", "type": "x/MX", "etag": "1", "properties": []},
        {"name": "@", "type": "x/MX", "etag": "1", "properties": PLAIN_MX | {"TTL": "3600"}},
        {"name": "@", "type": "x/MX", "etag": "1", "properties": PLAIN_MX | {"MXRecords": "x"}},
        {"name": "@", "type": "x/MX", "etag": "1", "properties": PLAIN_MX | {"MXRecords": [{"preference": 1}]}},
        {"name": "@", "type": "x/A", "etag": "1", "properties": {"TTL": 1, "ARecords": [{"ipv4Address": "x"}]}},
    ],
)
def test_a_record_set_that_makes_no_sense_is_refused(world: World, item: dict[str, Any]) -> None:
    adapter, _, zone = world.zone()
    world.emulator.replies.append({"value": [item]})
    with pytest.raises(Rejected, match=r"example\.com"):
        adapter.read(zone, [MX, Key(APEX, "A")])


@pytest.mark.parametrize(
    ("kind", "member", "record", "text"),
    [
        ("A", "ARecords", [{"ipv4Address": "192.0.2.1"}], "192.0.2.1"),
        ("AAAA", "AAAARecords", [{"ipv6Address": "2001:DB8::1"}], "2001:db8::1"),
        ("CAA", "caaRecords", [{"flags": 0, "tag": "issue", "value": "ca.example.net"}], '0 issue "ca.example.net"'),
        ("CNAME", "CNAMERecord", {"cname": "Contoso.com"}, "contoso.com."),
        ("NS", "NSRecords", [{"nsdname": "ns.example.net"}], "ns.example.net."),
        ("PTR", "PTRRecords", [{"ptrdname": "host.example.net"}], "host.example.net."),
        ("SRV", "SRVRecords", [{"priority": 0, "weight": 5, "port": 25, "target": "mx.example.net"}], "0 5 25 mx.example.net."),
        (
            "NAPTR",
            "NAPTRRecords",
            [{"order": 1, "preference": 2, "flags": "U", "services": "E2U", "regexp": "!^.*$!sip:a@b!", "replacement": "."}],
            '1 2 "U" "E2U" "!^.*$!sip:a@b!" .',
        ),
    ],
)
def test_types_that_are_never_written_are_read(world: World, kind: str, member: str, record: object, text: str) -> None:
    adapter, held, zone = world.zone()
    world.emulator.put(held, "host", kind, {"TTL": 60, member: record})
    key = Key(name("host.example.com"), kind)
    assert adapter.read(zone, [key]).sets == {key: RRset(key, 60, (parse_value(kind, text),))}


def test_the_soa_and_a_type_nobody_knows_are_read(world: World) -> None:
    adapter, held, zone = world.zone()
    world.emulator.put(held, "host", "HINFO", {"TTL": 60, "HINFORecords": [{"cpu": "x"}]})
    soa, unknown = Key(APEX, "SOA"), Key(name("host.example.com"), "HINFO")
    sets = adapter.read(zone, [soa, unknown]).sets
    assert isinstance(held_soa := sets[soa], RRset)
    assert str(held_soa.values[0]).startswith("ns1-01.azure-dns.com. azuredns-hostmaster.microsoft.com. 1 3600")
    assert isinstance(sets[unknown], Irregular)


@pytest.mark.parametrize(
    ("owner", "kind", "ttl", "values", "reason"),
    [
        ("example.com", "MX", 3600, [f"{number} mx.example.net." for number in range(21)], "at most 20 records, not 21"),
        ("example.com", "MX", 0, ["10 mx.example.net."], "at least 1 second"),
        ("a\\.b.example.com", "MX", 3600, ["10 mx.example.net."], "letters, digits, hyphens and underscores"),
        ("a.*.example.com", "MX", 3600, ["10 mx.example.net."], "letters, digits, hyphens and underscores"),
        ("example.com", "TXT", 3600, [r'"\195"'], "beyond printable ASCII"),
        ("example.com", "TXT", 3600, [r'"\009"'], "beyond printable ASCII"),
        ("example.com", "TXT", 3600, [f'"{number:02d}{"x" * 250}"' for number in range(17)], "at most 4096 characters"),
    ],
)
def test_what_azure_cannot_hold_is_refused_while_planning(
    world: World, rrs: MakeSet, owner: str, kind: str, ttl: int, values: list[str], reason: str
) -> None:
    adapter, _, zone = world.zone()
    with pytest.raises(Unsupported) as caught:
        adapter.canonical(zone, rrs(owner, kind, ttl, *values))
    assert reason in caught.value.detail
    assert world.emulator.log == []


@pytest.mark.parametrize(
    ("owner", "kind", "value"),
    [
        ("sub.example.com", "DS", f"1 13 2 {'0f' * 32}"),
        ("_25._tcp.mx.example.com", "TLSA", f"3 1 1 {'0f' * 32}"),
    ],
)
def test_ds_and_tlsa_are_for_signed_zones_which_is_asked_once(
    world: World, rrs: MakeSet, owner: str, kind: str, value: str
) -> None:
    adapter, held, zone = world.zone()
    wanted = rrs(owner, kind, 3600, value)
    with pytest.raises(Unsupported, match=f"Azure takes {kind} in signed zones only"):
        adapter.canonical(zone, wanted)
    held.signing = "Creating"
    with pytest.raises(Unsupported):
        adapter.canonical(zone, wanted)
    held.signing = "Succeeded"
    world.emulator.log.clear()
    assert adapter.canonical(zone, wanted) == adapter.canonical(zone, wanted) == wanted
    assert len(world.emulator.log) == 1


def test_the_login_is_asked_for_the_manifests_credential_and_the_clouds_scope(world: World) -> None:
    world.emulator.add_zone("example.com")
    adapter = world.adapter(tenant="contoso.onmicrosoft.com", cloud=Cloud.CHINA)
    assert world.asked == []
    list(adapter.catalogue())
    adapter.access(adapter.zones([APEX])[APEX])
    assert world.asked == [("partner", "contoso.onmicrosoft.com", "china")]
    assert set(world.source.scopes) == {("https://management.chinacloudapi.cn/.default",)}


@pytest.mark.parametrize(
    ("cloud", "sdk"),
    [
        (Cloud.GLOBAL, AzureClouds.AZURE_PUBLIC_CLOUD),
        (Cloud.USGOV, AzureClouds.AZURE_US_GOVERNMENT),
        (Cloud.USGOV_DOD, AzureClouds.AZURE_US_GOVERNMENT),
        (Cloud.CHINA, AzureClouds.AZURE_CHINA_CLOUD),
    ],
)
def test_the_clouds_are_where_the_sdk_has_them(cloud: Cloud, sdk: AzureClouds) -> None:
    known = get_arm_endpoints(sdk)
    found = options(cloud=cloud)
    assert (f"{found.root()}/", [found.scope()]) == (known["resource_manager"], known["credential_scopes"])


@pytest.mark.parametrize(
    ("given", "reads", "writes"),
    [
        (None, Rate(25, 250), Rate(10, 200)),
        (0.5, Rate(0.5, 1), Rate(0.5, 1)),
        (7, Rate(7, 7), Rate(7, 7)),
        ({"rate": 3, "burst": 30}, Rate(3, 30), Rate(3, 30)),
    ],
)
def test_reads_and_writes_are_limited_by_themselves(world: World, given: object, reads: Rate, writes: Rate) -> None:
    world.adapter(rate=given)
    limited = {("azure", f"{SUBSCRIPTION} reads"): reads, ("azure", f"{SUBSCRIPTION} writes"): writes}
    assert world.limiters.asked == limited


@pytest.mark.parametrize(
    "given",
    [
        {"subscription": "production"},
        {"credential": ""},
        {"resource_group": "a/b"},
        {"endpoint": "http://management.azure.com"},
        {"endpoint": "https://user:secret@management.azure.com"},
        {"endpoint": "https://management.azure.com/?a=b"},
        {"endpoint": "https://"},
        {"endpoint": "ftp://localhost"},
        {"rate": 0},
        {"rate": {"rate": 3, "burst": 0}},
        {"rate": float("inf")},
        {"cloud": "moon"},
        {"client_secret": "x"},
    ],
)
def test_options_that_cannot_be_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        options(**given)


@pytest.mark.parametrize("endpoint", ["https://arm.example/root/", "http://[::1]:8080", "http://localhost", None])
def test_endpoints_that_can_be(endpoint: str | None) -> None:
    assert options(endpoint=endpoint).root() == (endpoint.rstrip("/") if endpoint else "https://management.azure.com")


def test_every_option_says_what_it_is() -> None:
    fields = {key: one for key, one in AzureOptions.model_fields.items() if key != "type"}
    assert all(one.description and one.examples for one in fields.values())


def test_a_missing_sdk_is_told_with_the_command_that_installs_it() -> None:
    code = (
        "import sys\n"
        "sys.modules['azure.core.exceptions'] = None\n"
        "from tests.emulators.azure_dns import AzureDnsEmulator, running\n"
        "from tests.providers.azure_bench import APEX, world_of\n"
        "from plans.problem import Problem\n"
        "with running(AzureDnsEmulator()) as emulator:\n"
        "    try:\n"
        "        world_of(emulator).adapter().zones([APEX])\n"
        "    except Problem as problem:\n"
        "        print(problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "pip install 'provisioner[azure]'"


def test_no_login_is_a_failure_of_authentication(world: World) -> None:
    world.source.fails = True
    with pytest.raises(AuthFailed) as caught:
        world.adapter().zones([APEX])
    assert caught.value.headline == "Credential partner gives no token"
