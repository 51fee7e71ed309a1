"""Stands between the program and a name server that it updates, and between the clocks of the two.

TSIG (RFC 8945) lets no message of another time than the server's pass; the lab moves the program's clock and no server's. So
each message is signed again, by the clock of whom it is for.
"""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import BinaryIO, cast

import dns.opcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
from dns.rdtypes.ANY.TSIG import TSIG

from tests.lab.dane.servers import KEY, PATIENCE

_MARK = KEY.name.to_digestable() + b"\x00\xfa\x00\xff\x00\x00\x00\x00"
"""How a TSIG record of the lab's key begins, which is a message's last (RFC 8945 §4.2)."""


class Moment(Enum):
    """When something can befall an update."""

    SENT = "it was sent, and did not reach the server"
    DONE = "the server did it, and has not said so"
    TOLD = "the server said so"


Befall = Callable[[int, Moment], None]
"""Is called at each moment of each update, which are counted from 1."""


@dataclass(frozen=True)
class _Signed:
    """A message without its TSIG record, and that record."""

    body: bytes
    tsig: TSIG

    @classmethod
    def of(cls, message: bytes) -> _Signed | None:
        """Take a message apart; None: it is not signed."""
        at = message.rfind(_MARK)
        if at < 0:
            return None
        start = at + len(_MARK) + 2
        tsig = dns.rdata.from_wire(dns.rdataclass.ANY, dns.rdatatype.TSIG, message, start, len(message) - start)
        return cls(_counted(message[:at], -1), cast("TSIG", tsig))

    def again(self, at: int, request: _Signed | None = None) -> _Signed:
        """Sign it anew, at a time in seconds since 1970, and as the answer to a request."""
        mac = request.tsig.mac if request else b""
        tsig, _ = dns.tsig.sign(self.body, KEY, self.tsig, at, mac)  # type: ignore[no-untyped-call] # dnspython has no types here
        return _Signed(self.body, tsig)

    @property
    def message(self) -> bytes:
        """The whole message."""
        rdata = self.tsig.to_wire() or b""
        return _counted(self.body, 1) + _MARK + len(rdata).to_bytes(2, "big") + rdata


def _counted(message: bytes, more: int) -> bytes:
    """Count more additional records, or fewer."""
    return message[:10] + (int.from_bytes(message[10:12], "big") + more).to_bytes(2, "big") + message[12:]


def _nothing(_number: int, _moment: Moment) -> None:
    """Let nothing befall an update."""


class Relay(socketserver.ThreadingTCPServer):
    """Passes messages on from an address to a server; `updates` counts those that change something, `befall` sees them."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: str, server: str, now: Callable[[], int]) -> None:
        self.server, self.now, self.updates = server, now, 0
        self.befall: Befall = _nothing
        super().__init__((address, 53), _Connection)

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that are gone."""


class _Connection(socketserver.StreamRequestHandler):
    server: Relay

    def handle(self) -> None:
        """Pass on what comes over one connection, message by message."""
        relay = self.server
        with socket.create_connection((relay.server, 53), PATIENCE) as wire, wire.makefile("rb") as answers:
            while message := _message(cast("BinaryIO", self.rfile)):
                if message[2] >> 3 & 0xF == dns.opcode.UPDATE:
                    relay.updates += 1
                    self._pass_on(message, wire, answers, partial(relay.befall, relay.updates))
                else:
                    self._pass_on(message, wire, answers, partial(_nothing, 0))

    def _pass_on(self, message: bytes, wire: socket.socket, answers: BinaryIO, befall: Callable[[Moment], None]) -> None:
        asked = _Signed.of(message)
        ours = asked.again(int(time.time())) if asked else None
        befall(Moment.SENT)
        _send(wire, ours.message if ours else message)
        answer = _message(answers)
        said = _Signed.of(answer)
        befall(Moment.DONE)
        _send(self.request, said.again(self.server.now(), asked).message if said else answer)
        befall(Moment.TOLD)


def _message(stream: BinaryIO) -> bytes:
    return stream.read(int.from_bytes(stream.read(2), "big"))


def _send(wire: socket.socket, message: bytes) -> None:
    wire.sendall(len(message).to_bytes(2, "big") + message)


@contextmanager
def relay(address: str, server: str, now: Callable[[], int]) -> Iterator[Relay]:
    """Pass on until the block ends; `now` is the program's time in seconds since 1970."""
    with Relay(address, server, now) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()
