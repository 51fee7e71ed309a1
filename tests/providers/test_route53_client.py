"""Who asks Route 53, how fast, and what is told when that goes wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from plans.problem import Problem
from plans.values import Key, name
from providers.contract import AuthFailed, Context, ProviderError, Rejected, Throttled, Unavailable
from providers.limiter import Rate
from providers.route53 import ADAPTER
from providers.route53.options import Route53Options
from tests.emulators.route53 import KEY_ID, ROLE, ROLE_SECRET, ROLE_TOKEN, SECRET, Bucket, Fault
from tests.providers.route53_bench import Account, account

ZONES = "ListHostedZonesByName"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with account(monkeypatch, tmp_path) as held:
        held.emulator.add_zone("example.com.")
        yield held


def ask(aws: Account, **options: Any) -> set[str]:
    return set(aws.open(**options).zones([name("example.com")]))


def failure(aws: Account, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(aws, **options)
    assert all((caught.value.headline, caught.value.detail, caught.value.mend))
    return caught.value


def test_the_adapter_opens_without_a_call_and_without_the_sdk() -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom datetime import datetime, UTC\n"
        "from providers.contract import Context\nfrom providers.route53 import ADAPTER\n"
        "options = ADAPTER.options.model_validate({'type': 'route53'})\n"
        "ADAPTER.open('aws', options, Context(Path(), lambda: datetime.now(UTC)))\n"
        "print([module for module in ('boto3', 'botocore') if module in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_the_sdk_it_is_said_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom datetime import datetime, UTC\n"
        "sys.modules['boto3'] = sys.modules['botocore'] = None\n"
        "from plans.problem import Problem\nfrom providers.contract import Context\nfrom providers.route53 import ADAPTER\n"
        "options = ADAPTER.options.model_validate({'type': 'route53'})\n"
        "provider = ADAPTER.open('aws', options, Context(Path(), lambda: datetime.now(UTC)))\n"
        "try:\n    provider.zones(['example.com.'])\nexcept Problem as problem:\n    print(problem.mend)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "pip install 'provisioner[route53]'"


def test_credentials_of_the_environment_are_found(aws: Account) -> None:
    assert ask(aws) == {"example.com."}


def test_a_profile_is_used(aws: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    (tmp_path / "aws-credentials").write_text(f"[dns]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n")
    assert ask(aws, profile="dns") == {"example.com."}
    error = failure(aws, profile="nobody")
    assert isinstance(error, AuthFailed)
    assert "nobody" in error.detail


@pytest.mark.parametrize("external_id", [None, "their-id"])
def test_a_role_is_assumed_once(aws: Account, external_id: str | None) -> None:
    aws.emulator.external_id = external_id
    provider = aws.open(role_arn=ROLE, external_id=external_id)
    for _ in range(3):
        list(provider.catalogue())
        provider.zones([name("other.example")])
    assert [seen.operation for seen in aws.emulator.seen] == ["AssumeRole", ZONES]
    assert aws.limiters.accounts == {("route53", ROLE)}


def test_a_role_that_may_not_be_assumed_is_told(aws: Account) -> None:
    aws.emulator.external_id = "theirs"
    error = failure(aws, role_arn=ROLE, external_id="ours")
    assert isinstance(error, AuthFailed)
    assert "sts:AssumeRole" in error.detail


@pytest.mark.parametrize("options", [{}, {"role_arn": ROLE}])
def test_no_credentials_at_all_are_told(aws: Account, monkeypatch: pytest.MonkeyPatch, options: dict[str, str]) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = failure(aws, **options)
    assert isinstance(error, AuthFailed)
    assert "aws sts get-caller-identity" in error.mend


def test_a_wrong_secret_is_found_by_the_signature(aws: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another/secret/that/nobody/knows/0000000")
    error = failure(aws)
    assert isinstance(error, AuthFailed)
    assert "clock" in error.detail
    assert "Canonical" not in str(error)


def test_an_unknown_key_is_told(aws: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODYKNOWSTHIS1")
    assert "access key" in failure(aws).detail


ECHOES = (
    Fault(403, "AccessDenied", echo=True),
    Fault(403, "SignatureDoesNotMatch", echo=True),
    Fault(403, "ExpiredToken", echo=True),
    Fault(403, "InvalidClientTokenId", echo=True),
    Fault(400, "Throttling", echo=True),
    Fault(400, "PriorRequestNotComplete", echo=True),
    Fault(400, "InvalidInput", echo=True),
    Fault(404, "NoSuchHostedZone", echo=True),
    Fault(500, "InternalFailure", echo=True),
    Fault(400, "InvalidChangeBatch", echo=True),
)


@pytest.mark.parametrize("fault", ECHOES, ids=lambda fault: fault.code)
def test_no_secret_is_ever_told_even_when_the_service_repeats_it(aws: Account, fault: Fault) -> None:
    ask(aws, role_arn=ROLE)
    aws.emulator.fail(ZONES, fault, fault)
    error = failure(aws, role_arn=ROLE, tries=2)
    told = f"{error} {error.__dict__} {error.__cause__}"
    seen = (KEY_ID, SECRET, ROLE_SECRET, ROLE_TOKEN, ROLE_TOKEN[:40], "Signature=0")
    assert [secret for secret in seen if secret in told] == []
    assert error.__suppress_context__


def test_nothing_that_listens_is_unavailable_and_safe_to_retry(aws: Account) -> None:
    error = failure(aws, endpoint="http://127.0.0.1:1", tries=3)
    assert isinstance(error, Unavailable)
    assert error.retry_is_safe
    assert len(aws.clock.slept) == 2


def test_a_server_without_tls_is_told_and_not_asked_again(aws: Account) -> None:
    error = failure(aws, endpoint=aws.emulator.url.replace("http:", "https:"))
    assert isinstance(error, Rejected)
    assert "AWS_CA_BUNDLE" in error.mend
    assert aws.clock.slept == []


def test_a_request_that_the_sdk_does_not_take_is_told(aws: Account) -> None:
    error = failure(aws, region="no such region")
    assert isinstance(error, Rejected)


def test_tries_are_bounded_and_waits_grow(aws: Account) -> None:
    aws.emulator.fail(ZONES, *[Fault(503)] * 20)
    assert isinstance(failure(aws), Unavailable)
    assert aws.clock.slept == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    assert aws.emulator.count(ZONES) == 8


def test_throttles_hold_back_the_whole_account_and_are_counted(aws: Account) -> None:
    aws.emulator.fail(
        ZONES, Fault(400, "Throttling"), Fault(429, "Whatever", headers={"Retry-After": "7"}), Fault(400, "ThrottlingException")
    )
    assert ask(aws) == {"example.com."}
    assert aws.clock.slept == [0.25, 7.0, 1.0]
    assert aws.meter.calls == {f"route53:{ZONES}": 4}
    assert aws.meter.throttles == {f"route53:{ZONES}": 3}


def test_throttling_without_end_tells_how_long_to_wait(aws: Account) -> None:
    aws.emulator.fail(ZONES, *[Fault(429, headers={"Retry-After": "9999"})] * 2)
    error = failure(aws, tries=2)
    assert isinstance(error, Throttled)
    assert error.retry_after == 300.0


def test_the_documented_rate_never_meets_the_services_bucket(aws: Account) -> None:
    aws.emulator.bucket = Bucket(10, 50, aws.clock)
    provider = aws.open()
    zone = provider.zones([name("example.com")])[name("example.com")]
    for _ in range(199):
        provider.read(zone, [Key(zone.name, "MX")])
    assert aws.meter.throttles == {}
    assert aws.clock.now == pytest.approx(15.2)


def test_a_rate_above_the_services_own_is_slowed_down_by_it(aws: Account) -> None:
    aws.emulator.bucket = Bucket(10, 5, aws.clock)
    provider = aws.open(rate=1000)
    zone = provider.zones([name("example.com")])[name("example.com")]
    for _ in range(30):
        provider.read(zone, [Key(zone.name, "MX")])
    assert sum(aws.meter.throttles.values()) > 0


def test_labels_of_one_identity_share_one_limit(aws: Account) -> None:
    ask(aws, label="one")
    ask(aws, label="two")
    assert aws.limiters.accounts == {("route53", "")}


def test_several_threads_share_one_client(aws: Account) -> None:
    provider = aws.open()
    zone = provider.zones([name("example.com")])[name("example.com")]
    keys = [Key(name(f"n{number}.example.com"), "MX") for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda key: provider.read(zone, [key]).sets[key], keys))
    assert found == [None] * 24


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({}, Rate(10.0, 48)),
        ({"rate": 5}, Rate(5.0, 5)),
        ({"rate": 0.5}, Rate(0.5, 1)),
        ({"rate": {"rate": 20, "burst": 100}}, Rate(20.0, 100)),
    ],
)
def test_rates(options: dict[str, Any], limit: Rate) -> None:
    assert Route53Options.model_validate({"type": "route53"} | options).limit == limit


@pytest.mark.parametrize(
    "options",
    [
        {"rate": 0},
        {"rate": -1},
        {"rate": float("inf")},
        {"rate": float("nan")},
        {"rate": {"rate": 5}},
        {"rate": {"rate": 5, "burst": 0}},
        {"rate": "fast"},
        {"external_id": "x"},
        {"role_arn": "admin"},
        {"profile": ""},
        {"endpoint": "http://route53.example"},
        {"endpoint": "http://192.0.2.1:4566"},
        {"endpoint": "https://user:hunter2@route53.example"},
        {"endpoint": "ftp://route53.example"},
        {"endpoint": "route53.example"},
        {"kms_key": "alias/dnssec"},
        {"kms_key": []},
        {"access_key": "AKIA"},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Route53Options.model_validate({"type": "route53"} | options)


@pytest.mark.parametrize(
    "endpoint", ["http://localhost:4566", "http://127.0.0.1:1", "http://[::1]:1", "https://route53.example"]
)
def test_endpoints(endpoint: str) -> None:
    assert Route53Options.model_validate({"type": "route53", "endpoint": endpoint}).endpoint == endpoint


def test_every_option_is_described() -> None:
    fields = Route53Options.model_fields
    assert [option for option, known in fields.items() if not known.description and option != "type"] == []


def test_the_adapter_makes_a_provider_from_the_manifest(aws: Account, tmp_path: Path) -> None:
    options = ADAPTER.options.model_validate({"type": "route53", "endpoint": aws.emulator.url})
    provider = ADAPTER.open("aws", options, Context(tmp_path, lambda: pytest.fail("nobody asked for the time")))
    assert set(provider.zones([name("example.com")])) == {"example.com."}
    assert issubclass(AuthFailed, Problem)
