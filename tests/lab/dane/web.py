"""Web servers whose `Date` is told by the lab's clock: Microsoft Graph, and the one that gives out an MTA-STS policy."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.emulators.http import Request, Response

Respond = Callable[[Request], Response | None]
"""Answers a request; None: the connection is closed without an answer."""
Clock = Callable[[], float]
"""Gives the time in seconds since 1970."""


class Web(ThreadingHTTPServer):
    """A web server; `url` is its root."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], respond: Respond, now: Clock) -> None:
        self.respond, self.now = respond, now
        super().__init__(address, _Handler)
        self.url = f"http://{address[0]}:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Web

    def _answer(self) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        response = self.server.respond(Request(self.command, self.path, headers, body))
        if response is None:
            self.close_connection = True
            return
        self.send_response(response.status)
        for key, value in ({"Content-Type": "application/json"} | dict(response.headers)).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    do_GET = do_HEAD = do_POST = _answer  # noqa: N815 - the base class finds them by these names

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Give a time as HTTP writes it; None: now, by the lab's clock."""
        return super().date_time_string(self.server.now() if timestamp is None else timestamp)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def web(address: tuple[str, int], respond: Respond, now: Clock, tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """Serve until the block ends; port 0 is a free one."""
    with Web(address, respond, now) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


class PolicyFile:
    """What stands at the place of an MTA-STS policy (RFC 8461 §3.3): it is in mode enforce and names some hosts."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = hosts

    def respond_to(self, request: Request) -> Response | None:
        """Answer a request."""
        named = "".join(f"mx: {host}\n" for host in self.hosts)
        body = f"version: STSv1\nmode: enforce\n{named}max_age: 86400\n".encode()
        found = request.target == "/.well-known/mta-sts.txt"
        return Response(200 if found else 404, body, {"Content-Type": "text/plain"})
