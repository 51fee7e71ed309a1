"""Requests to Graph: waits, lost connections, tokens and proxies, on the wire with the real SDK."""

from __future__ import annotations

import asyncio
import logging

import pytest

from plans.desired import Cloud, GraphAnswer
from plans.problem import Problem
from provisioner.desired.clouds import endpoint
from provisioner.desired.credential import Login
from provisioner.desired.graph import GraphSource
from provisioner.desired.sources import open_source
from provisioner.desired.wire import Wire
from provisioner.manifest.model import Credential, LiveTenant
from tests.emulators import graph
from tests.emulators.graph import Fault, GraphEmulator
from tests.provisioner.desired.live import CONTOSO, FABRIKAM, NOW, TENANT, WHERE, Opener, answered, path, problem, results


def test_a_challenge_for_claims_gets_a_token_once_more(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.hold("contoso.com")
    challenge = 'Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="'
    emulator.fail("/domains", Fault(401, {"WWW-Authenticate": challenge}))
    assert open_graph().domains() == (CONTOSO,)
    assert emulator.paths == ["GET /domains", "GET /domains"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_service_is_asked_again_after_the_wait_it_names(
    emulator: GraphEmulator, open_graph: Opener, pauses: list[float], status: int
) -> None:
    emulator.hold("contoso.com")
    emulator.fail("/domains", Fault(status, {"Retry-After": "300"}))
    emulator.fail("/$batch", Fault(status, {"Retry-After": "200"}))
    assert answered(results(open_graph(), "contoso.com").values()) == 1
    assert pauses == [300, 200]


def test_only_the_parts_of_a_batch_that_were_refused_are_sent_again(
    emulator: GraphEmulator, open_graph: Opener, pauses: list[float]
) -> None:
    domains = [f"d{number}.example" for number in range(30)]
    emulator.hold(*domains)
    emulator.fail(path("d3.example"), Fault(429, {"Retry-After": "7"}), Fault(503, {"retry-after": "9"}))
    emulator.fail(path("d25.example"), Fault(429, {"Retry-After": "11"}))
    assert answered(results(open_graph(), *domains).values()) == 30
    assert pauses == [11, 9]
    urls = [[request["url"] for request in seen.body["requests"]] for seen in emulator.seen[3:]]
    assert urls == [[path("d3.example"), path("d25.example")], [path("d3.example")]]


@pytest.mark.parametrize(
    "headers",
    [{}, {"Retry-After": "soon"}, {"Retry-After": "0"}, {"Retry-After": "Tue, 24 Nov 2026 10:00:00 GMT"}],
)
def test_without_a_usable_wait_the_pauses_grow(
    emulator: GraphEmulator, open_graph: Opener, pauses: list[float], headers: dict[str, str]
) -> None:
    emulator.hold("contoso.com")
    past = headers | ({"Date": "Tue, 24 Nov 2026 10:00:01 GMT"} if "GMT" in headers.get("Retry-After", "") else {})
    emulator.fail(path("contoso.com"), *[Fault(503, past)] * 4)
    assert answered(results(open_graph(), "contoso.com").values()) == 1
    assert [low <= pause <= 2 * low for low, pause in zip([0.5, 1, 2, 4], pauses, strict=True)] == [True] * 4


def test_a_wait_given_as_a_date_counts_from_the_answers_own_date(
    emulator: GraphEmulator, open_graph: Opener, pauses: list[float]
) -> None:
    emulator.hold("contoso.com")
    dates = {"Date": "Tue, 24 Nov 2026 10:00:00 GMT", "Retry-After": "Tue, 24 Nov 2026 10:00:42 GMT"}
    emulator.fail(path("contoso.com"), Fault(429, dates))
    assert answered(results(open_graph(), "contoso.com").values()) == 1
    assert pauses == [42]


def test_waiting_is_bounded(emulator: GraphEmulator, open_graph: Opener, pauses: list[float]) -> None:
    emulator.hold("contoso.com", "fabrikam.com")
    emulator.fail(path("contoso.com"), *[Fault(429, {"Retry-After": "250"})] * 5)
    found = results(open_graph(), "contoso.com", "fabrikam.com")
    throttled = found[CONTOSO]
    assert isinstance(throttled, Problem)
    assert throttled.headline == "Microsoft Graph is throttling tenant contoso"
    assert "left alone for 250 s" in throttled.detail
    assert "600 s in all" in throttled.detail
    assert isinstance(found[FABRIKAM], GraphAnswer)
    assert pauses == [250, 250]


def test_a_service_that_stays_out_of_order_is_given_up(
    emulator: GraphEmulator, open_graph: Opener, pauses: list[float]
) -> None:
    emulator.hold("contoso.com")
    emulator.fail(path("contoso.com"), *[Fault(500)] * 20)
    assert "out of order" in problem(open_graph()).headline
    assert len(pauses) == 8


def test_a_failing_batch_stops_the_rest_and_keeps_what_was_answered(
    emulator: GraphEmulator, open_graph: Opener, pauses: list[float]
) -> None:
    domains = [f"d{number}.example" for number in range(400)]
    emulator.hold(*domains)
    for number in range(9, 17):
        emulator.fail_number(number, Fault(403))
    found = results(open_graph(), *domains)
    assert len(found) == 400
    assert answered(found.values()) == 160
    assert all("may not read" in result.headline for result in list(found.values())[160:] if isinstance(result, Problem))
    assert len(emulator.seen) == 17
    assert pauses == []


def test_a_dropped_connection_is_tried_again(emulator: GraphEmulator, open_graph: Opener, pauses: list[float]) -> None:
    emulator.hold("contoso.com")
    emulator.fail("/$batch", Fault(drop=True))
    assert answered(results(open_graph(), "contoso.com").values()) == 1
    assert len(pauses) == 1


def test_connections_that_are_always_dropped(emulator: GraphEmulator, open_graph: Opener, pauses: list[float]) -> None:
    emulator.fail("/domains", *[Fault(drop=True)] * 9)
    told = problem(open_graph())
    assert told.headline == "Microsoft Graph cannot be reached"
    assert "disconnected" in told.detail
    assert len(pauses) == 3


def test_an_endpoint_where_nobody_listens(credential: Credential, pauses: list[float]) -> None:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    at = endpoint("http://127.0.0.1:9", Cloud.GLOBAL)
    tenant = LiveTenant("contoso", TENANT, credential, Cloud.GLOBAL, WHERE)
    source = GraphSource(tenant, at, Login(credential, TENANT, Cloud.GLOBAL), NOW, sleep=sleep)
    assert problem(source).headline == "Microsoft Graph cannot be reached"


def test_an_answer_that_takes_too_long(emulator: GraphEmulator, open_graph: Opener) -> None:
    emulator.fail("/domains", *[Fault(delay=0.5)] * 4)
    told = problem(open_graph(timeout=0.1))
    assert told.headline == "Microsoft Graph does not answer in time"
    assert "0.1 s" in told.detail


def test_a_certificate_that_nobody_vouches_for(credential: Credential, certificates: object, token: str) -> None:
    with graph.running(GraphEmulator(token), certificates.server) as emulator:  # type: ignore[attr-defined] # the fixture's class lives in conftest
        tenant = LiveTenant("contoso", TENANT, credential, Cloud.GLOBAL, WHERE)
        told = problem(open_source(tenant, emulator.url, NOW))  # type: ignore[arg-type] # live, so a GraphSource
    assert told.headline == "Microsoft Graph's certificate cannot be trusted"
    assert "SSL_CERT_FILE" in told.mend


def test_the_token_is_sent_to_the_endpoint_only(emulator: GraphEmulator, credential: Credential) -> None:
    async def send(url: str) -> None:
        wire = await Wire.open(endpoint(emulator.url, Cloud.GLOBAL), Login(credential, TENANT, Cloud.GLOBAL), "scope", 5)
        try:
            await wire.send(url)
        finally:
            await wire.close()

    with pytest.raises(ValueError, match="is not at"):
        asyncio.run(send(emulator.url.replace("127.0.0.1", "localhost")))
    assert emulator.seen == []


def test_no_log_holds_the_token(
    emulator: GraphEmulator, open_graph: Opener, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.hold("contoso.com")
    with caplog.at_level(logging.DEBUG):
        assert answered(results(open_graph(), "contoso.com").values()) == 1
    assert caplog.records
    assert token not in caplog.text


def test_loopback_is_asked_directly_whatever_proxy_is_set(
    emulator: GraphEmulator, open_graph: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    emulator.hold("contoso.com")
    assert open_graph().domains() == (CONTOSO,)


def test_any_other_host_is_asked_through_the_proxy(
    credential: Credential, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    with graph.running(GraphEmulator("unused")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        tenant = LiveTenant("contoso", TENANT, credential, Cloud.GLOBAL, WHERE)
        at = endpoint("https://graph.invalid", Cloud.GLOBAL)
        told = problem(GraphSource(tenant, at, Login(credential, TENANT, Cloud.GLOBAL), NOW, sleep=sleep))
    assert told.headline == "Microsoft Graph cannot be reached"
    assert "501" in told.detail, "the proxy was asked to CONNECT, which it does not know"
