"""One question to one server, whatever the server makes of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.values import name
from provisioner.dns.client import Client, Patience, Reason, Unanswered, Wish
from provisioner.targets import Target
from tests.emulators.dns import DnsWorld, Fault, dns_world
from tests.emulators.dns_sockets import serving

ADDRESS = "127.0.53.9"
HOST = name("Mail.contoso.example")
ZONE = "mail A 192.0.2.1\nbig TXT " + " ".join(f'"{"x" * 250}"' for _ in range(6))
CLIENT = Client(Patience(udp=(0.15, 0.25), tcp=0.6))


@pytest.fixture
def server() -> Iterator[DnsWorld]:
    with dns_world(ADDRESS) as world:
        world.serve("contoso.example.", ZONE, ADDRESS)
        yield world


def ask(server: DnsWorld, owner: str = HOST, kind: str = "A") -> dns.message.Message:
    return CLIENT.ask(Target(ADDRESS, server.port), name(owner), kind)


def told(answer: dns.message.Message) -> list[str]:
    return [rdata.to_text() for rrset in answer.answer for rdata in rrset]


def transports(server: DnsWorld) -> list[bool]:
    return [one.tcp for one in server.asked]


def test_a_question_goes_over_udp_without_recursion(server: DnsWorld) -> None:
    answer = ask(server)
    assert told(answer) == ["192.0.2.1"]
    assert not answer.flags & dns.flags.RD
    assert transports(server) == [False]


def test_recursion_is_asked_for_where_it_is_wanted(server: DnsWorld) -> None:
    assert CLIENT.ask(Target(ADDRESS, server.port), HOST, "A", Wish(recurse=True)).flags & dns.flags.RD


@pytest.mark.parametrize(("wish", "flagged", "by_tcp"), [(Wish(), False, False), (Wish(dnssec=True, tcp=True), True, True)])
def test_signatures_are_asked_for_unchecked_and_over_tcp_where_it_is_wished(wish: Wish, *, flagged: bool, by_tcp: bool) -> None:
    seen: list[tuple[bool, bool, bool]] = []

    def replies(octets: bytes, address: str, *, tcp: bool) -> list[bytes]:
        assert address == ADDRESS
        query = dns.message.from_wire(octets)
        seen.append((bool(query.ednsflags & dns.flags.DO), bool(query.flags & dns.flags.CD), tcp))
        return [dns.message.make_response(query).to_wire()]

    with serving([ADDRESS], replies) as port:
        CLIENT.ask(Target(ADDRESS, port), HOST, "A", wish)
    assert seen == [(flagged, flagged, by_tcp)]


def test_letters_are_asked_in_mixed_case(server: DnsWorld) -> None:
    for _ in range(8):
        ask(server)
    spelt = {one.spelt for one in server.asked}
    assert len(spelt) > 1
    assert {one.lower() for one in spelt} == {"mail.contoso.example."}


def test_a_response_code_is_an_answer(server: DnsWorld) -> None:
    server.fail(ADDRESS, Fault.SERVFAIL)
    assert ask(server).rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize("fault", [Fault.TRUNCATED, Fault.TRUNCATED_IN_A_RECORD, Fault.LOWER_CASE])
def test_what_udp_cannot_give_is_asked_once_more_over_tcp(server: DnsWorld, fault: Fault) -> None:
    server.fail(ADDRESS, fault)
    assert told(ask(server)) == ["192.0.2.1"]
    assert transports(server) == [False, True]


def test_an_answer_too_long_for_a_datagram_comes_over_tcp(server: DnsWorld) -> None:
    assert len(told(ask(server, "big.contoso.example", "TXT"))[0]) > 1500
    assert transports(server) == [False, True]


def test_a_server_without_edns_is_asked_without(server: DnsWorld) -> None:
    server.fail(ADDRESS, Fault.NO_EDNS)
    assert told(ask(server)) == ["192.0.2.1"]


def test_forged_datagrams_are_passed_over_and_the_answer_is_waited_for(server: DnsWorld) -> None:
    server.fail(ADDRESS, Fault.FORGED_FIRST)
    assert told(ask(server)) == ["192.0.2.1"]
    assert transports(server) == [False]


def test_a_lost_datagram_is_sent_again(server: DnsWorld) -> None:
    server.fail(ADDRESS, Fault.SILENT)
    mended = threading.Timer(0.1, lambda: server.fail(ADDRESS))
    mended.start()
    assert told(ask(server)) == ["192.0.2.1"]
    mended.join()
    assert transports(server) == [False, False]


@pytest.mark.parametrize(
    ("fault", "reason", "text"),
    [
        (Fault.SILENT, Reason.SILENT, "no answer in 0.4 s"),
        (Fault.SLOW, Reason.SILENT, "no answer in 0.4 s"),
        (Fault.OTHER_ID, Reason.SILENT, "no answer in 0.4 s, only one to something that was not asked"),
        (Fault.OTHER_QUESTION, Reason.SILENT, "no answer in 0.4 s, only one to something that was not asked"),
        (Fault.GARBAGE, Reason.SILENT, "no answer in 0.4 s, only something that is no DNS message"),
        (Fault.TRUNCATED_ALWAYS, Reason.MALFORMED, "an answer cut short over TCP as well"),
    ],
)
def test_no_answer_is_told_with_its_reason(server: DnsWorld, fault: Fault, reason: Reason, text: str) -> None:
    server.fail(ADDRESS, fault)
    with pytest.raises(Unanswered) as caught:
        ask(server)
    assert (caught.value.reason, str(caught.value)) == (reason, text)


@pytest.mark.parametrize(
    ("fault", "reason", "text"),
    [
        (Fault.SILENT, Reason.MALFORMED, "no DNS answer over TCP: EOFError"),
        (Fault.CLOSES_TCP, Reason.MALFORMED, "no DNS answer over TCP: EOFError"),
        (Fault.SLOW, Reason.SILENT, "no answer over TCP in 0.2 s"),
        (Fault.OTHER_ID, Reason.MALFORMED, "an answer over TCP to something that was not asked"),
        (Fault.GARBAGE, Reason.MALFORMED, "no DNS answer over TCP: ShortHeader"),
    ],
)
def test_no_answer_over_tcp_is_told_with_its_reason(server: DnsWorld, fault: Fault, reason: Reason, text: str) -> None:
    server.fail(ADDRESS, fault)
    impatient = Client(Patience(udp=(), tcp=0.2))
    with pytest.raises(Unanswered) as caught:
        impatient.ask(Target(ADDRESS, server.port), HOST, "A")
    assert (caught.value.reason, str(caught.value)) == (reason, text)


@pytest.mark.parametrize("client", [CLIENT, Client(Patience(udp=(), tcp=0.3))], ids=["udp", "tcp"])
def test_nobody_there_is_known_at_once(client: Client) -> None:
    with dns_world(ADDRESS) as gone:
        pass
    with pytest.raises(Unanswered) as caught:
        client.ask(Target(ADDRESS, gone.port), HOST, "A")
    assert (caught.value.reason, "Connection refused" in str(caught.value)) == (Reason.REFUSED, True)


def test_an_address_without_a_route_is_not_asked() -> None:
    with pytest.raises(Unanswered) as caught:
        CLIENT.ask(Target("fe80::53", 53), HOST, "A")
    assert (caught.value.reason, str(caught.value)) == (Reason.NO_ROUTE, "no route to it from this machine")


def test_an_address_that_may_not_be_asked_is_no_matter_of_routes() -> None:
    with pytest.raises(Unanswered) as caught:
        CLIENT.ask(Target("255.255.255.255", 53), HOST, "A")
    assert caught.value.reason is Reason.REFUSED


@settings(max_examples=60)
@given(octets=st.binary(max_size=80), tcp=st.booleans(), keep_id=st.booleans())
def test_whatever_comes_is_an_answer_or_a_typed_failure(octets: bytes, tcp: bool, keep_id: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as peer:
        peer.bind((ADDRESS, 0))
        peer.settimeout(1)  # a client that had no time left to connect does not come
        if tcp:
            peer.listen()

        def reply() -> None:
            with suppress(OSError):
                _reply()

        def _reply() -> None:
            if tcp:
                wire, _ = peer.accept()
                with wire:
                    asked = wire.recv(512)
                    sent = asked[2:4] + octets if keep_id else octets
                    wire.sendall(len(sent).to_bytes(2, "big") + sent)
            else:
                asked, sender = peer.recvfrom(512)
                peer.sendto(asked[:2] + octets if keep_id else octets, sender)

        thread = threading.Thread(target=reply)
        thread.start()
        client = Client(Patience(udp=() if tcp else (0.02,), tcp=0.1))
        with suppress(Unanswered):
            assert client.ask(Target(ADDRESS, peer.getsockname()[1]), HOST, "A").flags & dns.flags.QR
        thread.join()
