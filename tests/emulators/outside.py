"""What stands outside, on loopback: a DNS server that answers anything, and a mail server that only greets."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message


def _answer(octets: bytes) -> bytes:
    return dns.message.make_response(dns.message.from_wire(octets)).to_wire()


def _garbage(octets: bytes) -> bytes:
    return octets[:2] + b"no DNS"


class _Udp(socketserver.ThreadingUDPServer):
    reply = staticmethod(_answer)


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    reply = staticmethod(_answer)

    def __init__(self, handler: type[socketserver.BaseRequestHandler], greeting: bytes = b"") -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.greeting = greeting
        self.heard: list[bytes] = []


class _Datagram(socketserver.BaseRequestHandler):
    server: _Udp

    def handle(self) -> None:
        octets, sender = self.request
        sender.sendto(self.server.reply(octets), self.client_address)


class _Stream(socketserver.StreamRequestHandler):
    server: _Tcp

    def handle(self) -> None:
        (length,) = struct.unpack("!H", self.rfile.read(2))
        reply = self.server.reply(self.rfile.read(length))
        self.wfile.write(struct.pack("!H", len(reply)) + reply)


class _Greeting(socketserver.StreamRequestHandler):
    server: _Tcp

    def handle(self) -> None:
        self.wfile.write(self.server.greeting)
        self.server.heard.append(self.rfile.readline())
        self.wfile.write(b"221 bye\r\n")


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def dns_server(*, garbage: bool = False) -> Iterator[str]:
    """Serve on one free port, UDP and TCP, until the block ends; gives `ADDRESS:PORT`."""
    tcp, udp = _on_one_port()
    tcp.reply = udp.reply = _garbage if garbage else _answer
    with tcp, udp, _serving(tcp), _serving(udp):
        yield _address(tcp)


def _on_one_port() -> tuple[_Tcp, _Udp]:
    while True:
        tcp = _Tcp(_Stream)
        address: Any = tcp.server_address
        try:
            return tcp, _Udp(address, _Datagram)
        except OSError:  # somebody has that port for UDP
            tcp.server_close()


def _address(server: _Tcp) -> str:
    return f"127.0.0.1:{server.server_address[1]}"


@contextmanager
def mail_server(greeting: bytes = b"220 mx.example ESMTP\r\n") -> Iterator[tuple[str, list[bytes]]]:
    """Serve on a free port until the block ends; gives `ADDRESS:PORT`, and what clients said after the greeting."""
    with _Tcp(_Greeting, greeting) as server, _serving(server):
        yield _address(server), server.heard
