"""What is found and read at Route 53 Domains, who asks, how fast, and what is told when that goes wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from plans.values import Ds, Irregular, Key, RRset, ZoneRef, name, parse_value, rrset
from providers.contract import (
    AuthFailed,
    Context,
    Provider,
    ProviderError,
    Rejected,
    Throttled,
    Unavailable,
    Unsupported,
    ZoneNotFound,
)
from providers.limiter import Rate
from providers.route53_domains import ADAPTER, Route53Domains
from providers.route53_domains.options import Route53DomainsOptions
from tests.emulators.route53 import KEY_ID, ROLE, ROLE_SECRET, ROLE_TOKEN, SECRET
from tests.emulators.route53_domains import CONTACT, Fault
from tests.providers.route53_domains_bench import DOMAIN, SIGNERS, Account, account, reference, signed

DS, NS = Key(DOMAIN, "DS"), Key(DOMAIN, "NS")
LIST, DETAIL = "ListDomains", "GetDomainDetail"
ONE, TWO = SIGNERS[:2]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with account(monkeypatch, tmp_path) as held:
        held.emulator.register("contoso.example")
        yield held


@pytest.fixture
def registrar(aws: Account) -> Route53Domains:
    return aws.open()


def failure(call: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        call()
    assert all((caught.value.headline, caught.value.detail, caught.value.mend))
    return caught.value


def detail_fails(aws: Account, **options: Any) -> ProviderError:
    return failure(lambda: aws.open(**options).read(reference(), [DS]))


def test_ds_and_name_servers_are_read_in_one_call(aws: Account, registrar: Route53Domains) -> None:
    aws.emulator.domains["contoso.example"].put(TWO, ONE)
    beside = Key(name("www.contoso.example"), "DS")
    snapshot = registrar.read(reference(), [DS, NS, Key(DOMAIN, "MX"), beside])
    servers = [parse_value("NS", f"ns{number}.elsewhere.example.") for number in (1, 2)]
    assert snapshot.sets == {
        DS: signed(ONE, TWO),
        NS: rrset(DOMAIN, "NS", 86_400, servers),
        Key(DOMAIN, "MX"): None,
        beside: None,
    }
    assert snapshot.nodes == {DOMAIN: {"DS", "NS"}}
    assert aws.meter.calls == {f"route53domains:{DETAIL}": 1}


def test_a_domain_without_ds_and_servers_exists(aws: Account, registrar: Route53Domains) -> None:
    aws.emulator.domains["contoso.example"].servers = ()
    snapshot = registrar.read(reference(), [DS, NS])
    assert (snapshot.sets, snapshot.nodes) == ({DS: None, NS: None}, {DOMAIN: frozenset()})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"Id": "1113178"}, True),
        ({"Algorithm": None}, True),
        ({"Algorithm": None, "Id": "1113178"}, False),
        ({"Id": None}, False),
        ({"Id": ""}, False),
        ({"Digest": None}, False),
        ({"Digest": "ABC"}, False),
        ({"DigestType": None}, False),
        ({"KeyTag": 70_000}, False),
        ({"Id": f"DS:1-13-2-{'0F' * 32}"}, False),
        ({"Id": "DS:1-13-2-0F"}, False),
    ],
    ids=str,
)
def test_a_ds_that_is_told_in_part_is_no_base_for_a_change(
    aws: Account, registrar: Route53Domains, changes: dict[str, Any], told: bool
) -> None:
    domain = aws.emulator.domains["contoso.example"]
    domain.put(ONE, TWO)
    domain.keys[1] = {member: value for member, value in (domain.keys[1] | changes).items() if value is not None}
    snapshot = registrar.read(reference(), [DS])
    assert snapshot.sets[DS] == (signed(ONE, TWO) if told else Irregular(DS, "the registrar tells a DS in part alone"))
    assert snapshot.nodes == {DOMAIN: {"DS", "NS"}}


def test_domains_are_listed_once_page_by_page(aws: Account, registrar: Route53Domains) -> None:
    for number in range(5):
        aws.emulator.register(f"d{number}.example")
    aws.emulator.page = 2
    wanted = {name("a.b.d3.example"): "d3.example.", name("d4.example"): "d4.example."}
    for _ in range(2):
        assert {asked: zone.name for asked, zone in registrar.zones([*wanted, name("example")]).items()} == wanted
        assert len(list(registrar.catalogue())) == 6
    assert [seen.parameters.get("Marker") for seen in aws.emulator.seen] == [None, "page-2", "page-4"]
    assert aws.emulator.seen[0].parameters == {"MaxItems": 100}


def test_a_list_that_never_ends_is_no_list(aws: Account, registrar: Route53Domains) -> None:
    page = b'{"Domains": [{"DomainName": "contoso.example"}], "NextPageMarker": "again"}'
    aws.emulator.fail(LIST, *[Fault(200, body=page)] * 2)
    error = failure(lambda: registrar.zones([DOMAIN]))
    assert isinstance(error, Unavailable)
    assert "leads to itself" in error.detail


@pytest.mark.parametrize("body", [b"{}", b'{"Domains": [{}]}', b'{"Domains": [{"DomainName": "a..b"}]}', b"<html>"])
def test_a_strange_list_is_not_an_empty_one(aws: Account, body: bytes) -> None:
    aws.emulator.fail(LIST, *[Fault(200, body=body)] * 2)
    assert isinstance(failure(lambda: aws.open(tries=2).zones([DOMAIN])), Unavailable)


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"DomainName": "fabrikam.example"}', b'{"DomainName": ".."}'])
def test_a_strange_answer_is_not_a_domain_without_ds(aws: Account, body: bytes) -> None:
    aws.emulator.fail(DETAIL, *[Fault(200, body=body)] * 2)
    error = detail_fails(aws, tries=2)
    assert isinstance(error, Unavailable)
    assert "contoso.example" in error.detail


def test_a_domain_that_went_is_not_found(aws: Account, registrar: Route53Domains) -> None:
    zone = registrar.zones([DOMAIN])[DOMAIN]
    assert zone == reference()
    del aws.emulator.domains["contoso.example"]
    for call in (lambda: registrar.read(zone, [DS]), lambda: registrar.access(zone)):
        assert isinstance(failure(call), ZoneNotFound)


def test_a_registrar_serves_and_signs_nothing(registrar: Route53Domains) -> None:
    assert registrar.name_servers(reference()) == frozenset()
    provider: Provider = registrar
    assert provider.signer() is None
    assert not ADAPTER.capabilities.signs


def test_access_is_told_without_a_write(aws: Account, registrar: Route53Domains) -> None:
    told = registrar.access(reference())
    assert (told.readable, told.writable) == (True, None)
    assert "AssociateDelegationSignerToDomain" in told.detail
    aws.emulator.denied.add(DETAIL)
    denied = registrar.access(reference())
    assert (denied.readable, denied.writable) == (False, None)
    assert "not authorized" in denied.detail
    assert aws.emulator.writes == []


def test_a_set_comes_back_with_the_ttl_that_waits_count_from(registrar: Route53Domains) -> None:
    assert registrar.canonical(reference(), signed(ONE, TWO, ttl=300)) == signed(ONE, TWO)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (signed(Ds(1, 13, 1, "0f" * 20)), "SHA-256"),
        (signed(Ds(1, 13, 1, "0f" * 20), Ds(1, 13, 4, "0f" * 48)), "SHA-256"),
        (rrset("sub.contoso.example", "DS", 3600, [ONE]), "registered domain"),
        (rrset("contoso.example", "MX", 3600, [parse_value("MX", "10 a.example.")]), "DS alone"),
    ],
    ids=lambda one: one.replace(" ", "-") if isinstance(one, str) else str(one.key),
)
def test_what_a_registrar_cannot_hold_is_refused_while_planning(registrar: Route53Domains, wanted: RRset, why: str) -> None:
    error = failure(lambda: registrar.canonical(reference(), wanted))
    assert isinstance(error, Unsupported)
    assert why in error.detail


def test_the_adapter_opens_without_a_call_and_without_the_sdk() -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom datetime import datetime, UTC\n"
        "from providers.contract import Context\nfrom providers.route53_domains import ADAPTER\n"
        "options = ADAPTER.options.model_validate({'type': 'route53-domains'})\n"
        "ADAPTER.open('reg', options, Context(Path(), lambda: datetime.now(UTC)))\n"
        "print([module for module in ('boto3', 'botocore') if module in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_adapter_makes_a_provider_from_the_manifest(aws: Account, tmp_path: Path) -> None:
    options = ADAPTER.options.model_validate({"type": "route53-domains", "endpoint": aws.emulator.url})
    provider = ADAPTER.open("reg", options, Context(tmp_path, lambda: pytest.fail("nobody asked for the time")))
    assert provider.zones([DOMAIN]) == {DOMAIN: reference()}


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_requests_are_signed_for_the_one_region_whatever_is_configured(
    aws: Account, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "eu-central-1")
    assert set(aws.open().zones([DOMAIN])) == {DOMAIN}


def test_a_role_is_assumed_once(aws: Account) -> None:
    aws.emulator.sts.external_id = "their-id"
    provider = aws.open(role_arn=ROLE, external_id="their-id")
    for _ in range(2):
        provider.read(reference(), [DS])
    assert [seen.operation for seen in aws.emulator.sts.seen] == ["AssumeRole"]
    assert aws.limiters.accounts == {("route53domains", ROLE)}


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("AWS_SECRET_ACCESS_KEY", "another/secret/that/nobody/knows/0000000", "clock"),
        ("AWS_ACCESS_KEY_ID", "AKIANOBODYKNOWSTHIS1", "access key"),
        ("AWS_SESSION_TOKEN", "stale", "access key"),
    ],
)
def test_wrong_credentials_are_told(
    aws: Account, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    error = detail_fails(aws)
    assert isinstance(error, AuthFailed)
    assert (told in error.detail, value in str(error)) == (True, False)


def test_a_missing_permission_is_named(aws: Account) -> None:
    aws.emulator.denied.add(LIST)
    error = failure(lambda: aws.open().zones([DOMAIN]))
    assert isinstance(error, AuthFailed)
    assert "route53domains:ListDomains" in error.mend


@pytest.mark.parametrize("code", ["UnsupportedTLD", "SomethingNew"])
def test_a_refusal_is_told(aws: Account, code: str) -> None:
    aws.emulator.fail(DETAIL, Fault(400, code, "no\x1b[2J\nthanks"))
    error = detail_fails(aws)
    assert isinstance(error, Rejected)
    assert f"{code}: no [2J thanks" in error.detail


CODES = (
    "AccessDeniedException", "InvalidSignatureException", "ExpiredTokenException", "ThrottlingException",
    "OperationLimitExceeded", "UnsupportedTLD", "InternalFailure",
)  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_no_secret_is_ever_told_even_when_the_service_repeats_it(aws: Account, code: str) -> None:
    aws.open(role_arn=ROLE).read(reference(), [DS])
    aws.emulator.fail(DETAIL, *[Fault(500 if code == "InternalFailure" else 400, code, echo=True)] * 2)
    error = detail_fails(aws, role_arn=ROLE, tries=2)
    told = f"{error} {error.__dict__} {error.__cause__}"
    secret = (KEY_ID, SECRET, ROLE_SECRET, ROLE_TOKEN, ROLE_TOKEN[:40], "Signature=0", *CONTACT.values())
    assert [one for one in secret if one in told] == []
    assert error.__suppress_context__


@pytest.mark.parametrize("code", ["ThrottlingException", "Throttling", "OperationLimitExceeded"])
def test_throttles_hold_back_the_whole_account(aws: Account, code: str) -> None:
    aws.emulator.fail(DETAIL, Fault(400, code), Fault(400, code))
    assert aws.open().read(reference(), [DS]).sets == {DS: None}
    assert aws.clock.slept == [0.25, 0.5]
    assert aws.meter.throttles == {f"route53domains:{DETAIL}": 2}
    aws.emulator.fail(DETAIL, *[Fault(400, code)] * 2)
    assert isinstance(detail_fails(aws, tries=2), Throttled)


@pytest.mark.parametrize("fault", [Fault(503), Fault(drop=True), Fault(carried_out=True, drop=True), Fault(cut=True)], ids=str)
def test_reading_is_repeated(aws: Account, fault: Fault) -> None:
    aws.emulator.fail(DETAIL, fault)
    assert aws.open().read(reference(), [DS]).sets == {DS: None}
    assert aws.emulator.count(DETAIL) == 2


def test_the_rate_is_low_unless_the_manifest_says_otherwise(aws: Account) -> None:
    provider = aws.open(rate=None)
    for _ in range(15):
        provider.read(reference(), [DS])
    assert aws.clock.now == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("rate", "limit"), [(None, Rate(2.0, 5)), (5, Rate(5.0, 5)), ({"rate": 20, "burst": 100}, Rate(20.0, 100))]
)
def test_rates(rate: object, limit: Rate) -> None:
    assert Route53DomainsOptions.model_validate({"type": "route53-domains", "rate": rate}).limit == limit


@pytest.mark.parametrize(
    "options",
    [{"rate": 0}, {"external_id": "x"}, {"role_arn": "admin"}, {"region": "us-east-1"}, {"access_key": "AKIA"}],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Route53DomainsOptions.model_validate({"type": "route53-domains"} | options)


def test_every_option_is_described() -> None:
    fields = Route53DomainsOptions.model_fields
    assert [option for option, known in fields.items() if not known.description and option != "type"] == []


def test_other_labels_are_not_ours(registrar: Route53Domains) -> None:
    other: ZoneRef = replace(reference(), provider="another")
    for call in (registrar.access, registrar.name_servers):
        assert isinstance(failure(partial(call, other)), ZoneNotFound)
