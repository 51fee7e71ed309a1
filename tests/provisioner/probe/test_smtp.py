"""One session with a mail server: what it presents, in whatever way it behaves, and never for longer than we have patience."""

from __future__ import annotations

import itertools
import re
import socket
import ssl
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.x509 import UnrecognizedExtension
from cryptography.x509.oid import ExtensionOID
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.facts import Session
from plans.values import Name
from provisioner.probe.smtp import SmtpProbe, session
from provisioner.targets import Target
from tests.emulators.authority import Authority, issue
from tests.emulators.smtp import HOST, MailServer
from tests.emulators.talking import dripping, running

SHORT = 0.3
"""Seconds of patience with servers that would never end."""


def ask(server: MailServer, patience: float = 10, host: Name = HOST) -> Session:
    with running(server):
        return session(server.target(), host, patience)


@pytest.fixture
def tls(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    return issue("MX.example", "*.other.example").server(tmp_path)


def test_a_session_ends_after_the_handshake(authority: Authority, tmp_path: Path) -> None:
    issued = authority.issue("MX.example", "*.other.example")
    server = MailServer(issued.server(tmp_path))
    assert ask(server) == Session(
        accepts=True,
        starttls=True,
        chain=(issued.der,),
        names=("mx.example", "*.other.example"),
        not_after=issued.certificate.not_valid_after_utc,
    )
    assert server.heard == [b"EHLO [127.0.0.1]", b"STARTTLS", b"QUIT"]
    assert server.asked_for == ["mx.example"]


def test_ipv6_has_a_literal_of_its_own() -> None:
    server = MailServer(hello=(b"250 mx.example\r\n",))
    with running(server, "::1"):
        assert session(server.target("::1"), HOST).accepts
    assert server.heard == [b"EHLO [IPv6:::1]", b"QUIT"]


def test_a_certificate_that_nobody_would_trust_is_told_all_the_same(tmp_path: Path) -> None:
    issued = issue("elsewhere.example", has_names=False)
    found = ask(MailServer(issued.server(tmp_path)))
    assert (found.chain, found.names, found.why) == ((issued.der,), (), "")


def test_a_server_without_starttls_accepts_in_clear_text() -> None:
    server = MailServer(hello=(b"250-mx.example STARTTLS\r\n250 SIZE 100\r\n",))
    assert ask(server) == Session(accepts=True, starttls=False, why="it offers no STARTTLS")
    assert server.heard[-1] == b"QUIT"


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (MailServer(greeting=(b"554 5.7.1 go\r\n",)), "it greets with 554 5.7.1 go"),
        (MailServer(greeting=(b"421-busy\r\n421 later\r\n",)), "it greets with 421 busy"),
        (MailServer(greeting=(b"220\r\n",), hello=(b"502 what\r\n",)), "it answers EHLO with 502 what"),
        (MailServer(greeting=(None,)), "it closes the connection"),
        (MailServer(greeting=(b"220-half", None)), "it closes the connection"),
        (MailServer(greeting=(b"HTTP/1.1 400 Bad Request\r\n",)), "it says something that is no reply of SMTP"),
        (MailServer(greeting=(b"220_mx\r\n",)), "it says something that is no reply of SMTP"),
        (MailServer(greeting=(b"620 mx\r\n",)), "it says something that is no reply of SMTP"),
        (MailServer(greeting=(b"220-mx\r\n250 mx\r\n",)), "the lines of its reply have different codes"),
        (MailServer(greeting=(b"\x1b]0;owned\x07\xff\r\n",)), "it says something that is no reply of SMTP"),
        (MailServer(greeting=(b"554 \x1b]0;owned\x07\xff\r\n",)), "it greets with 554 ]0;owned �"),
        (MailServer(greeting=itertools.repeat(b"220-mx\r\n")), "it sends too much"),
        (MailServer(greeting=itertools.repeat(b"220 mx")), "its line is longer than 4096 octets"),
    ],
)
def test_a_server_that_wants_no_mail_or_talks_no_smtp_does_not_accept(server: MailServer, why: str) -> None:
    assert ask(server) == Session(accepts=False, starttls=False, why=why)


@pytest.mark.parametrize("code", [b"554 no\r\n", b"220 mx\r\n"])
def test_whoever_wants_no_mail_is_left_politely(code: bytes) -> None:
    server = MailServer(greeting=(code,), hello=(b"421 no\r\n",))
    assert ask(server).accepts is False
    assert server.heard[-1] == b"QUIT"


@pytest.mark.parametrize("greeting", [(), dripping(b"220-mx.example waits\r\n", 0.02)])
def test_silence_and_slow_octets_end_with_our_patience(greeting: Iterable[bytes]) -> None:
    found = ask(MailServer(greeting=greeting), SHORT)
    assert found == Session(accepts=None, starttls=False, why="it does not greet within 0.3 s")


def test_patience_that_is_over_before_anything_is_said_tells_nothing() -> None:
    assert ask(MailServer(), 1e-9).accepts is None


def test_a_refused_connection_does_not_accept() -> None:
    found = session(Target("127.0.0.1", 1), HOST)
    assert found == Session(accepts=False, starttls=False, why="Connection refused", refused=True)
    assert found.is_mute, "a network that closes port 25 may have refused it"


def test_without_a_way_to_the_address_nobody_can_tell() -> None:
    found = session(Target("255.255.255.255", 25), HOST, SHORT)
    assert found.accepts is None
    assert found.why


def test_an_address_that_takes_no_connection_tells_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            assert session(Target("127.0.0.1", port), HOST, SHORT) == Session(
                accepts=None, starttls=False, why="it takes too long"
            )


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (MailServer(start=(b"454 4.7.0 not now\r\n",)), "it answers STARTTLS with 454 4.7.0 not now"),
        (MailServer(start=(b"220 go\r\n250 more\r\n",)), "it goes on talking in clear text behind its answer to STARTTLS"),
        (MailServer(start=(None,)), "it closes the connection"),
        (MailServer(start=(b"what\r\n",)), "it says something that is no reply of SMTP"),
        (MailServer(handshake=(b"this is no TLS at all\r\n",)), "wrong version number"),
        (MailServer(handshake=(b"\x15\x03\x03\x00\x02\x02\x28",)), "(sslv3|ssl/tls) alert handshake failure"),
        (MailServer(handshake=(None,)), "(unexpected eof while reading|EOF occurred .*|Connection reset by peer)"),
    ],
)
def test_tls_that_is_offered_and_does_not_come_about(server: MailServer, why: str) -> None:
    found = ask(server)
    assert (found.accepts, found.starttls, found.chain) == (True, True, ())
    assert re.fullmatch(f"TLS does not come about: {why}", found.why)


@pytest.mark.parametrize("handshake", [(), dripping(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", 0.02)])
def test_a_handshake_that_never_ends_ends_with_our_patience(handshake: Iterable[bytes]) -> None:
    found = ask(MailServer(handshake=handshake), SHORT)
    assert (found.accepts, found.starttls, found.chain) == (True, True, ())
    assert found.why.endswith("it takes too long")


def test_whoever_never_says_goodbye_is_not_waited_for(tls: ssl.SSLContext) -> None:
    found = ask(MailServer(tls, leave=dripping(b"221-bye\r\n", 0.02)), SHORT)
    assert found.chain
    assert not found.why


@pytest.mark.parametrize("host", [".", r"a\.b.example.", r"a\..example.", "*.example."])
def test_a_host_that_can_be_no_sni_is_no_reason_to_fail(tls: ssl.SSLContext, host: str) -> None:
    found = ask(MailServer(tls), host=Name(host))
    assert (found.accepts, found.starttls) == (True, True)
    assert found.chain or found.why.startswith("TLS does not come about: ")


def test_a_certificate_that_is_malformed_is_presented_all_the_same(authority: Authority, tmp_path: Path) -> None:
    broken = issue("mx.example", extra=UnrecognizedExtension(ExtensionOID.ISSUER_ALTERNATIVE_NAME, b"\xff"))
    found = ask(MailServer(broken.server(tmp_path)))
    assert (found.chain, found.names, found.not_after) == ((broken.der,), (), None)
    assert found.why.startswith("its certificate is malformed: ")


@settings(max_examples=50)
@given(greeting=st.binary(max_size=200), hello=st.binary(max_size=200), handshake=st.binary(max_size=200))
def test_whatever_a_server_says_a_session_comes_of_it(greeting: bytes, hello: bytes, handshake: bytes) -> None:
    server = MailServer(
        greeting=(b"220 " + greeting, b"\r\n"), hello=(b"250-", hello, b"\r\n250 STARTTLS\r\n"), handshake=(handshake, None)
    )
    found = ask(server, SHORT)
    assert found.chain == ()
    assert found.why.isprintable()
    assert found.why


def test_each_address_of_a_host_is_asked_once_in_a_run_and_all_at_once(tls: ssl.SSLContext) -> None:
    addresses = ["127.0.66.1", "127.0.66.2", "127.0.66.3"]
    server = MailServer(tls)
    together = threading.Barrier(len(addresses))
    server.at_first = together.wait
    with running(server, *addresses), ThreadPoolExecutor(2) as runs:
        probe = SmtpProbe(port=server.port)
        found = list(runs.map(lambda _: probe.sessions(HOST, [*addresses, *addresses]), range(4)))
        assert all(one == found[0] for one in found)
        assert list(found[0]) == addresses
        assert all(one.chain for one in found[0].values())
        assert sorted(server.at) == addresses
        server.at_first = None
        assert probe.sessions(Name("other.example."), addresses[:1])[addresses[0]].chain
    assert sorted(server.at) == [addresses[0], *addresses]


def test_a_host_without_addresses_has_no_sessions() -> None:
    assert SmtpProbe().sessions(HOST, []) == {}
