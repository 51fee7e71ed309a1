"""Many servers asked at once, in one event loop: over one connected UDP socket each, over TCP where UDP will not do.

A server has its socket for as long as anything is asked of it. It is asked `AT_ONE` questions at a time, at a pace that follows
what it answers, and nothing more once it has let `PATIENCE_ENDS` questions in a row go by without answering anything.
"""

from __future__ import annotations

import asyncio
import random
import socket
from contextlib import suppress
from functools import lru_cache

from dns.rdatatype import RdataType

from plans.values import Name
from provisioner.dns.client import Patience, Reason, Unanswered, family, unreached
from provisioner.dns.octets import Fit, Question, fit, is_whole, question
from provisioner.dns.pace import Pace
from provisioner.targets import Target

AT_ONCE = 300
"""So many questions are under way together, and so many sockets are open at most."""
AT_ONE = 50
"""So many of them at one server."""
PATIENCE_ENDS = 8
"""Once so many questions got no answer while nothing else did either, a server is not asked again."""
KNOWN = 4096
"""So many servers are remembered, those that were asked last."""

_DATAGRAM = 4096
"""Octets; no server that honours what we ask for sends more."""


class Peers:
    """The servers, asked from within one event loop."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._chance = random.SystemRandom()
        self._under_way = asyncio.Semaphore(AT_ONCE)
        self._peer = lru_cache(KNOWN)(_Peer)

    async def ask(self, at: Target, owner: Name, kind: RdataType, *, recurse: bool = False) -> bytes:
        """Give the octets of a whole message that answers a question, whatever its response code. Raises `Unanswered`."""
        peer = self._peer(at)
        async with peer.slots:
            if peer.unheard >= PATIENCE_ENDS:
                raise Unanswered(Reason.SILENT, "asked no more, since it answers nothing")
            began = asyncio.get_running_loop().time()
            for seconds in self._patience.udp:
                if wait := peer.pace.turn(asyncio.get_running_loop().time()):
                    await asyncio.sleep(wait)
                asked = question(owner, kind, self._chance, peer.waiting, recurse=recurse)
                async with self._under_way:
                    came = await peer.exchange(asked, seconds)
                    if came is Fit.TCP:
                        return await _by_tcp(at, asked, self._patience.tcp)
                if not isinstance(came, Fit):
                    return came
            peer.give_up(began)
            raise Unanswered(Reason.SILENT, f"no answer in {sum(self._patience.udp):g} s")


class _Peer:
    """One server. `waiting` has its questions under way by id, `unheard` counts those without an answer since the last one."""

    def __init__(self, at: Target) -> None:
        self.slots = asyncio.Semaphore(AT_ONE)
        self.pace = Pace()
        self.unheard = 0
        self._at = at
        self._heard = 0.0
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self.waiting: dict[int, tuple[Question, asyncio.Future[bytes | Fit]]] = {}

    async def exchange(self, asked: Question, seconds: float) -> bytes | Fit:
        """Send a question by UDP and wait for its answer; `Fit.TCP`: it must be had over TCP. `Fit.NONE`: none came.

        Raises `Unanswered` where the network says that none will.
        """
        answer: asyncio.Future[bytes | Fit] = self._loop.create_future()
        sent = self._loop.time()
        timer = self._loop.call_later(seconds, _settle, answer, Fit.NONE)
        try:
            self._send(asked, answer)
            came = await answer
        finally:
            timer.cancel()
            self._forget(asked)
        if isinstance(came, Fit):
            self.pace.lost(sent, self._loop.time())  # a server that limits its rate cuts answers short as well
        else:
            self.pace.answered()
        return came

    def give_up(self, began: float) -> None:
        """Take note that a question that began at that time got no answer."""
        self.unheard = 0 if self._heard > began else self.unheard + 1

    def _send(self, asked: Question, answer: asyncio.Future[bytes | Fit]) -> None:
        """Send a question whose answer is waited for. Raises `Unanswered`."""
        try:
            if self._socket is None:
                self._socket = self._connected()
            self.waiting[asked.id] = asked, answer
            with suppress(BlockingIOError):  # as if it were lost on the way
                self._socket.send(asked.octets)
        except OSError as error:
            raise unreached(error) from None

    def _forget(self, asked: Question) -> None:
        """Wait no longer for an answer; without anything to wait for the socket goes."""
        self.waiting.pop(asked.id, None)
        if not self.waiting and self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        wire = socket.socket(family(self._at), socket.SOCK_DGRAM)
        try:
            wire.setblocking(False)  # noqa: FBT003 - the library's
            wire.connect((self._at.host, self._at.port))
        except OSError:
            wire.close()
            raise
        self._loop.add_reader(wire, self._readable, wire)
        return wire

    def _readable(self, wire: socket.socket) -> None:
        while True:
            try:
                octets = wire.recv(_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                why = unreached(error)
                for _, answer in self.waiting.values():
                    _settle(answer, why)
                return
            self._take(octets)

    def _take(self, octets: bytes) -> None:
        """Hand a message to the question that it answers; one that answers none is passed over."""
        asked, answer = self.waiting.get(int.from_bytes(octets[:2], "big"), (None, None))
        if asked is None or answer is None:
            return
        what = fit(asked, octets)
        if what is not Fit.NONE:
            self._heard, self.unheard = self._loop.time(), 0
            _settle(answer, octets if what is Fit.ANSWER else what)


def _settle(answer: asyncio.Future[bytes | Fit], how: bytes | Fit | Unanswered) -> None:
    if answer.done():
        return
    if isinstance(how, Unanswered):
        answer.set_exception(how)
    else:
        answer.set_result(how)


async def _by_tcp(at: Target, asked: Question, seconds: float) -> bytes:
    """Ask over TCP. Raises `Unanswered`."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            with socket.socket(family(at), socket.SOCK_STREAM) as wire:
                wire.setblocking(False)  # noqa: FBT003 - the library's
                await loop.sock_connect(wire, (at.host, at.port))
                await loop.sock_sendall(wire, len(asked.octets).to_bytes(2, "big") + asked.octets)
                octets = await _read(wire, int.from_bytes(await _read(wire, 2), "big"))
    except TimeoutError:
        raise Unanswered(Reason.SILENT, f"no answer over TCP in {seconds:g} s") from None
    except OSError as error:
        raise unreached(error) from None
    except EOFError:
        raise Unanswered(Reason.REFUSED, "closes the connection without an answer") from None
    if fit(asked, octets) is Fit.NONE or not is_whole(octets):
        raise Unanswered(Reason.MALFORMED, "no whole answer over TCP either")
    return octets


async def _read(wire: socket.socket, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        part = await asyncio.get_running_loop().sock_recv(wire, count - len(octets))
        if not part:
            raise EOFError
        octets += part
    return octets
