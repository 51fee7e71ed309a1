"""The emulator is as strict as the service: it refuses what the SDK's own model, and what the service, refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from providers.aws.options import AwsOptions
from providers.aws.session import SdkClient, connect
from tests.emulators.http import Request
from tests.emulators.route53_domains import Domain
from tests.emulators.route53_wire import method_name
from tests.providers.route53_domains_bench import KEYS, SIGNERS, Account, account

CONTOSO = {"DomainName": "contoso.example"}
PUBLIC = KEYS[0].split()[3]
TARGET = "Route53Domains_v20140515.ListDomains"
JSON = "application/x-amz-json-1.1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with account(monkeypatch, tmp_path) as held:
        yield held


@pytest.fixture
def domain(aws: Account) -> Domain:
    return aws.emulator.register("contoso.example", SIGNERS[0])


@pytest.fixture
def client(aws: Account) -> SdkClient:
    return asking(aws, "us-east-1")


def asking(aws: Account, region: str) -> SdkClient:
    options = AwsOptions(type="route53-domains", endpoint=aws.emulator.url)
    return connect("route53domains", options, region, connect_timeout=2.0, read_timeout=5.0)


def code(client: SdkClient, operation: str, **parameters: Any) -> str:
    with pytest.raises(import_module("botocore.exceptions").ClientError) as caught:
        getattr(client, operation)(**parameters)
    told: str = caught.value.response["Error"]["Code"]
    return told


def test_every_answer_is_one_of_the_services_model(client: SdkClient, domain: Domain) -> None:
    validator = import_module("botocore.validate").ParamValidator()
    attributes = {"Algorithm": 13, "Flags": 257, "PublicKey": KEYS[1].split()[3]}
    begun = client.associate_delegation_signer_to_domain(**CONTOSO, SigningAttributes=attributes)["OperationId"]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("ListDomains", {"MaxItems": 1}),
        ("GetOperationDetail", {"OperationId": begun}),
        ("GetDomainDetail", CONTOSO),
        ("DisassociateDelegationSignerFromDomain", CONTOSO | {"Id": domain.keys[0]["Id"]}),
        ("GetOperationDetail", {"OperationId": begun}),
    ]
    for operation, parameters in calls:
        answer = dict(getattr(client, method_name(operation))(**parameters))
        del answer["ResponseMetadata"]
        shape = client.meta.service_model.operation_model(operation).output_shape
        assert not validator.validate(answer, shape).has_errors()
        assert answer


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"Algorithm": 13, "Flags": 257},
        {"Algorithm": 13, "Flags": 257, "PublicKey": "no base64"},
        {"Algorithm": 13, "Flags": 385, "PublicKey": PUBLIC},
        {"Algorithm": 1, "Flags": 257, "PublicKey": PUBLIC},
    ],
    ids=str,
)
def test_a_key_that_makes_no_sense_is_refused(client: SdkClient, domain: Domain, attributes: dict[str, Any]) -> None:
    assert code(client, "associate_delegation_signer_to_domain", **CONTOSO, SigningAttributes=attributes) == "InvalidInput"
    assert domain.signers == {SIGNERS[0]}


def test_what_is_not_there_is_refused(client: SdkClient, domain: Domain) -> None:
    assert code(client, "get_domain_detail", DomainName="fabrikam.example") == "InvalidInput"
    assert code(client, "get_operation_detail", OperationId="1") == "InvalidInput"
    assert code(client, "disassociate_delegation_signer_from_domain", **CONTOSO, Id="1") == "InvalidInput"
    assert domain.signers == {SIGNERS[0]}


def test_one_thing_is_done_at_a_time_and_a_ds_is_added_once(client: SdkClient, domain: Domain) -> None:
    attributes = {"Algorithm": 13, "Flags": 257, "PublicKey": PUBLIC}
    begun = client.associate_delegation_signer_to_domain(**CONTOSO, SigningAttributes=attributes)["OperationId"]
    again = code(client, "associate_delegation_signer_to_domain", **CONTOSO, SigningAttributes=attributes)
    states = [client.get_operation_detail(OperationId=begun)["Status"] for _ in range(3)]
    assert (again, states) == ("DuplicateRequest", ["IN_PROGRESS", "FAILED", "FAILED"])
    assert domain.signers == {SIGNERS[0]}


def test_bounds_of_the_model_are_kept(client: SdkClient) -> None:
    assert code(client, "list_domains", MaxItems=101) == "InvalidInput"
    sort = {"Name": "Price", "SortOrder": "ASC"}
    assert code(client, "list_domains", SortCondition=sort) == "InvalidInput"
    conditions = [{"Name": "DomainName", "Operator": "BEGINS_WITH", "Values": ["a" * 1025]}]
    assert code(client, "list_domains", FilterConditions=conditions) == "InvalidInput"


def test_another_region_has_no_such_service(aws: Account) -> None:
    assert code(asking(aws, "eu-central-1"), "list_domains") == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("target", "kind", "body", "told"),
    [
        ("Route53Domains_v20140515.RegisterDomain", JSON, b"{}", "UnknownOperationException"),
        (TARGET, "application/json", b"{}", "SerializationException"),
        (TARGET, JSON, b'{"Max": 1}', "InvalidInput"),
        (TARGET, JSON, b'{"MaxItems": "1"}', "InvalidInput"),
        (TARGET, JSON, b"{}", "MissingAuthenticationTokenException"),
    ],
)
def test_a_request_outside_the_model_is_refused(aws: Account, target: str, kind: str, body: bytes, told: str) -> None:
    response = aws.emulator.respond_to(Request("POST", "/", {"x-amz-target": target, "content-type": kind}, body))
    assert response is not None
    assert (response.status, json.loads(response.body)["__type"]) == (400, told)
