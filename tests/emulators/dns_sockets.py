"""DNS's transports at several addresses of loopback: datagrams, and messages with their length before them."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Protocol


class Replies(Protocol):
    """What is sent back for a message that came to an address: nothing closes a connection."""

    def __call__(self, octets: bytes, address: str, *, tcp: bool) -> list[bytes]: ...


@contextmanager
def serving(addresses: Iterable[str], replies: Replies) -> Iterator[int]:
    """Listen at addresses on one free port, UDP and TCP, until the block ends; gives the port."""
    with ExitStack() as open_now:
        sockets = _on_one_port(addresses, open_now)
        open_now.enter_context(_listening(replies, sockets))
        port: int = sockets[0][0].getsockname()[1]
        yield port


_Sockets = list[tuple[socket.socket, str, bool]]


def _on_one_port(addresses: Iterable[str], open_now: ExitStack) -> _Sockets:
    while True:
        port, bound = 0, ExitStack()
        sockets: _Sockets = []
        try:
            for address in addresses:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    one = bound.enter_context(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind))
                    if kind == socket.SOCK_STREAM:
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    one.bind((address, port))
                    port = one.getsockname()[1]
                    if kind == socket.SOCK_STREAM:
                        one.listen()
                    sockets.append((one, address, kind == socket.SOCK_STREAM))
        except OSError:  # somebody has that port at one of the addresses
            bound.close()
            continue
        open_now.push(bound)
        return sockets


@contextmanager
def _listening(replies: Replies, sockets: _Sockets) -> Iterator[None]:
    ours, theirs = socket.socketpair()
    busy: list[threading.Thread] = []

    def serve() -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(theirs, selectors.EVENT_READ)
            for one, address, tcp in sockets:
                ready.register(one, selectors.EVENT_READ, (address, tcp))
            while True:
                for key, _ in ready.select():
                    if key.fileobj is theirs:
                        return
                    assert isinstance(key.fileobj, socket.socket)
                    address, tcp = key.data
                    hand = _connection if tcp else _datagram
                    what = key.fileobj.accept()[0] if tcp else key.fileobj.recvfrom(65535)
                    busy.append(threading.Thread(target=hand, args=(replies, key.fileobj, address, what)))
                    busy[-1].start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        ours.send(b"end")
        thread.join()
        for one in busy:
            one.join()
        ours.close()
        theirs.close()


def _datagram(replies: Replies, at: socket.socket, address: str, came: tuple[bytes, object]) -> None:
    for reply in replies(came[0], address, tcp=False):
        with suppress(OSError):
            at.sendto(reply, came[1])  # type: ignore[call-overload] # typeshed knows no address that is only passed on


def _connection(replies: Replies, _: socket.socket, address: str, peer: socket.socket) -> None:
    with peer, suppress(OSError, struct.error):
        peer.settimeout(5)
        (length,) = struct.unpack("!H", peer.recv(2))
        octets = b""
        while len(octets) < length:
            octets += peer.recv(length - len(octets))
        for reply in replies(octets, address, tcp=True):
            peer.sendall(struct.pack("!H", len(reply)) + reply)
