"""How the Azure DNS adapter asks: waits, deadlines, pages, threads, and errors without secrets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from plans.values import Key, name
from providers.azure.arm import Patience
from providers.contract import AuthFailed, Conflict, ProviderError, Rejected, Throttled, Unavailable, ZoneNotFound
from tests.emulators.azure_dns import TOKEN, AzureDnsEmulator, Fault, html, running
from tests.emulators.azure_dns_sets import error
from tests.emulators.http import Response
from tests.providers.azure_bench import APEX, World, world_of

MX = Key(APEX, "MX")


@pytest.fixture
def world() -> Iterator[World]:
    with running(AzureDnsEmulator()) as emulator:
        emulator.add_zone("example.com")
        yield world_of(emulator)


def listed(world: World, **options: Any) -> list[str]:
    return [zone.name for zone in world.adapter(**options).catalogue()]


FAULTS = {
    "the connection drops": Fault("drop-before"),
    "the connection drops after the answer was made": Fault("drop-after"),
    "408": Fault("answer", error(408, "Timeout", "Too slow.")),
    "429": Fault("answer", error(429, "TooManyRequests", "Slow down.", {"Retry-After": "3"})),
    "429 without a wait": Fault("answer", error(429, "TooManyRequests", "Slow down.")),
    "429 of a proxy": Fault("answer", html(429)),
    "500": Fault("answer", error(500, "InternalServerError", "Oops.")),
    "503": Fault("answer", error(503, "ServiceUnavailable", "Later.", {"Retry-After": "4"})),
    "HTML": Fault("answer", html(200)),
    "half an answer": Fault("answer", Response(200, b'{"value": [')),
    "JSON that is no object": Fault("answer", Response(200, b"[]")),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_read_is_sent_again(world: World, fault: Fault) -> None:
    world.emulator.faults += [fault] * 2
    assert listed(world) == ["example.com."]
    assert len(world.emulator.log) == 3
    assert world.clock.seconds > 0


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_read_that_never_succeeds_is_unavailable(world: World, fault: Fault) -> None:
    world.emulator.faults += [fault] * 5
    with pytest.raises(Unavailable) as caught:
        listed(world)
    assert len(world.emulator.log) == 5
    assert "/providers/Microsoft.Network/dnszones" in caught.value.detail
    assert caught.value.retry_is_safe


@pytest.mark.parametrize(
    ("given", "waited"),
    [
        ("7", 7.0),
        ("Sat, 15 Jun 2024 12:01:30 GMT", 90.0),  # the bench's time is 12:00
        ("Sat, 15 Jun 2024 11:00:00 GMT", 0.5),
        ("soon", 0.5),
        ("0", 0.5),
        ("Sat, 15 Jun 2024 12:01:30", 0.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_azure_asks_for_is_kept(world: World, status: int, given: str, waited: float) -> None:
    world.emulator.faults.append(Fault("answer", error(status, "Busy", "Later.", {"Retry-After": given})))
    assert listed(world) == ["example.com."]
    assert world.clock.seconds == waited


def test_pauses_grow_until_half_a_minute(world: World) -> None:
    patience = Patience(sleep=world.clock.sleep, clock=world.clock.time, attempts=10)
    world.emulator.faults += [Fault("drop-before")] * 10
    with pytest.raises(Unavailable):
        listed(world, patience=patience)
    assert world.clock.slept == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


@pytest.mark.parametrize(("status", "kind"), [(429, Throttled), (503, Unavailable)])
def test_a_wait_of_an_hour_is_not_sat_out(world: World, status: int, kind: type[ProviderError]) -> None:
    world.emulator.faults.append(Fault("answer", error(status, "Busy", "Later.", {"Retry-After": "3600"})))
    with pytest.raises(kind) as caught:
        listed(world)
    assert len(world.emulator.log) == 1
    assert not isinstance(caught.value, Throttled) or caught.value.retry_after == 3600


def test_throttled_reads_are_counted_and_slow_down_whoever_else_reads(world: World) -> None:
    world.emulator.faults.append(Fault("answer", error(429, "TooManyRequests", "Slow down.", {"Retry-After": "30"})))
    assert listed(world) == ["example.com."]
    assert world.context.meter.throttles == {"azure:list zones": 1}
    assert world.context.meter.calls == {"azure:list zones": 2}
    assert world.clock.slept == [30.0]


@pytest.mark.parametrize(
    ("answer", "kind", "mend"),
    [
        (error(400, "BadRequest", "No."), Rejected, "mend what Azure names"),
        (error(401, "InvalidAuthenticationToken", "No."), AuthFailed, "`credential`, `tenant` and `cloud`"),
        (error(403, "AuthorizationFailed", "No."), AuthFailed, "docs/setup/azure-dns.md"),
        (error(404, "SubscriptionNotFound", "No."), ZoneNotFound, "`subscription`"),
        (error(409, "Conflict", "No."), Conflict, "make a new plan"),
        (Response(403, b""), AuthFailed, "docs/setup/azure-dns.md"),
        (Response(403, b'{"code": "AuthorizationFailed", "message": "bare"}'), AuthFailed, "docs/setup/azure-dns.md"),
        (Response(400, b'{"error": "flat"}'), Rejected, "mend what Azure names"),
    ],
)
def test_a_refusal_is_told_in_the_contracts_words_and_not_asked_again(
    world: World, answer: Response, kind: type[ProviderError], mend: str
) -> None:
    world.emulator.faults.append(Fault("answer", answer))
    with pytest.raises(kind) as caught:
        listed(world)
    assert mend in caught.value.mend
    assert f"HTTP {answer.status}" in caught.value.detail
    assert len(world.emulator.log) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 429, 500])
def test_no_token_and_no_foreign_control_is_in_a_message(world: World, status: int) -> None:
    message = f"Bearer {TOKEN} \x1b[31m is\r\nwrong {'x' * 900}"
    world.emulator.faults += [Fault("answer", error(status, "Code", message, {"Retry-After": "3600"}))] * 5
    with pytest.raises(ProviderError) as caught:
        listed(world)
    assert TOKEN not in repr(caught.value.args)
    assert caught.value.detail.isprintable()
    assert "Bearer … [31m is wrong x" in caught.value.detail
    assert len(caught.value.detail) < 500


def test_the_token_goes_to_azure_and_no_password_of_netrc_in_its_place(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert listed(world) == ["example.com."]
    assert world.emulator.heads[-1]["authorization"] == f"Bearer {TOKEN}"
    assert world.emulator.heads[-1]["user-agent"].startswith("provisioner")
    assert world.emulator.heads[-1]["x-ms-client-request-id"]


def test_a_redirect_is_not_followed(world: World) -> None:
    with running(AzureDnsEmulator()) as elsewhere:
        moved = error(307, "Moved", "Over there.", {"Location": elsewhere.url})
        world.emulator.faults += [Fault("answer", moved)] * 5
        with pytest.raises(Unavailable):
            listed(world)
        assert elsewhere.log == []


@pytest.mark.parametrize("link", ["https://elsewhere.invalid/x", "http://[::1", 7, "http://user@{host}/x", "{self}"])
def test_the_next_page_is_only_read_from_azure_and_only_once(world: World, link: Any) -> None:
    own = f"{world.emulator.url}/subscriptions/x?api-version=1"
    if isinstance(link, str):
        link = link.replace("{host}", world.emulator.url.removeprefix("http://")).replace("{self}", own)
    world.emulator.replies += [{"value": [], "nextLink": link}] * 2
    with pytest.raises(Rejected, match="next page"):
        listed(world)
    assert len(world.emulator.log) <= 2


@pytest.mark.parametrize("body", [{}, {"value": {}}, {"value": ["x"]}])
def test_a_page_without_items_makes_no_sense(world: World, body: object) -> None:
    world.emulator.replies.append(body)
    with pytest.raises(Rejected, match="`value`"):
        listed(world)


def test_an_answer_that_trickles_has_a_deadline(world: World) -> None:
    world.emulator.faults += [Fault("slow")] * 2
    patience = Patience(whole=0.3, sleep=world.clock.sleep, clock=world.clock.time, attempts=2)
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"no whole answer within 0\.3 s"):
        listed(world, patience=patience)
    assert time.monotonic() - began < 5


def test_after_a_lost_connection_the_next_request_has_a_new_one(world: World) -> None:
    world.emulator.faults.append(Fault("slow"))
    patience = Patience(whole=0.3, sleep=world.clock.sleep, clock=world.clock.time)
    assert listed(world, patience=patience) == ["example.com."]


def test_a_server_that_does_not_answer_in_time_is_unavailable(world: World) -> None:
    world.emulator.latency = 0.5
    patience = Patience(read=0.05, sleep=world.clock.sleep, clock=world.clock.time, attempts=2)
    with pytest.raises(Unavailable):
        listed(world, patience=patience)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "https://127.0.0.1:1"])
def test_nobody_there_is_unavailable(world: World, endpoint: str) -> None:
    with pytest.raises(Unavailable, match="check the network"):
        listed(world, endpoint=endpoint)


def test_a_server_that_does_not_speak_tls_is_unavailable(world: World) -> None:
    with pytest.raises(Unavailable) as caught:
        listed(world, endpoint=world.emulator.url.replace("http:", "https:"))
    assert TOKEN not in str(caught.value)


def test_many_threads_use_one_adapter(world: World) -> None:
    world.emulator.latency = 0.01
    for number in range(40):
        held = world.emulator.add_zone(f"z{number}.example")
        world.emulator.put(held, "@", "MX", {"TTL": 60, "MXRecords": [{"preference": number, "exchange": "mx.example.net"}]})
    adapter = world.adapter()

    def preference(number: int) -> str:
        apex = name(f"z{number}.example")
        key = Key(apex, "MX")
        held: Any = adapter.read(adapter.zones([apex])[apex], [key]).sets[key]
        return str(held.values[0])

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(preference, range(40)))
    assert found == [f"{number} mx.example.net." for number in range(40)]
    assert world.context.meter.calls == {"azure:list record sets": 40, "azure:list zones": 1}
    assert len(world.asked) == 1
