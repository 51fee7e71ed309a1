"""The emulator answers, and the adapter asks, in the form of the vendor's examples for API 2023-07-01-preview."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from plans.plan import Change
from plans.values import Mx, RRset, Value, name, parse_value, rrset
from tests.emulators.azure_dns import API_VERSION, SUBSCRIPTION, TOKEN, AzureDnsEmulator, Zone, running
from tests.emulators.azure_dns_sets import MEMBERS
from tests.providers.azure_bench import world_of

EXAMPLES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "azure_dns" / "examples.json").read_text())
ROOT = f"/subscriptions/{SUBSCRIPTION}"
ZONES = f"{ROOT}/resourceGroups/rg1/providers/Microsoft.Network/dnsZones"
TYPES = ("MX", "DS", "TLSA", "TXT")


@pytest.fixture
def emulator() -> Iterator[AzureDnsEmulator]:
    with running(AzureDnsEmulator()) as emulator:
        yield emulator


@pytest.fixture
def zone(emulator: AzureDnsEmulator) -> Zone:
    return emulator.add_zone("zone1", "rg1", signed=True)


def ask(emulator: AzureDnsEmulator, method: str, path: str, body: object = None) -> tuple[int, dict[str, str], Any]:
    request = urllib.request.Request(  # noqa: S310 - the emulator's own URL
        f"{emulator.url}{quote(path)}?api-version={API_VERSION}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {TOKEN}"},
        method=method,
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - the same
        text = answer.read()
        return answer.status, dict(answer.headers), json.loads(text) if text else None


def shape(value: object) -> object:
    """Give what a JSON value is made of: members and types; a list by its first item."""
    match value:
        case dict():
            return {key: shape(inner) for key, inner in sorted(value.items())}
        case [first, *_]:
            return [shape(first)]
        case _:
            return type(value).__name__


def as_in(example: str, status: int) -> object:
    return shape(EXAMPLES[example]["responses"][str(status)].get("body"))


def properties(kind: str) -> dict[str, Any]:
    given: dict[str, Any] = EXAMPLES[f"Create {kind} recordset"]["parameters"]["parameters"]["properties"]
    return given


@pytest.mark.parametrize("kind", TYPES)
def test_a_set_is_made_replaced_read_and_deleted_as_in_the_examples(emulator: AzureDnsEmulator, zone: Zone, kind: str) -> None:
    path, body = f"{ZONES}/zone1/{kind}/record1", {"properties": properties(kind)}
    for wanted in (201, 200):
        status, _, made = ask(emulator, "PUT", path, body)
        assert (status, shape(made)) == (wanted, as_in(f"Create {kind} recordset", wanted))
    status, _, read = ask(emulator, "GET", path)
    assert (status, shape(read)) == (200, as_in(f"Get {kind} recordset", 200))
    assert read["type"].lower() == EXAMPLES[f"Get {kind} recordset"]["responses"]["200"]["body"]["type"].lower()
    for wanted in (200, 204):
        status, _, gone = ask(emulator, "DELETE", path)
        assert (status, shape(gone)) == (wanted, as_in(f"Delete {kind} recordset", wanted))


def test_a_listing_of_sets_is_as_in_the_example(emulator: AzureDnsEmulator) -> None:
    zone = Zone("zone1", "rg1")
    emulator.zones["rg1", "zone1"] = zone
    example = EXAMPLES["List recordsets by zone"]["responses"]["200"]["body"]
    for item in example["value"]:
        kept = {member: held for member, held in item["properties"].items() if member != "fqdn"}
        emulator.put(zone, item["name"], item["type"].rpartition("/")[2], kept)
    emulator.page_size = 2
    _, _, first = ask(emulator, "GET", f"{ZONES}/zone1/recordsets")
    assert set(first) == set(example)
    emulator.page_size = 100
    _, _, listed = ask(emulator, "GET", f"{ZONES}/zone1/recordsets")
    wanted = sorted(example["value"], key=lambda item: str(item["type"]))
    found = sorted(listed["value"], key=lambda item: str(item["type"]))
    assert [shape(item) for item in found] == [shape(item) for item in wanted]


@pytest.mark.parametrize(
    ("example", "path"),
    [("List zones by resource group", ZONES), ("List zones by subscription", f"{ROOT}/providers/Microsoft.Network/dnszones")],
)
def test_zones_are_as_in_the_examples(emulator: AzureDnsEmulator, zone: Zone, example: str, path: str) -> None:
    emulator.add_zone("zone2", "rg1")
    emulator.page_size = 1
    assert shape(ask(emulator, "GET", path)[2]) == as_in(example, 200)
    assert shape(ask(emulator, "GET", f"{ZONES}/zone1")[2]) == as_in("Get zone", 200)


def test_signing_is_as_in_the_examples(emulator: AzureDnsEmulator, zone: Zone) -> None:
    path = f"{ZONES}/zone1/dnssecConfigs/default"
    status, headers, gone = ask(emulator, "DELETE", path)
    assert (status, gone) == (202, None)
    assert set(EXAMPLES["Delete DnssecConfig"]["responses"]["202"]["headers"]) <= set(headers)
    emulator.tick()
    assert ask(emulator, "DELETE", path)[0] == 204
    status, headers, made = ask(emulator, "PUT", path)
    assert (status, shape(made)) == (201, as_in("Create DnssecConfig", 201))
    assert set(EXAMPLES["Create DnssecConfig"]["responses"]["201"]["headers"]) <= set(headers)
    emulator.tick()
    status, _, read = ask(emulator, "GET", path)
    assert (status, shape(read)) == (200, as_in("Get DnssecConfig", 200))
    example = EXAMPLES["Get DnssecConfig"]["responses"]["200"]["body"]
    assert [shape(key) for key in read["properties"]["signingKeys"]] == [
        shape(key) for key in example["properties"]["signingKeys"]
    ]


@pytest.mark.parametrize("kind", TYPES)
def test_the_adapter_asks_as_in_the_examples(emulator: AzureDnsEmulator, zone: Zone, kind: str) -> None:
    values: dict[str, Value] = {
        "MX": Mx(0, name("mail.contoso.com")),
        "DS": parse_value("DS", f"60485 5 1 {'2b' * 20}"),
        "TLSA": parse_value("TLSA", f"3 1 1 {'6e' * 32}"),
        "TXT": parse_value("TXT", '"string1" "string2"'),
    }
    emulator.put(zone, "record1", "NS", {"TTL": 60, "NSRecords": [{"nsdname": "ns.contoso.com"}]} if kind == "DS" else None)
    metadata = {"key1": "value1"}
    wanted: RRset = rrset("record1.zone1", kind, 3600, [values[kind]])
    adapter = world_of(emulator).adapter()
    found = adapter.zones([name("zone1")])[name("zone1")]
    before = None
    if kind != "TXT":
        before = rrset("record1.zone1", kind, 60, [values[kind]])
        record = {**properties(kind), "TTL": 60, "metadata": metadata}
        record[MEMBERS[kind]] = [emulator_record(kind)]
        emulator.put(zone, "record1", kind, record)
    outcomes = adapter.apply(adapter.read(found, [wanted.key]), [Change(before, wanted)])
    assert [outcome.status for outcome in outcomes.values()] == ["written"]
    sent = emulator.bodies[-1]
    if before is None:
        sent["properties"]["metadata"] = metadata
    assert shape(sent) == shape(EXAMPLES[f"Create {kind} recordset"]["parameters"]["parameters"])


def emulator_record(kind: str) -> dict[str, Any]:
    """Give the record of `test_the_adapter_asks_as_in_the_examples` as the service holds it."""
    records: dict[str, dict[str, Any]] = {
        "MX": {"preference": 0, "exchange": "mail.contoso.com"},
        "DS": {"keyTag": 60485, "algorithm": 5, "digest": {"algorithmType": 1, "value": "2B" * 20}},
        "TLSA": {"usage": 3, "selector": 1, "matchingType": 1, "certAssociationData": "6E" * 32},
    }
    return records[kind]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("MX", {"MXRecords": []}),
        ("MX", {"MXRecords": [{"preference": "0", "exchange": "x"}]}),
        ("MX", {"MXRecords": [{"preference": number, "exchange": "x"} for number in range(21)]}),
        ("MX", {"MXRecords": [{"preference": 0, "exchange": "x"}] * 2}),
        ("MX", {"mxRecords": []}),
        ("MX", {"TTL": 0}),
        ("MX", {"TTL": "60"}),
        ("MX", {"metadata": {"a": 1}}),
        ("TXT", {"TXTRecords": [{"value": ["x" * 256]}]}),
        ("TXT", {"TXTRecords": [{"value": ["x" * 250]} | {"value": [f"{number:05d}" + "x" * 245]} for number in range(20)]}),
        ("TXT", {"TXTRecords": [{"value": "x"}]}),
        ("A", {}),
    ],
)
def test_the_emulator_refuses_what_is_wrong(emulator: AzureDnsEmulator, zone: Zone, kind: str, change: dict[str, Any]) -> None:
    given = properties(kind if kind in TYPES else "MX") | change
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(emulator, "PUT", f"{ZONES}/zone1/{kind}/record1", {"properties": given})
    with caught.value:
        assert caught.value.code == 400
        assert set(json.loads(caught.value.read())["error"]) == {"code", "message"}


@pytest.mark.parametrize("kind", ["DS", "TLSA"])
def test_the_emulator_refuses_ds_and_tlsa_in_an_unsigned_zone(emulator: AzureDnsEmulator, kind: str) -> None:
    emulator.add_zone("zone1", "rg1")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        ask(emulator, "PUT", f"{ZONES}/zone1/{kind}/record1", {"properties": properties(kind)})


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        (f"{ZONES}/zone9", "GET", 404),
        (f"{ROOT}/resourceGroups/rg9/providers/Microsoft.Network/dnsZones", "GET", 404),
        ("/subscriptions/another/providers/Microsoft.Network/dnszones", "GET", 404),
        (f"{ROOT}/providers/Microsoft.Network/privateDnsZones", "GET", 404),
        (f"{ZONES}/zone1/MX/nothing", "GET", 404),
        (f"{ZONES}/zone1", "DELETE", 405),
    ],
)
def test_the_emulator_knows_no_other_calls(emulator: AzureDnsEmulator, zone: Zone, path: str, method: str, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError, match=str(status)) as caught:
        ask(emulator, method, path)
    caught.value.close()


@pytest.mark.parametrize(
    ("query", "token", "status"), [("", TOKEN, 400), ("?api-version=2018-05-01", TOKEN, 400), ("", "x", 401)]
)
def test_the_emulator_wants_the_version_and_the_token(emulator: AzureDnsEmulator, query: str, token: str, status: int) -> None:
    request = urllib.request.Request(  # noqa: S310 - the emulator's own URL
        f"{emulator.url}{ZONES}{query}", headers={"Authorization": f"Bearer {token}"}
    )
    with pytest.raises(urllib.error.HTTPError, match=str(status)) as caught:
        urllib.request.urlopen(request)  # noqa: S310 - the same
    caught.value.close()
