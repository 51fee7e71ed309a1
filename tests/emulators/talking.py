"""A server on loopback that holds its talks in whatever way a test likes, at several addresses if need be."""

from __future__ import annotations

import errno
import socket
import socketserver
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from provisioner.targets import Target


@dataclass
class Talker:
    """Holds a talk with each client; `port` is known once it is served."""

    port: int = field(default=0, init=False)

    def target(self, address: str = "127.0.0.1") -> Target:
        """Where it listens."""
        return Target(address, self.port)

    def talk(self, connection: socket.socket) -> None:
        """Hold one talk; the connection is closed afterwards."""
        raise NotImplementedError


_T = TypeVar("_T", bound=Talker)


def say(connection: socket.socket, pieces: Iterable[bytes | None]) -> bool:
    """Send piece by piece; a None among the pieces ends it, and False says so."""
    for piece in pieces:
        if piece is None:
            return False
        connection.sendall(piece)
    return True


def drain(connection: socket.socket) -> None:
    """Wait until the client closes, whatever it says."""
    while connection.recv(4096):
        pass


def dripping(text: bytes, pause: float) -> Iterator[bytes]:
    """Give a text again and again, octet by octet, with a pause in seconds before each."""
    never = threading.Event()
    while True:
        for octet in text:
            never.wait(pause)
            yield bytes([octet])


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

    def __init__(self, at: Target, talker: Talker) -> None:
        self.talker = talker
        self.address_family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
        super().__init__((at.host, at.port), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    server: _Listener

    def handle(self) -> None:
        connection: socket.socket = self.request
        connection.settimeout(5)
        with suppress(OSError):
            self.server.talker.talk(connection)


@contextmanager
def running(talker: _T, *addresses: str) -> Iterator[_T]:
    """Serve at addresses of loopback, all on one free port, until the block ends."""
    with ExitStack() as until_then:
        for listener in _listeners(talker, addresses or ("127.0.0.1",)):
            thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            until_then.enter_context(listener)
            until_then.callback(thread.join)
            until_then.callback(listener.shutdown)
        yield talker


def _listeners(talker: Talker, addresses: Iterable[str]) -> list[_Listener]:
    while True:
        found: list[_Listener] = []
        talker.port = 0
        try:
            for address in addresses:
                found.append(_Listener(talker.target(address), talker))
                talker.port = found[0].server_address[1]
        except OSError as error:  # somebody has that port at one of the addresses
            for listener in found:
                listener.server_close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return found
