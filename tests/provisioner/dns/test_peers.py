"""Servers made by hand, which do what no server of the emulators does."""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rrset
import pytest
from dns.rdatatype import RdataType

from plans.values import Key, Name, name
from provisioner.dns.client import Patience, Unanswered
from provisioner.dns.octets import mx_set
from provisioner.dns.peers import AT_ONCE, AT_ONE, Peers
from provisioner.private_loop import PrivateLoop
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
def server(respond: Respond, *, listening: bool = False, times: int = 1) -> Iterator[Target]:
    """Answer so many datagrams; where it is `listening`, connections are taken without a word."""
    with socket.socket(type=socket.SOCK_DGRAM) as wire, socket.socket() as tcp:
        wire.bind((HOST, 0))
        wire.settimeout(10)
        tcp.bind((HOST, wire.getsockname()[1]))
        if listening:
            tcp.listen()

        def serve() -> None:
            for _ in range(times):
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


def test_what_nobody_waits_for_any_more_is_not_asked_again_and_its_answer_comes_to_nothing() -> None:
    seen: list[bytes] = []

    def respond(octets: bytes, peer: tuple[str, int], wire: socket.socket) -> None:
        """Leave the first question and the second one open; at the third datagram answer all."""
        seen.append(octets)
        for one in seen if len(seen) == 3 else []:
            wire.sendto(answer(one, "mail.test."), peer)

    async def asking(at: Target) -> bytes:
        peers = Peers(Patience(udp=(0.2, 5.0), tcp=1.0))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(peers.ask(at, name("first.example"), RdataType.MX), 0.05)
        return await peers.ask(at, CONTOSO, RdataType.MX)

    with server(respond, times=3) as at, PrivateLoop() as loop:
        assert mx_set(loop.run(asking(at)), Key(CONTOSO, "MX"))
    asked = [dns.message.from_wire(one).question[0].name.canonicalize().to_text() for one in seen]
    assert asked == ["first.example.", CONTOSO, CONTOSO]


def test_an_answer_that_comes_after_its_question_was_given_up_comes_to_nothing() -> None:
    seen: list[bytes] = []

    def respond(octets: bytes, peer: tuple[str, int], wire: socket.socket) -> None:
        seen.append(octets)
        for one in seen if len(seen) == 2 else []:
            wire.sendto(answer(one, "mail.test."), peer)

    async def asking(at: Target) -> bytes:
        peers = Peers(Patience(udp=(9.0,), tcp=1.0))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(peers.ask(at, name("first.example"), RdataType.MX), 0.05)
        return await peers.ask(at, CONTOSO, RdataType.MX)

    with server(respond, times=2) as at, PrivateLoop() as loop:
        assert mx_set(loop.run(asking(at)), Key(CONTOSO, "MX"))


def test_who_is_done_leaves_no_connection_behind() -> None:
    async def asking(at: Target) -> None:
        peers = Peers(Patience(udp=(5.0,), tcp=60.0))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(peers.ask(at, CONTOSO, RdataType.MX), 0.5)
        before = len(asyncio.all_tasks())
        await peers.close()
        assert len(asyncio.all_tasks()) == before - 1

    with server(cut, listening=True) as at, PrivateLoop() as loop:
        loop.run(asking(at))


@pytest.mark.parametrize(("servers", "together"), [(1, AT_ONE), (10, AT_ONCE)])
def test_no_more_questions_are_under_way_than_may_be_at_one_server_and_at_all_of_them(servers: int, together: int) -> None:
    """Servers that answer nothing until as many questions have come as may be under way."""
    open_at: Counter[int] = Counter()
    most: Counter[str] = Counter()
    held: list[tuple[bytes, tuple[str, int], socket.socket]] = []

    def serve(wires: list[socket.socket], end: socket.socket) -> None:
        answering = False
        with selectors.DefaultSelector() as ready:
            for wire in (*wires, end):
                ready.register(wire, selectors.EVENT_READ)
            while True:
                for chosen, _ in ready.select():
                    if chosen.fileobj is end:
                        return
                    wire = cast("socket.socket", chosen.fileobj)
                    octets, peer = wire.recvfrom(4096)
                    held.append((octets, peer, wire))
                    open_at[wire.fileno()] += 1
                most["one"] = max(most["one"], *open_at.values())
                most["all"] = max(most["all"], open_at.total())
                answering |= open_at.total() >= together
                while answering and held:
                    octets, peer, wire = held.pop()
                    open_at[wire.fileno()] -= 1
                    wire.sendto(answer(octets, "mail.test."), peer)

    async def asking(ports: list[int]) -> list[bytes]:
        peers = Peers(Patience(udp=(20.0,), tcp=1.0))
        of = [name(f"d{number}.example") for number in range(AT_ONE + 10)]
        return await asyncio.gather(*(peers.ask(Target(HOST, port), one, RdataType.MX) for one in of for port in ports))

    with ExitStack() as stack:
        wires = [stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(servers)]
        end, other_end = socket.socketpair()
        stack.enter_context(end)
        stack.enter_context(other_end)
        for wire in wires:
            wire.bind((HOST, 0))
        thread = threading.Thread(target=serve, args=(wires, end))
        thread.start()
        with PrivateLoop() as loop:
            told = loop.run(asking([wire.getsockname()[1] for wire in wires]))
        other_end.send(b"x")
        thread.join()
    assert len(told) == servers * (AT_ONE + 10)
    assert most["one"] <= AT_ONE
    assert most["all"] == together
