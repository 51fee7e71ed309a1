"""The MTA-STS policy of a domain: announced, fetched with a certificate that is checked, and bounded in every way."""

from __future__ import annotations

import hashlib
import itertools
import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.facts import NoAnswer, StsMode, StsPolicy
from plans.values import Irregular, Key, Live, Name, Txt, rrset
from provisioner.probe.mta_sts import LARGEST, StsClient
from provisioner.targets import Target
from tests.emulators import http
from tests.emulators.authority import NOW, Authority, Issued
from tests.emulators.http import Request, Response
from tests.emulators.talking import Talker, drain, dripping, running, say

DOMAIN = Name("contoso.example.")
KEY = Key(Name("_mta-sts.contoso.example."), "TXT")
ANNOUNCED = rrset(KEY.owner, "TXT", 300, [Txt('"v=STSv1; " "id=20260101"'), Txt('"something else"')])
BODY = b"version: STSv1\r\nmode: enforce\r\nmx: *.mx.example\r\nmax_age: 86400\r\n"
POLICY = StsPolicy("20260101", 300, StsMode.ENFORCE, ("*.mx.example",), 86400, hashlib.sha256(BODY).hexdigest())
NONE = StsPolicy("", 0, StsMode.NONE)


class Website:
    """Answers with one response, and keeps what was asked."""

    def __init__(self, response: Response) -> None:
        self.url = ""
        self.response = response
        self.asked: list[tuple[str, str]] = []

    def respond_to(self, request: Request) -> Response:
        self.asked.append((f"{request.method} {request.target}", request.headers["host"]))
        return self.response


@dataclass
class RawWebsite(Talker):
    """Answers a request with octets as they are, piece by piece; a None among them closes the connection."""

    tls: ssl.SSLContext
    says: Iterable[bytes | None]

    def talk(self, connection: socket.socket) -> None:
        with self.tls.wrap_socket(connection, server_side=True) as protected:
            protected.recv(4096)
            if say(protected, self.says):
                drain(protected)


def page(status: int = 200, body: bytes = BODY, kind: str = "text/plain; charset=utf-8") -> Response:
    return Response(status, body, {"Content-Type": kind, "Location": "/.well-known/mta-sts.txt"})


@pytest.fixture
def roots(authority: Authority, tmp_path: Path) -> Path:
    file = tmp_path / "roots.pem"
    file.write_bytes(authority.own.pem)
    return file


@pytest.fixture
def issued(authority: Authority) -> Issued:
    return authority.issue("mta-sts.contoso.example")


CLOSED = Target("127.0.0.1", 1)


def client(
    at: Target = CLOSED,
    roots: Path | None = None,
    found: Live | NoAnswer = ANNOUNCED,
    before: Sequence[str] = (),
    patience: float = 10,
) -> StsClient:
    def lookup(key: Key) -> Live | NoAnswer:
        assert key == KEY
        return found

    def addresses(host: str) -> Sequence[str]:
        assert host == "mta-sts.contoso.example"
        return [*before, at.host]

    return StsClient(lookup, addresses, port=at.port, roots=roots, patience=patience)


@contextmanager
def website(issued: Issued, folder: Path, response: Response) -> Iterator[tuple[Website, Target]]:
    with http.running(Website(response), issued.server(folder)) as site:
        yield site, Target("127.0.0.1", int(site.url.rpartition(":")[2]))


def test_a_policy_is_fetched_from_its_well_known_place(issued: Issued, roots: Path, tmp_path: Path) -> None:
    with website(issued, tmp_path, page()) as (site, at):
        asked = client(at, roots)
        assert asked.policy(DOMAIN) == POLICY
        assert asked.policy(DOMAIN) == POLICY
    assert site.asked == [("GET /.well-known/mta-sts.txt", "mta-sts.contoso.example")] * 2


@pytest.mark.parametrize(
    ("found", "policy"),
    [
        (None, NONE),
        (rrset(KEY.owner, "TXT", 60, [Txt('"v=spf1 -all"')]), NONE),
        (rrset(KEY.owner, "TXT", 60, [Txt('"v=STSv1; id=1"'), Txt('"v=STSv1; id=2"')]), NONE),
        (NoAnswer("SERVFAIL"), NoAnswer("SERVFAIL")),
        (Irregular(KEY, "an alias"), NoAnswer("_mta-sts.contoso.example. TXT is an alias")),
    ],
)
def test_without_one_record_that_announces_it_no_policy_is_fetched(
    found: Live | NoAnswer, policy: StsPolicy | NoAnswer
) -> None:
    assert client(found=found).policy(DOMAIN) == policy


def test_a_domain_that_is_too_long_for_a_record_has_none() -> None:
    assert client().policy(Name(".".join(["x" * 60] * 4) + ".example.")) == NONE


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (page(status=404), "the answer is 404 Not Found"),
        (page(status=301), "the answer is 301 Moved Permanently"),
        (page(kind="text/html"), "the answer is text/html, not text/plain"),
        (page(body=BODY + b"x: " + b"y" * LARGEST), "the policy is larger than 65536 octets"),
        (page(body=b"y" * 3 * LARGEST), "the policy is larger than 65536 octets"),
    ],
)
def test_an_answer_that_is_no_policy(issued: Issued, roots: Path, tmp_path: Path, response: Response, why: str) -> None:
    with website(issued, tmp_path, response) as (site, at):
        assert client(at, roots).policy(DOMAIN) == unfetched(why)
    assert len(site.asked) == 1


def unfetched(why: str) -> NoAnswer:
    return NoAnswer(f"the policy at mta-sts.contoso.example cannot be fetched: {why}")


def test_a_malformed_policy_is_no_answer(issued: Issued, roots: Path, tmp_path: Path) -> None:
    with website(issued, tmp_path, page(body=b"version: STSv2\n")) as (_, at):
        assert client(at, roots).policy(DOMAIN) == NoAnswer("the policy's version is not STSv1")


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"names": ["mta-sts.fabrikam.example"]}, "Hostname mismatch, certificate is not valid for 'mta-sts.contoso.example'."),
        ({"names": ["contoso.example"]}, "Hostname mismatch, certificate is not valid for 'mta-sts.contoso.example'."),
        ({"has_names": False}, "Hostname mismatch, certificate is not valid for 'mta-sts.contoso.example'."),
        ({"not_after": NOW}, "certificate has expired"),
    ],
)
def test_the_certificate_must_be_valid_for_the_name(
    authority: Authority, roots: Path, tmp_path: Path, how: dict[str, object], why: str
) -> None:
    names = how.pop("names", ["mta-sts.contoso.example"])
    assert isinstance(names, list)
    with website(authority.issue(*names, **how), tmp_path, page()) as (site, at):
        assert client(at, roots).policy(DOMAIN) == unfetched(why)
    assert site.asked == []


def test_an_authority_that_is_not_trusted(issued: Issued, tmp_path: Path) -> None:
    with website(issued, tmp_path, page()) as (_, at):
        found = client(at).policy(DOMAIN)
    assert isinstance(found, NoAnswer)
    assert "certificate" in found.why


def test_trust_roots_that_cannot_be_read(tmp_path: Path) -> None:
    assert client(roots=tmp_path / "none").policy(DOMAIN) == unfetched("No such file or directory")


@pytest.mark.parametrize("error", [OSError("SERVFAIL"), ValueError("no host")])
def test_a_host_whose_addresses_cannot_be_told(error: Exception) -> None:
    def addresses(_: str) -> Sequence[str]:
        raise error

    assert StsClient(lambda _: ANNOUNCED, addresses).policy(DOMAIN) == unfetched(str(error))


def test_a_host_without_addresses() -> None:
    assert StsClient(lambda _: ANNOUNCED, lambda _: []).policy(DOMAIN) == unfetched("it has no address")


def test_the_next_address_is_tried_and_not_more_than_four(issued: Issued, roots: Path, tmp_path: Path) -> None:
    with website(issued, tmp_path, page()) as (site, at):
        assert client(at, roots, before=["127.0.66.9"] * 3).policy(DOMAIN) == POLICY
        assert client(at, roots, before=["127.0.66.9"] * 4).policy(DOMAIN) == unfetched("Connection refused")
    assert len(site.asked) == 1


def test_a_closed_port() -> None:
    assert client().policy(DOMAIN) == unfetched("Connection refused")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
RAW: list[tuple[Iterable[bytes | None], str]] = [
    ((), "it takes too long"),
    (dripping(HEAD, 0.02), "it takes too long"),
    (itertools.chain((HEAD + b"\r\n",), dripping(BODY, 0.02)), "it takes too long"),
    (itertools.chain((HEAD,), itertools.repeat(b"X: y\r\n")), "what it says is no HTTP (got more than 100 headers)"),
    (
        itertools.chain((HEAD + b"X: ",), itertools.repeat(b"y" * 1000)),
        "what it says is no HTTP (got more than 65536 bytes when reading header line)",
    ),
    (itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 400), "it sends too much"),
    ((HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", None), "what it says is no HTTP (IncompleteRead(0 bytes read))"),
    ((b"220 mx.example\r\n", None), "what it says is no HTTP (220 mx.example)"),
    ((None,), "what it says is no HTTP (Remote end closed connection without response)"),
]


@pytest.mark.parametrize(("says", "why"), RAW)
def test_a_server_that_never_ends_or_talks_no_http(
    issued: Issued, roots: Path, tmp_path: Path, says: Iterable[bytes | None], why: str
) -> None:
    with running(RawWebsite(tls=issued.server(tmp_path), says=says)) as server:
        assert client(server.target(), roots, patience=0.5).policy(DOMAIN) == unfetched(why)


@settings(max_examples=50)
@given(answer=st.binary(max_size=300) | st.binary(max_size=300).map(lambda body: HEAD + b"\r\n" + body))
def test_whatever_a_server_says_an_answer_comes_of_it(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory, answer: bytes
) -> None:
    folder = tmp_path_factory.mktemp("tls")
    (folder / "roots.pem").write_bytes(authority.own.pem)
    tls = authority.issue("mta-sts.contoso.example").server(folder)
    with running(RawWebsite(tls=tls, says=(answer, None))) as server:
        found = client(server.target(), folder / "roots.pem", patience=0.5).policy(DOMAIN)
    assert isinstance(found, NoAnswer)
    assert found.why.isprintable()
