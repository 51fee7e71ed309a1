"""Trying the network: what comes back, or in which words it is told that nothing did."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest

from provisioner.network import NoAnswer, ask_dns, greet_smtp, time_at
from provisioner.targets import Target, address, target
from tests.emulators import graph, outside

CLOSED = Target("127.0.0.1", 1)


def at(text: str) -> Target:
    return address(text, 53)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("mx.example", Target("mx.example", 25)),
        ("mx.example:2525", Target("mx.example", 2525)),
        ("192.0.2.1", Target("192.0.2.1", 25)),
        ("192.0.2.1:2525", Target("192.0.2.1", 2525)),
        ("2001:db8::1", Target("2001:db8::1", 25)),
        ("[2001:db8::1]:2525", Target("2001:db8::1", 2525)),
        ("[2001:db8::1]", Target("2001:db8::1", 25)),
    ],
)
def test_a_target_is_a_host_or_an_address_with_or_without_a_port(text: str, parsed: Target) -> None:
    assert target(text, 25) == parsed
    assert target(str(parsed), 1) == parsed


@pytest.mark.parametrize("text", ["", "a b", "a/b", "a?b", "user@a", "a:b", "a:99999", "[::1", "\x1b[m", "//a"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        target(text, 25)


def test_an_address_is_no_name() -> None:
    assert address("[::1]:5353", 53) == Target("::1", 5353)
    with pytest.raises(ValueError, match="neither ADDRESS nor ADDRESS:PORT"):
        address("dns.example:53", 53)


@pytest.mark.parametrize("tcp", [True, False])
def test_any_answer_of_a_dns_server_will_do(tcp: bool) -> None:
    with outside.dns_server() as server:
        ask_dns(at(server), tcp=tcp)


@pytest.mark.parametrize("tcp", [True, False])
def test_an_answer_that_is_no_dns_is_none(tcp: bool) -> None:
    with outside.dns_server(garbage=True) as server, pytest.raises(NoAnswer, match="no DNS"):
        ask_dns(at(server), tcp=tcp)


def test_a_closed_port_gives_the_systems_words() -> None:
    with pytest.raises(NoAnswer, match="refused"):
        ask_dns(CLOSED, tcp=True)


def test_a_server_that_says_nothing_is_waited_for_and_no_longer() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(NoAnswer, match="no answer in 3 s"):
            ask_dns(Target("127.0.0.1", silent.getsockname()[1]), tcp=False)


def test_a_mail_server_is_left_politely() -> None:
    with outside.mail_server() as (server, heard):
        assert greet_smtp(target(server, 25)) == "mx.example ESMTP"
        assert [line.strip().upper() for line in heard] == [b"QUIT"]


@pytest.mark.parametrize(
    ("greeting", "told"),
    [
        (b"554 5.7.1 go away\r\n", "the server greets with 554 5.7.1 go away"),
        (b"\x1b]0;owned\x07\r\n", "greets with -1"),
    ],
)
def test_a_greeting_that_is_none_is_told(greeting: bytes, told: str) -> None:
    with outside.mail_server(greeting) as (server, _), pytest.raises(NoAnswer) as caught:
        greet_smtp(target(server, 25))
    assert told in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_mail_server_that_hangs_up_after_its_greeting_has_greeted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        thread = threading.Thread(target=_greet_and_hang_up, args=(server,))
        thread.start()
        assert greet_smtp(Target("127.0.0.1", port)) == "mx.example"
        thread.join()


def _greet_and_hang_up(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"220 mx.example\r\n")
        connection.recv(100)


def test_a_closed_mail_port_gives_the_systems_words() -> None:
    with pytest.raises(NoAnswer, match="refused"):
        greet_smtp(CLOSED)


def test_the_time_is_taken_from_any_answer() -> None:
    with graph.running(graph.GraphEmulator("token")) as emulator:
        assert abs(time_at(emulator.url) - datetime.now(UTC)) < timedelta(seconds=30)


@pytest.mark.parametrize("headers", [b"", b"Date: soon\r\n", b"Date: Fri, 31 Dec 9999 23:59:59 -2300\r\n"])
def test_an_answer_without_a_date_gives_no_time(headers: bytes) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + headers + b"\r\n"
    with outside.mail_server(reply) as (server, _), pytest.raises(NoAnswer, match="has no date"):
        time_at(f"http://{server}")


def test_a_closed_web_port_gives_no_time() -> None:
    with pytest.raises(NoAnswer, match="refused"):
        time_at(f"http://{CLOSED}")
