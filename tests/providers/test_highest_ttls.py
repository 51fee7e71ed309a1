"""How each service's zones are looked through: what counts with which TTL, in how many calls, and that no part is an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from plans.values import Irregular, Key, name, parse_value, rrset
from providers.contract import Context, Lister, Provider, ProviderError, Rejected, Unavailable, ZoneNotFound
from providers.memory import Memory
from providers.zonefile import ADAPTER as ZONEFILE
from providers.zonefile import ZoneFileOptions
from tests.emulators import azure_dns, cloudflare, dns_update, route53
from tests.emulators.azure_dns_sets import error
from tests.emulators.cloudflare_zone import Zone
from tests.emulators.dns_update import Fault as DnsFault
from tests.emulators.dns_update import Primary
from tests.providers.azure_bench import NOW, AzureBench, World, world_of
from tests.providers.cloudflare_bench import TOKEN, opened
from tests.providers.route53_bench import Account, account

APEX = name("example.com")
ALIAS = {"id": "/subscriptions/1/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/ip"}


def told(provider: Provider) -> Mapping[str, int] | None:
    return cast("Lister", provider).highest_ttls(provider.zones([APEX])[APEX])


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with account(monkeypatch, tmp_path) as held:
        yield held


@pytest.fixture
def hosted(aws: Account) -> route53.Zone:
    zone = aws.emulator.add_zone("example.com.")
    zone.put("box.example.com.", "A", 600, "192.0.2.1")
    zone.put("last.example.com.", "TXT", 86401, '"text"')
    return zone


def target(zone_id: str) -> dict[str, Any]:
    return {"HostedZoneId": zone_id, "DNSName": "box.example.com.", "EvaluateTargetHealth": False}


def test_route53_is_listed_page_by_page(aws: Account, hosted: route53.Zone) -> None:
    aws.emulator.page = 2
    assert told(aws.open()) == {"SOA": 900, "NS": 172800, "A": 600, "TXT": 86401}
    assert aws.meter.calls["route53:ListResourceRecordSets"] == 2


def test_an_alias_within_a_zone_of_route53_counts_with_its_target(aws: Account, hosted: route53.Zone) -> None:
    hosted.put("example.com.", "AAAA", 0, AliasTarget=target(hosted.id))
    assert told(aws.open()) == {"SOA": 900, "NS": 172800, "A": 600, "TXT": 86401}


def test_an_alias_that_leads_out_of_a_zone_of_route53_has_a_ttl_that_nobody_tells(aws: Account, hosted: route53.Zone) -> None:
    hosted.put("example.com.", "A", 0, AliasTarget=target("Z2FDTNDATAQYW2"))
    assert told(aws.open()) is None


def test_a_later_page_of_route53_that_fails_is_no_answer(aws: Account, hosted: route53.Zone) -> None:
    aws.emulator.page = 2
    fine = route53.Fault(meanwhile=lambda: None)
    aws.emulator.fail("ListResourceRecordSets", fine, *[route53.Fault(503, "ServiceUnavailable")] * 8)
    with pytest.raises(Unavailable):
        told(aws.open())


def test_an_id_of_route53_that_is_another_zones_is_refused(aws: Account, hosted: route53.Zone) -> None:
    reference = aws.open().zones([APEX])[APEX]
    unaware = aws.open()
    assert unaware.highest_ttls(reference)
    assert aws.meter.calls["route53:ListResourceRecordSets"] == 2
    hosted.name = "example.net."
    hosted.sets.clear()
    hosted.put("example.net.", "SOA", 900, "ns hostmaster 1 7200 900 1209600 86400")
    with pytest.raises(ZoneNotFound):
        aws.open().highest_ttls(reference)


@pytest.fixture
def cf() -> Iterator[cloudflare.CloudflareEmulator]:
    with cloudflare.running(cloudflare.CloudflareEmulator(TOKEN)) as emulator:
        emulator.largest_page = 2
        yield emulator


@pytest.fixture
def proxied(cf: cloudflare.CloudflareEmulator) -> Zone:
    zone = cf.add("example.com")
    zone.hold("A", "auto.example.com", 1, content="192.0.2.1")
    zone.hold("AAAA", "proxied.example.com", 3600, content="2001:db8::1", proxied=True)
    zone.hold("TXT", "last.example.com", 7200, content='"text"')
    return zone


def test_cloudflare_serves_auto_and_proxied_records_for_five_minutes(cf: cloudflare.CloudflareEmulator, proxied: Zone) -> None:
    assert told(opened(cf)) == {"SOA": 86400, "NS": 86400, "A": 300, "AAAA": 300, "TXT": 7200}
    assert cf.operations.count("records.list") == 2


@pytest.mark.parametrize("fault", [cloudflare.Fault(status=500), cloudflare.Fault(alter=lambda rows: [*rows, *rows])])
def test_a_later_page_of_cloudflare_that_fails_is_no_answer(
    fault: cloudflare.Fault, cf: cloudflare.CloudflareEmulator, proxied: Zone
) -> None:
    cf.fail("records.list", cloudflare.Fault(), *[fault] * 4)
    with pytest.raises(Unavailable):
        told(opened(cf))


@pytest.fixture
def azure() -> Iterator[World]:
    with azure_dns.running(azure_dns.AzureDnsEmulator()) as emulator:
        emulator.page_size = 2
        AzureBench(emulator).open({APEX: []})
        emulator.put(emulator.zones[azure_dns.GROUP, "example.com"], "zz", "A", {"TTL": 600, "ARecords": []})
        yield world_of(emulator)


def zone_at(azure: World) -> azure_dns.Zone:
    return azure.emulator.zones[azure_dns.GROUP, "example.com"]


def test_azure_is_listed_page_by_page(azure: World) -> None:
    assert told(azure.adapter()) == {"SOA": 3600, "NS": 172800, "A": 600}
    assert azure.context.meter.calls["azure:list record sets"] == 2


@pytest.mark.parametrize("member", ["targetResource", "trafficManagementProfile"])
def test_an_alias_at_azure_has_a_ttl_that_nobody_tells(azure: World, member: str) -> None:
    azure.emulator.put(zone_at(azure), "@", "AAAA", {"TTL": 300, member: ALIAS})
    assert told(azure.adapter()) is None


@pytest.mark.parametrize("properties", [{}, {"TTL": "3600"}])
def test_a_set_at_azure_without_a_ttl_makes_no_sense(azure: World, properties: dict[str, Any]) -> None:
    azure.emulator.put(zone_at(azure), "box", "A", properties)
    with pytest.raises(Rejected, match="makes no sense"):
        told(azure.adapter())


def test_a_later_page_of_azure_that_fails_is_no_answer(azure: World) -> None:
    adapter = azure.adapter()
    zone = adapter.zones([APEX])[APEX]
    broken = azure_dns.Fault("answer", error(500, "InternalServerError", "Try again."))
    azure.emulator.before_read.append(lambda: azure.emulator.faults.extend([broken] * 5))
    with pytest.raises(Unavailable):
        adapter.highest_ttls(zone)
    assert azure.context.meter.calls["azure:list record sets"] == 6


@pytest.fixture
def primary() -> Iterator[Primary]:
    with dns_update.running(Primary()) as served:
        served.add_zone("example.com")
        served.put_each("example.com", "box.example.com", "A", {"192.0.2.1": 300, "192.0.2.2": 7200})
        yield served


@pytest.mark.parametrize("read", ["query", "axfr"])
def test_a_zone_is_transferred_however_it_is_read(primary: Primary, read: str) -> None:
    assert told(dns_update.opened(primary.port, read=read)) == {"SOA": 3600, "NS": 3600, "A": 7200}
    assert primary.heard["transfer"] == 1


@pytest.mark.parametrize("fault", [DnsFault.REFUSED, DnsFault.NOTAUTH, DnsFault.NOTIMP, DnsFault.BAD_KEY])
def test_a_transfer_that_is_refused_leaves_it_untold(primary: Primary, fault: DnsFault) -> None:
    primary.fail("transfer", fault)
    assert told(dns_update.opened(primary.port)) is None


@pytest.mark.parametrize("fault", [DnsFault.SERVFAIL, DnsFault.CUT_SHORT, DnsFault.UNSIGNED, DnsFault.DROP_BEFORE])
def test_a_transfer_that_breaks_off_is_no_answer(primary: Primary, fault: DnsFault) -> None:
    primary.fail("transfer", fault)
    with pytest.raises(Unavailable):
        told(dns_update.opened(primary.port))


def test_mixed_ttls_in_a_file_count_with_the_highest(tmp_path: Path) -> None:
    file = tmp_path / "example.com.zone"
    file.write_text("$TTL 600\n@ SOA ns hostmaster 1 7200 3600 1209600 300\nbox 7200 MX 1 a\nbox 60 MX 2 b\nbox TXT x\n")
    provider: Provider = ZONEFILE.open("files", ZoneFileOptions(type="zonefile", directory="."), Context(tmp_path, lambda: NOW))
    assert told(provider) == {"SOA": 600, "MX": 7200, "TXT": 600}
    file.write_text(file.read_text() + 'box TXT "\n')
    with pytest.raises(ProviderError, match="cannot be understood"):
        told(provider)


def test_in_memory_an_irregular_set_has_no_ttl() -> None:
    text = rrset("box.example.com", "TXT", 600, [parse_value("TXT", '"text"')])
    assert told(Memory("mem", {APEX: [text]})) == {"TXT": 600}
    assert told(Memory("mem", {APEX: [text, Irregular(Key(APEX, "MX"), "weighted")]})) is None
