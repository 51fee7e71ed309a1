"""The emulator is as strict as the service: the SDK's own model reads its answers, and it refuses what the service refuses."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from providers.route53.options import Route53Options
from providers.route53.session import SdkClient, connect
from tests.emulators.route53 import KMS_KEYS, Zone
from tests.providers.route53_bench import Account, account

Change = tuple[str, str, str, int, list[str]]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with account(monkeypatch, tmp_path) as held:
        yield held


@pytest.fixture
def client(aws: Account) -> Any:
    return connect(Route53Options(type="route53", endpoint=aws.emulator.url), 2.0, 5.0)


@pytest.fixture
def zone(aws: Account) -> Zone:
    held = aws.emulator.add_zone("example.com.")
    held.put("example.com.", "MX", 3600, "10 a.example.net.", "20 b.example.net.")
    held.put("www.example.com.", "CNAME", 300, "example.com.")
    return held


def batch(*changes: Change) -> dict[str, Any]:
    return {
        "Changes": [
            {
                "Action": action,
                "ResourceRecordSet": {
                    "Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": value} for value in values],
                },
            }
            for action, name, kind, ttl, values in changes
        ]
    }  # fmt: skip


def test_every_answer_is_one_of_the_services_model(client: SdkClient, zone: Zone, aws: Account) -> None:
    validator = import_module("botocore.validate").ParamValidator()
    key = {"HostedZoneId": zone.id, "Name": "one"}
    aws.emulator.page = 2
    calls: list[tuple[str, dict[str, Any]]] = [
        ("ListHostedZonesByName", {"DNSName": "example.com", "MaxItems": "1"}),
        ("GetHostedZone", {"Id": zone.id}),
        ("ListResourceRecordSets", {"HostedZoneId": zone.id}),
        (
            "ChangeResourceRecordSets",
            {"HostedZoneId": zone.id, "ChangeBatch": batch(("CREATE", "a.example.com", "TXT", 5, ['"x"']))},
        ),
        ("CreateKeySigningKey", key | {"KeyManagementServiceArn": KMS_KEYS[0], "Status": "INACTIVE", "CallerReference": "1"}),
        ("ActivateKeySigningKey", key),
        ("EnableHostedZoneDNSSEC", {"HostedZoneId": zone.id}),
        ("GetDNSSEC", {"HostedZoneId": zone.id}),
        ("DisableHostedZoneDNSSEC", {"HostedZoneId": zone.id}),
        ("DeactivateKeySigningKey", key),
        ("DeleteKeySigningKey", key),
    ]
    for operation, parameters in calls:
        answer = getattr(client, import_module("botocore").xform_name(operation))(**parameters)
        parsed = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
        report = validator.validate(parsed, client.meta.service_model.operation_model(operation).output_shape)
        assert not report.has_errors(), report.generate_report()
    assert [seen.operation for seen in aws.emulator.seen] == [operation for operation, _ in calls]


REFUSED: list[tuple[str, list[Change], str]] = [
    ("CREATE over a set", [("CREATE", "example.com", "MX", 5, ["1 c.example.net."])], "it already exists"),
    ("DELETE of other values", [("DELETE", "example.com", "MX", 3600, ["10 a.example.net."])], "do not match"),
    (
        "DELETE of another TTL",
        [("DELETE", "example.com", "MX", 60, ["10 a.example.net.", "20 b.example.net."])],
        "do not match",
    ),
    ("DELETE of nothing", [("DELETE", "gone.example.com", "MX", 60, ["10 a.example.net."])], "it was not found"),
    (
        "DELETE twice",
        [("DELETE", "example.com", "MX", 3600, ["10 a.example.net.", "20 b.example.net."])] * 2,
        "it was not found",
    ),
    ("a name outside", [("CREATE", "example.org", "MX", 5, ["1 c.example.net."])], "is not permitted in zone"),
    ("beside a CNAME", [("CREATE", "www.example.com", "MX", 5, ["1 c.example.net."])], "conflicting RRSet of type CNAME"),
    ("a CNAME beside others", [("CREATE", "example.com", "CNAME", 5, ["c.example.net."])], "conflicting RRSet"),
    ("DS at the apex", [("CREATE", "example.com", "DS", 5, [f"1 13 2 {'ab' * 32}"])], "without a delegation"),
    ("DS at no delegation", [("CREATE", "a.example.com", "DS", 5, [f"1 13 2 {'ab' * 32}"])], "without a delegation"),
    ("values that are none", [("CREATE", "a.example.com", "MX", 5, ["garbage"])], "Invalid Resource Record"),
    ("text without quotes", [("CREATE", "a.example.com", "TXT", 5, ["bare"])], "InvalidCharacterString"),
    ("decimal escapes", [("CREATE", "a.example.com", "TXT", 5, [r'"\999"'])], "Invalid Resource Record"),
    ("a value twice", [("CREATE", "a.example.com", "MX", 5, ["1 a.", "1 a."])], "Duplicate"),
    ("too many records", [("CREATE", "a.example.com", "MX", 5, [f"{number} a." for number in range(1001)])], "limit of 1000"),
    ("too many characters", [("CREATE", "a.example.com", "TXT", 5, [f'"{"x" * 250}" "{n}"' for n in range(130)])], "32000"),
    ("UPSERT", [("UPSERT", "a.example.com", "MX", 5, ["1 a."])], "look before they leap"),
    ("no values", [("CREATE", "a.example.com", "MX", 5, [])], "min length: 1"),
]


@pytest.mark.parametrize(("changes", "why"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_batch_with_one_mistake_changes_nothing(
    client: Any, zone: Zone, aws: Account, changes: list[Change], why: str
) -> None:
    good: Change = ("CREATE", "good.example.com", "MX", 5, ["1 a.example.net."])
    before = dict(zone.sets)
    with pytest.raises((client.exceptions.ClientError, import_module("botocore.exceptions").ParamValidationError), match=why):
        client.change_resource_record_sets(HostedZoneId=zone.id, ChangeBatch=batch(good, *changes))
    assert zone.sets == before
    assert aws.emulator.committed == []


def test_values_are_compared_in_any_order_and_a_set_is_replaced_in_one_batch(client: Any, zone: Zone) -> None:
    changes = batch(
        ("DELETE", "example.com", "MX", 3600, ["20 b.example.net.", "10 a.example.net."]),
        ("CREATE", "example.com", "MX", 60, ["5 c.example.net."]),
    )
    client.change_resource_record_sets(HostedZoneId=zone.id, ChangeBatch=changes)
    assert zone.sets["example.com.", "MX", ""]["TTL"] == 60


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("list_resource_record_sets", {"StartRecordType": "MX"}, "InvalidInput"),
        ("get_hosted_zone", {"Id": "ZNOWHERE"}, "NoSuchHostedZone"),
        ("get_change", {"Id": "C1"}, "UnknownOperation"),
        ("enable_hosted_zone_dnssec", {}, "KeySigningKeyWithActiveStatusNotFound"),
        ("disable_hosted_zone_dnssec", {}, "DNSSECNotFound"),
        ("activate_key_signing_key", {"Name": "gone"}, "NoSuchKeySigningKey"),
    ],
)
def test_mistakes_have_the_services_codes(
    client: Any, zone: Zone, operation: str, parameters: dict[str, str], code: str
) -> None:
    own = {} if "Id" in parameters else {"HostedZoneId": zone.id}
    with pytest.raises(client.exceptions.ClientError, match=code):
        getattr(client, operation)(**parameters, **own)
