"""Cloudflare when something goes wrong: every kind of failure ends as it should, and nothing is written twice."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plans.plan import Change
from plans.snapshot import Snapshot
from plans.values import Key, RRset, name
from providers.cloudflare import Cloudflare
from providers.cloudflare.api import Patience
from providers.cloudflare.options import CloudflareOptions
from providers.contract import (
    AuthFailed,
    Context,
    ProviderError,
    Rejected,
    SecretOption,
    Status,
    Throttled,
    Unavailable,
    Unsupported,
    ZoneNotFound,
)
from providers.limiter import Limiter, Limiters, Meter, Rate
from tests.emulators.cloudflare import CloudflareEmulator, Fault, running
from tests.emulators.cloudflare_zone import Zone
from tests.providers.cloudflare_bench import TOKEN, opened, ref_of

MakeSet = Callable[..., RRset]
APEX = name("example.com")
MX = Key(APEX, "MX")
HTML = b"<html><title>Please log in</title></html>"
SHORT = Patience(read=1.0, whole=1.0, pauses=(0, 0, 0), sleep=lambda _: None)


class FakeTime:
    """A clock that stands still but for sleeping, and what was told meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0
        self.told: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeLimiters(Limiters):
    """Limiters whose waits take no time."""

    def __init__(self, time: FakeTime) -> None:
        super().__init__()
        self._time = time
        self._all: dict[tuple[str, str], Limiter] = {}
        self.accounts: list[str] = []

    def of(self, service: str, account: str, rate: Rate) -> Limiter:
        self.accounts.append(account)
        made = Limiter(rate, self._time.told.append, lambda: self._time.now, self._time.sleep)
        return self._all.setdefault((service, account), made)


@pytest.fixture
def emulator() -> Iterator[CloudflareEmulator]:
    with running(CloudflareEmulator(TOKEN)) as emulator:
        yield emulator


@pytest.fixture
def zone(emulator: CloudflareEmulator) -> Zone:
    zone = emulator.add("example.com")
    zone.hold("MX", "example.com", 3600, content="old.example.net", priority=10)
    return zone


@pytest.fixture
def change(mx: MakeSet) -> Change:
    return Change(mx("example.com", "10 old.example.net."), mx("example.com", "0 new.example.net."))


def based(provider: Cloudflare) -> Snapshot:
    return provider.read(ref_of(provider), [MX])


TRANSIENT = {
    "the connection drops": Fault(drop=True),
    "a server error": Fault(status=500),
    "a server error in HTML": Fault(status=503, body=HTML),
    "a bad gateway": Fault(status=502, body=b""),
    "HTML instead of JSON": Fault(body=HTML),
    "a log-in page": Fault(status=302, headers={"Location": "https://login.example/"}, body=HTML),
    "a proxy's refusal": Fault(status=403, body=HTML),
    "no answer in time": Fault(delay=1.6),
    "an answer drop by drop": Fault(drip=0.02),
    "a request too many": Fault(status=429, headers={"retry-after": "30"}),
    "a request too many, without a time": Fault(status=429, body=HTML),
}
CERTAIN = {
    "a bad token": (Fault(status=403, code=9109), AuthFailed),
    "no authentication": (Fault(status=401, code=10000), AuthFailed),
    "bad headers": (Fault(status=400, code=6003), AuthFailed),
    "no such zone": (Fault(status=404, code=1001), ZoneNotFound),
    "no such route": (Fault(status=400, code=7003), ZoneNotFound),
    "a bad request": (Fault(status=400, code=1004), Rejected),
    "not allowed": (Fault(status=405, code=10405), Rejected),
    "success that is none": (Fault(body=b'{"success": false, "errors": [{"code": 1004, "message": "no"}]}'), Rejected),
    "another form": (Fault(body=b'{"success": true, "result": [{"id": 5}]}'), Rejected),
}


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
@pytest.mark.parametrize("operation", ["zones.list", "records.list"])
def test_a_read_is_asked_again(emulator: CloudflareEmulator, zone: Zone, change: Change, operation: str, fault: Fault) -> None:
    emulator.fail(operation, fault, fault)
    time = FakeTime()
    assert based(opened(emulator, SHORT, FakeLimiters(time))).sets[MX] == change.before
    assert emulator.operations.count(operation) == 3


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT)
def test_a_read_that_never_succeeds_is_an_outage(emulator: CloudflareEmulator, zone: Zone, fault: Fault) -> None:
    provider = opened(emulator, SHORT, FakeLimiters(FakeTime()))
    ref = ref_of(provider)
    emulator.fail("records.list", *[fault] * 4)
    with pytest.raises(Throttled if fault.status == 429 else Unavailable) as caught:
        provider.read(ref, [MX])
    assert "cf" in caught.value.headline
    assert "the records of zone example.com." in caught.value.detail
    assert emulator.operations.count("records.list") == 4


@pytest.mark.parametrize(("fault", "error"), CERTAIN.values(), ids=CERTAIN)
def test_a_read_that_is_refused_is_not_asked_again(
    emulator: CloudflareEmulator, zone: Zone, fault: Fault, error: type[ProviderError]
) -> None:
    provider = opened(emulator)
    ref = ref_of(provider)
    emulator.fail("records.list", fault)
    with pytest.raises(error) as caught:
        provider.read(ref, [MX])
    assert caught.value.detail
    assert caught.value.mend
    assert not caught.value.retry_is_safe
    assert emulator.operations.count("records.list") == 1


NOT_DONE = {what: fault for what, fault in TRANSIENT.items() if fault.status != 200 or fault.drop or fault.body}
DONE = {
    "the connection drops": Fault(drop=True, done=True),
    "a server error": Fault(status=500, done=True),
    "HTML instead of JSON": Fault(body=HTML, done=True),
    "half the JSON": Fault(body=b'{"success": true, "result": {"patc', done=True),
    "another form": Fault(body=b'{"success": true, "result": 7}', done=True),
    "no answer in time": Fault(delay=1.6),
    "an answer drop by drop": Fault(drip=0.02),
}


@pytest.mark.parametrize("fault", NOT_DONE.values(), ids=NOT_DONE)
def test_a_write_that_was_not_done_is_sent_again_after_a_look(
    emulator: CloudflareEmulator, zone: Zone, change: Change, fault: Fault
) -> None:
    provider = opened(emulator, SHORT, FakeLimiters(FakeTime()))
    base = based(provider)
    emulator.seen.clear()
    emulator.fail("records.batch", fault)
    assert provider.apply(base, [change])[MX].status is Status.WRITTEN
    assert emulator.operations == ["records.list", "records.batch"] * 2
    assert emulator.commits == ["records.batch"]


@pytest.mark.parametrize("fault", DONE.values(), ids=DONE)
def test_a_write_whose_answer_was_lost_is_settled_by_a_look(
    emulator: CloudflareEmulator, zone: Zone, change: Change, fault: Fault
) -> None:
    provider = opened(emulator, SHORT)
    base = based(provider)
    emulator.seen.clear()
    emulator.fail("records.batch", fault)
    assert provider.apply(base, [change])[MX].status is Status.WRITTEN
    assert emulator.operations == ["records.list", "records.batch", "records.list"]
    assert emulator.commits == ["records.batch"]


@pytest.mark.parametrize("fault", DONE.values(), ids=DONE)
def test_a_lost_answer_and_then_no_look_leaves_the_outcome_unknown(
    emulator: CloudflareEmulator, zone: Zone, change: Change, fault: Fault
) -> None:
    provider = opened(emulator, SHORT)
    base = based(provider)
    emulator.fail("records.batch", fault)
    emulator.fail("records.list", Fault(), *[Fault(drop=True)] * 4)
    outcome = provider.apply(base, [change])[MX]
    assert (outcome.status, emulator.commits) == (Status.UNKNOWN, ["records.batch"])
    assert outcome.detail


def test_a_write_that_never_gets_through_leaves_the_outcome_unknown(
    emulator: CloudflareEmulator, zone: Zone, change: Change
) -> None:
    provider = opened(emulator, SHORT)
    base = based(provider)
    emulator.fail("records.batch", *[Fault(drop=True)] * 4)
    assert provider.apply(base, [change])[MX].status is Status.UNKNOWN
    assert (emulator.operations.count("records.batch"), emulator.commits) == (4, [])


def test_a_lost_answer_and_then_somebody_elses_set_leaves_the_outcome_unknown(
    emulator: CloudflareEmulator, zone: Zone, change: Change
) -> None:
    provider = opened(emulator, SHORT)
    base = based(provider)
    record = next(iter(zone.records.values()))
    emulator.fail("records.batch", Fault(drop=True, before=lambda: record.update(content="theirs.example.net")))
    outcome = provider.apply(base, [change])[MX]
    assert outcome.status is Status.UNKNOWN
    assert "something else" in outcome.detail


@pytest.mark.parametrize(("code", "status"), [(81057, 400), (81058, 400), (1004, 400), (890190, 403)])
def test_a_write_that_is_refused_is_rejected_with_its_code(
    emulator: CloudflareEmulator, zone: Zone, change: Change, code: int, status: int
) -> None:
    provider = opened(emulator)
    base = based(provider)
    emulator.fail("records.batch", Fault(status=status, code=code))
    outcome = provider.apply(base, [change])[MX]
    assert outcome.status is Status.REJECTED
    assert str(code) in outcome.detail
    assert (emulator.operations.count("records.batch"), emulator.commits) == (1, [])


def test_a_write_that_is_refused_without_a_look_afterwards_was_not_made(
    emulator: CloudflareEmulator, zone: Zone, change: Change
) -> None:
    provider = opened(emulator, SHORT)
    base = based(provider)
    emulator.fail("records.batch", Fault(status=400, code=1004))
    emulator.fail("records.list", Fault(), *[Fault(drop=True)] * 4)
    with pytest.raises(Rejected):
        provider.apply(base, [change])


def test_a_token_that_may_only_read_is_told_before_anything_is_written(
    emulator: CloudflareEmulator, zone: Zone, change: Change
) -> None:
    provider = opened(emulator)
    base = based(provider)
    emulator.fail("records.batch", Fault(status=403, code=10000))
    with pytest.raises(AuthFailed, match="DNS Edit"):
        provider.apply(base, [change])
    assert emulator.commits == []


def test_a_refusal_after_a_lost_answer_does_not_say_that_nothing_was_written(
    emulator: CloudflareEmulator, zone: Zone, change: Change
) -> None:
    provider = opened(emulator)
    base = based(provider)
    emulator.fail("records.batch", Fault(drop=True), Fault(status=403, code=10000))
    outcome = provider.apply(base, [change])[MX]
    assert outcome.status is Status.UNKNOWN
    assert "10000" in outcome.detail


def test_a_block_of_five_minutes_is_waited_out_and_told(emulator: CloudflareEmulator, zone: Zone, change: Change) -> None:
    time, meter = FakeTime(), Meter()
    provider = opened(emulator, limiters=FakeLimiters(time), meter=meter)
    base = based(provider)
    emulator.fail("records.list", Fault(status=429, headers={"retry-after": "300"}))
    emulator.fail("records.batch", Fault(status=429))
    assert provider.apply(base, [change])[MX].status is Status.WRITTEN
    assert time.now == 600
    assert time.told == ["Waiting 300 s for the rate limit."] * 2
    assert meter.throttles == {"cloudflare:records.batch": 1, "cloudflare:records.list": 1}
    assert emulator.commits == ["records.batch"]


@pytest.mark.parametrize(
    ("quotas", "waits"),
    [
        ('"default";r=90;t=120', 120),
        ('"default"; r=0; t=250, "ip";r=180;t=1', 250),
        ('"default";r=101;t=120', 0),
        ('"ip";r=3;t=1', 0),
        ('"default";r=0;t=86400', 0),
        ("nothing of the kind", 0),
    ],
)
def test_a_quota_that_is_nearly_used_up_is_left_to_others(
    emulator: CloudflareEmulator, zone: Zone, quotas: str, waits: float
) -> None:
    time = FakeTime()
    provider = opened(emulator, limiters=FakeLimiters(time))
    ref = ref_of(provider)
    emulator.fail("records.list", Fault(headers={"Ratelimit": quotas}))
    provider.read(ref, [MX])
    assert time.now == 0
    provider.read(ref, [MX])
    assert time.now == waits


def test_a_block_that_does_not_end_is_an_error_and_nothing_was_written(
    emulator: CloudflareEmulator, zone: Zone, change: Change
) -> None:
    provider = opened(emulator, limiters=FakeLimiters(FakeTime()))
    base = based(provider)
    emulator.fail("records.batch", *[Fault(status=429, headers={"retry-after": "300"})] * 4)
    with pytest.raises(Throttled) as caught:
        provider.apply(base, [change])
    assert caught.value.retry_after == 300
    assert emulator.commits == []


def test_a_wait_longer_than_any_block_is_not_waited_for(emulator: CloudflareEmulator, zone: Zone) -> None:
    time = FakeTime()
    provider = opened(emulator, limiters=FakeLimiters(time))
    ref = ref_of(provider)
    emulator.fail("records.list", Fault(status=429, headers={"retry-after": "86400"}))
    with pytest.raises(Throttled) as caught:
        provider.read(ref, [MX])
    assert (caught.value.retry_after, time.now) == (86400, 0)


def test_the_limit_is_kept_however_many_threads_ask(emulator: CloudflareEmulator, zone: Zone) -> None:
    time = FakeTime()
    limiters = FakeLimiters(time)
    provider = opened(emulator, limiters=limiters, rate={"rate": 2.0, "burst": 4})
    ref = ref_of(provider)
    threads = [threading.Thread(target=lambda: provider.read(ref, [MX])) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert emulator.operations.count("records.list") == 9
    assert time.now >= 3
    assert emulator.operations.count("zones.list") == 1


def test_pauses_between_tries_grow(emulator: CloudflareEmulator, zone: Zone) -> None:
    slept: list[float] = []
    provider = opened(emulator, Patience(sleep=slept.append))
    emulator.fail("zones.list", *[Fault(status=500)] * 3)
    ref_of(provider)
    assert slept == [1.0, 4.0, 15.0]


@pytest.mark.parametrize(
    ("total", "page"), [(3, []), (0, [{}])], ids=["fewer than there should be", "more than there should be"]
)
def test_a_list_that_does_not_add_up_is_no_answer(
    emulator: CloudflareEmulator, zone: Zone, total: int, page: list[Any]
) -> None:
    provider = opened(emulator)
    ref = ref_of(provider)
    row = {"id": "x", "name": "a.example.com", "type": "A", "ttl": 1}
    body = {"success": True, "result": [row for _ in page], "result_info": {"total_count": total}}
    emulator.fail("records.list", Fault(body=json.dumps(body).encode()))
    with pytest.raises(Unavailable, match="changed while it was read"):
        provider.read(ref, [MX])


def test_a_zone_that_grows_while_it_is_read_is_no_answer(emulator: CloudflareEmulator, zone: Zone) -> None:
    for number in range(4):
        zone.hold("A", f"h{number}.example.com", content="192.0.2.1")
    emulator.largest_page = 3
    emulator.fail("records.list", Fault(), Fault(before=lambda: zone.hold("A", "more.example.com", content="192.0.2.1")))
    provider = opened(emulator)
    with pytest.raises(Unavailable, match="changed while it was read"):
        based(provider)


def test_nobody_listens(emulator: CloudflareEmulator, zone: Zone) -> None:
    with running(CloudflareEmulator(TOKEN)) as gone:
        provider = opened(gone)
    with pytest.raises(Unavailable, match="ConnectError") as caught:
        ref_of(provider)
    assert caught.value.retry_is_safe


def test_a_server_that_speaks_no_tls(emulator: CloudflareEmulator, zone: Zone) -> None:
    provider = opened(emulator, endpoint=emulator.endpoint.replace("http://", "https://"))
    with pytest.raises(Unavailable, match=r"ConnectError.*SSL"):
        ref_of(provider)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=400, echo_token=True),
        Fault(status=403, echo_token=True),
        Fault(status=500, echo_token=True),
        Fault(status=429, echo_token=True),
        Fault(status=500, body=TOKEN.encode()),
        Fault(body=TOKEN.encode()),
    ],
    ids=lambda fault: f"{fault.status} {fault.body!r}",
)
def test_the_token_is_in_no_message_and_no_log(
    emulator: CloudflareEmulator, zone: Zone, change: Change, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    limiters = FakeLimiters(FakeTime())
    provider = opened(emulator, limiters=limiters)
    base = based(provider)
    emulator.fail("records.batch", *[fault] * 4)
    try:
        told = str(provider.apply(base, [change]))
    except ProviderError as error:
        told = f"{error} {error.args} {error!r}"
    emulator.fail("records.list", *[fault] * 4)
    with pytest.raises(ProviderError) as caught:
        provider.read(base.zone, [MX])
    assert caught.value.__suppress_context__
    for text in (told, str(caught.value), repr(caught.value.args), repr(provider), caplog.text, *limiters.accounts, base.token):
        assert TOKEN not in text


def test_only_the_token_is_sent_whatever_the_environment_holds(
    emulator: CloudflareEmulator, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("EMAIL", "API_KEY", "API_TOKEN", "API_USER_SERVICE_KEY", "BASE_URL"):
        monkeypatch.setenv(f"CLOUDFLARE_{variable}", "from-the-environment")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    ref_of(opened(emulator))
    assert not any("from-the-environment" in text for seen in emulator.seen for text in seen.headers.values())


@pytest.mark.parametrize("token", ["", "two words", "ünï", "line\n"])
def test_what_can_be_no_token_is_not_sent(emulator: CloudflareEmulator, zone: Zone, token: str) -> None:
    with pytest.raises(AuthFailed, match="is none"):
        ref_of(opened(emulator, token=token))
    assert emulator.seen == []


def test_the_secret_is_read_when_it_is_needed_and_once(emulator: CloudflareEmulator, zone: Zone) -> None:
    asked: list[SecretOption] = []

    def reveal(secret: SecretOption) -> str:
        asked.append(secret)
        return TOKEN

    options = CloudflareOptions.model_validate({"type": "cloudflare", "token": {"env": "T"}, "endpoint": emulator.endpoint})
    provider = Cloudflare("cf", options, Context(Path(), lambda: datetime(2024, 6, 15, tzinfo=UTC), reveal=reveal))
    assert asked == []
    based(provider)
    assert asked == [SecretOption(env="T")]


def test_a_missing_sdk_is_told(emulator: CloudflareEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudflare", None)
    with pytest.raises(Unsupported, match="provisioner\\[cloudflare\\]"):
        ref_of(opened(emulator))
