"""Many servers asked at once, in one event loop: over one connected UDP socket each, over TCP where UDP will not do.

A server has its socket for as long as anything is asked of it. It is asked `AT_ONE` questions at a time, at a pace that follows
what it answers, and nothing more once it has let `PATIENCE_ENDS` questions in a row go by without answering anything.

Tens of thousands of questions pass here: each is a future and no task, and none has a timer of its own.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from dns.rdatatype import RdataType

from plans.values import Name
from provisioner.dns.client import Patience, Reason, Unanswered, family, unreached
from provisioner.dns.octets import Fit, Question, fit, is_whole, question
from provisioner.dns.pace import Pace
from provisioner.targets import Target

AT_ONCE = 400
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
    """The servers, asked from within one event loop. Who is done with them calls `close`."""

    def __init__(self, patience: Patience) -> None:
        self._shared = _Shared(patience)
        self._peer = lru_cache(KNOWN)(lambda at: _Peer(at, self._shared))

    async def ask(self, at: Target, owner: Name, kind: RdataType, *, recurse: bool = False) -> bytes:
        """Give the octets of a whole message that answers a question, whatever its response code. Raises `Unanswered`."""
        asking = _Asking(owner, kind, recurse, asyncio.get_running_loop().create_future())
        self._peer(at).ask(asking)
        return await asking.answer

    async def close(self) -> None:
        """End what nobody waits for any more."""
        for task in self._shared.connections:
            task.cancel()
        await asyncio.gather(*self._shared.connections, return_exceptions=True)
        for peer in list(self._shared.open):
            peer.close()


@dataclass(slots=True, eq=False)
class _Asking:
    """Something that is asked, until there is an answer: `asked` and `sent` are of its last datagram, `tries` counts them.

    `began` is the time of the first one.
    """

    owner: Name
    kind: RdataType
    recurse: bool
    answer: asyncio.Future[bytes]
    tries: int = 0
    asked: Question | None = None
    sent: float = 0.0
    began: float = 0.0

    def settle(self, how: bytes | Unanswered) -> None:
        """Tell whoever asked, if anybody still waits."""
        if self.answer.done():
            return
        if isinstance(how, Unanswered):
            self.answer.set_exception(how)
        else:
            self.answer.set_result(how)


class _Shared:
    """What all servers have in common: how many more questions may be under way, and who waits for one of them to end."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.chance = random.SystemRandom()
        self.terms = [_Term(seconds) for seconds in patience.udp]
        self.free = AT_ONCE
        self.starved: dict[_Peer, None] = {}
        self.open: set[_Peer] = set()
        self.connections: set[asyncio.Task[None]] = set()

    def release(self) -> None:
        """Let those go on who wait for their turn."""
        while self.free and self.starved:
            peer = next(iter(self.starved))
            del self.starved[peer]
            peer.go_on()


class _Term:
    """Waits of so many seconds each: whoever began first has waited in vain first, so that one timer does for all."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waits: deque[tuple[float, _Peer, _Asking, Question]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, peer: _Peer, asking: _Asking, asked: Question) -> None:
        """Wait for an answer to a datagram."""
        loop = asyncio.get_running_loop()
        self._waits.append((loop.time() + self._seconds, peer, asking, asked))
        self._timer = self._timer or loop.call_later(self._seconds, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waits and self._waits[0][0] <= loop.time():
            _, peer, asking, asked = self._waits.popleft()
            peer.late(asking, asked)
        self._timer = loop.call_at(self._waits[0][0], self._look) if self._waits else None


class _Peer:
    """One server. `_waiting` has its questions under way by id, `_unheard` counts those without answer since the last one."""

    def __init__(self, at: Target, shared: _Shared) -> None:
        self._at = at
        self._shared = shared
        self._pace = Pace()
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Asking] = deque()
        self._waiting: dict[int, _Asking] = {}
        self._connections = 0
        self._unheard = 0
        self._heard = 0.0
        self._socket: socket.socket | None = None
        self._pause: asyncio.TimerHandle | None = None

    def ask(self, asking: _Asking) -> None:
        """Ask as soon as it may be asked."""
        self._queue.append(asking)
        self.go_on()

    def go_on(self) -> None:
        """Send what may be sent now; without anything to wait for the socket goes."""
        while self._queue and self._pause is None and len(self._waiting) + self._connections < AT_ONE:
            asking = self._queue[0]
            if asking.answer.done():
                self._queue.popleft()  # nobody waits for it any more
            elif self._unheard >= PATIENCE_ENDS:
                self._queue.popleft().settle(Unanswered(Reason.SILENT, "asked no more, since it answers nothing"))
            elif not self._shared.free:
                self._shared.starved[self] = None
                return
            elif wait := self._pace.turn(self._loop.time()):
                self._pause = self._loop.call_later(wait, self._resume)
            else:
                self._send(self._queue.popleft())
        if not self._waiting and not self._queue:
            self.close()

    def late(self, asking: _Asking, asked: Question) -> None:
        """Ask once more, or never again, what got no answer to a datagram in its time, if it did not."""
        if asking.asked is not asked or self._waiting.get(asked.id) is not asking:
            return
        self._pace.lost(asking.sent, self._loop.time())
        asking.tries += 1
        if asking.tries < len(self._shared.terms):
            self._queue.appendleft(asking)
        elif not asking.answer.done():
            self._unheard = 0 if self._heard > asking.began else self._unheard + 1
            asking.settle(Unanswered(Reason.SILENT, f"no answer in {sum(self._shared.patience.udp):g} s"))
        self._end(asked)
        self.go_on()
        self._shared.release()

    def close(self) -> None:
        """Listen no longer."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            self._shared.open.discard(self)

    def _resume(self) -> None:
        self._pause = None
        self.go_on()

    def _send(self, asking: _Asking) -> None:
        asked = asking.asked = question(asking.owner, asking.kind, self._shared.chance, self._waiting, recurse=asking.recurse)
        try:
            if self._socket is None:
                self._socket = self._connected()
            with suppress(BlockingIOError):  # as if it were lost on the way
                self._socket.send(asked.octets)
        except OSError as error:
            asking.settle(unreached(error))
            return
        asking.sent = self._loop.time()
        asking.began = asking.began or asking.sent
        self._waiting[asked.id] = asking
        self._shared.free -= 1
        self._shared.terms[asking.tries].begin(self, asking, asked)

    def _end(self, asked: Question) -> None:
        """Wait no longer for the answer to a datagram."""
        del self._waiting[asked.id]
        self._shared.free += 1

    def _connected(self) -> socket.socket:
        wire = socket.socket(family(self._at), socket.SOCK_DGRAM)
        try:
            wire.setblocking(False)  # noqa: FBT003 - the library's
            wire.connect((self._at.host, self._at.port))
        except OSError:
            wire.close()
            raise
        self._loop.add_reader(wire, self._readable, wire)
        self._shared.open.add(self)
        return wire

    def _readable(self, wire: socket.socket) -> None:
        while True:
            try:
                octets = wire.recv(_DATAGRAM)
            except BlockingIOError:
                break
            except OSError as error:
                for asking in self._waiting.values():
                    asking.settle(unreached(error))
                self._shared.free += len(self._waiting)
                self._waiting.clear()
                break
            self._take(octets)
        self.go_on()
        self._shared.release()

    def _take(self, octets: bytes) -> None:
        """Hand a message to the question that it answers; one that answers none is passed over."""
        asking = self._waiting.get(int.from_bytes(octets[:2], "big"))
        if asking is None or asking.asked is None:
            return
        what = fit(asking.asked, octets)
        if what is Fit.NONE:
            return
        self._heard, self._unheard = self._loop.time(), 0
        self._end(asking.asked)
        if what is Fit.ANSWER:
            self._pace.answered()
            asking.settle(octets)
        else:
            self._pace.lost(asking.sent, self._heard)  # a server that limits its rate cuts answers short as well
            self._connections += 1
            self._shared.free -= 1
            task = self._loop.create_task(self._by_tcp(asking, asking.asked))
            self._shared.connections.add(task)
            task.add_done_callback(self._shared.connections.discard)

    async def _by_tcp(self, asking: _Asking, asked: Question) -> None:
        try:
            asking.settle(await _over_tcp(self._at, asked, self._shared.patience.tcp))
        except Unanswered as why:
            asking.settle(why)
        finally:
            self._connections -= 1
            self._shared.free += 1
        self.go_on()
        self._shared.release()


async def _over_tcp(at: Target, asked: Question, seconds: float) -> bytes:
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
