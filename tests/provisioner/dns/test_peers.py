"""Servers made by hand, which do what no server of the emulators does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rrset
import pytest
from dns.rdatatype import RdataType

from plans.values import Key, Name, name
from provisioner.desired.private_loop import PrivateLoop
from provisioner.dns.client import Patience, Unanswered
from provisioner.dns.octets import mx_set
from provisioner.dns.peers import Peers
from provisioner.targets import Target

CONTOSO = name("contoso.example")
HOST = "127.0.57.1"
Respond = Callable[[bytes, tuple[str, int], socket.socket], None]


def answer(octets: bytes, host: str, *, cut: bool = False) -> bytes:
    reply = dns.message.make_response(dns.message.from_wire(octets))
    reply.flags |= dns.flags.AA | (dns.flags.TC if cut else 0)
    reply.answer = [dns.rrset.from_text(reply.question[0].name, 60, "IN", "MX", f"0 {host}")]
    return reply.to_wire()


@contextmanager
def server(respond: Respond, *, listening: bool = False) -> Iterator[Target]:
    """Answer one datagram; where it is `listening`, connections are taken without a word."""
    with socket.socket(type=socket.SOCK_DGRAM) as wire, socket.socket() as tcp:
        wire.bind((HOST, 0))
        wire.settimeout(10)
        tcp.bind((HOST, wire.getsockname()[1]))
        if listening:
            tcp.listen()

        def serve() -> None:
            octets, peer = wire.recvfrom(4096)
            respond(octets, peer, wire)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Target(HOST, wire.getsockname()[1])
        thread.join()


def ask(at: Target, patience: Patience) -> bytes:
    async def asking() -> bytes:
        return await Peers(patience).ask(at, Name(CONTOSO), RdataType.MX)

    with PrivateLoop() as loop:
        return loop.run(asking())


def test_what_comes_from_elsewhere_is_no_answer() -> None:
    def respond(octets: bytes, peer: tuple[str, int], wire: socket.socket) -> None:
        for host, port in (("127.0.57.2", 0), (HOST, 0)):
            with socket.socket(type=socket.SOCK_DGRAM) as other:
                other.bind((host, port))
                other.sendto(answer(octets, "forged.test."), peer)
        wire.sendto(answer(octets, "mail.test."), peer)

    with server(respond) as at:
        found = mx_set(ask(at, Patience(udp=(5.0,), tcp=1.0)), Key(CONTOSO, "MX"))
    assert found is not None
    assert [str(value) for value in found.values] == ["0 mail.test."]


def cut(octets: bytes, peer: tuple[str, int], wire: socket.socket) -> None:
    wire.sendto(answer(octets, "mail.test.", cut=True), peer)


@pytest.mark.parametrize("listening", [False, True])
def test_what_is_cut_short_and_cannot_be_had_over_tcp_is_no_answer(listening: bool) -> None:
    told = "in 0.3 s" if listening else "refused"
    with server(cut, listening=listening) as at, pytest.raises(Unanswered, match=told):
        ask(at, Patience(udp=(5.0,), tcp=0.3))
