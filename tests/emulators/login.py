"""A small login service on loopback: OpenID metadata, and tokens for whoever shows what the test expects."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


def jwt(**claims: Any) -> str:
    """Make a token of JWT's shape; its signature is nobody's."""
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "bm9ib2R5LXNpZ25lZC10aGlz"])


class LoginEmulator:
    """`tenants` maps names to GUIDs; `token` is what is issued; `error` is what is said instead, if anything."""

    def __init__(self) -> None:
        self.tenants: dict[str, str] = {}
        self.token = ""
        self.error: dict[str, Any] | None = None
        self.raw: tuple[int, bytes] | None = None
        self.url = ""
        self.asked: list[tuple[str, dict[str, list[str]], dict[str, str]]] = []

    def reply(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        """Answer one request."""
        steps = path.strip("/").split("/")
        if method == "GET" and steps[-1] == "openid-configuration":
            return self._metadata(steps[0])
        if method == "POST" and steps[-1] == "token":
            issued = {"token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600, "access_token": self.token}
            return (400, self.error) if self.error else (200, issued)
        if steps == ["oidc"]:
            return 200, {"oidcToken": jwt(sub="pipeline")}
        if steps == ["msi"]:
            ends = str(int(time.time()) + 3600)
            return 200, {"access_token": self.token, "expires_on": ends, "resource": "r", "token_type": "Bearer"}
        return 404, {"error": "not_found"}

    def _metadata(self, tenant: str) -> tuple[int, dict[str, Any]]:
        guid = self.tenants.get(tenant)
        if guid is None:
            words = f"AADSTS90002: Tenant '{tenant}' not found. Check it."
            return 400, {"error": "invalid_tenant", "error_description": words}
        return 200, {
            "issuer": f"https://sts.example/{guid}/v2.0",
            "token_endpoint": f"{self.url}/{tenant}/oauth2/v2.0/token",
            "authorization_endpoint": f"{self.url}/{tenant}/oauth2/v2.0/authorize",
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    emulator: LoginEmulator

    def do_GET(self) -> None:
        self._handle({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        self._handle(parse_qs(body))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass

    def _handle(self, form: dict[str, list[str]]) -> None:
        path = urlsplit(self.path).path
        self.emulator.asked.append((path, form, {key.lower(): value for key, value in self.headers.items()}))
        status, document = self.emulator.reply(self.command, path)
        octets = json.dumps(document).encode()
        if self.emulator.raw:
            status, octets = self.emulator.raw
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def running(emulator: LoginEmulator, tls: ssl.SSLContext | None = None) -> Iterator[LoginEmulator]:
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
