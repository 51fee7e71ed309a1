"""A service on real HTTP at loopback: an emulator says what it answers, this serves it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, TypeVar


@dataclass(frozen=True)
class Request:
    """One request as it arrived. `target` is the path with its query; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """What is sent back."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def parts(self) -> Iterator[bytes]:
        """Give the body piece by piece, as it is sent. May raise `HangUp`."""
        yield self.body


class HangUp(Exception):
    """The connection is closed in the middle of an answer."""


class Emulator(Protocol):
    """What can be served; `url` is its root, known once it is."""

    url: str

    def respond_to(self, request: Request) -> Response | None:
        """Answer a request; None: the connection is closed without an answer."""
        ...


_E = TypeVar("_E", bound=Emulator)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits until the head is acknowledged, which takes 40 ms
    emulator: Emulator

    def _answer(self) -> None:
        headers = {key.lower(): value for key, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        response = self.emulator.respond_to(Request(self.command, self.path, headers, body))
        if response is None:
            self.close_connection = True
            return
        self.send_response(response.status)
        for key, value in ({"Content-Type": "application/json"} | dict(response.headers)).items():
            self.send_header(key, value)
        if response.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        try:
            for part in response.parts():
                self.wfile.write(part)
                self.wfile.flush()
        except HangUp:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base class finds them by these names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a client hangs up, which some tests are about."""


@contextmanager
def running(emulator: _E, tls: ssl.SSLContext | None = None) -> Iterator[_E]:
    """Serve on a free port of loopback until the block ends."""
    handler = type("Handler", (_Handler,), {"emulator": emulator})
    with _Server(("127.0.0.1", 0), handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        emulator.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield emulator
        finally:
            server.shutdown()
            thread.join()
